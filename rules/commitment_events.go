package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// commitmentAgreed adds a commitment to an agreement in force.
func (s *State) commitmentAgreed(e *pb.Event, c *pb.CommitmentAgreed) {
	id := e.GetAgreementId()
	if !s.has(agreementRef(id)) {
		return
	}
	s.Put(commitmentRef(id, c.GetCommitmentId()), &pb.Commitment{
		AgreementId: id, CommitmentId: c.GetCommitmentId(), State: pb.CommitmentState_COMMITMENT_STATE_DORMANT,
		Kind: KindOf(c.GetTerms()), Obligor: c.GetTerms().GetObligor(), Beneficiary: Other(c.GetTerms().GetObligor()), Terms: c.GetTerms(),
		Clocks: c.GetClocks(), Revision: c.GetRevision(), EffectiveTime: c.GetEffectiveTime(), Dependents: c.GetDependents(),
		RemedyOf: c.GetRemedyOf(), WordsFromDate: c.GetWordsFromDate(), CreateTime: e.GetEffectiveTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

// commitmentRevised gives a commitment the words of another revision. Where they supersede, its rule begins anew.
func (s *State) commitmentRevised(e *pb.Event, c *pb.CommitmentRevised) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) {
		m.Terms, m.Clocks, m.Dependents, m.Revision = c.GetTerms(), c.GetClocks(), c.GetDependents(), c.GetRevision()
		if c.GetSuperseding() {
			m.WordsFromDate, m.LastRuleDate, m.RuleDateCount = c.GetWordsFromDate(), c.GetLastRuleDate(), c.GetRuleDateCount()
		}
	})
}

func (s *State) commitmentSuspended(e *pb.Event, c *pb.CommitmentSuspended) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) {
		m.State, m.PriorState = pb.CommitmentState_COMMITMENT_STATE_SUSPENDED, c.GetFrom()
	})
}

func (s *State) commitmentResumed(e *pb.Event, c *pb.CommitmentResumed) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) {
		m.State, m.PriorState = c.GetTo(), pb.CommitmentState_COMMITMENT_STATE_UNSPECIFIED
		if c.GetWordsFromDate() != "" {
			m.WordsFromDate = c.GetWordsFromDate()
		}
	})
}

func (s *State) commitmentRested(e *pb.Event, c *pb.CommitmentRested) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) { m.State = pb.CommitmentState_COMMITMENT_STATE_DORMANT })
}

// has says whether the history made a record; that it did not, and yet goes on about it, is an error of the history.
func (s *State) has(ref Ref) bool {
	if s.Get(ref) != nil {
		return true
	}
	if s.err == nil {
		s.err = Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "The history speaks of a record that it never made: %+v.", ref)
	}
	return false
}

// dependentsOf is, for every commitment of a text, the commitments that name it as a prerequisite or wait for its
// completion, in the order of the text.
func dependentsOf(t *pb.Terms) map[string][]string {
	waiting := map[string][]string{}
	for _, c := range t.GetCommitments() {
		for _, id := range c.GetPrerequisites() {
			waiting[id] = appendNew(waiting[id], c.GetCommitmentId())
		}
		for _, id := range anchorsOf(c) {
			waiting[id] = appendNew(waiting[id], c.GetCommitmentId())
		}
	}
	return waiting
}
