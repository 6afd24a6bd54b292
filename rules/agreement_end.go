package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// terminateAgreement ends an agreement for cause: by the side that a material promise was broken to.
func (d *Decision) terminateAgreement(c *pb.TerminateAgreementRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	o := d.obligationNow(a.GetAgreementId(), c.GetObligationId())
	if o == nil {
		return NotFound("obligation", c.GetObligationId())
	}
	if e := move(AgreementMoves, "agreement", a.GetState(), "terminate", toObligation(o, side)); e != nil {
		e.Subject = "agreements/" + a.GetAgreementId()
		return e
	}
	if e := d.matchEtag(a.GetEtag()); e != nil {
		return e
	}
	if e := d.cause(o); e != nil {
		return e
	}
	if e := refuseSettling(a); e != nil {
		return e
	}
	d.end(a, d.stamp.At, &pb.AgreementEnded{
		To: pb.AgreementState_AGREEMENT_STATE_TERMINATED, Cause: pb.AgreementEndCause_AGREEMENT_END_CAUSE_CAUSE,
		Side: side, ObligationId: o.GetObligationId(), Reason: c.GetReason(),
	})
	d.answer(agreementRef(a.GetAgreementId()))
	return nil
}

// cause refuses an obligation that is no cause to terminate its agreement, or not yet: its obligor may still be making it
// good, or another of the same commitment.
func (d *Decision) cause(o *pb.Obligation) *Error {
	id := o.GetAgreementId()
	c := d.commitmentOf(o)
	var e *Error
	switch {
	case o.GetState() == breached || o.GetState() == curing:
		return cureRuns(o)
	case o.GetState() != defaulted:
		e = refuseGuard("agreement", "terminate", heldCause, "Obligation %s is %s; only one that is DEFAULTED is a cause.", o.GetObligationId(), word(o.GetState()))
	case o.GetImported():
		e = refuseGuard("agreement", "terminate", heldCause, "Obligation %s is of the past that the agreement came with: both sides knew of it when they agreed.", o.GetObligationId())
	case !c.GetTerms().GetMaterial():
		e = refuseGuard("agreement", "terminate", heldCause, "Commitment %s is not material. Give notice, or propose an early end.", c.GetCommitmentId())
	default:
		return d.cureOf(c)
	}
	e.Subject = "agreements/" + id + "/obligations/" + o.GetObligationId()
	return e
}

// cureOf refuses while the cure period of any obligation of a commitment runs.
func (d *Decision) cureOf(c *pb.Commitment) *Error {
	id := c.GetAgreementId()
	if e := d.allPass(id, d.stamp.At, c); e != nil {
		return e
	}
	for _, o := range d.State.Obligations(id, c.GetCommitmentId(), []pb.ObligationState{breached, curing}, "", 1) {
		return cureRuns(o)
	}
	return nil
}

func cureRuns(o *pb.Obligation) *Error {
	until := o.GetCureEndTime().AsTime().UTC().Format(time.RFC3339)
	e := Refuse(pb.ErrorReason_ERROR_REASON_CURE_PERIOD_RUNS, "Obligation %s can still be made good until %s.", o.GetObligationId(), until)
	e.Rule, e.Subject = "agreement terminate: "+heldCause, "agreements/"+o.GetAgreementId()+"/obligations/"+o.GetObligationId()
	e.Metadata = map[string]string{"until": until, "obligation_id": o.GetObligationId()}
	return e
}

// allPass has time pass up to an instant for all that is open of commitments. It refuses what asks for that while the clock
// is so far behind that one decision does not hold it all.
func (d *Decision) allPass(agreementID string, at time.Time, commitments ...*pb.Commitment) *Error {
	done := true
	d.withRoom(func() {
		for _, c := range commitments {
			done = done && d.comeUpBefore(commitmentRef(agreementID, c.GetCommitmentId()), at.Add(time.Nanosecond))
		}
	})
	if done {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "The clock is behind with this agreement. Try again in a moment.")
	e.Subject, e.Metadata = "agreements/"+agreementID, map[string]string{"limit": "changes at a time"}
	return e
}

