package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// recurrenceWeeksOfMonth and recurrenceWeeksOfYear are how often a weekday can occur in a month
	// and in a year.
	recurrenceWeeksOfMonth = 5
	recurrenceWeeksOfYear  = 53

	// recurrenceMaxLength bounds the text of a rule, as the API does. It also bounds the work of
	// reading it and of naming all that is wrong with it.
	recurrenceMaxLength = 500

	// recurrenceMaxProblems bounds what is said about one rule, so that no answer is many times the
	// size of what was asked. A writer has enough to do with these.
	recurrenceMaxProblems = 10
)

// recurrenceMaxInterval is ten years for each FREQ. A longer pause is a slip of the pen, and the
// number stays far from overflowing.
var recurrenceMaxInterval = map[recurrenceFreq]int{
	recurrenceDaily: 3660, recurrenceWeekly: 522, recurrenceMonthly: 120, recurrenceYearly: 10,
}

var recurrenceWeekdays = map[string]time.Weekday{
	"SU": time.Sunday, "MO": time.Monday, "TU": time.Tuesday, "WE": time.Wednesday,
	"TH": time.Thursday, "FR": time.Friday, "SA": time.Saturday,
}

// recurrenceRefused says why parts that exist elsewhere are refused.
var recurrenceRefused = map[string]string{
	"DTSTART":  "is refused: the start is start_date",
	"BYHOUR":   "is refused: a rule yields days, and nothing below a day",
	"BYMINUTE": "is refused: a rule yields days, and nothing below a day",
	"BYSECOND": "is refused: a rule yields days, and nothing below a day",
	"BYWEEKNO": "is refused: name the weekday of the month with BYDAY, or the day of the year with BYYEARDAY",
	"BYEASTER": "is refused: it is no part of RFC 5545",
	"RSCALE":   "is refused: rules go by the Gregorian calendar",
	"SKIP":     "is refused: a day that a shorter month has not means its last",
}

// recurrenceReader reads a rule and collects what is wrong with it.
type recurrenceReader struct {
	rule     *recurrence
	seen     []string
	problems []string
	// nth is the largest ordinal of BYDAY, or 0 if there is none.
	nth int
}

// parseRecurrence reads an RFC 5545 rule, in upper or lower case, or lists what is wrong with it.
func parseRecurrence(text string) (*recurrence, []string) {
	if len(text) > recurrenceMaxLength {
		return nil, []string{fmt.Sprintf("has more than %d characters", recurrenceMaxLength)}
	}
	p := &recurrenceReader{rule: &recurrence{interval: 1, weekStart: time.Monday}}
	for part := range strings.SplitSeq(strings.ToUpper(text), ";") {
		name, value, ok := strings.Cut(part, "=")
		switch {
		case !ok || name == "" || value == "":
			p.wrong("%.40q is no part of a rule: want NAME=VALUE, parts divided by semicolons", part)
		case slices.Contains(p.seen, name):
			p.wrong("%.40q is there twice", name)
		default:
			p.seen = append(p.seen, name)
			p.read(name, value)
		}
	}
	p.checkParts()
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return p.rule, nil
}

// wrong notes a problem, or drops it when there are enough.
func (p *recurrenceReader) wrong(format string, args ...any) {
	if len(p.problems) == recurrenceMaxProblems {
		return
	}
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

func (p *recurrenceReader) read(name, value string) {
	r := p.rule
	switch name {
	case "FREQ":
		r.freq = recurrenceFreq(value)
		if recurrenceMaxInterval[r.freq] == 0 {
			p.wrong("FREQ is %.40q: want DAILY, WEEKLY, MONTHLY or YEARLY", value)
			r.freq = ""
		}
	case "INTERVAL":
		// The bound depends on FREQ, which may come later.
		r.interval = p.number(name, value, 1, recurrenceMaxInterval[recurrenceDaily])
	case "COUNT":
		r.count = p.number(name, value, 1, MaxOccurrences)
	case "UNTIL":
		p.readUntil(value)
	case "WKST":
		weekday, ok := recurrenceWeekdays[value]
		if !ok {
			p.wrong("WKST is %.40q: want MO, TU, WE, TH, FR, SA or SU", value)
		}
		r.weekStart = weekday
	case "BYMONTH":
		p.readNumbers(name, value, &r.months, 12, false)
	case "BYMONTHDAY":
		p.readNumbers(name, value, &r.monthDays, 31, true)
	case "BYYEARDAY":
		p.readNumbers(name, value, &r.yearDays, 366, true)
	case "BYSETPOS":
		p.readNumbers(name, value, &r.positions, 366, true)
	case "BYDAY":
		p.readWeekdays(value)
	default:
		if why, ok := recurrenceRefused[name]; ok {
			p.wrong("%s %s", name, why)
			return
		}
		p.wrong("%.40q is no part of a rule that is known here", name)
	}
}

// number reads a number from low to high. It answers low if there is none, so that reading goes on.
func (p *recurrenceReader) number(name, value string, low, high int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		p.wrong("%s is %.40q: want a number from %d to %d", name, value, low, high)
		return low
	}
	return n
}

