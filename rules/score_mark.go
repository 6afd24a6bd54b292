package rules

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// class is how an obligation counts: one of the four that scores are made of, or a reason to be left out of them.
type class int32

// The outcomes that count. Those that are left out come behind them, by reason: see leftOut.
const (
	classOnTime class = iota + 1
	classLate
	classCured
	classBroken
	classes = classBroken + class(pb.LeftOutReason_LEFT_OUT_REASON_NOT_ANSWERED) + 1 // one more than the last
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
// accepts that it is made good or lets it go, or the dispute is settled: its obligor alone does not get it out of the figures.
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

// mark is all that scores know of an obligation, a concern, or one side of a round of the pulse. Marks that are equal count
// alike.
type mark struct {
	day       Day // it was due, or ended
	class     class
	toldFirst bool  // a failure that its obligor told of first
	byWord    bool  // fulfilled, and accepted by word
	blocked   bool  // counted or excused, and shifted or excused because of the other side
	timed     bool  // a failure that was made good, or a concern that was heard
	days      int32 // in so many business days
	answers   int32 // of the side
	ofOther   int32 // the sum of its ratings of the other side, each less 1
	ofSelf    int32 // and of its own
}

// marked is a mark, and the tally that it counts in: a commitment's id, or a sideTally. Without one it counts nowhere.
type marked struct {
	id string
	mark
}

func (m marked) counts() bool { return m.id != "" }

// What sides have tallies of: what a side said in rounds of the pulse, and the concerns that it was to answer. No commitment
// has such an id.
const (
	pulseTally   = "~pulse-"
	concernTally = "~concern-"
)

// sideTally is the id of a side's tallies of something.
func sideTally(of string, side pb.Side) string { return of + strconv.Itoa(int(side)) }

// marksOf is how a record counts: once at most, or a round of the pulse for each side.
func marksOf(m proto.Message) (all [2]marked) {
	switch r := m.(type) {
	case *pb.Obligation:
		all[0] = markOf(r)
	case *pb.PulseRound:
		all[0] = pulseMark(r, pb.Side_SIDE_VENDOR, r.GetResult().GetVendor())
		all[1] = pulseMark(r, pb.Side_SIDE_CLIENT, r.GetResult().GetClient())
	case *pb.Concern:
		all[0] = concernMark(r)
	}
	return all
}

// markOf is how an obligation counts. One that has no day counts nowhere.
func markOf(o *pb.Obligation) (m marked) {
	day, err := ParseDay(o.GetDueDate())
	if err != nil {
		return m
	}
	m.id, m.day, m.class = o.GetCommitmentId(), day, classOf(o)
	m.toldFirst = m.class.failed() && o.GetDisclosedBy() == o.GetObligor()
	m.byWord = (o.GetState() == fulfilled || o.GetState() == cured) && !o.GetDeemed() && !o.GetImported()
	excused := m.class == leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED)
	m.blocked = (m.class.counts() || excused) && o.GetPrerequisiteBusinessDays() > 0 || excused && o.GetExcuse().GetCausedBy() == Other(o.GetObligor())
	m.timed, m.days = o.MendingBusinessDays != nil, o.GetMendingBusinessDays()
	return m
}

// pulseMark is how one side of a round counts, on the day it closed.
func pulseMark(r *pb.PulseRound, side pb.Side, said *pb.PulseSum) (m marked) {
	day, err := ParseDay(r.GetCloseDate())
	if err != nil || r.GetState() != pulseClosed {
		return m
	}
	m.id, m.day, m.class = sideTally(pulseTally, side), day, leftOut(pb.LeftOutReason_LEFT_OUT_REASON_NOT_ANSWERED)
	if n := said.GetRespondents(); n > 0 {
		m.class, m.answers = classOnTime, n
		m.ofOther, m.ofSelf = points(said.GetOfOther(), n), points(said.GetOfSelf(), n)
	}
	return m
}

// concernMark is how a concern counts for the side that is to answer it, on the last day that it can do so in time: as kept if
// it did, and as broken if it did not, later or never.
func concernMark(c *pb.Concern) (m marked) {
	day, err := ParseDay(c.GetResponseEndDate())
	if err != nil {
		return m
	}
	m.id, m.day, m.class = sideTally(concernTally, c.GetRespondent()), day, leftOut(pb.LeftOutReason_LEFT_OUT_REASON_CLOCK_RUNS)
	switch {
	case c.GetResponseMissed():
		m.class = classBroken
	case c.GetAcknowledgeTime() != nil:
		m.class = classOnTime
	}
	m.timed, m.days = c.ResponseBusinessDays != nil, c.GetResponseBusinessDays()
	return m
}

// answeredAfter notes how long it took to acknowledge a concern that has a clock.
func (s *State) answeredAfter(c *pb.Concern) {
	cal, wrong := NewCalendar(s.agreement(c.GetAgreementId()).GetCalendar(), "calendar")
	if wrong != nil || c.GetResponseEndDate() == "" {
		return
	}
	days := cal.BusinessDaysBetween(cal.DayAt(c.GetCreateTime().AsTime()), cal.DayAt(c.GetAcknowledgeTime().AsTime()))
	c.ResponseBusinessDays = proto.Int32(int32(max(0, days)))
}

// pulseQuestions is how many questions are asked; pulseSpan is how far the best rating is from the worst.
const (
	pulseQuestions = 5
	pulseSpan      = 4
)

// points is the sum of ratings, each less 1, of so many people.
func points(r *pb.RatingSums, people int32) int32 {
	return r.GetTrust() + r.GetCommunication() + r.GetFairness() + r.GetFocus() + r.GetWouldRenew() - people*pulseQuestions
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
	if o.GetBreachTime() != nil {
		day = cal.lastDay(o.GetBreachTime().AsTime())
	}
	o.MendingBusinessDays = proto.Int32(int32(max(0, cal.BusinessDaysBetween(day, cal.lastDay(o.GetKeptTime().AsTime())))))
}

// lastDay is the day that an instant belongs to; the one that ends a day belongs to that.
func (c *Calendar) lastDay(at time.Time) Day { return c.DayAt(at.Add(-1)) }

// dayOf is the day of an instant by the calendar that an agreement has now; empty if it has none.
func (s *State) dayOf(agreementID string, at time.Time) string {
	cal, wrong := NewCalendar(s.agreement(agreementID).GetCalendar(), "calendar")
	if wrong != nil {
		return ""
	}
	return cal.lastDay(at).String()
}
