package rules

import (
	"go.einride.tech/aip/fieldmask"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (d *Decision) createAgreement(c *pb.CreateAgreementRequest) error {
	a := c.GetAgreement()
	wrong := append(d.wrongParties(a, "agreement."), checkSize(a.GetDraftTerms(), "agreement.draft_terms")...)
	if wrong != nil {
		return Invalid(wrong...)
	}
	author := d.stamp.By.SideOf(a)
	if author == pb.Side_SIDE_UNSPECIFIED {
		return Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only a party to an agreement may draft it; yours is neither its vendor nor its client.")
	}
	id, refused := d.newID(c.GetAgreementId(), "agr_", "agreement", agreementRef)
	if refused != nil {
		return refused
	}
	d.emit(id, author, &pb.Event{Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{
		VendorPartyId: a.GetVendorPartyId(), ClientPartyId: a.GetClientPartyId(), Author: author, Terms: a.GetDraftTerms(),
	}}})
	d.answer(agreementRef(id))
	return nil
}

// wrongParties lists what is wrong with who an agreement is between; the paths start with prefix.
func (d *Decision) wrongParties(a *pb.Agreement, prefix string) (wrong []Violation) {
	for _, p := range []struct{ field, id string }{
		{prefix + "vendor_party_id", a.GetVendorPartyId()}, {prefix + "client_party_id", a.GetClientPartyId()},
	} {
		if p.id == "" {
			wrong = append(wrong, Violation{p.field, "name the party on this side"})
		} else if d.State.Get(partyRef(p.id)) == nil {
			wrong = append(wrong, Violation{p.field, "there is no party \"" + p.id + "\""})
		}
	}
	if wrong == nil && a.GetVendorPartyId() == a.GetClientPartyId() {
		wrong = append(wrong, Violation{prefix + "client_party_id", "a party cannot make an agreement with itself"})
	}
	return wrong
}

func (d *Decision) updateAgreement(c *pb.UpdateAgreementRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	if e := move(AgreementMoves, "agreement", a.GetState(), "rewrite", toDraft(a, side)); e != nil {
		return e
	}
	if e := d.matchEtag(a.GetEtag()); e != nil {
		return e
	}
	mask, refused := settable(c.GetUpdateMask(), a, c.GetAgreement(), "draft_terms")
	if refused != nil {
		return refused
	}
	next := &pb.Agreement{DraftTerms: proto.CloneOf(a.GetDraftTerms())}
	fieldmask.Update(mask, next, &pb.Agreement{DraftTerms: c.GetAgreement().GetDraftTerms()})
	if wrong := checkSize(next.GetDraftTerms(), "agreement.draft_terms"); wrong != nil {
		return Invalid(wrong...)
	}
	if !proto.Equal(next.GetDraftTerms(), a.GetDraftTerms()) {
		d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_DraftRewritten{DraftRewritten: &pb.DraftRewritten{Terms: next.GetDraftTerms()}}})
	}
	d.answer(agreementRef(a.GetAgreementId()))
	return nil
}

func (s *State) agreementDrafted(e *pb.Event, c *pb.AgreementDrafted) {
	s.Put(agreementRef(e.GetAgreementId()), &pb.Agreement{
		AgreementId:   e.GetAgreementId(),
		VendorPartyId: c.GetVendorPartyId(),
		ClientPartyId: c.GetClientPartyId(),
		Title:         c.GetTerms().GetTitle(),
		State:         pb.AgreementState_AGREEMENT_STATE_DRAFT,
		Author:        c.GetAuthor(),
		DraftTerms:    c.GetTerms(),
		CreateTime:    e.GetRecordTime(),
		UpdateTime:    e.GetRecordTime(),
		Etag:          etag(e),
	})
}

func (s *State) draftRewritten(e *pb.Event, c *pb.DraftRewritten) {
	s.editAgreement(e, func(a *pb.Agreement) {
		a.DraftTerms, a.Title = c.GetTerms(), c.GetTerms().GetTitle()
	})
}

// agreementAccepted makes the text of the proposal a revision, and its promises commitments that wait for the first day.
func (s *State) agreementAccepted(e *pb.Event, c *pb.AgreementAccepted) {
	id := e.GetAgreementId()
	s.editAgreement(e, func(a *pb.Agreement) {
		a.State = pb.AgreementState_AGREEMENT_STATE_ACCEPTED
		a.Revision, a.TermsDigest, a.Title = c.GetRevision(), c.GetTermsDigest(), c.GetTitle()
		a.OpenProposalId = ""
		a.EffectiveTime, a.EndTime, a.Calendar = c.GetEffectiveTime(), c.GetEndTime(), c.GetCalendar()
		a.NeutralPartyId, a.RenewsAgreementId = c.GetNeutralPartyId(), c.GetRenewsAgreementId()
	})
	p := s.proposal(id, c.GetProposalId())
	text := get[*pb.ProposalRevision](s, proposalRevisionRef(id, c.GetProposalId(), p.GetRevision()))
	s.Put(revisionRef(id, c.GetRevision()), &pb.Revision{
		AgreementId: id, Revision: c.GetRevision(), ProposalId: c.GetProposalId(), TermsDigest: c.GetTermsDigest(),
		Body: text.GetBody(), CreateTime: e.GetRecordTime(),
	})
	terms := s.termsOf(text.GetBody())
	for _, o := range terms.GetObjectives() {
		s.putObjective(e, o, c.GetRevision())
	}
	dependents := dependentsOf(terms)
	for _, ct := range terms.GetCommitments() {
		s.Put(commitmentRef(id, ct.GetCommitmentId()), &pb.Commitment{
			AgreementId: id, CommitmentId: ct.GetCommitmentId(), State: dormant,
			Kind: KindOf(ct), Obligor: ct.GetObligor(), Beneficiary: Other(ct.GetObligor()), Terms: ct,
			Clocks: clocksOf(ct, terms), Revision: c.GetRevision(), EffectiveTime: c.GetEffectiveTime(),
			Dependents: dependents[ct.GetCommitmentId()], WordsFromDate: terms.GetHistoryUntilDate(),
			CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
		})
	}
}

func (s *State) agreementActivated(e *pb.Event) {
	s.editAgreement(e, func(a *pb.Agreement) { a.State = pb.AgreementState_AGREEMENT_STATE_ACTIVE })
	a := s.agreement(e.GetAgreementId())
	edit(s, revisionRef(a.GetAgreementId(), a.GetRevision()), func(r *pb.Revision) { r.EffectiveTime = e.GetEffectiveTime() })
}

func (s *State) editAgreement(e *pb.Event, change func(*pb.Agreement)) {
	edit(s, agreementRef(e.GetAgreementId()), func(a *pb.Agreement) {
		change(a)
		a.UpdateTime, a.Etag = e.GetRecordTime(), etag(e)
	})
}
