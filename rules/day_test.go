package rules

import (
	"testing"
	"time"
)

func TestDaysAreReadStrictly(t *testing.T) {
	for _, text := range []string{"1970-01-01", "2024-02-29", "2000-02-29", "2026-12-31", "9999-12-31"} {
		day, err := ParseDay(text)
		if err != nil || day.String() != text {
			t.Errorf("ParseDay(%q) = %v, %v", text, day, err)
		}
	}
	for _, text := range []string{
		"", "2026", "2026-2-1", "2026-02-31", "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-01-00",
		"1969-12-31", "0001-01-01", "10000-01-01", "2026-01-01 ", " 2026-01-01", "2026/01/01", "20260101", "+026-01-01",
		"2026-01-01T00:00:00Z", "2026-01-1٣", "today",
	} {
		if day, err := ParseDay(text); err == nil {
			t.Errorf("ParseDay(%q) = %v, want an error", text, day)
		}
	}
	if first, last := mustDay(t, "1970-01-01"), mustDay(t, "9999-12-31"); first != dayFirst || last != dayLast {
		t.Errorf("the days reach from %d to %d", first, last)
	}
}

func TestDaysCountLikeTheCalendarOnTheWall(t *testing.T) {
	for day := dayFirst - 800; day <= 60_000; day++ {
		year, month, dayOfMonth := day.Date()
		if DayOf(year, month, dayOfMonth) != day {
			t.Fatalf("%v is not itself", day)
		}
		if want := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Weekday(); day.Weekday() != want {
			t.Fatalf("%v is a %v, want %v", day, day.Weekday(), want)
		}
	}
	if got := DayOf(2024, time.March, 0).String(); got != "2024-02-29" {
		t.Errorf("the day before 1 March 2024 is %v", got)
	}
	if got := DayOf(2026, 14, 1).String(); got != "2027-02-01" {
		t.Errorf("month 14 of 2026 is %v", got)
	}
	if got := mustDay(t, "2025-12-31").Add(1).Add(-32).String(); got != "2025-11-30" {
		t.Errorf("forth and back is %v", got)
	}
}

func mustDay(t testing.TB, text string) Day {
	t.Helper()
	day, err := ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return day
}
