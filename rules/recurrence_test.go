package rules

import (
	"slices"
	"strings"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// dues are the first n rule dates and due days, each asked for with no more than the one before.
func dues(t testing.TB, r *pb.Recurring, start string, calendar *Calendar, n int) (dates, due []string) {
	t.Helper()
	first := mustDay(t, start)
	last := first - 1
	for count := range n {
		date, day, ok := NextDue(r, first, last, count, calendar)
		if !ok {
			break
		}
		dates, due, last = append(dates, date.String()), append(due, day.String()), date
	}
	return dates, due
}

func TestTheRecurringPromisesOfTheDemo(t *testing.T) {
	const following = pb.DayRoll_DAY_ROLL_FOLLOWING
	for _, c := range []struct {
		commitment string
		recurring  *pb.Recurring
		start      string
		want       []string
	}{
		{
			"V2: the service report by the 5th business day of the month after",
			&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=1", BusinessDay: 5}, "2026-02-01",
			[]string{"2026-02-06", "2026-03-06", "2026-04-09", "2026-05-08", "2026-06-05", "2026-07-07"},
		},
		{
			"C1: the invoice of the 1st within 30 days",
			&pb.Recurring{Rrule: "FREQ=MONTHLY", OffsetDays: 30}, "2026-01-01",
			[]string{"2026-01-31", "2026-03-03", "2026-03-31", "2026-05-01", "2026-05-31", "2026-07-01"},
		},
		{
			"C2: the forecast on the 1st business day",
			&pb.Recurring{Rrule: "FREQ=MONTHLY", BusinessDay: 1}, "2026-02-01",
			[]string{"2026-02-02", "2026-03-02", "2026-04-01", "2026-05-04", "2026-06-01", "2026-07-01"},
		},
		{
			"C2, written as the day the 1st rolls to",
			&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=1", Roll: following}, "2026-02-01",
			[]string{"2026-02-02", "2026-03-02", "2026-04-01", "2026-05-04", "2026-06-01", "2026-07-01"},
		},
		{
			"V6: a day on the shop floor, by the end of each quarter",
			&pb.Recurring{Rrule: "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=31"}, "2026-03-01",
			[]string{"2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31", "2027-03-31"},
		},
		{
			"V5, C5, C8: looked at on the 10th after each quarter",
			&pb.Recurring{Rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=10"}, "2026-04-01",
			[]string{"2026-04-10", "2026-07-10", "2026-10-10", "2027-01-10"},
		},
	} {
		calendar := demoCalendar(t)
		if _, got := dues(t, c.recurring, c.start, calendar, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s: due %v, want %v", c.commitment, got, c.want)
		}
		if wrong := CheckRecurring(c.recurring, mustDay(t, c.start), nil, calendar, "recurring"); wrong != nil {
			t.Errorf("%s: %v", c.commitment, wrong)
		}
	}
}

func TestWhatARuleYields(t *testing.T) {
	for _, c := range []struct{ why, rule, start, want string }{
		{"the end of every month", "FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31", "2026-01-31 2026-02-28 2026-03-31 2026-04-30"},
		{"in a leap year", "FREQ=MONTHLY;BYMONTHDAY=30", "2024-01-15", "2024-01-30 2024-02-29 2024-03-30 2024-04-30"},
		{"no leap year in 2100", "FREQ=MONTHLY;BYMONTHDAY=29", "2100-01-01", "2100-01-29 2100-02-28 2100-03-29"},
		{"mid-month and end", "FREQ=MONTHLY;BYMONTHDAY=15,31", "2026-02-01", "2026-02-15 2026-02-28 2026-03-15 2026-03-31"},
		{"a start on the 31st", "FREQ=MONTHLY", "2026-01-31", "2026-01-31 2026-02-28 2026-03-31"},
		{"a start on the 31st, in months of 30", "FREQ=MONTHLY;BYMONTH=4,6", "2026-03-31", "2026-04-30 2026-06-30"},
		{"Friday the 31st is no other day", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=31", "2026-01-01", "2026-07-31 2027-12-31"},
		{"a daily rule is a filter", "FREQ=DAILY;BYMONTHDAY=31", "2026-01-01", "2026-01-31 2026-03-31"},
		{"yearly, from 29 February", "FREQ=YEARLY", "2024-02-29", "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29"},
		{"yearly, of two months", "FREQ=YEARLY;BYMONTH=2,8;BYMONTHDAY=31", "2026-01-01", "2026-02-28 2026-08-31 2027-02-28"},
		{"29 February alone", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO,TU,WE,TH,FR,SA,SU", "2026-01-01", "2028-02-29 2032-02-29"},
		{"Monday 29 February, forty years on", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", "2072-03-01", "2112-02-29"},
		{"across 2100", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=WE", "2096-03-01", "2108-02-29"},
		{"until a day, inclusive", "FREQ=WEEKLY;UNTIL=20260115", "2026-01-01", "2026-01-01 2026-01-08 2026-01-15 over"},
		{"until the day before", "FREQ=WEEKLY;UNTIL=20260114", "2026-01-01", "2026-01-01 2026-01-08 over"},
		{"thrice", "FREQ=DAILY;COUNT=3", "2026-01-01", "2026-01-01 2026-01-02 2026-01-03 over"},
		{"in lower case", "freq=weekly;byday=mo", "2026-01-01", "2026-01-05 2026-01-12"},
		{"every other week on two days, started midweek", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "2026-01-07", "2026-01-08 2026-01-19 2026-01-22"},
		{"the week starts on Sunday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU", "2026-01-06", "2026-01-06 2026-01-18 2026-01-20"},
		{"the week starts on Monday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU", "2026-01-06", "2026-01-06 2026-01-11 2026-01-20"},
		{"the last weekday", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-15", "2026-01-30 2026-02-27 2026-03-31"},
		{"the first of the week, which has begun", "FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=1", "2026-01-07", "2026-01-12 2026-01-19"},
		{"the second Tuesday and every Friday", "FREQ=MONTHLY;BYDAY=2TU,FR", "2026-01-01", "2026-01-02 2026-01-09 2026-01-13 2026-01-16"},
		{"the last day of the year", "FREQ=YEARLY;BYYEARDAY=-1", "2026-01-01", "2026-12-31 2027-12-31"},
		{"day 366", "FREQ=YEARLY;BYYEARDAY=366", "2026-01-01", "2028-12-31 2032-12-31"},
		{"the 20th Monday of the year", "FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1997-05-19 1998-05-18 1999-05-17"},
		{"the end of days", "FREQ=DAILY", "9999-12-30", "9999-12-30 9999-12-31 over"},
	} {
		want := strings.Fields(c.want)
		got, _ := dues(t, &pb.Recurring{Rrule: c.rule}, c.start, zoneCalendar(t, "UTC"), len(want))
		if len(got) < len(want) {
			got = append(got, "over")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s from %s yields %v, want %v", c.why, c.rule, c.start, got, want)
		}
	}
}

func TestTheOrderOfBusinessDayOffsetAndRoll(t *testing.T) {
	const (
		preceding = pb.DayRoll_DAY_ROLL_PRECEDING
		modified  = pb.DayRoll_DAY_ROLL_MODIFIED_FOLLOWING
	)
	for _, c := range []struct {
		recurring *pb.Recurring
		want      string
	}{
		{&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", BusinessDay: 1}, "2026-04-01"},
		{&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", BusinessDay: 2, OffsetDays: 4}, "2026-04-06"},
		{&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", BusinessDay: 2, OffsetDays: 4, Roll: preceding}, "2026-04-02"},
		{&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", BusinessDay: -1, OffsetDays: 1, Roll: modified}, "2026-05-04"},
		{&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", OffsetDays: 12, Roll: preceding}, "2026-04-30"},
	} {
		if _, got := dues(t, c.recurring, "2026-04-01", demoCalendar(t), 1); got[0] != c.want {
			t.Errorf("%v is due %s, want %s", c.recurring, got[0], c.want)
		}
	}
}

// refusedRules are rules that cannot be kept, with a word of why.
var refusedRules = map[string]string{
	"":                                               "no part of a rule",
	"INTERVAL=2":                                     "FREQ is missing",
	"every month":                                    "no part of a rule",
	"FREQ=DAILY;":                                    "no part of a rule",
	"FREQ=DAILY;COUNT=":                              "no part of a rule",
	"RRULE:FREQ=DAILY":                               "no part of a rule that is known",
	"FREQ=DAILY\nDTSTART=20260101":                   "want DAILY, WEEKLY",
	"FREQ=HOURLY":                                    "want DAILY, WEEKLY",
	"FREQ=DAILY;FREQ=DAILY":                          "twice",
	"FREQ=DAILY;DTSTART=20260101":                    "start_date",
	"FREQ=DAILY;BYHOUR=9":                            "nothing below a day",
	"FREQ=DAILY;BYMINUTE=0":                          "nothing below a day",
	"FREQ=DAILY;BYSECOND=0":                          "nothing below a day",
	"FREQ=YEARLY;BYEASTER=1":                         "no part of RFC 5545",
	"FREQ=YEARLY;BYWEEKNO=20":                        "BYWEEKNO is refused",
	"FREQ=DAILY;INTERVAL=0":                          "from 1 to",
	"FREQ=DAILY;INTERVAL=-1":                         "from 1 to",
	"FREQ=DAILY;INTERVAL=99999":                      "from 1 to",
	"FREQ=YEARLY;INTERVAL=11":                        "from 1 to 10",
	"INTERVAL=121;FREQ=MONTHLY":                      "from 1 to 120",
	"FREQ=DAILY;COUNT=0":                             "from 1 to",
	"FREQ=DAILY;COUNT=10001":                         "from 1 to",
	"FREQ=DAILY;UNTIL=20260231":                      "YYYYMMDD",
	"FREQ=DAILY;UNTIL=2026-12-31":                    "YYYYMMDD",
	"FREQ=DAILY;COUNT=9;UNTIL=20270101":              "both",
	"FREQ=DAILY;UNTIL=20270101T000000Z":              "without a time",
	"FREQ=DAILY;UNTIL=20251231":                      "before the rule starts",
	"FREQ=DAILY;BYMONTH=13":                          "from 1 to 12",
	"FREQ=DAILY;BYMONTH=-1":                          "from 1 to 12",
	"FREQ=DAILY;BYMONTHDAY=0":                        "from -1 to -31",
	"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31":            "none of its months has",
	"FREQ=MONTHLY;BYMONTH=4,6,9,11;BYMONTHDAY=31":    "none of its months has",
	"FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=-30":          "none of its months has",
	"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31":             "none of its months has",
	"FREQ=WEEKLY;BYMONTHDAY=1":                       "refused in a WEEKLY",
	"FREQ=MONTHLY;BYYEARDAY=1":                       "wants YEARLY",
	"FREQ=YEARLY;BYYEARDAY=367":                      "from 1 to 366",
	"FREQ=WEEKLY;BYDAY=2MO":                          "wants MONTHLY or YEARLY",
	"FREQ=MONTHLY;BYDAY=6MO":                         "more than 5 times",
	"FREQ=YEARLY;BYMONTH=1;BYDAY=-53MO":              "more than 5 times",
	"FREQ=YEARLY;BYDAY=54MO":                         "BYDAY has",
	"FREQ=WEEKLY;BYDAY=MON":                          "BYDAY has",
	"FREQ=WEEKLY;BYDAY=0MO":                          "BYDAY has",
	"FREQ=WEEKLY;BYDAY=MO,":                          "BYDAY has",
	"FREQ=WEEKLY;WKST=1MO":                           "WKST",
	"FREQ=MONTHLY;BYSETPOS=1":                        "nothing to pick from",
	"FREQ=DAILY;BYDAY=MO;BYSETPOS=1":                 "one day",
	"FREQ=YEARLY;BYMONTH=1,4;BYSETPOS=1":             "nothing to pick from",
	"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6":               "from 1 to 4",
	"FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=-3":            "from 1 to 2",
	"FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2":              "from 1 to 1",
	"FREQ=YEARLY;BYMONTHDAY=1;BYSETPOS=2":            "from 1 to 1",
	"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,2,3,4":         "more than 3",
	"FREQ=MONTHLY;BYMONTHDAY=15,30;BYSETPOS=-1":      "February has not",
	"FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=20":           "refused beside BYMONTHDAY",
	"FREQ=YEARLY;BYYEARDAY=1;BYMONTH=2":              "refused beside BYMONTH",
	"FREQ=MONTHLY;INTERVAL=12;BYMONTH=3":             "yields no date",
	"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SA":   "yields no date",
	"FREQ=DAILY;X-EVERY=" + strings.Repeat("9", 500): "500 characters",
}

func TestARuleThatCannotBeKeptIsRefusedInWords(t *testing.T) {
	for rule, want := range refusedRules {
		wrong := CheckRecurring(&pb.Recurring{Rrule: rule}, mustDay(t, "2026-01-01"), nil, zoneCalendar(t, "UTC"), "recurring")
		problems := 1
		if rule == "" || rule == "every month" || rule == "RRULE:FREQ=DAILY" {
			problems = 2 // and there is no FREQ
		}
		if len(wrong) != problems || wrong[0].Field != "recurring.rrule" || !strings.Contains(wrong[0].Description, want) {
			t.Errorf("%q: %v, want %d, the first with %q", rule, wrong, problems, want)
		}
		if _, _, ok := NextDue(&pb.Recurring{Rrule: rule}, 0, -1, 0, zoneCalendar(t, "UTC")); ok && strings.Contains(want, "part") {
			t.Errorf("%q yields a date", rule)
		}
	}
}

func TestCheckRecurringListsAllProblems(t *testing.T) {
	end := mustDay(t, "2027-12-31")
	check := func(r *pb.Recurring, want ...string) {
		t.Helper()
		var fields []string
		for _, v := range CheckRecurring(r, mustDay(t, "2026-01-15"), &end, demoCalendar(t), "recurring") {
			fields = append(fields, v.Field)
		}
		if !slices.Equal(fields, want) {
			t.Errorf("%v: %v, want %v", r, fields, want)
		}
	}
	const rrule, startDate = "recurring.rrule", "recurring.start_date"
	check(&pb.Recurring{Rrule: "FREQ=WEEKLY;BYHOUR=9;BYDAY=2MO;COUNT=0", StartDate: "2026-01-14"}, rrule, rrule, rrule, startDate)
	check(&pb.Recurring{Rrule: "FREQ=WEEKLY", StartDate: "2028-01-01"}, startDate)
	check(&pb.Recurring{Rrule: "FREQ=WEEKLY", StartDate: "2026-02-30"}, startDate)
	check(&pb.Recurring{Rrule: "FREQ=WEEKLY", StartDate: "2027-12-31"})
	check(&pb.Recurring{Rrule: "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1", StartDate: "2027-01-02"}, rrule)
	check(&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", BusinessDay: 1}, "recurring")
	check(&pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=20", BusinessDay: 1, StartDate: "2026-02-01"})
	check(&pb.Recurring{Rrule: "FREQ=YEARLY", StartDate: "2027-12-31", OffsetDays: 1}, "recurring")
	check(&pb.Recurring{Rrule: strings.Repeat(";", 400)}, slices.Repeat([]string{rrule}, recurrenceMaxProblems)...)

	far := mustDay(t, "2060-01-01")
	if wrong := CheckRecurring(&pb.Recurring{Rrule: "FREQ=DAILY"}, 20_000, &far, demoCalendar(t), "r"); len(wrong) != 1 {
		t.Errorf("a promise of every day for 36 years: %v", wrong)
	}
	if wrong := CheckRecurring(&pb.Recurring{Rrule: "FREQ=DAILY"}, 20_000, nil, demoCalendar(t), "r"); wrong != nil {
		t.Errorf("a promise of every day without an end: %v", wrong)
	}
}
