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
	parts := func(id string, number int32) []*journalv1.TallyPart {
		return get[*journalv1.Tally](s, tallyRef(agreementID, id, number)).GetParts()
	}
	return func(id string, w window) (c counts) {
		// Years and months are told apart as numbers: dates are dear, and this is asked for each month of a trend.
		first, last := monthOf(w.from), monthOf(w.to)
		fromFirst, toLast := w.from == monthStart(first), w.to+1 == monthStart(last+1) // whether the months at its ends are whole
		for _, year := range parts(id, 0) {
			y := year.GetNumber()
			switch {
			case y < first/12 || y > last/12:
				continue
			case y > first/12 && y < last/12:
				c.include(year.GetCounts())
				continue
			}
			for _, month := range parts(id, y) {
				m := y*12 + month.GetNumber() - 1
				switch {
				case m < first || m > last:
					continue
				case (m > first || fromFirst) && (m < last || toLast):
					c.include(month.GetCounts())
					continue
				}
				for _, day := range parts(id, monthNumber(y, month.GetNumber())) {
					if w.has(monthStart(m) + Day(day.GetNumber()) - 1) {
						c.include(day.GetCounts())
					}
				}
			}
		}
		return c
	}
}

// monthOf is the month that a day is in, counted from the year 0.
func monthOf(d Day) int32 {
	y, m, _ := d.Date()
	return int32(y)*12 + int32(m) - 1
}

// monthStart is the first day of a month.
func monthStart(month int32) Day { return DayOf(int(month/12), time.Month(month%12+1), 1) }

// folded is the ledger of obligations and all else itself, by which an auditor holds the tallies to account: of all that the state
// knows, as it is once a history was replayed.
func (s *State) folded(agreementID string) ledger {
	marks := map[string][]mark{}
	for ref, m := range s.Records() {
		if ref.Agreement != agreementID {
			continue
		}
		for _, m := range marksOf(m) {
			if m.counts() {
				marks[m.id] = append(marks[m.id], m.mark)
			}
		}
	}
	return func(id string, w window) (c counts) {
		for _, m := range marks[id] {
			if w.has(m.day) {
				c.count(m, 1)
			}
		}
		return c
	}
}
