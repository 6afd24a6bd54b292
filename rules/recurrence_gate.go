package rules

import (
	"slices"

	"github.com/teambition/rrule-go"
)

// The library takes any rule, searches for dates up to the year 9999 with no way to stop it, and
// fails on ordinals it does not expect. So what reaches it is checked here. A rule that passes and
// yet yields nothing costs a few hundred years of search, about a millisecond.

const (
	// recurrenceMaxLength bounds the text of a rule, as the API does. It also bounds the work of
	// reading it and of naming all that is wrong with it.
	recurrenceMaxLength = 500

	// recurrenceMaxProblems bounds what is said about one rule, so that no answer is many times the
	// size of what was asked. A writer has enough to do with these.
	recurrenceMaxProblems = 10

	// recurrenceNoFreq stands for a FREQ that is missing or was refused.
	recurrenceNoFreq rrule.Frequency = -1

	// recurrenceWeeksOfMonth and recurrenceWeeksOfYear are how often a weekday can occur in a month
	// and in a year; it occurs recurrenceFullWeeks times in any month.
	recurrenceWeeksOfMonth = 5
	recurrenceWeeksOfYear  = 53
	recurrenceFullWeeks    = 4

	// recurrenceMaxPositions bounds BYSETPOS, for each of which the library lists the period anew.
	// By it a rule with BYSETPOS also stays below MaxOccurrences, fifty years of weeks long.
	recurrenceMaxPositions = 3
)

// recurrenceMaxInterval is ten years for each FREQ. A longer pause is a slip of the pen, and the
// number stays far from overflowing.
var recurrenceMaxInterval = map[rrule.Frequency]int{
	rrule.DAILY: 3660, rrule.WEEKLY: 522, rrule.MONTHLY: 120, rrule.YEARLY: 10,
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

// checkParts refuses parts that RFC 5545 does not allow together, or that mean nothing together.
func (p *recurrenceReader) checkParts() {
	o := &p.rule.option
	if !p.has("FREQ") {
		p.wrong("FREQ is missing: want FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
	}
	if p.has("COUNT") && p.has("UNTIL") {
		p.wrong("COUNT and UNTIL are both there: a rule ends by one of them")
	}
	longest := longestMonth(o.Bymonth)
	if len(o.Bymonthday) > 0 && !slices.ContainsFunc(o.Bymonthday, func(n int) bool { return max(n, -n) <= longest }) {
		p.wrong("BYMONTHDAY names a day that none of its months has; the last day of a month is BYMONTHDAY=-1")
	}
	if o.Freq == recurrenceNoFreq {
		return
	}
	if high := recurrenceMaxInterval[o.Freq]; o.Interval > high {
		p.wrong("INTERVAL is %d: a %s rule wants a number from 1 to %d", o.Interval, o.Freq, high)
	}
	if o.Freq == rrule.WEEKLY && p.has("BYMONTHDAY") {
		p.wrong("BYMONTHDAY is refused in a WEEKLY rule")
	}
	switch {
	case !p.has("BYYEARDAY"):
	case o.Freq != rrule.YEARLY:
		p.wrong("BYYEARDAY is refused in a %s rule: it wants YEARLY", o.Freq)
	case p.has("BYMONTH"), p.has("BYMONTHDAY"), p.has("BYDAY"):
		p.wrong("BYYEARDAY is refused beside BYMONTH, BYMONTHDAY and BYDAY: it names the day alone")
	}
	switch {
	case p.nth > 0 && o.Freq != rrule.MONTHLY && o.Freq != rrule.YEARLY:
		p.wrong("BYDAY with an ordinal is refused in a %s rule: it wants MONTHLY or YEARLY", o.Freq)
	case p.nth > p.rule.weeks():
		p.wrong("BYDAY counts to %d, but no month has a weekday more than %d times", p.nth, recurrenceWeeksOfMonth)
	case p.nth > 0 && p.has("BYMONTHDAY"):
		p.wrong("BYDAY with an ordinal is refused beside BYMONTHDAY: each names the day alone")
	}
	p.checkPositions()
}

// checkPositions refuses positions of BYSETPOS that not every period has to have, as long as it has
// a day at all: the library would search on and on for them.
func (p *recurrenceReader) checkPositions() {
	o := &p.rule.option
	high := 1
	if !p.has("BYMONTHDAY") && !p.has("BYYEARDAY") && p.nth == 0 {
		high = len(o.Byweekday)
		if o.Freq != rrule.WEEKLY {
			high *= recurrenceFullWeeks
		}
	}
	p.rule.clamp()
	switch {
	case !p.has("BYSETPOS"):
	case o.Freq == rrule.DAILY:
		p.wrong("BYSETPOS is refused in a DAILY rule: there is nothing to pick from in one day")
	case !p.has("BYDAY") && !p.has("BYMONTHDAY") && !p.has("BYYEARDAY"):
		p.wrong("BYSETPOS has nothing to pick from: want BYDAY, BYMONTHDAY or BYYEARDAY with it")
	case len(o.Bysetpos) > recurrenceMaxPositions:
		p.wrong("BYSETPOS has more than %d numbers", recurrenceMaxPositions)
	case slices.ContainsFunc(o.Bysetpos, func(n int) bool { return max(n, -n) > high }):
		p.wrong("BYSETPOS picks what not every period has: beside these parts it wants numbers from 1 to %d or from -1 to -%d", high, high)
	case p.rule.february:
		p.wrong("BYSETPOS is refused beside the 29th or 30th, which February has not: want BYMONTHDAY=28,29 or 28,29,30 or -1")
	}
}

func (p *recurrenceReader) has(name string) bool { return slices.Contains(p.seen, name) }
