package rules

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A pause stops the clocks of what is owed, and moves them by the business days that it took. It begins and ends by both
// sides together, through a proposal, or by a right that the terms give to one; only the same cause ends it.

// suspendAgreement pauses an agreement by the right of one side.
func (d *Decision) suspendAgreement(c *pb.SuspendAgreementRequest) error {
	a, side, refused := d.onAgreement(c.GetAgreementId(), "suspend")
	if refused != nil {
		return refused
	}
	if e := d.gives(a, side, c.GetRightId()); e != nil {
		return e
	}
	if e := refuseSettling(a); e != nil {
		return e
	}
	d.suspend(a.GetAgreementId(), d.stamp.At, &pb.AgreementSuspended{
		Cause: pb.SuspensionCause_SUSPENSION_CAUSE_RIGHT, Side: side, RightId: c.GetRightId(), Reason: c.GetReason(),
	})
	d.answer(agreementRef(a.GetAgreementId()))
	return nil
}

// resumeAgreement ends a pause that one side began by its right.
func (d *Decision) resumeAgreement(c *pb.ResumeAgreementRequest) error {
	a, side, refused := d.onAgreement(c.GetAgreementId(), "resume")
	if refused != nil {
		return refused
	}
	if e := sameCause(a, side); e != nil {
		return e
	}
	if e := refuseSettling(a); e != nil {
		return e
	}
	d.resume(a.GetAgreementId(), d.stamp.At, &pb.AgreementResumed{Side: side, Reason: c.GetReason()})
	d.answer(agreementRef(a.GetAgreementId()))
	return nil
}

// onAgreement reads the agreement a command names, as time has left it, and refuses what its life cycle, or a stale etag,
// does.
func (d *Decision) onAgreement(agreementID, verb string) (*pb.Agreement, pb.Side, *Error) {
	a, side, refused := d.seen(agreementID)
	if refused != nil {
		return nil, side, refused
	}
	if e := move(AgreementMoves, "agreement", a.GetState(), verb, toAgreement(side)); e != nil {
		e.Subject = "agreements/" + agreementID
		return nil, side, e
	}
	if e := d.matchEtag(a.GetEtag()); e != nil {
		return nil, side, e
	}
	return a, side, nil
}

// gives refuses a side a right that the terms do not give it.
func (d *Decision) gives(a *pb.Agreement, side pb.Side, rightID string) *Error {
	body := get[*pb.Revision](d.State, revisionRef(a.GetAgreementId(), a.GetRevision())).GetBody()
	own := []string{}
	for _, r := range termsOf(body).GetSuspensionRights() {
		switch {
		case r.GetSide() != side:
		case r.GetRightId() == rightID:
			return nil
		default:
			own = append(own, r.GetRightId())
		}
	}
	has := "it has none; propose to suspend the agreement together"
	if len(own) > 0 {
		has = "it has " + strings.Join(own, ", ")
	}
	return refuseGuard("agreement", "suspend", heldRight, "The terms give the %s no right %q to suspend the agreement: %s.", sideWord(side), rightID, has)
}

// sameCause refuses a side to end a pause that it did not begin.
func sameCause(a *pb.Agreement, side pb.Side) *Error {
	s := a.GetSuspension()
	switch {
	case s == nil:
		return refuseGuard("agreement", "resume", sameRight, "The agreement is not suspended.")
	case s.GetCause() == pb.SuspensionCause_SUSPENSION_CAUSE_BOTH:
		return refuseGuard("agreement", "resume", sameRight, "Both sides suspended the agreement, and only both resume it: propose to.")
	case s.GetSide() != side:
		return refuseGuard("agreement", "resume", sameRight, "The %s suspended the agreement by its right %s, and it alone resumes it.", sideWord(s.GetSide()), s.GetRightId())
	}
	return nil
}