// readNumbers reads a list of numbers from 1 to high, and their negatives if those count from the
// end.
func (p *recurrenceReader) readNumbers(name, list string, set *ordinals, high int, signed bool) {
	for value := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(value)
		if err != nil || n == 0 || n > high || n < -high || n < 0 && !signed {
			if signed {
				p.wrong("%s has %.40q: want numbers from 1 to %d or from -1 to -%d", name, value, high, high)
			} else {
				p.wrong("%s has %.40q: want numbers from 1 to %d", name, value, high)
			}
			continue
		}
		set.add(n)
	}
}

func (p *recurrenceReader) readUntil(value string) {
	// RFC 5545 wants a date here, because the start is one. With a time it would need a time zone.
	at, err := time.Parse("20060102", value)
	if err != nil || len(value) != len("20060102") || at.Year() < 1970 {
		p.wrong("UNTIL is %.40q: want the last day as YYYYMMDD, without a time", value)
		return
	}
	p.rule.until = Day(at.Unix() / daySeconds)
}

func (p *recurrenceReader) readWeekdays(list string) {
	for value := range strings.SplitSeq(list, ",") {
		split := max(0, len(value)-2)
		weekday, ok := recurrenceWeekdays[value[split:]]
		n := 0
		if ok && split > 0 {
			var err error
			n, err = strconv.Atoi(value[:split])
			ok = err == nil && n != 0 && max(n, -n) <= recurrenceWeeksOfYear
		}
		if !ok {
			p.wrong("BYDAY has %.40q: want weekdays such as MO, or 2TU or -1FR in a monthly or yearly rule", value)
			continue
		}
		p.nth = max(p.nth, n, -n)
		p.rule.addWeekday(weekday, n)
	}
}

// checkParts refuses parts that RFC 5545 does not allow together, or that mean nothing together.
func (p *recurrenceReader) checkParts() {
	r := p.rule
	has := func(name string) bool { return slices.Contains(p.seen, name) }
	if !has("FREQ") {
		p.wrong("FREQ is missing: want FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
	}
	if has("COUNT") && has("UNTIL") {
		p.wrong("COUNT and UNTIL are both there: a rule ends by one of them")
	}
	if has("BYSETPOS") && !has("BYDAY") && !has("BYMONTHDAY") && !has("BYYEARDAY") && !has("BYMONTH") {
		p.wrong("BYSETPOS has nothing to pick from: want BYDAY, BYMONTHDAY, BYYEARDAY or BYMONTH with it")
	}
	if r.monthDays.named && !r.monthDaysExist() {
		p.wrong("BYMONTHDAY names a day that none of its months has; the last day of a month is BYMONTHDAY=-1")
	}
	if r.freq == "" {
		return
	}
	if high := recurrenceMaxInterval[r.freq]; r.interval > high {
		p.wrong("INTERVAL is %d: a %s rule wants a number from 1 to %d", r.interval, r.freq, high)
	}
	if r.freq == recurrenceWeekly && has("BYMONTHDAY") {
		p.wrong("BYMONTHDAY is refused in a WEEKLY rule")
	}
	if r.freq != recurrenceYearly && has("BYYEARDAY") {
		p.wrong("BYYEARDAY is refused in a %s rule: it wants YEARLY", r.freq)
	}
	if r.freq == recurrenceDaily && has("BYSETPOS") {
		p.wrong("BYSETPOS is refused in a DAILY rule: there is nothing to pick from in one day")
	}
	r.weekdaysOfYear = r.freq == recurrenceYearly && !has("BYMONTH")
	switch {
	case p.nth > 0 && r.freq != recurrenceMonthly && r.freq != recurrenceYearly:
		p.wrong("BYDAY with an ordinal is refused in a %s rule: it wants MONTHLY or YEARLY", r.freq)
	case p.nth > recurrenceWeeksOfMonth && !r.weekdaysOfYear:
		p.wrong("BYDAY counts to %d, but no month has a weekday more than %d times", p.nth, recurrenceWeeksOfMonth)
	}
}
