package rules

import "time"

// The rule is read and stepped here and not by a library, because a writer must not wait for a
// rule that a caller wrote. The one library there is searches until the year 9999 for a rule that
// yields nothing, with no way to stop it, and fails on ordinals it does not expect. It serves as
// the reference in the tests.

// recurrenceFreq is how long a period of a rule is.
type recurrenceFreq string

const (
	recurrenceDaily   recurrenceFreq = "DAILY"
	recurrenceWeekly  recurrenceFreq = "WEEKLY"
	recurrenceMonthly recurrenceFreq = "MONTHLY"
	recurrenceYearly  recurrenceFreq = "YEARLY"
)

// recurrence is a rule that was read. It yields those days of every interval-th period that each
// of its sets holds; positions then picks among the days of a period.
type recurrence struct {
	freq     recurrenceFreq
	interval int
	// count and until are 0 when the rule does not end by them.
	count int
	until Day
	// weekStart is the first day of a week, which matters when interval is more than 1.
	weekStart time.Weekday

	months, monthDays, yearDays, positions ordinals
	// weekdays says for each time.Weekday which of those in the month, or the year, count; byWeekday
	// that any were named.
	weekdays  [7]ordinals
	byWeekday bool
	// weekdaysOfYear says that the ordinals of weekdays count within the year, not the month.
	weekdaysOfYear bool
	// clamp says that a day of the month that a shorter month has not means its last.
	clamp bool

	// start is where the phase of interval is counted from.
	start Day
}

// ordinals is a set of places in a row, counted from its front (1, 2, …) or from its back
// (-1, -2, …), up to the 366 days of a year. named says that it is not empty.
type ordinals struct {
	front, back [6]uint64
	named       bool
}

func (o *ordinals) add(n int) {
	o.named = true
	if n < 0 {
		o.back[-n/64] |= 1 << (-n % 64)
		return
	}
	o.front[n/64] |= 1 << (n % 64)
}

// has says whether the n-th of a row of that length is in the set.
func (o *ordinals) has(n, length int) bool {
	m := length - n + 1
	return o.front[n/64]&(1<<(n%64)) != 0 || o.back[m/64]&(1<<(m%64)) != 0
}

// beyond says whether the set names a place of the front past a row of that length, 62 at most.
func (o *ordinals) beyond(length int) bool { return o.front[0]>>(length+1) != 0 }

// addWeekday lets the n-th of those weekdays count, or every one if n is 0.
func (r *recurrence) addWeekday(w time.Weekday, n int) {
	r.byWeekday = true
	if n != 0 {
		r.weekdays[w].add(n)
		return
	}
	for n := 1; n <= recurrenceWeeksOfYear; n++ {
		r.weekdays[w].add(n)
	}
}

// anchor ties the rule to its start: what the rule does not say, the start says, so a plain
// FREQ=MONTHLY from the 7th is due on the 7th.
func (r *recurrence) anchor(start Day) {
	r.start = start
	_, month, day := start.Date()
	if !r.monthDays.named && !r.yearDays.named && !r.byWeekday {
		switch r.freq {
		case recurrenceWeekly:
			r.addWeekday(start.Weekday(), 0)
		case recurrenceYearly:
			if !r.months.named {
				r.months.add(int(month))
			}
			r.monthDays.add(day)
		case recurrenceMonthly:
			r.monthDays.add(day)
		}
	}
	// "On the 31st" means the end of the month to whoever writes it; skipping the short months, as
	// RFC 5545 has it, would lose promises. Beside BYDAY or BYYEARDAY the day of the month is a
	// filter ("Friday the 31st") and stays one, and so it does in a daily rule.
	r.clamp = (r.freq == recurrenceMonthly || r.freq == recurrenceYearly) && !r.byWeekday && !r.yearDays.named
}

// monthDaysExist says whether one of the days of the month that the rule names exists in one of
// its months. If not it would yield nothing or, clamped, what its writer can hardly have meant.
func (r *recurrence) monthDaysExist() bool {
	longest := 0
	for month := time.January; month <= time.December; month++ {
		if !r.months.named || r.months.has(int(month), 12) {
			// 2000 was a leap year.
			longest = max(longest, monthOf(DayOf(2000, month, 1)).length)
		}
	}
	for n := 1; n <= longest; n++ {
		if r.monthDays.has(n, longest) {
			return true
		}
	}
	return false
}
