package rules

import (
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func TestADayBeginsWhenTheClocksShowIt(t *testing.T) {
	for _, c := range []struct{ why, zone, day, start, end string }{
		{"an ordinary day", "Europe/Lisbon", "2026-01-15", "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"},
		{"clocks go forward at one", "Europe/Lisbon", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"},
		{"clocks go back at two", "Europe/Lisbon", "2026-10-25", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"},
		{"midnight twice, the first counts", "Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"},
		{"midnight skipped", "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"the eve of it", "America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"an hour before midnight twice", "America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		{"no more since 2019", "America/Sao_Paulo", "2026-11-01", "2026-11-01T03:00:00Z", "2026-11-02T03:00:00Z"},
		{"midnight skipped", "Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"},
		{"back at midnight", "Asia/Beirut", "2026-10-24", "2026-10-23T21:00:00Z", "2026-10-24T22:00:00Z"},
		{"midnight skipped on a Friday", "Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		{"back at midnight on a Thursday", "Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z"},
		{"a day that never was", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"the day after it", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"back over midnight, at one past", "America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
	} {
		calendar, day := zoneCalendar(t, c.zone), mustDay(t, c.day)
		start, end := calendar.StartOfDay(day), calendar.EndOfDay(day)
		if got := start.UTC().Format(time.RFC3339); got != c.start {
			t.Errorf("%s: %s begins in %s at %s, want %s", c.why, c.day, c.zone, got, c.start)
		}
		if got := end.UTC().Format(time.RFC3339); got != c.end {
			t.Errorf("%s: %s ends in %s at %s, want %s", c.why, c.day, c.zone, got, c.end)
		}
	}
}

func TestEveryInstantIsInOneDay(t *testing.T) {
	for _, zone := range []string{
		"UTC", "Europe/Lisbon", "Atlantic/Azores", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "America/St_Johns",
		"Pacific/Apia", "Pacific/Kwajalein", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia", "America/Havana",
		"Pacific/Kiritimati", "Antarctica/Troll", "Asia/Gaza", "America/Asuncion", "America/Nuuk",
	} {
		calendar := zoneCalendar(t, zone)
		for day := dayFirst; day < 25_000; day++ {
			start, end := calendar.StartOfDay(day), calendar.EndOfDay(day)
			if start.Equal(end) {
				continue
			}
			if length := end.Sub(start); length < 22*time.Hour || length > 26*time.Hour {
				t.Fatalf("%s: %v is %v long", zone, day, length)
			}
			for _, at := range []time.Time{start, start.Add(31 * time.Minute), end.Add(-31 * time.Minute), end.Add(-1)} {
				if got := calendar.DayAt(at); got != day {
					t.Fatalf("%s: at %v it is %v, want %v", zone, at, got, day)
				}
			}
		}
	}
}

func BenchmarkEndOfDay(b *testing.B) {
	calendar := zoneCalendar(b, "Europe/Lisbon")
	for b.Loop() {
		calendar.EndOfDay(20_500)
	}
}

// TestLeapYearsEnd holds that the last days of a year start at midnight also where a zone goes on by a rule, far beyond the
// changes of its clocks that are listed.
func TestLeapYearsEnd(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Sydney", "Pacific/Auckland", "Pacific/Chatham", "Asia/Kolkata", "UTC"} {
		cal, wrong := NewCalendar(&pb.Calendar{TimeZone: zone}, "calendar")
		if wrong != nil {
			t.Fatal(wrong)
		}
		for year := 2020; year < 2120; year++ {
			for d := DayOf(year, time.December, 27); d < DayOf(year+1, time.January, 5); d++ {
				y, m, day := d.Date()
				start := cal.StartOfDay(d)
				if want := time.Date(y, m, day, 0, 0, 0, 0, cal.location); !start.Equal(want) {
					t.Fatalf("%v in %s starts at %v, not %v", d, zone, start, want)
				}
				if cal.DayAt(start) != d || cal.DayAt(start.Add(-time.Nanosecond)) != d-1 {
					t.Fatalf("%v in %s is not the day it is when it starts", d, zone)
				}
			}
		}
	}
}
