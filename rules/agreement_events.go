package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *State) agreementSuspended(e *pb.Event, c *pb.AgreementSuspended) {
	s.editAgreement(e, func(a *pb.Agreement) {
		a.State = pb.AgreementState_AGREEMENT_STATE_SUSPENDED
		a.Suspension = &pb.Suspension{
			Cause: c.GetCause(), Side: c.GetSide(), RightId: c.GetRightId(), Reason: c.GetReason(), StartTime: e.GetEffectiveTime(),
		}
	})
}

// agreementResumed ends a pause. An agreement that is ENDING stays so.
func (s *State) agreementResumed(e *pb.Event) {
	s.editAgreement(e, func(a *pb.Agreement) {
		a.Suspension, a.ResumeTime = nil, e.GetEffectiveTime()
		if a.State == pb.AgreementState_AGREEMENT_STATE_SUSPENDED {
			a.State = pb.AgreementState_AGREEMENT_STATE_ACTIVE
		}
	})
}

func (s *State) agreementNoticeGiven(e *pb.Event, c *pb.AgreementNoticeGiven) {
	s.editAgreement(e, func(a *pb.Agreement) {
		a.State = pb.AgreementState_AGREEMENT_STATE_ENDING
		a.Notice = &pb.Notice{Side: c.GetSide(), Reason: c.GetReason(), GiveTime: e.GetRecordTime(), EndTime: c.GetEndTime()}
	})
}

// agreementNoticeWithdrawn takes a notice back. A pause that stood all the while stands on.
func (s *State) agreementNoticeWithdrawn(e *pb.Event) {
	s.editAgreement(e, func(a *pb.Agreement) {
		a.Notice, a.State = nil, pb.AgreementState_AGREEMENT_STATE_ACTIVE
		if a.Suspension != nil {
			a.State = pb.AgreementState_AGREEMENT_STATE_SUSPENDED
		}
	})
}

func (s *State) agreementEnded(e *pb.Event, c *pb.AgreementEnded) {
	s.editAgreement(e, func(a *pb.Agreement) {
		a.State, a.EndCause, a.FinalTime = c.GetTo(), c.GetCause(), e.GetEffectiveTime()
		a.Suspension = nil // what was paused goes on or ends with it
	})
}

// agreementAmended makes the text of a proposal the revision in force. Its commitments follow by events of their own.
func (s *State) agreementAmended(e *pb.Event, c *pb.AgreementAmended) {
	id := e.GetAgreementId()
	s.editAgreement(e, func(a *pb.Agreement) {
		a.Revision, a.TermsDigest, a.Title = c.GetRevision(), c.GetTermsDigest(), c.GetTitle()
		a.EndTime, a.Calendar, a.NeutralPartyId = c.GetEndTime(), c.GetCalendar(), c.GetNeutralPartyId()
	})
	p := s.proposal(id, c.GetProposalId())
	text := get[*pb.ProposalRevision](s, proposalRevisionRef(id, c.GetProposalId(), p.GetRevision()))
	s.Put(revisionRef(id, c.GetRevision()), &pb.Revision{
		AgreementId: id, Revision: c.GetRevision(), ProposalId: c.GetProposalId(), TermsDigest: c.GetTermsDigest(),
		Body: text.GetBody(), CreateTime: p.GetAcceptTime(), EffectiveTime: e.GetEffectiveTime(),
	})
}

func (s *State) agreementRenewed(e *pb.Event, c *pb.AgreementRenewed) {
	s.editAgreement(e, func(a *pb.Agreement) { a.RenewedByAgreementId = c.GetSuccessorAgreementId() })
}
