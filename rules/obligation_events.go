package rules

import (
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

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
	s.addObligation(&pb.Obligation{
		AgreementId: e.GetAgreementId(), ObligationId: c.GetObligationId(), CommitmentId: c.GetCommitmentId(),
		Ordinal: c.GetOrdinal(), Title: m.GetTerms().GetTitle(), Obligor: m.GetObligor(), Beneficiary: m.GetBeneficiary(),
		State: scheduled, DueDate: c.GetDueDate(), DueTime: c.GetDueTime(), GraceEndTime: c.GetGraceEndTime(),
		LeadStartTime: c.GetLeadStartTime(), AgreedDueDate: c.GetDueDate(), RuleDate: c.GetRuleDate(), Trace: c.GetTrace(),
		WindowStartDate: c.GetWindowStartDate(), WindowEndDate: c.GetWindowEndDate(), ConditionEndTime: c.GetConditionEndTime(),
		RemedyOf: c.GetRemedyOf(), Amount: c.GetAmount(), Standing: m.GetKind() == pb.CommitmentKind_COMMITMENT_KIND_STANDING,
		Revision: m.GetRevision(), CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
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

// editObligation changes an obligation and keeps count of those that are open on its commitment, and of how they end.
func (s *State) editObligation(e *pb.Event, id string, change func(*pb.Obligation)) {
	ref := obligationRef(e.GetAgreementId(), id)
	before := get[*pb.Obligation](s, ref)
	edit(s, ref, func(o *pb.Obligation) {
		change(o)
		s.mend(o)
		o.UpdateTime, o.Etag = e.GetRecordTime(), etag(e)
		if o.GetState() != suspended {
			o.PriorState = pb.ObligationState_OBLIGATION_STATE_UNSPECIFIED
		}
		if Final(o.GetState()) {
			o.CloseTime = e.GetRecordTime()
			if e.GetActor().GetPrincipalId() == Clock().PrincipalID {
				o.CloseTime = e.GetEffectiveTime()
			}
		}
	})
	o := get[*pb.Obligation](s, ref)
	s.recount(e.GetAgreementId(), before, o)
	if o != nil && Final(o.GetState()) {
		s.editCommitment(e, o.GetCommitmentId(), func(c *pb.Commitment) { c.OpenObligationCount-- })
	}
}

func (s *State) obligationTriggered(e *pb.Event, c *pb.ObligationTriggered) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Trigger = due, c.GetTrigger()
		setDeadlines(o, c.GetDeadlines())
	})
	o := s.obligation(e.GetAgreementId(), c.GetObligationId())
	if s.commitment(e.GetAgreementId(), o.GetCommitmentId()).GetState() == dormant {
		s.editCommitment(e, o.GetCommitmentId(), func(m *pb.Commitment) { m.State = inForce })
	}
}

func (s *State) obligationDated(e *pb.Event, c *pb.ObligationDated) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { setDeadlines(o, c.GetDeadlines()) })
}

func (s *State) obligationBreached(e *pb.Event, c *pb.ObligationBreached) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.BreachTime, o.CureEndTime = breached, e.GetEffectiveTime(), c.GetCureEndTime()
	})
}

func (s *State) obligationDeemed(e *pb.Event, c *pb.ObligationDeemed) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Deemed, o.KeptTime, o.Timeliness = c.GetTo(), true, c.GetKeptTime(), c.GetTimeliness()
	})
}

// obligationMeasured keeps the figure. A claim is a submission like any other; figures that differ are a dispute.
func (s *State) obligationMeasured(e *pb.Event, c *pb.ObligationMeasured) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		m, from := c.GetMeasurement(), o.GetState()
		o.State, o.Measurements = c.GetTo(), append(o.Measurements, m)
		if c.GetExcuse() != nil {
			o.Excuse = c.GetExcuse()
		}
		switch c.GetTo() {
		case submitted:
			o.SubmissionCount++
			o.Submission = &pb.Submission{
				Number: o.SubmissionCount, Evidence: m.GetEvidence(), Note: m.GetNote(), SubmitTime: e.GetRecordTime(),
				ReviewEndTime: c.GetReviewEndTime(), From: from, Claim: c.GetClaim(),
			}
		case breached:
			if from != breached {
				o.BreachTime, o.CureEndTime = e.GetEffectiveTime(), c.GetCureEndTime()
				disclose(o, m.GetBy())
			}
		case pb.ObligationState_OBLIGATION_STATE_DISPUTED:
			o.Dispute = &pb.Dispute{
				OpenedBy: m.GetBy(), Ground: pb.DisputeGround_DISPUTE_GROUND_MEASUREMENT, Reason: c.GetDisagreement(),
				Evidence: m.GetEvidence(), PriorState: from, OpenTime: e.GetRecordTime(),
			}
		default:
			o.KeptTime, o.Timeliness = c.GetKeptTime(), c.GetTimeliness()
		}
	})
}

