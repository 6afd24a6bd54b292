package rules

import (
	"slices"
	"sort"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A commitment may name others that must be kept first. What one of these was late by the doing of the other side is passed
// on: the obligation that waits for it moves by as many business days, and is excused where that cannot help. Nobody gains by
// their own delay, nor by that of the other side which they did not speak of in time.

// prerequisites carries the end of an obligation on to those that wait for it.
func (d *Decision) prerequisites(o *pb.Obligation, at time.Time) {
	id := o.GetAgreementId()
	var waiting []string
	for _, other := range d.commitmentOf(o).GetDependents() {
		if waitsFor(d.State.commitment(id, other), o.GetCommitmentId()) {
			waiting = append(waiting, other)
		}
	}
	if len(waiting) == 0 || o.GetState() == pb.ObligationState_OBLIGATION_STATE_SUPERSEDED {
		return
	}
	d.cascade(id, &pb.DeferredChange{
		Cause: pb.ChangeCause_CHANGE_CAUSE_PREREQUISITE, EffectiveTime: timestamppb.New(at),
		CommitmentIds: waiting, ObligationId: o.GetObligationId(),
	})
}

// waitsFor says whether a commitment names another one as a prerequisite.
func waitsFor(c *pb.Commitment, prerequisite string) bool {
	return slices.Contains(c.GetTerms().GetPrerequisites(), prerequisite)
}

// carryPrerequisite carries the end of a prerequisite into the open obligations that wait for it. It does nothing to those
// that have moved by as much already.
func carryPrerequisite() carrier {
	return carrier{
		obligations: []pb.ObligationState{scheduled, due, submitted, breached, curing, suspended, disputed},
		obligation: func(d *Decision, change *pb.DeferredChange, o *pb.Obligation) {
			p := d.State.obligation(o.GetAgreementId(), change.GetObligationId())
			if d.prerequisiteOf(o, p.GetCommitmentId()).GetObligationId() == p.GetObligationId() {
				d.passOn(p, o, change.GetEffectiveTime().AsTime())
			}
		},
	}
}

// passOn moves or excuses an obligation by a prerequisite that is closed, at a time. Nothing moves without a notice.
func (d *Decision) passOn(p, o *pb.Obligation, at time.Time) {
	cal := d.calendar(d.State.agreement(o.GetAgreementId()))
	if cal == nil || !noticed(p, o, at) {
		return
	}
	done := cal.DayAt(doneTime(p))
	if d.spared(p, o, done) {
		return
	}
	more := passedOn(p, o, done, cal) - int(o.GetPrerequisiteBusinessDays())
	switch {
	case lost(p, o) && excusable(o):
		d.excuseBy(p, o, at)
	case more <= 0:
	case excusable(o) && d.windowGone(o, more, cal):
		d.excuseBy(p, o, at)
	default:
		d.shiftBy(p, o, more, at)
	}
}

// spared says of an instance of a commitment that brings forth one after the other that the end of a prerequisite does not
// concern it yet: it is due after that, and an instance before it had to wait. What it still lacks then is seen when its own
// time is over.
func (d *Decision) spared(p, o *pb.Obligation, done Day) bool {
	c := d.commitmentOf(o)
	if o.GetRuleDate() == "" || o.GetAgreedDueDate() <= done.String() {
		return false
	}
	before := d.State.obligation(o.GetAgreementId(), obligationID(c, o.GetOrdinal()-1))
	return before.GetAgreedDueDate() >= p.GetAgreedDueDate()
}

// shiftBy moves an obligation by the business days that a prerequisite was late. What was breached meanwhile is DUE again,
// if its new grace period still runs.
func (d *Decision) shiftBy(p, o *pb.Obligation, days int, at time.Time) {
	d.downstream(o, at)
	root := p.GetObligationId()
	if p.GetObligor() == o.GetObligor() { // it was late because another was
		for _, step := range p.GetTrace() {
			if step.GetKind() == pb.DueStepKind_DUE_STEP_KIND_PREREQUISITE {
				root = step.GetSubject()
			}
		}
	}
	moved := d.shift(o, days, &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_PREREQUISITE, Subject: root, CausedBy: Other(o.GetObligor())})
	to := o.GetState()
	if (to == breached || to == curing) && moved.GetGraceEndTime().AsTime().After(at) {
		to, moved.CureEndTime = due, nil
	}
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationShifted{ObligationShifted: &pb.ObligationShifted{
		ObligationId: o.GetObligationId(), Deadlines: moved, To: to, PrerequisiteBusinessDays: o.GetPrerequisiteBusinessDays() + int32(days),
	}}})
	if to == scheduled {
		d.scheduleNext(o.GetAgreementId(), o.GetCommitmentId(), at)
	}
}

// excuseBy lets go of an obligation that cannot be kept any more, because its prerequisite was not, or too late.
func (d *Decision) excuseBy(p, o *pb.Obligation, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationExcused{ObligationExcused: &pb.ObligationExcused{
		ObligationId: o.GetObligationId(), Excuse: &pb.Excuse{CausedBy: Other(o.GetObligor()), ObligationId: p.GetObligationId()},
	}}})
	d.closed(o, at)
}

