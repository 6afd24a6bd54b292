package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// MaxOccurrences bounds the dates of one rule between its start and the end of the agreement:
	// twenty-seven years of every day. A rule that yields more is a slip of the pen.
	MaxOccurrences = 10_000

	// recurrenceOpenYears is how far a rule is tried out when the agreement has no end: a promise
	// that falls due for the first time after that is none.
	recurrenceOpenYears = 10

	// recurrenceMaxYears is how far a rule is tried out at most, whatever the end. It keeps the
	// check of the worst rule near two milliseconds; terms may hold 2,000 of them.
	recurrenceMaxYears = 50

	// recurrenceGapYears is how long a rule may pause between two dates; one that pauses longer is
	// over. The rarest date people name, a 29 February on a given weekday, comes back within forty
	// years, even across 2100, which is no leap year.
	recurrenceGapYears = 40
)

// CheckRecurring lists everything that is wrong with a recurrence: a rule that cannot be read or
// asks for what a promise cannot mean, a start before the effective date or after the end, a rule
// that yields no date or too many, a first due day before the agreement begins or after it ends.
// end is nil for an agreement without one; field is the path that the violations start with, for
// example "terms.commitments[2].recurring".
func CheckRecurring(r *pb.Recurring, effective Day, end *Day, cal *Calendar, field string) []Violation {
	var wrong []Violation
	refuse := func(name, format string, args ...any) {
		wrong = append(wrong, Violation{Field: field + name, Description: fmt.Sprintf(format, args...)})
	}
	rule, problems := parseRecurrence(r.GetRrule())
	for _, problem := range problems {
		refuse(".rrule", "%s", problem)
	}
	start := effective
	if text := r.GetStartDate(); text != "" {
		var err error
		start, err = ParseDay(text)
		switch {
		case err != nil:
			refuse(".start_date", "%v", err)
		case start < effective:
			refuse(".start_date", "%v is before the agreement begins, %v", start, effective)
		case end != nil && start > *end:
			refuse(".start_date", "%v is after the agreement ends, %v", start, *end)
		}
	}
	if wrong != nil {
		// What the rule yields cannot be judged without these.
		return wrong
	}
	rule.begin(start)
	last := start.addYears(recurrenceOpenYears)
	if end != nil {
		last = min(*end, start.addYears(recurrenceMaxYears))
	}
	limit := 1
	if int(last-start) >= MaxOccurrences && len(rule.option.Bysetpos) == 0 && rule.count == 0 {
		// Only then can there be too many.
		limit += MaxOccurrences
	}
	dates := rule.dates(start, last, limit)
	switch {
	case rule.until != 0 && rule.until < start:
		refuse(".rrule", "UNTIL is %v, before the rule starts, %v", rule.until, start)
		return wrong
	case len(dates) == 0:
		refuse(".rrule", "yields no date from %v to %v", start, last)
		return wrong
	case len(dates) > MaxOccurrences:
		refuse(".rrule", "yields more than %d dates from %v to %v", MaxOccurrences, start, last)
	}
	// Later dates are due no earlier, so the first tells about all.
	switch due := recurrenceRoute(r, dates[0], cal).day; {
	case due < effective:
		refuse("", "falls due for the first time on %v, before the agreement begins, %v", due, effective)
	case end != nil && due > *end:
		refuse("", "falls due for the first time on %v, after the agreement ends, %v", due, *end)
	}
	return wrong
}

// NextDue is the first date that the rule yields after last, and the day that it makes something
// due. start is the rule's start date (or the effective date if it has none); last is the rule date
// before, or the day before start; count is how many dates the rule has yielded up to last, so that
// COUNT holds. ok is false when the rule is over: by COUNT, by UNTIL, or because nothing follows
// within forty years. The cost does not grow with the number of dates before.
//
// The due day is the rule date, or the n-th business day of its month if business_day is set; then
// offset_days later; then rolled. So it may lie before the rule date.
//
// A rule that cannot be read yields nothing.
func NextDue(r *pb.Recurring, start, last Day, count int, cal *Calendar) (rule, due Day, ok bool) {
	rule, ok = nextDate(r, start, last, count)
	if !ok {
		return 0, 0, false
	}
	return rule, recurrenceRoute(r, rule, cal).day, true
}

// nextDate is NextDue without what the date means.
func nextDate(r *pb.Recurring, start, last Day, count int) (Day, bool) {
	parsed, problems := parseRecurrence(r.GetRrule())
	if problems != nil || parsed.count > 0 && count >= parsed.count {
		return 0, false
	}
	parsed.begin(start)
	last = max(last, start-1)
	dates := parsed.dates(last+1, last.addYears(recurrenceGapYears), 1)
	if len(dates) == 0 {
		return 0, false
	}
	return dates[0], true
}

// recurrenceRoute is the way from a date of the rule to the day that it means.
func recurrenceRoute(r *pb.Recurring, date Day, cal *Calendar) route {
	way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_RULE, date, r.GetRrule())
	way.nthBusinessDay(r.GetBusinessDay(), cal)
	way.after(&pb.After{Days: r.GetOffsetDays(), Roll: r.GetRoll()}, cal)
	return way
}

// addYears is the same date that many years later (1 March for a 29 February), or the last day
// there is.
func (d Day) addYears(n int) Day {
	year, month, day := d.Date()
	return min(DayOf(year+n, month, day), dayLast)
}
