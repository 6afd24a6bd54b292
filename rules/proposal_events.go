package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *State) proposalMade(e *pb.Event, c *pb.ProposalMade) {
	id := e.GetAgreementId()
	if !s.has(agreementRef(id)) {
		return
	}
	s.Put(proposalRef(id, c.GetProposalId()), &pb.Proposal{
		AgreementId: id, ProposalId: c.GetProposalId(), Kind: c.GetKind(), State: open,
		Proposer: c.GetProposer(), Turn: Other(c.GetProposer()), Revision: 1, TermsDigest: c.GetTermsDigest(),
		BaseRevision: c.GetBaseRevision(), Note: c.GetNote(), ExpireTime: c.GetExpireTime(), Impact: c.GetImpact(),
		SuccessorAgreementId: c.GetSuccessorAgreementId(), ObligationIds: c.GetObligationIds(),
		CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
	s.putText(e, c.GetProposalId(), 1, c.GetProposer(), c.GetBody(), c.GetTermsDigest(), c.GetMotion())
	switch {
	case s.err != nil: // the text is none: there is no title in it
	case c.GetKind() == pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS:
		s.editAgreement(e, func(a *pb.Agreement) {
			a.State = pb.AgreementState_AGREEMENT_STATE_PROPOSED
			a.OpenProposalId, a.DraftTerms, a.Title = c.GetProposalId(), nil, s.termsOf(c.GetBody()).GetTitle()
		})
	case !c.GetMotion():
		s.editAgreement(e, func(a *pb.Agreement) { a.OpenProposalId = c.GetProposalId() })
	}
}

func (s *State) proposalCountered(e *pb.Event, c *pb.ProposalCountered) {
	s.editProposal(e, c.GetProposalId(), func(p *pb.Proposal) {
		p.Revision, p.TermsDigest, p.Note, p.Turn = c.GetRevision(), c.GetTermsDigest(), c.GetNote(), Other(c.GetAuthor())
		p.ExpireTime, p.Impact, p.ObligationIds = c.GetExpireTime(), c.GetImpact(), c.GetObligationIds()
	})
	s.putText(e, c.GetProposalId(), c.GetRevision(), c.GetAuthor(), c.GetBody(), c.GetTermsDigest(), c.GetMotion())
	if s.err == nil && s.proposal(e.GetAgreementId(), c.GetProposalId()).GetKind() == pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS {
		s.editAgreement(e, func(a *pb.Agreement) { a.Title = s.termsOf(c.GetBody()).GetTitle() })
	}
}

// putText keeps one text of a proposal. A motion is small, and kept parsed too. A text that is not the one its digest names,
// or that is none, is an error of the history: whoever consents to it names the digest.
func (s *State) putText(e *pb.Event, proposalID string, n int32, author pb.Side, body []byte, digest string, motion bool) {
	if wrong := checkText(body, digest, motion); wrong != "" {
		s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "Text %d of proposal %s %s.", n, proposalID, wrong))
		return
	}
	text := &pb.ProposalRevision{
		AgreementId: e.GetAgreementId(), ProposalId: proposalID, Revision: n, Author: author,
		TermsDigest: digest, Body: body, CreateTime: e.GetRecordTime(),
	}
	if motion {
		text.Motion = motionOf(body)
	}
	s.Put(proposalRevisionRef(e.GetAgreementId(), proposalID, n), text)
}

// checkText says what is wrong with a stored text; empty if nothing is.
func checkText(body []byte, digest string, motion bool) string {
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return "is not the one that its digest names"
	}
	var text proto.Message = &pb.Terms{}
	if motion {
		text = &pb.Motion{}
	}
	if err := proto.Unmarshal(body, text); err != nil {
		return "cannot be read"
	}
	return ""
}

// termsOf parses the text that an event makes the agreement's. One that is none is an error of the history.
func (s *State) termsOf(body []byte) *pb.Terms {
	t := &pb.Terms{}
	if err := proto.Unmarshal(body, t); err != nil {
		s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "A text that was agreed cannot be read: %v.", err))
	}
	return t
}

// motionOf parses a stored motion. Bytes that are stored were made by Digest.
func motionOf(body []byte) *pb.Motion {
	m := &pb.Motion{}
	if err := proto.Unmarshal(body, m); err != nil {
		panic(fmt.Sprintf("rules: a stored motion does not parse: %v", err))
	}
	return m
}

func (s *State) proposalAccepted(e *pb.Event, c *pb.ProposalAccepted) {
	s.editProposal(e, c.GetProposalId(), func(p *pb.Proposal) {
		p.State, p.Turn = accepted, pb.Side_SIDE_UNSPECIFIED
		p.AcceptTime, p.EffectiveTime = e.GetRecordTime(), c.GetEffectiveTime()
		if c.GetImpact() != nil {
			p.Impact = c.GetImpact()
		}
	})
	s.offTheTable(e, c.GetProposalId())
	if s.proposal(e.GetAgreementId(), c.GetProposalId()).GetKind() != pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS { // there the agreement waits
		s.editAgreement(e, func(a *pb.Agreement) { a.AcceptedProposalIds = append(a.AcceptedProposalIds, c.GetProposalId()) })
	}
}

// proposalClosed is the end of a proposal that does not take effect. First terms take their agreement with them.
func (s *State) proposalClosed(e *pb.Event, proposalID, reason string, to pb.ProposalState) {
	s.editProposal(e, proposalID, func(p *pb.Proposal) {
		p.State, p.Reason, p.Turn = to, reason, pb.Side_SIDE_UNSPECIFIED
	})
	s.offTheTable(e, proposalID)
	s.waitsNoMore(e, proposalID)
	if s.proposal(e.GetAgreementId(), proposalID).GetKind() != pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS {
		return
	}
	s.editAgreement(e, func(a *pb.Agreement) {
		switch to {
		case declined:
			a.State = pb.AgreementState_AGREEMENT_STATE_DECLINED
		case withdrawn:
			a.State = pb.AgreementState_AGREEMENT_STATE_WITHDRAWN
		case pb.ProposalState_PROPOSAL_STATE_LAPSED:
			a.State = pb.AgreementState_AGREEMENT_STATE_LAPSED
		}
	})
}

// offTheTable makes room for another text, if the proposal is the open one with a text.
func (s *State) offTheTable(e *pb.Event, proposalID string) {
	if s.agreement(e.GetAgreementId()).GetOpenProposalId() == proposalID && proposalID != "" {
		s.editAgreement(e, func(a *pb.Agreement) { a.OpenProposalId = "" })
	}
}

func (s *State) proposalTookEffect(e *pb.Event, c *pb.ProposalTookEffect) {
	s.editProposal(e, c.GetProposalId(), func(p *pb.Proposal) { p.State = effective })
	s.waitsNoMore(e, c.GetProposalId())
}

// waitsNoMore strikes an accepted proposal off those whose time has not come.
func (s *State) waitsNoMore(e *pb.Event, proposalID string) {
	if !slices.Contains(s.agreement(e.GetAgreementId()).GetAcceptedProposalIds(), proposalID) {
		return
	}
	s.editAgreement(e, func(a *pb.Agreement) {
		a.AcceptedProposalIds = slices.DeleteFunc(a.AcceptedProposalIds, func(id string) bool { return id == proposalID })
	})
}

func (s *State) editProposal(e *pb.Event, id string, change func(*pb.Proposal)) {
	edit(s, proposalRef(e.GetAgreementId(), id), func(p *pb.Proposal) {
		change(p)
		p.UpdateTime, p.Etag = e.GetRecordTime(), etag(e)
	})
}
