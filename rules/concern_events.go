package rules

import (
	"slices"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *State) concernRaised(e *pb.Event, c *pb.ConcernRaised) {
	side := e.GetActor().GetSide()
	m := &pb.Concern{
		AgreementId: e.GetAgreementId(), ConcernId: c.GetConcernId(), Kind: c.GetKind(), Title: c.GetTitle(), Text: c.GetText(), Evidence: c.GetEvidence(),
		RaisedBy: side, Respondent: Other(side), About: c.GetAbout(), CommitmentId: c.GetCommitmentId(), ObligationIds: c.GetObligationIds(),
		State: raised, ResponseEndTime: c.GetResponseEndTime(), CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	}
	if c.GetResponseEndTime() != nil {
		m.ResponseEndDate = s.dayOf(e.GetAgreementId(), c.GetResponseEndTime().AsTime())
	}
	ref := concernRef(e.GetAgreementId(), c.GetConcernId())
	s.recount(e.GetAgreementId(), s.Get(ref), m)
	s.Put(ref, m)
	s.editAgreement(e, func(a *pb.Agreement) { a.OpenConcernCount++ })
	s.discloseLinked(e, c)
}

// editConcern changes a concern and keeps count of those that are open. Whatever its respondent does about it, it has heard it.
func (s *State) editConcern(e *pb.Event, id string, change func(*pb.Concern)) {
	ref := concernRef(e.GetAgreementId(), id)
	was := get[*pb.Concern](s, ref)
	edit(s, ref, func(m *pb.Concern) {
		if m.GetAcknowledgeTime() == nil && e.GetActor().GetSide() == m.GetRespondent() {
			m.AcknowledgeTime, m.PriorState = e.GetRecordTime(), heard(m.GetPriorState())
			s.answeredAfter(m)
		}
		change(m)
		m.UpdateTime, m.Etag = e.GetRecordTime(), etag(e)
	})
	now := get[*pb.Concern](s, ref)
	s.recount(e.GetAgreementId(), was, now)
	switch {
	case concernOver(now.GetState()) && !concernOver(was.GetState()):
		s.editAgreement(e, func(a *pb.Agreement) { a.OpenConcernCount-- })
	case concernOver(was.GetState()) && !concernOver(now.GetState()):
		s.editAgreement(e, func(a *pb.Agreement) { a.OpenConcernCount++ })
	}
}

// resolve ends a concern; what it is reopened to is the state that it was in, or that its remedy was proposed in.
func resolve(m *pb.Concern, e *pb.Event, how pb.ConcernResolution) {
	if m.GetState() != remedyProposed {
		m.PriorState = m.GetState()
	}
	m.State, m.Resolution, m.ResolveTime = resolved, how, e.GetRecordTime()
	m.RemedyEndTime, m.RemedyOverdue, m.StepEndTime = nil, false, nil
}

func (s *State) concernAcknowledged(e *pb.Event, c *pb.ConcernAcknowledged) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.Acknowledgement = judgement(e, c.GetNote())
		if c.GetTo() == resolved {
			resolve(m, e, pb.ConcernResolution_CONCERN_RESOLUTION_CLOSED)
			return
		}
		m.State, m.RemedyEndTime = c.GetTo(), c.GetRemedyEndTime()
	})
}

func (s *State) concernResponseMissed(e *pb.Event, c *pb.ConcernResponseMissed) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) { m.ResponseMissed = true })
}

func (s *State) concernReplied(e *pb.Event, c *pb.ConcernReplied) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.Reply, m.Taken = judgement(e, c.GetReply()), c.GetTaken()
		resolve(m, e, pb.ConcernResolution_CONCERN_RESOLUTION_CLOSED)
	})
}

func (s *State) concernAdmitted(e *pb.Event, c *pb.ConcernAdmitted) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.Admission = judgement(e, c.GetNote())
		if c.GetTo() == resolved {
			resolve(m, e, pb.ConcernResolution_CONCERN_RESOLUTION_AGREED)
			m.ReopenEndTime = c.GetReopenEndTime()
			return
		}
		m.State, m.RemedyEndTime, m.RemedyOverdue, m.StepEndTime = c.GetTo(), c.GetRemedyEndTime(), false, nil
	})
}

