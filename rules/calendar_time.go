package rules

import "time"

// calendarWidestOffset is farther than any place ever was from UTC, in seconds. The widest that
// are known are within 16 hours (Manila, Metlakatla, before the date line settled).
const calendarWidestOffset = 26 * 60 * 60

// StartOfDay is the first instant at which the zone's clocks show the day or a later one. That is
// midnight, but for a day whose midnight was skipped by the clocks going forward, which starts when
// they went; a day that was skipped whole starts, and ends, when the next one starts.
func (c *Calendar) StartOfDay(d Day) time.Time {
	// time.Date does not promise what it makes of a midnight that does not exist or exists twice.
	// So ask each stretch of one offset, in order, for the first instant in it that is midnight or
	// later on its clocks.
	midnight := int64(d) * daySeconds
	at := time.Unix(midnight-calendarWidestOffset, 0).In(c.location)
	for {
		_, offset := at.Zone()
		from, to := at.ZoneBounds()
		start := time.Unix(midnight-int64(offset), 0).In(c.location)
		if !from.IsZero() && start.Before(from) {
			start = from
		}
		// Where a zone goes on by a rule, Go takes a leap year to end a day early, so that on its last day the stretch is over
		// before it is asked about. No zone changes its clocks then.
		if to.IsZero() || start.Before(to) || !to.After(at) {
			return start
		}
		at = to
	}
}

// EndOfDay is the instant the day is over, which is when the next one starts: what is due on the
// day is late from here on.
func (c *Calendar) EndOfDay(d Day) time.Time { return c.StartOfDay(d + 1) }

// DayAt is the day it is at that instant: the one that has started and is not over. It is the date
// on the zone's clocks, except where those were set back over midnight and showed the old date
// again.
func (c *Calendar) DayAt(at time.Time) Day {
	year, month, day := at.In(c.location).Date()
	d := DayOf(year, month, day)
	if !at.Before(c.StartOfDay(d + 1)) {
		return d + 1
	}
	return d
}