// prerequisiteOf is the obligation of a commitment that another obligation waits for: the last one that was agreed to be
// due by then. Nil if there is none, or if it has not come forth yet.
func (d *Decision) prerequisiteOf(o *pb.Obligation, commitmentID string) *pb.Obligation {
	id := o.GetAgreementId()
	c := d.State.commitment(id, commitmentID)
	agreed := o.GetAgreedDueDate()
	if c == nil || agreed == "" {
		return nil
	}
	// Days written out sort like days; later ones of a commitment were agreed to be due later.
	n := sort.Search(int(c.GetObligationCount()), func(i int) bool {
		day := d.State.obligation(id, obligationID(c, int32(i+1))).GetAgreedDueDate()
		return day == "" || day > agreed
	})
	if n == 0 || n == int(c.GetObligationCount()) && d.nextDay(c) <= agreed {
		return nil
	}
	return d.State.obligation(id, obligationID(c, int32(n)))
}

// never sorts behind every day.
const never = "never"

// nextDay is the day on which the next obligation of a commitment will be due.
func (d *Decision) nextDay(c *pb.Commitment) string {
	next := d.nextObligation(c.GetAgreementId(), c.GetCommitmentId(), d.stamp.At)
	if next.GetDueDate() == "" {
		return never
	}
	return next.GetDueDate()
}

// passedOn is how many business days an obligation is moved by a prerequisite that is completed on a day. The other side's is
// late from the day it was agreed for, but for what the waiting side caused itself and for pauses that moved both. One's own
// passes on only what it was moved by the other side's delay.
func passedOn(p, o *pb.Obligation, completed Day, cal *Calendar) int {
	if p.GetObligor() == o.GetObligor() {
		return int(p.GetPrerequisiteBusinessDays())
	}
	agreed, err := ParseDay(p.GetAgreedDueDate())
	if err != nil {
		return 0
	}
	late := cal.BusinessDaysBetween(agreed, completed) - int(p.GetPrerequisiteBusinessDays()) - min(paused(p), paused(o))
	return max(late, 0)
}

// paused is how many business days pauses of the agreement have moved an obligation by.
func paused(o *pb.Obligation) (days int) {
	for _, step := range o.GetTrace() {
		if step.GetKind() == pb.DueStepKind_DUE_STEP_KIND_PAUSE {
			days += int(step.GetBusinessDays())
		}
	}
	return days
}

// noticed says whether the delay of a prerequisite counts for an obligation by a time: its obligor told of it, or who waits
// did. Between promises of one side there is nothing to tell.
func noticed(p, o *pb.Obligation, at time.Time) bool {
	return p.GetObligor() == o.GetObligor() || announced(p, at) || slices.ContainsFunc(o.GetReliefNotices(), func(n *pb.ReliefNotice) bool {
		return n.GetObligationId() == p.GetObligationId() && !n.GetTime().AsTime().After(at)
	})
}

// announced says whether the obligor of an obligation has told of its delay by a time.
func announced(p *pb.Obligation, at time.Time) bool {
	return p.GetAdmission() != nil && !p.GetAdmission().GetTime().AsTime().After(at)
}

// lost says whether a prerequisite that is closed will never be kept, by no doing of who waits for it: the other side failed
// it, or one's own was excused because of the other side.
func lost(p, o *pb.Obligation) bool {
	if p.GetObligor() == o.GetObligor() {
		return p.GetState() == excused && p.GetExcuse().GetObligationId() != ""
	}
	return p.GetState() == defaulted || p.GetState() == pb.ObligationState_OBLIGATION_STATE_NOT_DETERMINED
}

// excusable says of an open obligation that it may be excused by rule: nothing was submitted, and nobody disputes it.
func excusable(o *pb.Obligation) bool {
	state := o.GetState()
	if state == suspended {
		state = o.GetPriorState()
	}
	return state == scheduled || state == due || state == breached || state == curing
}

// windowGone says whether it would not help an obligation to be moved by some days: it would be due after the agreement's
// last day, or not before the next of its kind.
func (d *Decision) windowGone(o *pb.Obligation, days int, cal *Calendar) bool {
	day, err := ParseDay(o.GetDueDate())
	if err != nil {
		return false
	}
	day = cal.AddBusinessDays(day, days)
	a, c := d.State.agreement(o.GetAgreementId()), d.commitmentOf(o)
	next := d.State.obligation(o.GetAgreementId(), obligationID(c, o.GetOrdinal()+1)).GetAgreedDueDate()
	if next == "" {
		next = d.nextDay(c)
	}
	past := a.GetEndTime() != nil && !c.GetTerms().GetSurviving() && cal.EndOfDay(day).After(a.GetEndTime().AsTime())
	return past || day.String() >= next
}

// doneTime is when what an obligation promised was done; of one that was closed otherwise, when it was.
func doneTime(o *pb.Obligation) time.Time {
	if o.GetKeptTime() != nil {
		return o.GetKeptTime().AsTime()
	}
	return o.GetCloseTime().AsTime()
}