func (s *State) obligationCurePlanned(e *pb.Event, c *pb.ObligationCurePlanned) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State, o.CurePlan = curing, c.GetPlan() })
}

func (s *State) obligationCureObjected(e *pb.Event, c *pb.ObligationCureObjected) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State, o.Objection = breached, judgement(e, c.GetInterest()) })
}

func (s *State) obligationDefaulted(e *pb.Event, c *pb.ObligationDefaulted) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State = pb.ObligationState_OBLIGATION_STATE_DEFAULTED })
}

func (s *State) obligationExtended(e *pb.Event, c *pb.ObligationExtended) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.Extension = judgement(e, c.GetReason())
		moveOn(o, c.GetTo(), c.GetDeadlines())
	})
}

func (s *State) obligationExcused(e *pb.Event, c *pb.ObligationExcused) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Excuse = pb.ObligationState_OBLIGATION_STATE_EXCUSED, c.GetExcuse()
	})
}

func (s *State) obligationNoticeGiven(e *pb.Event, c *pb.ObligationNoticeGiven) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.ReliefNotices = slices.DeleteFunc(o.ReliefNotices, func(n *pb.ReliefNotice) bool { return n.GetObligationId() == c.GetNotice().GetObligationId() })
		o.ReliefNotices = append(o.ReliefNotices, c.GetNotice())
	})
}

func (s *State) obligationBlocked(e *pb.Event, c *pb.ObligationBlocked) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.BlockedBy = c.GetBlockedBy() })
}

// obligationShifted moves the clocks by what a prerequisite was late. What was blocked is so no more.
func (s *State) obligationShifted(e *pb.Event, c *pb.ObligationShifted) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.BlockedBy, o.PrerequisiteBusinessDays = "", c.GetPrerequisiteBusinessDays()
		moveOn(o, c.GetTo(), c.GetDeadlines())
	})
}

func (s *State) obligationSuspended(e *pb.Event, c *pb.ObligationSuspended) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.PriorState = pb.ObligationState_OBLIGATION_STATE_SUSPENDED, c.GetPriorState()
	})
}

func (s *State) obligationResumed(e *pb.Event, c *pb.ObligationResumed) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.PriorState = c.GetTo(), pb.ObligationState_OBLIGATION_STATE_UNSPECIFIED
		setDeadlines(o, c.GetDeadlines())
	})
}

func (s *State) obligationSuperseded(e *pb.Event, c *pb.ObligationSuperseded) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State = pb.ObligationState_OBLIGATION_STATE_SUPERSEDED })
}

func (s *State) obligationDischarged(e *pb.Event, c *pb.ObligationDischarged) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.DischargeCause = pb.ObligationState_OBLIGATION_STATE_DISCHARGED, c.GetCause()
	})
}

func (s *State) obligationDisputed(e *pb.Event, c *pb.ObligationDisputed) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		o.State, o.Dispute = pb.ObligationState_OBLIGATION_STATE_DISPUTED, c.GetDispute()
	})
}

// obligationDisputeSettled ends a dispute. A disputed trigger that never was discharges what waited for it.
func (s *State) obligationDisputeSettled(e *pb.Event, c *pb.ObligationDisputeSettled) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) {
		if o.Dispute != nil {
			o.Dispute.Settlement, o.Dispute.SettleTime = c.GetSettlement(), e.GetRecordTime()
		}
		o.State = c.GetTo()
		setDeadlines(o, c.GetDeadlines())
		if c.GetKeptTime() != nil {
			o.KeptTime, o.Timeliness = c.GetKeptTime(), c.GetTimeliness()
		}
		switch c.GetTo() {
		case breached:
			if o.BreachTime == nil {
				o.BreachTime = e.GetEffectiveTime()
			}
		case pb.ObligationState_OBLIGATION_STATE_EXCUSED:
			o.Excuse = &pb.Excuse{Reason: c.GetSettlement().GetReason()}
		case pb.ObligationState_OBLIGATION_STATE_DISCHARGED:
			o.DischargeCause = pb.DischargeCause_DISCHARGE_CAUSE_RELEASED
			if o.GetDispute().GetGround() == pb.DisputeGround_DISPUTE_GROUND_TRIGGER {
				o.DischargeCause = pb.DischargeCause_DISCHARGE_CAUSE_CONDITION_NEVER_CAME
			}
		}
	})
}