// suspend begins the pause of an agreement that s tells of.
func (d *Decision) suspend(agreementID string, at time.Time, s *pb.AgreementSuspended) {
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_AgreementSuspended{AgreementSuspended: s}})
	d.cascade(agreementID, &pb.DeferredChange{Cause: pb.ChangeCause_CHANGE_CAUSE_SUSPENDED, EffectiveTime: timestamppb.New(at)})
}

// resume ends the pause of an agreement, as r tells.
func (d *Decision) resume(agreementID string, at time.Time, r *pb.AgreementResumed) {
	r.StartTime = d.State.agreement(agreementID).GetSuspension().GetStartTime()
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_AgreementResumed{AgreementResumed: r}})
	d.cascade(agreementID, &pb.DeferredChange{
		Cause: pb.ChangeCause_CHANGE_CAUSE_RESUMED, EffectiveTime: timestamppb.New(at),
		PauseStartTime: r.GetStartTime(), PauseEndTime: timestamppb.New(at),
	})
}

// carrySuspended carries a pause on: nothing comes up, and no clock runs. What is disputed is left alone: its clocks stand
// still already.
func carrySuspended() carrier {
	return carrier{
		commitments: []pb.CommitmentState{dormant, inForce},
		obligations: []pb.ObligationState{scheduled, due, submitted, breached, curing},
		commitment: func(d *Decision, change *pb.DeferredChange, _ Ref, c *pb.Commitment) {
			d.suspendCommitment(c, change.GetEffectiveTime().AsTime())
		},
		obligation: func(d *Decision, change *pb.DeferredChange, o *pb.Obligation) {
			d.suspendObligation(o, change.GetEffectiveTime().AsTime())
		},
	}
}

func (d *Decision) suspendCommitment(c *pb.Commitment, at time.Time) {
	d.emitClock(c.GetAgreementId(), at, &pb.Event{Change: &pb.Event_CommitmentSuspended{
		CommitmentSuspended: &pb.CommitmentSuspended{CommitmentId: c.GetCommitmentId(), From: c.GetState()},
	}})
}

func (d *Decision) suspendObligation(o *pb.Obligation, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationSuspended{
		ObligationSuspended: &pb.ObligationSuspended{ObligationId: o.GetObligationId(), PriorState: o.GetState()},
	}})
}

// carryResumed carries the end of a pause on. The rule of a commitment goes on from the day it ended: what would have
// fallen due in between is not owed.
func carryResumed() carrier {
	return carrier{
		commitments: []pb.CommitmentState{resting},
		obligations: []pb.ObligationState{suspended},
		commitment: func(d *Decision, change *pb.DeferredChange, _ Ref, c *pb.Commitment) {
			d.resumeCommitment(c, change.GetPauseEndTime().AsTime())
		},
		obligation: func(d *Decision, change *pb.DeferredChange, o *pb.Obligation) {
			d.resumeObligation(o, change.GetPauseStartTime().AsTime(), change.GetPauseEndTime().AsTime())
		},
	}
}

// resumeCommitment ends the pause of a commitment. What was ahead of it moves with the pause; if it was let go meanwhile,
// the next comes forth now.
func (d *Decision) resumeCommitment(c *pb.Commitment, at time.Time) {
	id := c.GetAgreementId()
	cal := d.calendar(d.State.agreement(id))
	if cal == nil {
		return
	}
	to := c.GetPriorState()
	if c.GetRemedyOf() != "" && c.GetOpenObligationCount() > 0 {
		to = inForce // by a miss that was settled during the pause
	}
	d.emitClock(id, at, &pb.Event{Change: &pb.Event_CommitmentResumed{CommitmentResumed: &pb.CommitmentResumed{
		CommitmentId: c.GetCommitmentId(), To: to, WordsFromDate: cal.DayAt(at).String(),
	}}})
	d.asClock(func() {
		if to == dormant && c.GetObligationCount() == 0 { // it was agreed during the pause
			d.enterIntoForce(d.State.commitment(id, c.GetCommitmentId()), at)
			return
		}
		d.scheduleNext(id, c.GetCommitmentId(), at)
		d.endIfDone(id, c.GetCommitmentId(), at)
		d.rest(id, c.GetCommitmentId(), at)
	})
}

