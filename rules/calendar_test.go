package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// demoCalendar is the calendar of the worked story in the documentation.
func demoCalendar(t testing.TB) *Calendar {
	return mustCalendar(t, &pb.Calendar{
		TimeZone: "Europe/Lisbon",
		Holidays: []string{"2026-05-25", "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01"},
	})
}

func zoneCalendar(t testing.TB, zone string) *Calendar {
	return mustCalendar(t, &pb.Calendar{TimeZone: zone})
}

func mustCalendar(t testing.TB, c *pb.Calendar) *Calendar {
	t.Helper()
	calendar, wrong := NewCalendar(c, "calendar")
	if wrong != nil {
		t.Fatal(wrong)
	}
	return calendar
}

func TestACalendarListsAllThatIsWrongWithIt(t *testing.T) {
	everyDay := []pb.Weekday{1, 2, 3, 4, 5, 6, 7}
	calendar, wrong := NewCalendar(&pb.Calendar{
		TimeZone: "Europe/Lisboa",
		Weekend:  append(everyDay, 9),
		Holidays: []string{"2026-01-01", "2026-02-31", "Easter"},
	}, "terms.calendar")
	var fields []string
	for _, v := range wrong {
		fields = append(fields, v.Field)
	}
	want := []string{
		"terms.calendar.time_zone", "terms.calendar.weekend[7]", "terms.calendar.weekend",
		"terms.calendar.holidays[1]", "terms.calendar.holidays[2]",
	}
	if calendar != nil || !slices.Equal(fields, want) {
		t.Errorf("got %v\n%v\nwant %v", calendar, wrong, want)
	}
	if _, wrong := NewCalendar(nil, "calendar"); len(wrong) != 1 {
		t.Errorf("no calendar at all: %v", wrong)
	}
	many := make([]string, CalendarMaxHolidays+1)
	if _, wrong := NewCalendar(&pb.Calendar{TimeZone: "UTC", Holidays: many}, "calendar"); len(wrong) != 1 {
		t.Errorf("too many holidays: %d violations", len(wrong))
	}
}

func TestOnlyPlacesAreTimeZones(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Lisbon", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "EST5EDT"} {
		if _, wrong := NewCalendar(&pb.Calendar{TimeZone: zone}, "calendar"); wrong != nil {
			t.Errorf("%q: %v", zone, wrong)
		}
	}
	for _, zone := range []string{
		"", "Local", "localtime", "posixrules", "Mars/Olympus", "Europe", "Europe/", "/Europe/Lisbon", "Europe//Lisbon",
		"Europe/./Lisbon", "../../etc/passwd", "Europe/Lisbon\x00", "posix/Europe/Lisbon", "right/Europe/Lisbon",
	} {
		if _, wrong := NewCalendar(&pb.Calendar{TimeZone: zone}, "calendar"); len(wrong) != 1 {
			t.Errorf("%q: %v", zone, wrong)
		}
	}
}

func TestBusinessDaysOfTheDemo(t *testing.T) {
	calendar := demoCalendar(t)
	add := func(from string, n int, want, why string) {
		t.Helper()
		if got := calendar.AddBusinessDays(mustDay(t, from), n); got != mustDay(t, want) {
			t.Errorf("%s: %s and %d business days is %v, want %s", why, from, n, got, want)
		}
		if n > 0 || n < 0 {
			if got := calendar.BusinessDaysBetween(mustDay(t, from), mustDay(t, want)); got != n {
				t.Errorf("%s: between %s and %s lie %d business days, want %d", why, from, want, got, n)
			}
		}
	}
	add("2026-04-30", 14, "2026-05-21", "the module moves with the test data that came late")
	add("2026-03-13", 14, "2026-04-02", "the test data itself")
	add("2026-05-08", 2, "2026-05-12", "the April report, late by as much as grace allows")
	add("2026-06-01", 3, "2026-06-04", "the June forecast")
	add("2026-03-17", 5, "2026-03-24", "a root cause in writing")
	add("2026-06-09", 5, "2026-06-16", "another")
	add("2026-05-20", 10, "2026-06-04", "accept or return, over the holiday of 25 May; submitted 20 May is 4 June")
	add("2026-04-02", 1, "2026-04-07", "over Easter")
	add("2026-04-07", -1, "2026-04-02", "and back")
	add("2026-04-04", 1, "2026-04-07", "from a Saturday")
	add("2026-04-04", -1, "2026-04-02", "back from a Saturday")
	add("2026-04-04", 0, "2026-04-04", "no business day stays where it is")
}

func TestTheNthBusinessDayOfAMonth(t *testing.T) {
	calendar := demoCalendar(t)
	for _, c := range []struct {
		year  int
		month time.Month
		n     int
		want  string
	}{
		{2026, time.February, 5, "2026-02-06"},
		{2026, time.March, 5, "2026-03-06"},
		{2026, time.April, 5, "2026-04-09"},
		{2026, time.May, 5, "2026-05-08"},
		{2026, time.June, 5, "2026-06-05"},
		{2026, time.July, 5, "2026-07-07"},
		{2026, time.January, 1, "2026-01-02"},
		{2026, time.January, 0, "2026-01-02"},
		{2026, time.May, 1, "2026-05-04"},
		{2026, time.May, -1, "2026-05-29"},
		{2026, time.May, -5, "2026-05-22"},
		{2026, time.February, 20, "2026-02-27"},
		{2026, time.February, 23, "2026-02-27"},
		{2026, time.February, 2_000_000_000, "2026-02-27"},
		{2026, time.February, -23, "2026-02-02"},
		{2024, time.February, -1, "2024-02-29"},
	} {
		if got := calendar.NthBusinessDay(c.year, c.month, c.n); got != mustDay(t, c.want) {
			t.Errorf("business day %d of %v %d is %v, want %s", c.n, c.month, c.year, got, c.want)
		}
	}
}

