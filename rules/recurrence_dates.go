package rules

import (
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

const (
	// recurrenceReach is more than any search needs: the fifty years that a rule is tried out, or
	// the forty it may pause and the ten of an INTERVAL before.
	recurrenceReach = 60

	// The calendar repeats, weekdays and all, after 400 years of 146,097 days together.
	calendarCycleYears = 400
	calendarCycleDays  = 146_097
)

// dates are the first dates of the rule, at most limit, from and including from, up to and including
// to. They do not depend on what was before from, nor on COUNT.
func (r *recurrence) dates(from, to Day, limit int) []Day {
	from, to = max(from, r.start), min(to, dayLast)
	if r.until != 0 {
		to = min(to, r.until)
	}
	if from > to {
		return nil
	}
	days := r.ask(r.option, from, to, limit)
	if r.february {
		last := r.option
		last.Bymonth, last.Bymonthday = []int{int(time.February)}, []int{-1}
		days = append(days, r.ask(last, from, to, limit)...)
		slices.Sort(days)
		days = slices.Compact(days)
	}
	return days[:min(limit, len(days))]
}

// ask lets the library make the dates. It is restarted near from, so that the cost does not grow
// with the years since start. It looks at UNTIL only when it has found a date, and gives up at the
// end of the year 9999; so it is asked as late before that as the same calendar comes back.
func (r *recurrence) ask(option rrule.ROption, from, to Day, limit int) (days []Day) {
	defer func() {
		// No rule is known to get here, but a rule must never stop the ledger.
		if recover() != nil {
			days = nil
		}
	}()
	if !r.comesTo(option.Bymonth) {
		return nil
	}
	anchor := r.anchor(from)
	year, _, _ := anchor.Date()
	shift := Day((rrule.MAXYEAR - recurrenceReach - year) / calendarCycleYears * calendarCycleDays)
	option.Dtstart, option.Until = (anchor + shift).utc(), (to + shift).utc()
	rule, err := rrule.NewRRule(option)
	if err != nil {
		return nil
	}
	for next := rule.Iterator(); len(days) < limit; {
		at, ok := next()
		if !ok {
			break
		}
		if day := Day(at.Unix()/daySeconds) - shift; day >= from {
			days = append(days, day)
		}
	}
	return days
}

// comesTo says whether INTERVAL ever leads to one of these months, which the library would search
// for in vain.
func (r *recurrence) comesTo(months []int) bool {
	_, month, _ := r.start.Date()
	comes := r.option.Freq != rrule.MONTHLY || len(months) == 0
	for k := range 12 {
		comes = comes || slices.Contains(months, (int(month)-1+k*r.option.Interval)%12+1)
	}
	return comes
}

// anchor is the first day of the last period that begins on the day or before, of those that
// INTERVAL counts from start. Asked from within a week, the library would count BYSETPOS in what is
// left of it.
func (r *recurrence) anchor(d Day) Day {
	n := r.option.Interval
	year, month, _ := r.start.Date()
	y, m, _ := d.Date()
	switch r.option.Freq {
	case rrule.DAILY:
		return d - (d-r.start)%Day(n)
	case rrule.WEEKLY:
		// The library's Monday is 0.
		week := r.start - Day((int(r.start.Weekday())+6-r.option.Wkst.Day())%7)
		return d - (d-week)%Day(7*n)
	case rrule.MONTHLY:
		return DayOf(y, m-time.Month(((y-year)*12+int(m-month))%n), 1)
	default:
		return DayOf(y-(y-year)%n, time.January, 1)
	}
}
