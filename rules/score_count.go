package rules

import (
	"slices"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// What became of obligations is counted as it happens: by commitment, and by the day they were due. So a score of any window
// is the sum of a few tallies, however many obligations are behind it. docs/scores.md says what counts as what.

// tallyRef is a tally of a commitment, or of a sideTally: of all years (number 0), of a year by months, or of a month (monthNumber) by days.
func tallyRef(agreement, id string, number int32) Ref {
	return Ref{Kind: KindTally, Agreement: agreement, ID: id, Number: number}
}

// monthNumber is the number of the tally of a month: it is none that a year has.
func monthNumber(year, month int32) int32 { return year*100 + month }

// recount carries a change of a record into the tallies. One that changes nothing about how it counts writes nothing.
func (s *State) recount(agreement string, before, now proto.Message) {
	was, is := marksOf(before), marksOf(now)
	if was == is {
		return
	}
	for i := range was {
		if was[i] == is[i] {
			continue
		}
		if was[i].counts() {
			s.tally(agreement, was[i].id, was[i].mark, -1)
		}
		if is[i].counts() {
			s.tally(agreement, is[i].id, is[i].mark, 1)
		}
	}
}

// tally counts a mark in, or with n -1 out.
func (s *State) tally(agreement, id string, m mark, n int32) {
	y, mo, d := m.day.Date()
	year, month := int32(y), int32(mo)
	for _, at := range [...]struct{ number, part int32 }{{0, year}, {year, month}, {monthNumber(year, month), int32(d)}} {
		ref := tallyRef(agreement, id, at.number)
		cells := slices.Clone(get[*journalv1.Tally](s, ref).GetCells()) // the old record keeps its own
		m.cells(func(what, many int32) { cells = addCell(cells, at.part, what, n*many) })
		s.Put(ref, &journalv1.Tally{Cells: cells})
	}
}

// cellSize is how many numbers a cell of a tally is: a part, what is counted, and how many.
const cellSize = 3

// addCell adds to what is counted in a part.
func addCell(cells []int32, part, what, n int32) []int32 {
	i := 0
	for i+cellSize <= len(cells) && (cells[i] < part || cells[i] == part && cells[i+1] < what) {
		i += cellSize
	}
	switch {
	case n == 0:
	case i+cellSize > len(cells) || cells[i] != part || cells[i+1] != what:
		return slices.Insert(cells, i, part, what, n)
	case cells[i+2]+n == 0:
		return slices.Delete(cells, i, i+cellSize)
	default:
		cells[i+2] += n
	}
	return cells
}

// What is counted beside classes, which have their own numbers.
const (
	cellToldFirst int32 = iota + 40
	cellByWord
	cellBlocked
	cellAnswers
	cellOfOther
	cellOfSelf
	cellDays = 100 // and in so many business days
)

// cells is what a mark counts, and how much.
func (m mark) cells(count func(what, many int32)) {
	count(int32(m.class), 1)
	for _, is := range [...]struct {
		so   bool
		what int32
	}{{m.toldFirst, cellToldFirst}, {m.byWord, cellByWord}, {m.blocked, cellBlocked}, {m.timed, cellDays + m.days}} {
		if is.so {
			count(is.what, 1)
		}
	}
	count(cellAnswers, m.answers)
	count(cellOfOther, m.ofOther)
	count(cellOfSelf, m.ofSelf)
}

// counts is how many of each there are.
type counts struct {
	outcomes                   [classes]int32
	toldFirst, byWord, blocked int32
	answers, ofOther, ofSelf   int32
	days                       map[int32]int32 // how many were made good, or heard, in how many business days
}

// count counts a mark.
func (c *counts) count(m mark) { m.cells(c.include) }

// include counts so many.
func (c *counts) include(what, many int32) {
	switch {
	case what >= cellDays:
		c.took(what-cellDays, many)
	case what == cellToldFirst:
		c.toldFirst += many
	case what == cellByWord:
		c.byWord += many
	case what == cellBlocked:
		c.blocked += many
	case what == cellAnswers:
		c.answers += many
	case what == cellOfOther:
		c.ofOther += many
	case what == cellOfSelf:
		c.ofSelf += many
	case what > 0 && what < int32(len(c.outcomes)):
		c.outcomes[what] += many
	}
}

func (c *counts) took(days, n int32) {
	if c.days == nil {
		c.days = map[int32]int32{}
	}
	c.days[days] += n
}
