package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

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
	p := &recurrenceReader{rule: &recurrence{option: rrule.ROption{Freq: recurrenceNoFreq, Interval: 1}}}
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
	o := &p.rule.option
	switch name {
	case "FREQ":
		freq, err := rrule.StrToFreq(value)
		if err != nil || recurrenceMaxInterval[freq] == 0 {
			p.wrong("FREQ is %.40q: want DAILY, WEEKLY, MONTHLY or YEARLY", value)
			return
		}
		o.Freq = freq
	case "INTERVAL":
		// The bound depends on FREQ, which may come later.
		o.Interval = p.number(name, value, 1, recurrenceMaxInterval[rrule.DAILY])
	case "COUNT":
		p.rule.count = p.number(name, value, 1, MaxOccurrences)
	case "UNTIL":
		p.readUntil(value)
	case "WKST":
		weekday, ok := recurrenceWeekdays[value]
		if !ok {
			p.wrong("WKST is %.40q: want MO, TU, WE, TH, FR, SA or SU", value)
		}
		o.Wkst = weekday
	case "BYMONTH":
		p.readNumbers(name, value, &o.Bymonth, 12, false)
	case "BYMONTHDAY":
		p.readNumbers(name, value, &o.Bymonthday, 31, true)
	case "BYYEARDAY":
		p.readNumbers(name, value, &o.Byyearday, 366, true)
	case "BYSETPOS":
		p.readNumbers(name, value, &o.Bysetpos, 366, true)
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
func (p *recurrenceReader) readNumbers(name, list string, set *[]int, high int, signed bool) {
	for value := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(value)
		if err != nil || n == 0 || n > high || n < -high || n < 0 && !signed {
			want := fmt.Sprintf("want numbers from 1 to %d", high)
			if signed {
				want += fmt.Sprintf(" or from -1 to -%d", high)
			}
			p.wrong("%s has %.40q: %s", name, value, want)
			continue
		}
		*set = addOnce(*set, n)
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
		p.rule.option.Byweekday = addOnce(p.rule.option.Byweekday, weekday.Nth(n))
	}
}