func (s *State) obligationNotDetermined(e *pb.Event, c *pb.ObligationNotDetermined) {
	s.editObligation(e, c.GetObligationId(), func(o *pb.Obligation) { o.State = pb.ObligationState_OBLIGATION_STATE_NOT_DETERMINED })
}

// obligationImported takes over what was closed before the agreement came here. It was never open here. What comes when
// something else has come has no day from which it goes on: it has come.
func (s *State) obligationImported(e *pb.Event, c *pb.ObligationImported) {
	past := c.GetPast()
	s.editCommitment(e, past.GetCommitmentId(), func(m *pb.Commitment) {
		m.ObligationCount = c.GetOrdinal()
		if len(anchorsOf(m.GetTerms())) > 0 || m.GetTerms().GetConditional().GetOnce() {
			m.RuleDateCount++
		}
	})
	m := s.commitment(e.GetAgreementId(), past.GetCommitmentId())
	o := &pb.Obligation{
		AgreementId: e.GetAgreementId(), ObligationId: c.GetObligationId(), CommitmentId: past.GetCommitmentId(), Ordinal: c.GetOrdinal(),
		Title: m.GetTerms().GetTitle(), Obligor: m.GetObligor(), Beneficiary: m.GetBeneficiary(), State: past.GetState(),
		KeptTime: c.GetKeptTime(), Timeliness: past.GetTimeliness(), DisclosedBy: past.GetDisclosedBy(), Imported: true, Revision: m.GetRevision(),
		Standing:  m.GetKind() == pb.CommitmentKind_COMMITMENT_KIND_STANDING,
		CloseTime: c.GetKeptTime(), CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	}
	if o.CloseTime == nil {
		o.CloseTime = c.GetDeadlines().GetDueTime()
	}
	setDeadlines(o, c.GetDeadlines())
	s.mend(o)
	s.addObligation(o)
}

// addObligation puts a new obligation.
func (s *State) addObligation(o *pb.Obligation) {
	ref := obligationRef(o.GetAgreementId(), o.GetObligationId())
	s.recount(o.GetAgreementId(), s.Get(ref), o)
	s.Put(ref, o)
}

// moveOn gives an obligation new clocks and the state it is in by them. One that is DUE again was not breached, and what was
// submitted in time by the new clocks was not submitted late.
func moveOn(o *pb.Obligation, to pb.ObligationState, d *pb.Deadlines) {
	sub := o.GetSubmission()
	inTime := to == submitted && broken(sub.GetFrom()) && sub.GetSubmitTime().AsTime().Before(d.GetGraceEndTime().AsTime())
	if inTime {
		sub.From, sub.Claim = due, fulfilled
	}
	if inTime || to == due && broken(o.GetState()) {
		o.BreachTime, o.CureEndTime, o.CurePlan = nil, nil, nil
	}
	o.State = to
	setDeadlines(o, d)
}

// broken says of a state that the obligation was not kept, and is not lost either.
func broken(s pb.ObligationState) bool { return s == breached || s == curing }

// setDeadlines sets the clocks that moved; the others stay. The first due date is the agreed one.
func setDeadlines(o *pb.Obligation, d *pb.Deadlines) {
	if d.GetDueDate() != "" {
		if o.AgreedDueDate == "" {
			o.AgreedDueDate = d.GetDueDate()
		}
		o.DueDate = d.GetDueDate()
	}
	for _, clock := range []struct {
		of **timestamppb.Timestamp
		to *timestamppb.Timestamp
	}{
		{&o.DueTime, d.GetDueTime()}, {&o.GraceEndTime, d.GetGraceEndTime()}, {&o.LeadStartTime, d.GetLeadStartTime()},
		{&o.CureEndTime, d.GetCureEndTime()},
	} {
		if clock.to != nil {
			*clock.of = clock.to
		}
	}
	if d.GetReviewEndTime() != nil && o.GetSubmission() != nil {
		o.Submission.ReviewEndTime = d.GetReviewEndTime()
	}
	if d.GetTrace() != nil {
		o.Trace = d.GetTrace()
	}
	if d.GetStep() != nil {
		o.Trace = addStep(o.Trace, d.GetStep())
	}
}

// disclose notes who told of a failure first.
func disclose(o *pb.Obligation, side pb.Side) {
	if o.GetDisclosedBy() == pb.Side_SIDE_UNSPECIFIED {
		o.DisclosedBy = side
	}
}
