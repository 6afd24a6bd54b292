package rules

import "time"

// occurrences counts the dates of the rule up to and including last, as far as it matters: it says
// which is the first, and it goes on only where there could be more than MaxOccurrences, and only
// until there are.
func (r *recurrence) occurrences(last Day) (first Day, n int) {
	count := int(last-r.start) >= MaxOccurrences
	r.dates(r.start, last, func(d Day) bool {
		if n == 0 {
			first = d
		}
		n++
		return count && n <= MaxOccurrences && n != r.count
	})
	return first, n
}

// dates visits the dates of the rule from and including from, up to and including to, in order,
// until visit returns false. It does not look at what was before from, nor does it apply COUNT.
func (r *recurrence) dates(from, to Day, visit func(Day) bool) {
	from, to = max(from, r.start), min(to, dayLast)
	if r.until != 0 {
		to = min(to, r.until)
	}
	if from > to {
		return
	}
	if r.freq == recurrenceDaily {
		// The phase of a day is part of whether it matches, so that days need no periods.
		r.scan(from, to, visit)
		return
	}
	for k := r.periodOf(from); ; k++ {
		first, last := r.period(k)
		if first > to {
			return
		}
		walk := r.scan
		if r.positions.named {
			walk = func(_, _ Day, visit func(Day) bool) bool { return r.pick(first, last, from, to, visit) }
		}
		if !walk(max(first, from), min(last, to), visit) {
			return
		}
	}
}

// period is the k-th period of the rule that counts, by INTERVAL; the 0th is the one start is in.
func (r *recurrence) period(k int) (first, last Day) {
	k *= r.interval
	year, month, _ := r.start.Date()
	switch r.freq {
	case recurrenceWeekly:
		first = r.weekOf(r.start).Add(7 * k)
		return first, first + 6
	case recurrenceMonthly:
		return DayOf(year, month+time.Month(k), 1), DayOf(year, month+time.Month(k)+1, 0)
	default:
		return DayOf(year+k, time.January, 1), DayOf(year+k, time.December, 31)
	}
}

// periodOf is the k of the last period that begins on the day or before; the day is not before
// start.
func (r *recurrence) periodOf(d Day) int {
	year, month, _ := r.start.Date()
	y, m, _ := d.Date()
	switch r.freq {
	case recurrenceWeekly:
		return int(d-r.weekOf(r.start)) / 7 / r.interval
	case recurrenceMonthly:
		return ((y-year)*12 + int(m-month)) / r.interval
	default:
		return (y - year) / r.interval
	}
}

// weekOf is the first day of the week that the day is in.
func (r *recurrence) weekOf(d Day) Day { return d - Day((d.Weekday()-r.weekStart+7)%7) }

// pick visits those days of the period from first to last that BYSETPOS names and that lie between
// from and to. It looks at the whole period, because positions are counted in all of it.
func (r *recurrence) pick(first, last, from, to Day, visit func(Day) bool) bool {
	var days [366]Day
	n := 0
	r.scan(first, last, func(d Day) bool {
		days[n] = d
		n++
		return true
	})
	for i, d := range days[:n] {
		if d >= from && d <= to && r.positions.has(i+1, n) && !visit(d) {
			return false
		}
	}
	return true
}

// scan visits the days from and including from, up to and including to, that are in all sets of
// the rule. It returns false if visit did.
func (r *recurrence) scan(from, to Day, visit func(Day) bool) bool {
	for from <= to {
		m := monthOf(from)
		end := m.first + Day(m.length)
		if !r.months.named || r.months.has(int(m.month), 12) {
			for d := from; d < end && d <= to; d++ {
				if r.matches(d, &m) && !visit(d) {
					return false
				}
			}
		}
		from = end
	}
	return true
}

// matches says whether the day, which is in the month m, is in all sets of the rule but months.
func (r *recurrence) matches(d Day, m *recurrenceMonth) bool {
	if r.freq == recurrenceDaily && int(d-r.start)%r.interval != 0 {
		return false
	}
	n := int(d-m.first) + 1
	if r.monthDays.named && !r.monthDays.has(n, m.length) &&
		!(r.clamp && n == m.length && r.monthDays.beyond(n)) {
		return false
	}
	ofYear := int(d-m.newYear) + 1
	if r.yearDays.named && !r.yearDays.has(ofYear, m.yearLength) {
		return false
	}
	if !r.byWeekday {
		return true
	}
	length := m.length
	if r.weekdaysOfYear {
		n, length = ofYear, m.yearLength
	}
	// The n-th day is the nth of its weekday, and as many more follow as there are weeks left.
	nth := (n-1)/7 + 1
	return r.weekdays[d.Weekday()].has(nth, nth+(length-n)/7)
}

// recurrenceMonth is where a month and its year begin, and how long they are.
type recurrenceMonth struct {
	month              time.Month
	first, newYear     Day
	length, yearLength int
}

func monthOf(d Day) recurrenceMonth {
	year, month, day := d.Date()
	first, newYear := d.Add(1-day), DayOf(year, time.January, 1)
	return recurrenceMonth{
		month: month, first: first, newYear: newYear,
		length:     int(DayOf(year, month+1, 1) - first),
		yearLength: int(DayOf(year+1, time.January, 1) - newYear),
	}
}
