package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *State) obligationScheduled(e *pb.Event, c *pb.ObligationScheduled) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) {
		m.ObligationCount, m.LastRuleDate = c.GetOrdinal(), c.GetRuleDate()
		m.OpenObligationCount++
		switch {
		case c.GetRuleDateCount() > 0:
			m.RuleDateCount = c.GetRuleDateCount()
		case c.GetRuleDate() != "":
			m.RuleDateCount++
		}
	})
	m := s.commitment(e.GetAgreementId(), c.GetCommitmentId())
	s.Put(obligationRef(e.GetAgreementId(), c.GetObligationId()), &pb.Obligation{
		AgreementId: e.GetAgreementId(), ObligationId: c.GetObligationId(), CommitmentId: c.GetCommitmentId(),
		Ordinal: c.GetOrdinal(), Title: m.GetTerms().GetTitle(), Obligor: m.GetObligor(), Beneficiary: m.GetBeneficiary(),
		State: scheduled, DueDate: c.GetDueDate(), DueTime: c.GetDueTime(), GraceEndTime: c.GetGraceEndTime(),
		LeadStartTime: c.GetLeadStartTime(), AgreedDueDate: c.GetDueDate(), RuleDate: c.GetRuleDate(), Trace: c.GetTrace(),
		WindowStartDate: c.GetWindowStartDate(), WindowEndDate: c.GetWindowEndDate(), ConditionEndTime: c.GetConditionEndTime(),
		RemedyOf: c.GetRemedyOf(), Amount: c.GetAmount(), CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

func (s *State) obligationFellDue(e *pb.Event, c *pb.ObligationFellDue) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State = due })
}

func (s *State) obligationSubmitted(e *pb.Event, c *pb.ObligationSubmitted) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Submission, o.SubmissionCount = submitted, c.GetSubmission(), c.GetSubmission().GetNumber()
	})
}

func (s *State) obligationAccepted(e *pb.Event, c *pb.ObligationAccepted) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Acceptance, o.KeptTime, o.Timeliness = keptAs(c.GetTo()), judgement(e, c.GetNote()), c.GetKeptTime(), c.GetTimeliness()
	})
}

func (s *State) obligationReturned(e *pb.Event, c *pb.ObligationReturned) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Return, o.Submission = c.GetTo(), judgement(e, c.GetReason()), nil
		o.DueTime, o.GraceEndTime = c.GetDueTime(), c.GetGraceEndTime()
		if c.GetCureEndTime() != nil {
			o.CureEndTime = c.GetCureEndTime()
		}
		if c.GetTo() == breached && o.BreachTime == nil {
			o.BreachTime = c.GetGraceEndTime() // late since then: how long the review took makes no difference
		}
	})
}

func (s *State) obligationReceiptAcknowledged(e *pb.Event, c *pb.ObligationReceiptAcknowledged) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Acceptance, o.KeptTime, o.Timeliness = keptAs(c.GetTo()), judgement(e, c.GetNote()), c.GetKeptTime(), c.GetTimeliness()
	})
}

func (s *State) obligationWaived(e *pb.Event, c *pb.ObligationWaived) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State, o.Waiver = waived, judgement(e, c.GetReason()) })
}

func (s *State) obligationMissAdmitted(e *pb.Event, c *pb.ObligationMissAdmitted) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Admission, o.BreachTime = breached, judgement(e, c.GetReason()), e.GetEffectiveTime()
		o.CureEndTime = c.GetCureEndTime()
		disclose(o, e.GetActor().GetSide())
	})
}

// keptAs is the state an acceptance leads to: FULFILLED where it does not say.
func keptAs(to pb.ObligationState) pb.ObligationState {
	if to == pb.ObligationState_OBLIGATION_STATE_UNSPECIFIED {
		return fulfilled
	}
	return to
}

func judgement(e *pb.Event, note string) *pb.Judgement {
	return &pb.Judgement{Side: e.GetActor().GetSide(), Note: note, Time: e.GetRecordTime()}
}

// editObligation changes an obligation and keeps count of those that are open on its commitment.
func (s *State) editObligation(e *pb.Event, id string, change func(*pb.Obligation)) {
	ref := obligationRef(e.GetAgreementId(), id)
	edit(s, ref, func(o *pb.Obligation) {
		change(o)
		o.UpdateTime, o.Etag = e.GetRecordTime(), etag(e)
	})
	if o := get[*pb.Obligation](s, ref); o != nil && Final(o.GetState()) {
		s.editCommitment(e, o.GetCommitmentId(), func(c *pb.Commitment) { c.OpenObligationCount-- })
	}
}
