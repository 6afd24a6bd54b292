package rules

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What became of obligations is counted as it happens: by commitment, and by the day they were due. So a score of any window
// is the sum of a few tallies, however many obligations are behind it. docs/scores.md says what counts as what.

// class is how an obligation counts: one of the four that scores are made of, or a reason to be left out of them.
type class int32

// The outcomes that count. Those that are left out come behind them, by reason: see leftOut.
const (
	classOnTime class = iota + 1
	classLate
	classCured
	classBroken
	classes = classBroken + class(pb.LeftOutReason_LEFT_OUT_REASON_OPEN) + 1 // one more than the last
)

// leftOut is the outcome of what is left out for a reason.
func leftOut(why pb.LeftOutReason) class { return classBroken + class(why) }

// counts says whether an outcome counts in the promise-kept ratio.
func (o class) counts() bool { return o >= classOnTime && o <= classBroken }

// failed says whether an outcome is a failure, made good or not.
func (o class) failed() bool { return o > classOnTime && o <= classBroken }

// reason is why an outcome is left out; unspecified if it counts.
func (o class) reason() pb.LeftOutReason {
	if o.counts() {
		return pb.LeftOutReason_LEFT_OUT_REASON_UNSPECIFIED
	}
	return pb.LeftOutReason(o - classBroken)
}

// leftOutStates is why obligations in these states are left out. Those in others count, or are open.
var leftOutStates = map[pb.ObligationState]pb.LeftOutReason{
	pb.ObligationState_OBLIGATION_STATE_EXCUSED:        pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED,
	pb.ObligationState_OBLIGATION_STATE_WAIVED:         pb.LeftOutReason_LEFT_OUT_REASON_WAIVED,
	pb.ObligationState_OBLIGATION_STATE_NOT_DETERMINED: pb.LeftOutReason_LEFT_OUT_REASON_NOT_DETERMINED,
	pb.ObligationState_OBLIGATION_STATE_DISCHARGED:     pb.LeftOutReason_LEFT_OUT_REASON_DISCHARGED,
	pb.ObligationState_OBLIGATION_STATE_SUPERSEDED:     pb.LeftOutReason_LEFT_OUT_REASON_SUPERSEDED,
	pb.ObligationState_OBLIGATION_STATE_SUSPENDED:      pb.LeftOutReason_LEFT_OUT_REASON_SUSPENDED,
	pb.ObligationState_OBLIGATION_STATE_DISPUTED:       pb.LeftOutReason_LEFT_OUT_REASON_DISPUTED,
}

// classOf is how an obligation counts. What was broken stays so, submitted anew, paused or disputed, until the beneficiary
// accepts that it is made good or lets it go, or the dispute is settled: nothing that a side does alone betters its figures.
func classOf(o *pb.Obligation) class {
	state := o.GetState()
	for _, was := range [...]struct{ now, before pb.ObligationState }{
		{pb.ObligationState_OBLIGATION_STATE_SUSPENDED, o.GetPriorState()},
		{pb.ObligationState_OBLIGATION_STATE_DISPUTED, o.GetDispute().GetPriorState()},
		{submitted, o.GetSubmission().GetFrom()},
	} {
		if state == was.now && (was.before == submitted && broken(o.GetSubmission().GetFrom()) || broken(was.before)) {
			state = breached
		}
	}
	switch state {
	case fulfilled:
		if o.GetTimeliness() == pb.Timeliness_TIMELINESS_LATE {
			return classLate
		}
		return classOnTime
	case cured:
		return classCured
	case breached, curing, defaulted:
		return classBroken
	}
	if why, left := leftOutStates[state]; left {
		return leftOut(why)
	}
	return leftOut(pb.LeftOutReason_LEFT_OUT_REASON_OPEN)
}

// mark is all that scores know of an obligation. Marks that are equal count alike.
type mark struct {
	day       Day // it was due
	class     class
	toldFirst bool  // a failure that its obligor told of first
	byWord    bool  // fulfilled, and accepted by word
	blocked   bool  // counted or excused, and shifted or excused because of the other side
	mended    bool  // a failure that was made good
	days      int32 // in so many business days
}