// living is all commitments of an agreement that time can still change anything about. Amendments may have ended any number of
// others.
func (d *Decision) living(agreementID string) (found []*pb.Commitment) {
	for after := Place(""); ; {
		page := d.State.Commitments(agreementID, nil, after, scoredPage)
		for _, c := range page {
			if after = PlaceOf(c); c.GetState() != ended || c.GetOpenObligationCount() > 0 {
				found = append(found, c)
			}
		}
		if len(page) < scoredPage {
			return found
		}
	}
}

// completable refuses to complete an agreement of which something is open.
func (d *Decision) completable(a *pb.Agreement, _ consent, at time.Time) *Error {
	id := a.GetAgreementId()
	if e := d.allPass(id, at, d.living(id)...); e != nil {
		return e
	}
	for _, o := range d.State.Obligations(id, "", []pb.ObligationState{due, submitted, breached, curing, suspended, disputed}, "", 1) {
		e := refuseGuard("agreement", "complete", nothingOpen, "Obligation %s is %s. Answer for what is open first, or release it.", o.GetObligationId(), word(o.GetState()))
		e.Subject, e.Metadata = "agreements/"+id+"/obligations/"+o.GetObligationId(), map[string]string{"obligation_id": o.GetObligationId()}
		return e
	}
	return nil
}

// endEarly ends an agreement as both sides agreed.
func (d *Decision) endEarly(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	d.end(a, at, &pb.AgreementEnded{
		To: pb.AgreementState_AGREEMENT_STATE_TERMINATED, Cause: pb.AgreementEndCause_AGREEMENT_END_CAUSE_BOTH,
		ProposalId: p.GetProposalId(), Reason: c.motion.GetReason(),
	})
}

// complete ends an agreement of which nothing is open.
func (d *Decision) complete(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	d.end(a, at, &pb.AgreementEnded{
		To: pb.AgreementState_AGREEMENT_STATE_COMPLETED, Cause: pb.AgreementEndCause_AGREEMENT_END_CAUSE_NOTHING_OPEN,
		ProposalId: p.GetProposalId(), Reason: c.motion.GetReason(),
	})
}

// timeIsUp ends an agreement whose last day, or whose notice, is over. At one instant the last day comes first: it names no
// side.
func (d *Decision) timeIsUp(a *pb.Agreement, at time.Time) {
	if n := a.GetNotice(); n != nil && (a.GetEndTime() == nil || n.GetEndTime().AsTime().Before(a.GetEndTime().AsTime())) {
		d.end(a, at, &pb.AgreementEnded{
			To: pb.AgreementState_AGREEMENT_STATE_TERMINATED, Cause: pb.AgreementEndCause_AGREEMENT_END_CAUSE_NOTICE, Side: n.GetSide(), Reason: n.GetReason(),
		})
		return
	}
	d.end(a, at, &pb.AgreementEnded{To: pb.AgreementState_AGREEMENT_STATE_EXPIRED, Cause: pb.AgreementEndCause_AGREEMENT_END_CAUSE_END_DATE})
}

// end ends an agreement. What is proposed and can no longer be is stale, and the end is carried into what it ends.
func (d *Decision) end(a *pb.Agreement, at time.Time, how *pb.AgreementEnded) {
	id := a.GetAgreementId()
	change := &pb.DeferredChange{Cause: pb.ChangeCause_CHANGE_CAUSE_ENDED, EffectiveTime: timestamppb.New(at), To: how.GetTo()}
	if s := a.GetSuspension(); s != nil {
		change.PauseStartTime, change.PauseEndTime = s.GetStartTime(), timestamppb.New(at)
	}
	d.emitAt(id, how.GetSide(), at, &pb.Event{Change: &pb.Event_AgreementEnded{AgreementEnded: how}})
	d.asClock(func() { d.clearTable(d.State.agreement(id), at, "the agreement has ended") })
	d.endPulse(id, at)
	d.cascade(id, change)
}

// clearTable has all that waits for both sides go stale that can no longer be.
func (d *Decision) clearTable(a *pb.Agreement, at time.Time, reason string) {
	id := a.GetAgreementId()
	for _, p := range d.State.Proposals(id, []pb.ProposalState{open, accepted}, "", MaxOpenProposals) {
		d.timePassesBefore(proposalRef(id, p.GetProposalId()), at)
		p = d.State.proposal(id, p.GetProposalId())
		k, _ := proposalKindOf(p.GetKind())
		if (p.GetState() == open || p.GetState() == accepted) && mayAgree(k, a, a.GetAuthor()) != nil {
			d.goStale(p, at, reason)
		}
	}
}

