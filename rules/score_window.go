package rules

import (
	"time"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// window is the days that a score is about: obligations due from the first to the last.
type window struct{ from, to Day }

// meets says whether two windows have a day in common.
func (w window) meets(o window) bool { return w.from <= o.to && o.from <= w.to }

// has says whether a day is in it.
func (w window) has(d Day) bool { return w.from <= d && d <= w.to }

// scoreWindow is the window that was asked for: from the first day of the agreement if it does not say, and never beyond the
// day that it is, since what is due later has no outcome yet.
func scoreWindow(from, to string, first, today Day) (window, error) {
	w := window{first, today}
	var wrong []Violation
	read := func(field, text string, into *Day) {
		if text == "" {
			return
		}
		day, err := ParseDay(text)
		if err != nil {
			wrong = append(wrong, Violation{field, err.Error()})
			return
		}
		*into = day
	}
	read("from_date", from, &w.from)
	read("to_date", to, &w.to)
	switch {
	case wrong != nil:
		return w, Invalid(wrong...)
	case from != "" && w.from > today:
		return w, Invalid(Violation{"from_date", "it lies ahead: it is " + today.String() + ", and what is due later has no outcome yet"})
	case w.to < w.from && to != "":
		return w, Invalid(Violation{"to_date", "it is before the window begins, which is on " + w.from.String()})
	}
	w.to = min(w.to, today)
	w.from = min(w.from, w.to) // of an agreement that is to begin yet, today
	return w, nil
}

// ledger tells how what has an id counts in a window: the obligations of a commitment that were due, or what a sideTally is of.
type ledger func(id string, w window) counts

// tallied is the ledger that the tallies of an agreement are: it reads a few records, however long the window is.
func (s *State) tallied(agreementID string) ledger {
	cells := func(id string, number int32) []int32 {
		return get[*journalv1.Tally](s, tallyRef(agreementID, id, number)).GetCells()
	}
	return func(id string, w window) (c counts) {
		// Years and months are told apart as numbers: dates are dear, and this is asked for each month of a trend.
		first, last := monthOf(w.from), monthOf(w.to)
		fromFirst, toLast := w.from == monthStart(first), w.to+1 == monthStart(last+1) // whether the months at its ends are whole
		months := func(year int32) {
			at := year*12 - 1
			c.within(cells(id, year), func(month int32) cover {
				switch m := at + month; {
				case m < first || m > last:
					return outside
				case (m > first || fromFirst) && (m < last || toLast):
					return inside
				}
				return partly
			}, func(month int32) {
				before := monthStart(at+month) - 1
				c.within(cells(id, monthNumber(year, month)), func(day int32) cover {
					if w.has(before + Day(day)) {
						return inside
					}
					return outside
				}, nil)
			})
		}
		c.within(cells(id, 0), func(year int32) cover {
			switch {
			case year < first/12 || year > last/12:
				return outside
			case year > first/12 && year < last/12:
				return inside
			}
			return partly
		}, months)
		return c
	}
}

// cover says how much of a part of a tally is in a window.
type cover int

const (
	outside cover = iota
	partly
	inside
)

// within counts the parts of a tally that are inside; those that are so partly it has looked into, each once.
func (c *counts) within(cells []int32, covered func(part int32) cover, lookInto func(part int32)) {
	is, of := outside, int32(-1)
	for ; len(cells) >= cellSize; cells = cells[cellSize:] {
		if cells[0] != of {
			of = cells[0]
			if is = covered(of); is == partly {
				lookInto(of)
			}
		}
		if is == inside {
			c.include(cells[1], cells[2])
		}
	}
}

// monthOf is the month that a day is in, counted from the year 0.
func monthOf(d Day) int32 {
	y, m, _ := d.Date()
	return int32(y)*12 + int32(m) - 1
}

// monthStart is the first day of a month.
func monthStart(month int32) Day { return DayOf(int(month/12), time.Month(month%12+1), 1) }

// marking are the kinds of records that have marks. Others are not looked at, so that a history of thousands of reviews, whose
// scorecards an auditor reckons one by one, does not keep one busy with reviews.
var marking = map[Kind]bool{KindObligation: true, KindConcern: true, KindPulseRound: true}

// folded is the ledger of obligations and all else itself, by which an auditor holds the tallies to account: of all that the state
// knows, as it is once a history was replayed.
func (s *State) folded(agreementID string) ledger {
	marks := map[string][]mark{}
	for _, r := range s.records.slots { // in any order: marks are only counted
		if r.key.Agreement != agreementID || r.value.now == nil || !marking[r.key.Kind] {
			continue
		}
		for _, m := range marksOf(r.value.now) {
			if m.counts() {
				marks[m.id] = append(marks[m.id], m.mark)
			}
		}
	}
	return func(id string, w window) (c counts) {
		for _, m := range marks[id] {
			if w.has(m.day) {
				c.count(m)
			}
		}
		return c
	}
}
