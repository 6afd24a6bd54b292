package rules

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestADeadlineMovesByBusinessDays tries moves over weekends, holidays and days of 23 and 25 hours.
func TestADeadlineMovesByBusinessDays(t *testing.T) {
	cal, _ := NewCalendar(&pb.Calendar{TimeZone: "Europe/Berlin", Holidays: []string{"2026-04-03", "2026-04-06"}}, "calendar")
	for _, c := range []struct {
		from string
		k    int
		to   string
	}{
		{"2026-03-12T00:00:00+01:00", 0, "2026-03-12T00:00:00+01:00"},
		{"2026-03-14T00:00:00+01:00", 14, "2026-04-03T00:00:00+02:00"}, // the end of Friday 13 March → of Thursday 2 April
		{"2026-03-28T00:00:00+01:00", 1, "2026-03-31T00:00:00+02:00"},  // over the Sunday of 23 hours
		{"2026-04-03T00:00:00+02:00", 1, "2026-04-08T00:00:00+02:00"},  // over Easter
		{"2026-03-27T18:00:00+01:00", 1, "2026-03-30T18:00:00+02:00"},  // six hours before the end of its day, as before
		{"2026-03-29T12:00:00+02:00", 1, "2026-03-30T12:00:00+02:00"},  // from a day off
		{"2026-10-25T00:00:00+02:00", 1, "2026-10-27T00:00:00+01:00"},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		to, _ := time.Parse(time.RFC3339, c.to)
		if got := moveBD(from, c.k, cal); !got.Equal(to) {
			t.Errorf("%s moved by %d is %v, not %s", c.from, c.k, got.In(cal.location), c.to)
		}
	}
}

// TestMovesAddUp holds that two moves are one, in either order, once a deadline is on a business day.
func TestMovesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"Europe/Berlin", "UTC", "America/Sao_Paulo", "Pacific/Apia"}).Draw(t, "zone")
		cal := calendarOf(t, &pb.Calendar{TimeZone: zone})
		day := cal.AddBusinessDays(firstDay.Add(rapid.IntRange(0, 400).Draw(t, "day")), 1)
		a, b := rapid.IntRange(0, 60).Draw(t, "a"), rapid.IntRange(0, 60).Draw(t, "b")
		at := cal.EndOfDay(day)
		if one, two := moveBD(at, a+b, cal), moveBD(moveBD(at, a, cal), b, cal); !one.Equal(two) {
			t.Fatalf("%v moved by %d and then %d is %v, at once %v", at, a, b, two, one)
		}
	})
}