// carryEnded carries the end of an agreement into what ends with it. What is due lives on, with the credits for it that
// may be owed yet, and so do commitments that survive, with all that falls due by them. What was paused goes on.
func carryEnded() carrier {
	return carrier{
		commitments: []pb.CommitmentState{dormant, inForce, resting},
		obligations: []pb.ObligationState{scheduled, suspended},
		commitment: func(d *Decision, change *pb.DeferredChange, _ Ref, c *pb.Commitment) {
			parent := d.State.commitment(c.GetAgreementId(), c.GetRemedyOf())
			owes := c.GetOpenObligationCount() > 0 || parent.GetOpenObligationCount() > 0
			switch outlives := c.GetTerms().GetSurviving() || parent != nil && owes; {
			case !outlives:
				d.endCommitment(c, endReason(change.GetTo()), change.GetEffectiveTime().AsTime())
			case c.GetState() == resting:
				d.resumeCommitment(c, change.GetPauseEndTime().AsTime())
			}
		},
		obligation: func(d *Decision, change *pb.DeferredChange, o *pb.Obligation) {
			c := d.State.commitment(o.GetAgreementId(), o.GetCommitmentId())
			switch {
			case ahead(o) && !c.GetTerms().GetSurviving():
				d.discharge(o, pb.DischargeCause_DISCHARGE_CAUSE_AGREEMENT_ENDED, change.GetEffectiveTime().AsTime())
			case o.GetState() == suspended:
				d.resumeObligation(o, change.GetPauseStartTime().AsTime(), change.GetPauseEndTime().AsTime())
			}
		},
	}
}

// endReason is why a commitment ends with its agreement.
func endReason(to pb.AgreementState) pb.CommitmentEndReason {
	if to == pb.AgreementState_AGREEMENT_STATE_COMPLETED {
		return pb.CommitmentEndReason_COMMITMENT_END_REASON_DISCHARGED
	}
	return pb.CommitmentEndReason_COMMITMENT_END_REASON_TERMINATED
}

// endCommitment ends a commitment by what became of its agreement.
func (d *Decision) endCommitment(c *pb.Commitment, why pb.CommitmentEndReason, at time.Time) {
	d.emitClock(c.GetAgreementId(), at, &pb.Event{Change: &pb.Event_CommitmentEnded{CommitmentEnded: &pb.CommitmentEnded{
		CommitmentId: c.GetCommitmentId(), Reason: why,
	}}})
}

// discharge has an obligation owed no longer, by a cause that is nobody's doing.
func (d *Decision) discharge(o *pb.Obligation, why pb.DischargeCause, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationDischarged{ObligationDischarged: &pb.ObligationDischarged{
		ObligationId: o.GetObligationId(), Cause: why,
	}}})
	d.closed(o, at)
}

// checkSurviving lists why a commitment cannot outlive its agreement: nothing is owed for ever, and what is looked at by
// windows or periods is, as long as the agreement lasts.
func checkSurviving(c *pb.CommitmentTerms, at string) []Violation {
	if !c.GetSurviving() {
		return nil
	}
	words := ""
	switch KindOf(c) {
	case pb.CommitmentKind_COMMITMENT_KIND_RECURRING:
		if rule, wrong := parseRecurrence(c.GetRecurring().GetRrule()); wrong == nil && rule.count == 0 && rule.until == 0 {
			words = "a rule that outlives the agreement needs an end: say COUNT or UNTIL in it"
		}
	case pb.CommitmentKind_COMMITMENT_KIND_CONDITIONAL:
		if c.GetConditional().GetUntilDate() == "" {
			words = "a condition that outlives the agreement needs an until_date"
		}
	case pb.CommitmentKind_COMMITMENT_KIND_MEASURED, pb.CommitmentKind_COMMITMENT_KIND_STANDING:
		words = "its windows end with the agreement: it cannot survive"
	}
	if words == "" {
		return nil
	}
	return []Violation{{at + ".surviving", words}}
}