func (s *State) concernContested(e *pb.Event, c *pb.ConcernContested) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.State, m.Contest, m.ContestEvidence = contested, judgement(e, c.GetReason()), c.GetEvidence()
		m.RemedyEndTime, m.RemedyOverdue = c.GetRemedyEndTime(), false
	})
}

func (s *State) concernRemedyProposed(e *pb.Event, c *pb.ConcernRemedyProposed) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.PriorState = m.GetState()
		if m.GetAcknowledgeTime() != nil {
			m.PriorState = heard(m.GetPriorState())
		}
		m.State, m.RemedyAnswer = remedyProposed, nil
		m.Remedy = &pb.ConcernRemedy{By: e.GetActor().GetSide(), Text: c.GetText(), DueDate: c.GetDueDate(), ProposeTime: e.GetRecordTime()}
		m.RemedyEndTime, m.RemedyOverdue = c.GetRemedyEndTime(), false
	})
}

func (s *State) concernRemedyAccepted(e *pb.Event, c *pb.ConcernRemedyAccepted) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.RemedyAnswer = judgement(e, c.GetNote())
		resolve(m, e, pb.ConcernResolution_CONCERN_RESOLUTION_AGREED)
		m.ReopenEndTime = c.GetReopenEndTime()
	})
}

func (s *State) concernRemedyRejected(e *pb.Event, c *pb.ConcernRemedyRejected) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.State, m.RemedyAnswer = c.GetTo(), judgement(e, c.GetReason())
		m.RemedyEndTime, m.RemedyOverdue = c.GetRemedyEndTime(), false
		m.PriorState = pb.ConcernState_CONCERN_STATE_UNSPECIFIED
	})
}

func (s *State) concernRemedyMissed(e *pb.Event, c *pb.ConcernRemedyMissed) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) { m.RemedyOverdue = true })
}

func (s *State) concernEscalated(e *pb.Event, c *pb.ConcernEscalated) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.State, m.Level, m.Escalation = escalated, c.GetLevel(), judgement(e, c.GetReason())
		m.StepEndTime, m.Contacts = c.GetStepEndTime(), c.GetContacts()
		m.RemedyEndTime, m.RemedyOverdue = nil, false
		m.PriorState = pb.ConcernState_CONCERN_STATE_UNSPECIFIED
	})
}

// concernDetermined keeps the last word of each. A concern that is not so has told of nothing.
func (s *State) concernDetermined(e *pb.Event, c *pb.ConcernDetermined) {
	side := e.GetActor().GetSide()
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.Determinations = slices.DeleteFunc(m.Determinations, func(w *pb.ConcernDetermination) bool { return w.GetBy() == side })
		m.Determinations = append(m.Determinations, &pb.ConcernDetermination{By: side, Outcome: c.GetOutcome(), Reason: c.GetReason(), Time: e.GetRecordTime()})
		if c.GetTo() == resolved {
			resolve(m, e, pb.ConcernResolution_CONCERN_RESOLUTION_DETERMINED)
			m.ReopenEndTime = c.GetReopenEndTime()
		}
	})
	if c.GetTo() == resolved && c.GetOutcome() == pb.ConcernOutcome_CONCERN_OUTCOME_DISMISSED {
		s.untellLinked(e, s.concern(e.GetAgreementId(), c.GetConcernId()))
	}
}

func (s *State) concernWithdrawn(e *pb.Event, c *pb.ConcernWithdrawn) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.State, m.Withdrawal = takenBack, judgement(e, c.GetReason())
		m.RemedyEndTime, m.RemedyOverdue, m.StepEndTime = nil, false, nil
		m.PriorState = pb.ConcernState_CONCERN_STATE_UNSPECIFIED
	})
	s.untellLinked(e, s.concern(e.GetAgreementId(), c.GetConcernId()))
}

func (s *State) concernReopened(e *pb.Event, c *pb.ConcernReopened) {
	s.editConcern(e, c.GetConcernId(), func(m *pb.Concern) {
		m.State, m.Reopening, m.ReopenCount = c.GetTo(), judgement(e, c.GetReason()), m.GetReopenCount()+1
		m.RemedyEndTime, m.StepEndTime = c.GetRemedyEndTime(), c.GetStepEndTime()
		m.Resolution, m.ResolveTime, m.ReopenEndTime, m.Determinations = 0, nil, nil, nil
		m.PriorState = pb.ConcernState_CONCERN_STATE_UNSPECIFIED
	})
}
