package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// referenceLength is how many dates are compared: enough to cross leap years with a yearly rule.
const referenceLength = 40

// reference yields the first dates of a rule by the library, iterating from the start.
func reference(t testing.TB, rule string, start Day) []Day {
	t.Helper()
	option, err := rrule.StrToROption(rule)
	if err != nil {
		t.Fatal(rule, err)
	}
	option.Dtstart = start.utc()
	if len(option.Bysetpos) > 0 && option.Freq == rrule.WEEKLY {
		// The library counts positions in what is left of the first week, RFC 5545 in all of it.
		// Started on the first day of the week it does so too; the days before are dropped below.
		for option.Dtstart.Weekday() != time.Weekday((option.Wkst.Day()+1)%7) {
			option.Dtstart = option.Dtstart.AddDate(0, 0, -1)
		}
		if len(option.Byweekday) == 0 {
			option.Byweekday = []rrule.Weekday{rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA}[start.Weekday():][:1]
		}
	}
	r, err := rrule.NewRRule(*option)
	if err != nil {
		t.Fatal(rule, err)
	}
	next := r.Iterator()
	var days []Day
	for len(days) < referenceLength {
		at, ok := next()
		if !ok {
			break
		}
		if d := Day(at.Unix() / daySeconds); d >= start {
			days = append(days, d)
		}
	}
	return days
}

// compare steps from date to date, each from no more than the one before, and wants what the
// library yields from the start.
func compare(t testing.TB, rule, sameAs string, start Day) {
	t.Helper()
	calendar := zoneCalendar(t, "UTC")
	last := start - 1
	for count, want := range reference(t, sameAs, start) {
		if want > (start).addYears(recurrenceGapYears) {
			return
		}
		got, due, ok := NextDue(&pb.Recurring{Rrule: rule}, start, last, count, calendar)
		if !ok || got != want || due != want {
			t.Fatalf("%s from %v: after %v comes %v (%t), the reference says %v", rule, start, last, got, ok, want)
		}
		last = got
	}
}

func TestSteppingFromTheLastDateIsIteratingFromTheStart(t *testing.T) {
	for interval := 1; interval <= 5; interval++ {
		for _, rule := range []string{
			"FREQ=DAILY", "FREQ=DAILY;BYDAY=MO,WE", "FREQ=DAILY;BYMONTH=2,3", "FREQ=DAILY;BYMONTHDAY=1,-1",
			"FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;BYDAY=SU,SA;WKST=SU", "FREQ=WEEKLY;BYDAY=TU,SU;WKST=WE",
			"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=WEEKLY;BYDAY=MO,TH,SU;BYSETPOS=2;WKST=TH",
			"FREQ=WEEKLY;BYMONTH=1,12;BYDAY=MO,SU",
			"FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;BYMONTHDAY=1,15,-3", "FREQ=MONTHLY;BYDAY=1MO,-1FR", "FREQ=MONTHLY;BYDAY=5WE",
			"FREQ=MONTHLY;BYDAY=TU", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1",
			"FREQ=MONTHLY;BYMONTH=3,6,9,12;BYMONTHDAY=-2",
			"FREQ=YEARLY;BYMONTH=4,10;BYDAY=1MO,-1SU", "FREQ=YEARLY;BYDAY=20MO,-2TU", "FREQ=YEARLY;BYYEARDAY=1,100,366,-1,-200",
			"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "FREQ=YEARLY;BYDAY=MO,FR;BYSETPOS=3,-3", "FREQ=YEARLY;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
			"FREQ=MONTHLY;COUNT=7;BYMONTHDAY=9", "FREQ=WEEKLY;UNTIL=20261001",
		} {
			for _, start := range []string{"2024-02-28", "2025-12-28", "2026-01-01", "2026-01-07", "2026-06-20", "2099-11-23"} {
				rule := fmt.Sprintf("%s;INTERVAL=%d", rule, interval)
				compare(t, rule, rule, mustDay(t, start))
			}
		}
	}
}

func TestEndOfMonthIsWhatRFC5545NeedsMoreWordsFor(t *testing.T) {
	for rule, sameAs := range map[string]string{
		"FREQ=MONTHLY;BYMONTHDAY=31":                      "FREQ=MONTHLY;BYMONTHDAY=-1",
		"FREQ=MONTHLY;BYMONTHDAY=30":                      "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1",
		"FREQ=MONTHLY;BYMONTHDAY=29":                      "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1",
		"FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=31":           "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1",
		"FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=31":      "FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=-1",
		"FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1": "FREQ=MONTHLY;BYMONTHDAY=-1",
		// The library takes weekdays with and without an ordinal for a contradiction.
		"FREQ=MONTHLY;BYDAY=2TU,FR":      "FREQ=MONTHLY;BYDAY=2TU,1FR,2FR,3FR,4FR,5FR",
		"FREQ=MONTHLY;BYDAY=MO,1MO,-1MO": "FREQ=MONTHLY;BYDAY=MO",
	} {
		for _, start := range []string{"2023-12-31", "2026-01-05", "2026-03-31"} {
			compare(t, rule, sameAs, mustDay(t, start))
		}
	}
}

func TestAnyRuleIsWhatTheReferenceMakesOfIt(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5545))
	numbers := func(low, high, n int) string {
		var list []string
		for range 1 + random.IntN(n) {
			if v := low + random.IntN(high-low+1); v != 0 {
				list = append(list, fmt.Sprint(v))
			}
		}
		return strings.Join(append(list, "1"), ",")
	}
	weekdays := []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	days := func(ordinals bool) string {
		var list []string
		for range 1 + random.IntN(4) {
			ordinal := ""
			if ordinals {
				ordinal = fmt.Sprintf("%+d", []int{1, 2, 3, 4, 5, -1, -2, -5}[random.IntN(8)])
			}
			list = append(list, ordinal+weekdays[random.IntN(7)])
		}
		return strings.Join(list, ",")
	}
	checked := 0
	for range 4000 {
		freq := []string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}[random.IntN(4)]
		long := freq == "MONTHLY" || freq == "YEARLY"
		rule := fmt.Sprintf("FREQ=%s;INTERVAL=%d;WKST=%s", freq, 1+random.IntN(6), weekdays[random.IntN(7)])
		picks := false
		part := func(odds int, text string) {
			if random.IntN(odds) == 0 {
				rule += text
				picks = true
			}
		}
		part(3, ";BYMONTH="+numbers(1, 12, 4))
		part(2, ";BYDAY="+days(long && random.IntN(2) == 0))
		if freq != "WEEKLY" {
			part(3, ";BYMONTHDAY="+numbers(-31, 28, 4))
		}
		if freq == "YEARLY" {
			part(4, ";BYYEARDAY="+numbers(-366, 366, 6))
		}
		if freq != "DAILY" && picks && random.IntN(3) == 0 {
			rule += ";BYSETPOS=" + numbers(-4, 4, 3)
		}
		start := DayOf(2020+random.IntN(12), time.Month(1+random.IntN(12)), 1+random.IntN(28))
		parsed, problems := parseRecurrence(rule)
		if problems != nil {
			continue
		}
		parsed.begin(start)
		// What yields nothing for long the library would search for until the year 9999.
		if len(parsed.dates(start, start.addYears(recurrenceGapYears), referenceLength)) < referenceLength {
			continue
		}
		checked++
		compare(t, rule, rule, start)
	}
	if checked < 2000 {
		t.Errorf("only %d rules were compared", checked)
	}
}