// resumeObligation ends the pause of an obligation: it is what it was, and its clocks have moved. One that was restored from
// a dispute meanwhile was paused only since then: the dispute has moved them already.
func (d *Decision) resumeObligation(o *pb.Obligation, start, end time.Time) {
	if settled := o.GetDispute().GetSettleTime(); settled != nil && settled.AsTime().After(start) {
		start = settled.AsTime()
	}
	d.emitClock(o.GetAgreementId(), end, &pb.Event{Change: &pb.Event_ObligationResumed{ObligationResumed: &pb.ObligationResumed{
		ObligationId: o.GetObligationId(), To: o.GetPriorState(),
		Deadlines: d.afterPause(o, o.GetPriorState(), start, end, pb.DueStepKind_DUE_STEP_KIND_PAUSE),
	}}})
	d.scheduleNext(o.GetAgreementId(), o.GetCommitmentId(), end)
}

// afterPause is the clocks of an obligation that stood still from start to end, in the state that it goes on in: moved by
// the business days of the pause. Those that were over stay, so that what was late is not in time by a later pause; and those
// that stand still for a review are set when that is over. The clock that runs then never ends within the pause: one that
// would, because the pause ended on a day off, has the next business day too. Nil: nothing moves.
func (d *Decision) afterPause(o *pb.Obligation, to pb.ObligationState, start, end time.Time, kind pb.DueStepKind) *pb.Deadlines {
	moved := d.movedBy(o, to, start, end, kind)
	switch to {
	case submitted:
		return &pb.Deadlines{ReviewEndTime: moved.GetReviewEndTime()}
	case breached, curing:
		if over := !o.GetGraceEndTime().AsTime().After(start); over { // else it was admitted before
			if moved.GetStep() != nil {
				moved.Step.Date = o.GetDueDate() // it is told all the same: the pause is no delay of what others wait for
			}
			return &pb.Deadlines{CureEndTime: moved.GetCureEndTime(), Step: moved.GetStep()}
		}
	}
	return moved
}

// movedBy is all clocks of an obligation moved by a pause.
func (d *Decision) movedBy(o *pb.Obligation, to pb.ObligationState, start, end time.Time, kind pb.DueStepKind) *pb.Deadlines {
	cal := d.calendar(d.State.agreement(o.GetAgreementId()))
	if cal == nil {
		return nil
	}
	k := cal.BusinessDaysBetween(cal.DayAt(start), cal.DayAt(end))
	moved := d.shift(o, k, &pb.DueStep{Kind: kind})
	then := proto.CloneOf(o)
	then.State = to
	setDeadlines(then, moved)
	runs, any := WakeTime(then)
	switch {
	case to == scheduled && any && runs.Before(end):
		if then.GetDueTime() != nil && !then.GetDueTime().AsTime().After(end) {
			moved = d.shift(o, k+1, &pb.DueStep{Kind: kind})
		}
		moved.LeadStartTime = timestamppb.New(end)
		return moved
	case to != scheduled && any && !runs.After(end):
		return d.shift(o, k+1, &pb.DueStep{Kind: kind})
	case k == 0:
		return nil
	}
	return moved
}

// checkRights lists rights to suspend that cannot be told apart.
func checkRights(t *pb.Terms, field string) (wrong []Violation) {
	seen := map[string]bool{}
	for i, r := range t.GetSuspensionRights() {
		if seen[r.GetRightId()] {
			wrong = append(wrong, Violation{fmt.Sprintf("%s.suspension_rights[%d].right_id", field, i), "another right has the id \"" + r.GetRightId() + "\""})
		}
		seen[r.GetRightId()] = true
	}
	return wrong
}
