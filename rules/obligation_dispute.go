package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A dispute stops the clocks of an obligation until both sides, or the neutral they agreed on, say how it ends. Its time is
// not charged to the obligor.

// disputeObligation opens a dispute. The obligation keeps the state it was in, to be restored to it.
func (d *Decision) disputeObligation(c *pb.DisputeObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "dispute")
	if refused != nil {
		return refused
	}
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	if e := d.grounded(o, side, c.GetGround(), cal); e != nil {
		return e
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationDisputed{ObligationDisputed: &pb.ObligationDisputed{
		ObligationId: o.GetObligationId(),
		Dispute: &pb.Dispute{
			OpenedBy: side, Ground: c.GetGround(), Reason: c.GetReason(), Evidence: c.GetEvidence(), PriorState: o.GetState(),
			OpenTime: timestamppb.New(d.stamp.At),
		},
	}}})
	return nil
}

// grounded refuses a dispute about what is not there: a trigger is contested by who did not record it, and soon.
func (d *Decision) grounded(o *pb.Obligation, side pb.Side, ground pb.DisputeGround, cal *Calendar) *Error {
	switch ground {
	case pb.DisputeGround_DISPUTE_GROUND_MEASUREMENT:
		if len(o.GetMeasurements()) == 0 {
			return refuseGuard("obligation", "dispute", grounds, "Nothing was measured for it.")
		}
	case pb.DisputeGround_DISPUTE_GROUND_TRIGGER:
		t := o.GetTrigger()
		until := reviewEnd(d.commitmentOf(o), t.GetTime().AsTime(), cal)
		switch {
		case t == nil:
			return refuseGuard("obligation", "dispute", grounds, "It waited for nothing to happen.")
		case t.GetBy() == side:
			return refuseGuard("obligation", "dispute", grounds, "Your side recorded that it happened. The other may contest it.")
		case !d.stamp.At.Before(until):
			return tooLate("obligation", "dispute", grounds, until, "It was recorded on %v, and could be contested during the review window after that.", cal.DayAt(t.GetTime().AsTime()))
		}
	}
	return nil
}

// determineObligation settles a dispute by the word of the neutral.
func (d *Decision) determineObligation(c *pb.DetermineObligationRequest) error {
	_, o, _, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "determine")
	if refused != nil {
		return refused
	}
	if wrong := checkSettlement(c.GetSettlement(), "settlement"); wrong != nil {
		return Invalid(wrong...)
	}
	d.settle(o, c.GetSettlement(), "", d.stamp.At)
	d.answer(obligationRef(o.GetAgreementId(), o.GetObligationId()))
	return nil
}

// settledAs is the state that each outcome of a dispute but RESTORE leads to.
var settledAs = map[pb.SettlementOutcome]pb.ObligationState{
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_FULFILLED:      fulfilled,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_BREACHED:       breached,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_CURED:          cured,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_EXCUSED:        excused,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_DEFAULTED:      defaulted,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_WAIVED:         waived,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_DISCHARGED:     discharged,
	pb.SettlementOutcome_SETTLEMENT_OUTCOME_NOT_DETERMINED: unknown,
}

// checkSettlement lists what is wrong with how a dispute would end.
func checkSettlement(s *pb.Settlement, field string) []Violation {
	if s == nil {
		return []Violation{{field, "say how the dispute ends"}}
	}
	return Check(s, field)
}

// settle ends the dispute about an obligation at a time: by a proposal that both agreed to, or, if none is named, by the
// neutral. One that goes on during a pause of its agreement waits for the end of that.
func (d *Decision) settle(o *pb.Obligation, s *pb.Settlement, proposalID string, at time.Time) {
	prior, opened := o.GetDispute().GetPriorState(), o.GetDispute().GetOpenTime().AsTime()
	end := &pb.ObligationDisputeSettled{ObligationId: o.GetObligationId(), Settlement: s, ProposalId: proposalID, To: settledAs[s.GetOutcome()]}
	switch s.GetOutcome() {
	case pb.SettlementOutcome_SETTLEMENT_OUTCOME_RESTORE:
		end.To, end.Deadlines = prior, d.afterPause(o, prior, opened, at, pb.DueStepKind_DUE_STEP_KIND_DISPUTE)
	case pb.SettlementOutcome_SETTLEMENT_OUTCOME_BREACHED:
		end.Deadlines = &pb.Deadlines{CureEndTime: d.cureEnd(o, at)}
	case pb.SettlementOutcome_SETTLEMENT_OUTCOME_FULFILLED, pb.SettlementOutcome_SETTLEMENT_OUTCOME_CURED:
		from, when := prior, o.GetDispute().GetOpenTime() // what was kept was kept when they differed about it
		if prior == submitted {
			from, when = o.GetSubmission().GetFrom(), o.GetSubmission().GetSubmitTime()
		}
		end.KeptTime, end.Timeliness = d.kept(o, from, when.AsTime())
	}
	id := o.GetAgreementId()
	d.emitAt(id, d.side(id), at, &pb.Event{Change: &pb.Event_ObligationDisputeSettled{ObligationDisputeSettled: end}})
	d.closed(o, at)
	d.settledMiss(o, at)
	if end.To == breached && s.GetOutcome() != pb.SettlementOutcome_SETTLEMENT_OUTCOME_RESTORE {
		d.missed(o, at)
	}
	if now := d.State.obligation(id, o.GetObligationId()); !Final(now.GetState()) && pausing(d.State.agreement(id)) {
		d.suspendObligation(now, at)
	}
}

// pausing says whether an agreement is suspended, also while it is ending.
func pausing(a *pb.Agreement) bool {
	return a.GetState() == pb.AgreementState_AGREEMENT_STATE_SUSPENDED ||
		a.GetState() == pb.AgreementState_AGREEMENT_STATE_ENDING && a.GetSuspension() != nil
}
