package rules

import (
	"slices"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// CalendarMaxBusinessDays bounds how far AddBusinessDays counts, either way: some eighty years of
// five-day weeks, far beyond any clock of the terms (250) and any pause of an agreement.
const CalendarMaxBusinessDays = 20_000

// BusinessDay says whether the day is neither weekend nor holiday.
func (c *Calendar) BusinessDay(d Day) bool {
	if c.weekend&(1<<d.Weekday()) != 0 {
		return false
	}
	_, holiday := slices.BinarySearch(c.holidays, d)
	return !holiday
}

// AddBusinessDays is the n-th business day strictly after d, or strictly before it if n is
// negative. 0 is d itself, business day or not. n beyond CalendarMaxBusinessDays either way is
// taken as that.
func (c *Calendar) AddBusinessDays(d Day, n int) Day {
	n = max(-CalendarMaxBusinessDays, min(n, CalendarMaxBusinessDays))
	step := 1
	if n < 0 {
		step = -1
	}
	// This ends: one weekday at least is no weekend, and only CalendarMaxHolidays of those are
	// holidays.
	for n != 0 {
		d = d.Add(step)
		if c.BusinessDay(d) {
			n -= step
		}
	}
	return d
}

// BusinessDaysBetween counts the business days after a up to and including b; if b is before a it
// is the business days from b up to but without a, as a negative number. So it undoes
// AddBusinessDays: BusinessDaysBetween(a, AddBusinessDays(a, n)) is n. Its cost does not grow with
// the distance.
func (c *Calendar) BusinessDaysBetween(a, b Day) int {
	if b < a {
		return -c.businessDaysIn(b, a)
	}
	return c.businessDaysIn(a+1, b+1)
}

// businessDaysIn counts the business days from and including from, up to but without to.
func (c *Calendar) businessDaysIn(from, to Day) int {
	perWeek := 0
	for weekday := time.Sunday; weekday <= time.Saturday; weekday++ {
		if c.weekend&(1<<weekday) == 0 {
			perWeek++
		}
	}
	weeks := int(to-from) / 7
	count := weeks * perWeek
	for d := from.Add(weeks * 7); d < to; d++ {
		if c.weekend&(1<<d.Weekday()) == 0 {
			count++
		}
	}
	first, _ := slices.BinarySearch(c.holidays, from)
	for _, holiday := range c.holidays[first:] {
		if holiday >= to {
			break
		}
		if c.weekend&(1<<holiday.Weekday()) == 0 {
			count--
		}
	}
	return count
}

// NthBusinessDay is the n-th business day of the month, or counted from its end if n is negative;
// 0 is taken as 1. If the month has fewer, it is the month's last business day (its first for a
// negative n). If the month has none at all, it is the first business day after the month (the
// last before it for a negative n).
func (c *Calendar) NthBusinessDay(year int, month time.Month, n int) Day {
	first, last := DayOf(year, month, 1), DayOf(year, month+1, 0)
	// No month has more days than this, so counting further would change nothing.
	const daysOfMonth = 31
	if n < 0 {
		if d := c.AddBusinessDays(last+1, max(n, -daysOfMonth)); d >= first {
			return d
		}
		if d := c.AddBusinessDays(first-1, 1); d <= last {
			return d
		}
		return c.AddBusinessDays(first, -1)
	}
	if d := c.AddBusinessDays(first-1, max(1, min(n, daysOfMonth))); d <= last {
		return d
	}
	if d := c.AddBusinessDays(last+1, -1); d >= first {
		return d
	}
	return c.AddBusinessDays(last, 1)
}

// Roll moves a day that is no business day to one that is, in the direction the roll says. A
// business day stays; so does any day under DAY_ROLL_UNSPECIFIED.
func (c *Calendar) Roll(d Day, roll pb.DayRoll) Day {
	if roll == pb.DayRoll_DAY_ROLL_UNSPECIFIED || c.BusinessDay(d) {
		return d
	}
	switch roll {
	case pb.DayRoll_DAY_ROLL_FOLLOWING:
		return c.AddBusinessDays(d, 1)
	case pb.DayRoll_DAY_ROLL_PRECEDING:
		return c.AddBusinessDays(d, -1)
	case pb.DayRoll_DAY_ROLL_MODIFIED_FOLLOWING:
		following := c.AddBusinessDays(d, 1)
		year, month, _ := d.Date()
		if y, m, _ := following.Date(); y != year || m != month {
			return c.AddBusinessDays(d, -1)
		}
		return following
	default:
		return d
	}
}