func TestAMonthWithoutBusinessDays(t *testing.T) {
	shut := &pb.Calendar{TimeZone: "Europe/Lisbon"}
	for day := mustDay(t, "2026-08-01"); day <= mustDay(t, "2026-08-31"); day++ {
		shut.Holidays = append(shut.Holidays, day.String())
	}
	calendar := mustCalendar(t, shut)
	if got := calendar.NthBusinessDay(2026, time.August, 3).String(); got != "2026-09-01" {
		t.Errorf("the third business day of a month that is shut is %s", got)
	}
	if got := calendar.NthBusinessDay(2026, time.August, -3).String(); got != "2026-07-31" {
		t.Errorf("the third last business day of a month that is shut is %s", got)
	}
}

func TestRolling(t *testing.T) {
	calendar := demoCalendar(t)
	const (
		stay      = pb.DayRoll_DAY_ROLL_UNSPECIFIED
		following = pb.DayRoll_DAY_ROLL_FOLLOWING
		preceding = pb.DayRoll_DAY_ROLL_PRECEDING
		modified  = pb.DayRoll_DAY_ROLL_MODIFIED_FOLLOWING
	)
	for _, c := range []struct {
		from string
		roll pb.DayRoll
		want string
	}{
		{"2026-01-31", stay, "2026-01-31"},
		{"2026-01-31", following, "2026-02-02"},
		{"2026-01-31", preceding, "2026-01-30"},
		{"2026-01-31", modified, "2026-01-30"},
		{"2026-04-03", modified, "2026-04-07"},
		{"2026-04-03", preceding, "2026-04-02"},
		{"2026-04-02", following, "2026-04-02"},
		{"2026-12-31", modified, "2026-12-31"},
		{"2026-04-03", pb.DayRoll(99), "2026-04-03"},
	} {
		if got := calendar.Roll(mustDay(t, c.from), c.roll); got != mustDay(t, c.want) {
			t.Errorf("%s rolled %v is %v, want %s", c.from, c.roll, got, c.want)
		}
	}
}

func TestBusinessDaysBetweenUndoesAdding(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c := &pb.Calendar{TimeZone: "UTC"}
		for _, weekday := range random.Perm(7)[:random.IntN(7)] {
			c.Weekend = append(c.Weekend, pb.Weekday(weekday+1))
		}
		for range random.IntN(100) {
			c.Holidays = append(c.Holidays, Day(20_000+random.IntN(400)).String())
		}
		calendar := mustCalendar(t, c)
		for range 50 {
			from, n := Day(20_000+random.IntN(400)), random.IntN(500)-250
			to := calendar.AddBusinessDays(from, n)
			if got := calendar.BusinessDaysBetween(from, to); got != n {
				t.Fatalf("%v: %v and %d is %v, yet between them lie %d", c, from, n, to, got)
			}
			if n != 0 && !calendar.BusinessDay(to) {
				t.Fatalf("%v: %v is no business day", c, to)
			}
		}
	}
}

func TestAHostileCalendarIsSearchedQuickly(t *testing.T) {
	// One business day a week, and none of those for 400 weeks.
	c := &pb.Calendar{TimeZone: "UTC", Weekend: []pb.Weekday{1, 2, 3, 4, 5, 6}}
	day := mustDay(t, "2026-01-04")
	for i := range CalendarMaxHolidays {
		c.Holidays = append(c.Holidays, day.Add(7*i).String())
	}
	calendar := mustCalendar(t, c)
	if got, want := calendar.AddBusinessDays(day, 1), day.Add(7*CalendarMaxHolidays); got != want {
		t.Errorf("the next business day is %v, want %v", got, want)
	}
	far := calendar.AddBusinessDays(day, CalendarMaxBusinessDays)
	if calendar.AddBusinessDays(day, 1<<40) != far || calendar.BusinessDaysBetween(day, far) != CalendarMaxBusinessDays {
		t.Error("counting is not bounded")
	}
}

func BenchmarkNewCalendar(b *testing.B) {
	for _, n := range []int{5, 20, 400} {
		b.Run(fmt.Sprintf("%d holidays", n), func(b *testing.B) {
			c := &pb.Calendar{TimeZone: "Europe/Lisbon"}
			for i := range n {
				c.Holidays = append(c.Holidays, Day(20_454+(i*37)%3650).String())
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, wrong := NewCalendar(c, "calendar"); wrong != nil {
					b.Fatal(wrong)
				}
			}
		})
	}
}

func BenchmarkAddBusinessDays(b *testing.B) {
	calendar := demoCalendar(b)
	for b.Loop() {
		calendar.AddBusinessDays(20_454, 20)
	}
}
