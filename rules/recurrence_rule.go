package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

var recurrenceWeekdays = map[string]rrule.Weekday{
	"MO": rrule.MO, "TU": rrule.TU, "WE": rrule.WE, "TH": rrule.TH, "FR": rrule.FR, "SA": rrule.SA, "SU": rrule.SU,
}

// recurrence is a rule that was read. The library makes the dates of it.
type recurrence struct {
	option rrule.ROption
	// count and until are 0 when the rule does not end by them.
	count int
	until Day
	// start is where INTERVAL is counted from.
	start Day
	// february says that the last of February is a date besides what option says.
	february bool
}

// begin ties the rule to its start: what the rule does not say, the start says, so a plain
// FREQ=MONTHLY from the 7th is due on the 7th. The library would take these from where it is
// restarted. It also takes MO beside 2TU for a contradiction, so MO becomes 1MO, 2MO, …
func (r *recurrence) begin(start Day) {
	r.start = start
	o := &r.option
	_, month, day := start.Date()
	if len(o.Bymonthday)+len(o.Byyearday)+len(o.Byweekday) == 0 {
		switch o.Freq {
		case rrule.WEEKLY:
			o.Byweekday = []rrule.Weekday{recurrenceWeekdays[strings.ToUpper(start.Weekday().String()[:2])]}
		case rrule.MONTHLY:
			o.Bymonthday = []int{day}
		case rrule.YEARLY:
			o.Bymonthday = []int{day}
			if len(o.Bymonth) == 0 {
				o.Bymonth = []int{int(month)}
			}
		}
	}
	r.clamp()
	if !slices.ContainsFunc(o.Byweekday, func(w rrule.Weekday) bool { return w.N() != 0 }) {
		return
	}
	for _, w := range o.Byweekday {
		for n := 1; w.N() == 0 && n <= r.weeks(); n++ {
			o.Byweekday = append(o.Byweekday, w.Nth(n))
		}
	}
	o.Byweekday = slices.DeleteFunc(o.Byweekday, func(w rrule.Weekday) bool { return w.N() == 0 })
}

// weeks is how far the ordinals of BYDAY count.
func (r *recurrence) weeks() int {
	if r.option.Freq == rrule.YEARLY && len(r.option.Bymonth) == 0 {
		return recurrenceWeeksOfYear
	}
	return recurrenceWeeksOfMonth
}

// clamp says in the words of RFC 5545 that a day a shorter month has not means its last. "On the
// 31st" means the end of the month to whoever writes it; skipping the short months would lose
// promises. Beside BYDAY or BYYEARDAY the day of the month is a filter ("Friday the 31st") and stays
// one, and so it does in a daily rule.
func (r *recurrence) clamp() {
	o := &r.option
	if o.Freq != rrule.MONTHLY && o.Freq != rrule.YEARLY || len(o.Byweekday)+len(o.Byyearday) > 0 {
		return
	}
	longest := longestMonth(o.Bymonth)
	for i, day := range o.Bymonthday {
		if day >= longest {
			o.Bymonthday[i] = -1
		}
	}
	// What is left is missing in February alone, unless other days cover it.
	named := func(day int) bool { return slices.Contains(o.Bymonthday, day) }
	r.february = (named(29) || named(30)) && !named(-1) && !(named(28) && named(29)) &&
		(len(o.Bymonth) == 0 || slices.Contains(o.Bymonth, int(time.February)))
}

// longestMonth is how long the longest of these months is, or of all if there are none.
func longestMonth(months []int) int {
	if len(months) == 0 {
		return 31
	}
	longest := 0
	for _, month := range months {
		// 2000 was a leap year.
		_, _, day := DayOf(2000, time.Month(month+1), 0).Date()
		longest = max(longest, day)
	}
	return longest
}

// addOnce leaves out what is there already: the library goes through these lists for every day.
func addOnce[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