// markOf is how an obligation counts. One that has no day counts nowhere.
func markOf(o *pb.Obligation) (m mark, counts bool) {
	day, err := ParseDay(o.GetDueDate())
	if err != nil {
		return mark{}, false
	}
	m = mark{day: day, class: classOf(o)}
	m.toldFirst = m.class.failed() && o.GetDisclosedBy() == o.GetObligor()
	m.byWord = (o.GetState() == fulfilled || o.GetState() == cured) && !o.GetDeemed() && !o.GetImported()
	excused := m.class == leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED)
	m.blocked = (m.class.counts() || excused) && o.GetPrerequisiteBusinessDays() > 0 || excused && o.GetExcuse().GetCausedBy() == Other(o.GetObligor())
	m.mended, m.days = o.MendingBusinessDays != nil, o.GetMendingBusinessDays()
	return m, true
}

// mend notes how long it took to make an obligation good, if it was broken and is so now.
func (s *State) mend(o *pb.Obligation) {
	if is := classOf(o); o.MendingBusinessDays != nil || is != classLate && is != classCured {
		return
	}
	cal, wrong := NewCalendar(s.agreement(o.GetAgreementId()).GetCalendar(), "calendar")
	day, err := ParseDay(o.GetDueDate())
	if wrong != nil || err != nil || o.GetKeptTime() == nil {
		return
	}
	ending := func(at time.Time) Day { return cal.DayAt(at.Add(-1)) } // the instant that ends a day belongs to it
	if o.GetBreachTime() != nil {
		day = ending(o.GetBreachTime().AsTime())
	}
	o.MendingBusinessDays = proto.Int32(int32(max(0, cal.BusinessDaysBetween(day, ending(o.GetKeptTime().AsTime())))))
}

// recount carries a change of an obligation into the tallies of its commitment. One that changes nothing about how it counts
// writes nothing.
func (s *State) recount(before, now *pb.Obligation) {
	was, counted := markOf(before)
	is, counts := markOf(now)
	if counted == counts && was == is {
		return
	}
	if counted {
		s.tally(before.GetAgreementId(), before.GetCommitmentId(), was, -1)
	}
	if counts {
		s.tally(now.GetAgreementId(), now.GetCommitmentId(), is, 1)
	}
}

// tallyRef is a tally of a commitment: of all years (number 0), of a year by months, or of a month (monthNumber) by days.
func tallyRef(agreement, commitment string, number int32) Ref {
	return Ref{Kind: KindTally, Agreement: agreement, ID: commitment, Number: number}
}

// monthNumber is the number of the tally of a month: it is none that a year has.
func monthNumber(year, month int32) int32 { return year*100 + month }

// tally counts an obligation in, or with n -1 out.
func (s *State) tally(agreement, commitment string, m mark, n int32) {
	y, mo, d := m.day.Date()
	year, month := int32(y), int32(mo)
	for _, at := range [...]struct{ number, part int32 }{{0, year}, {year, month}, {monthNumber(year, month), int32(d)}} {
		ref := tallyRef(agreement, commitment, at.number)
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
	days                       map[int32]int32 // how many were made good in how many business days
}

// countsIn is counts as they are stored.
func countsIn(stored *journalv1.Counts) (c counts) {
	c.include(stored)
	return c
}

// count counts an obligation in, or out.
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
	if m.mended {
		c.took(m.days, n)
	}
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
	stored := &journalv1.Counts{Outcomes: slices.Clone(c.outcomes[1:last]), ToldFirst: c.toldFirst, ByWord: c.byWord, Blocked: c.blocked}
	for days, n := range c.days {
		if n != 0 {
			stored.Days = append(stored.Days, &journalv1.DayCount{Days: days, Count: n})
		}
	}
	slices.SortFunc(stored.Days, func(a, b *journalv1.DayCount) int { return cmp.Compare(a.GetDays(), b.GetDays()) })
	return stored
}
