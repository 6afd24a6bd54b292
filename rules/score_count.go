package rules

import (
	"cmp"
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
		parts := slices.Clone(get[*journalv1.Tally](s, ref).GetParts()) // its parts belong to the old record, too
		i, found := slices.BinarySearchFunc(parts, at.part, func(p *journalv1.TallyPart, part int32) int { return cmp.Compare(p.GetNumber(), part) })
		if !found {
			parts = slices.Insert(parts, i, &journalv1.TallyPart{})
		}
		c := countsIn(parts[i].GetCounts())
		c.count(m, n)
		if parts[i] = (&journalv1.TallyPart{Number: at.part, Counts: c.stored()}); proto.Size(parts[i].Counts) == 0 {
			parts = slices.Delete(parts, i, i+1)
		}
		s.Put(ref, &journalv1.Tally{Parts: parts})
	}
}

// counts is how many of each there are.
type counts struct {
	outcomes                   [classes]int32
	toldFirst, byWord, blocked int32
	answers, ofOther, ofSelf   int32
	days                       map[int32]int32 // how many were made good, or heard, in how many business days
}

// countsIn is counts as they are stored.
func countsIn(stored *journalv1.Counts) (c counts) {
	c.include(stored)
	return c
}

// count counts a mark in, or with n -1 out.
func (c *counts) count(m mark, n int32) {
	c.outcomes[m.class] += n
	for _, is := range [...]struct {
		so bool
		of *int32
	}{{m.toldFirst, &c.toldFirst}, {m.byWord, &c.byWord}, {m.blocked, &c.blocked}} {
		if is.so {
			*is.of += n
		}
	}
	if m.timed {
		c.took(m.days, n)
	}
	c.answers += n * m.answers
	c.ofOther += n * m.ofOther
	c.ofSelf += n * m.ofSelf
}

func (c *counts) took(days, n int32) {
	if c.days == nil {
		c.days = map[int32]int32{}
	}
	c.days[days] += n
}

// include adds what is stored.
func (c *counts) include(stored *journalv1.Counts) {
	for i, n := range stored.GetOutcomes() {
		if i+1 < len(c.outcomes) {
			c.outcomes[i+1] += n
		}
	}
	c.toldFirst += stored.GetToldFirst()
	c.byWord += stored.GetByWord()
	c.blocked += stored.GetBlocked()
	c.answers += stored.GetAnswers()
	c.ofOther += stored.GetPointsOfOther()
	c.ofSelf += stored.GetPointsOfSelf()
	for _, d := range stored.GetDays() {
		c.took(d.GetDays(), d.GetCount())
	}
}

// stored is counts as they are stored: what is 0 is left out, so that a tally of nothing is empty.
func (c *counts) stored() *journalv1.Counts {
	last := len(c.outcomes)
	for last > 1 && c.outcomes[last-1] == 0 {
		last--
	}
	stored := &journalv1.Counts{
		Outcomes: slices.Clone(c.outcomes[1:last]), ToldFirst: c.toldFirst, ByWord: c.byWord, Blocked: c.blocked,
		Answers: c.answers, PointsOfOther: c.ofOther, PointsOfSelf: c.ofSelf,
	}
	for days, n := range c.days {
		if n != 0 {
			stored.Days = append(stored.Days, &journalv1.DayCount{Days: days, Count: n})
		}
	}
	slices.SortFunc(stored.Days, func(a, b *journalv1.DayCount) int { return cmp.Compare(a.GetDays(), b.GetDays()) })
	return stored
}
