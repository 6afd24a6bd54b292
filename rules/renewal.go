package rules

import (
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A renewal makes a successor: an agreement of its own, between the same parties, with a text of its own. Both have consented
// to that text in the agreement that it renews; the successor's own history begins with that consent.

// wrongRenewal lists everything that is wrong with the text of a successor.
func (d *Decision) wrongRenewal(_ *pb.Agreement, c consent) []Violation {
	return append(d.checkText(c.terms, c.field), wrongFirstTerms(c)...)
}

// wrongFirstTerms lists what is said in a text that begins an agreement, and belongs in another.
func wrongFirstTerms(c consent) (wrong []Violation) {
	if c.terms.GetHoldsFromDate() != "" {
		wrong = append(wrong, Violation{c.field + ".holds_from_date", "a first text holds from its effective_date: leave it out"})
	}
	if !c.imported && (len(c.terms.GetHistory()) > 0 || c.terms.GetHistoryUntilDate() != "") {
		wrong = append(wrong, Violation{c.field + ".history", "only an agreement that is imported has a past: leave it out"})
	}
	return wrong
}

// renewable refuses a second successor, and one whose id is taken.
func (d *Decision) renewable(a *pb.Agreement, c consent, _ time.Time) *Error {
	if id := a.GetRenewedByAgreementId(); id != "" {
		e := refuseGuard("agreement", "renew", notRenewed, "Agreement %s renews it already.", id)
		e.Subject, e.Metadata = "agreements/"+a.GetAgreementId(), map[string]string{"agreement_id": id}
		return e
	}
	if c.successor != "" && d.State.agreement(c.successor) != nil {
		return taken("agreement", c.successor)
	}
	return nil
}

// renew begins the successor of an agreement, as both sides agreed. In its history the service tells their consent, each as
// of the side that gave it.
func (d *Decision) renew(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	id := c.successor
	if id == "" {
		id = d.stamp.NewID("agr_")
	}
	text := get[*pb.ProposalRevision](d.State, proposalRevisionRef(a.GetAgreementId(), p.GetProposalId(), p.GetRevision()))
	author := text.GetAuthor()
	as := func(side pb.Side, e *pb.Event) {
		party := a.GetVendorPartyId()
		if side == pb.Side_SIDE_CLIENT {
			party = a.GetClientPartyId()
		}
		d.emitAs(Caller{PrincipalID: Service().PrincipalID, PartyID: party}, id, side, at, e)
	}
	as(author, &pb.Event{Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{
		VendorPartyId: a.GetVendorPartyId(), ClientPartyId: a.GetClientPartyId(), Author: author,
	}}})
	as(author, &pb.Event{Change: &pb.Event_ProposalMade{ProposalMade: &pb.ProposalMade{
		ProposalId: p.GetProposalId(), Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Proposer: author,
		Body: text.GetBody(), TermsDigest: text.GetTermsDigest(), Note: p.GetNote(), ExpireTime: p.GetExpireTime(),
	}}})
	yes := &pb.ProposalAccepted{ProposalId: p.GetProposalId(), Revision: 1, TermsDigest: text.GetTermsDigest()}
	if err := d.acceptFirst(d.State.agreement(id), c.terms, yes, a.GetAgreementId(), func(e *pb.Event) { as(Other(author), e) }); err != nil && d.State.err == nil {
		d.State.err = err
	}
	d.emitClock(a.GetAgreementId(), at, &pb.Event{Change: &pb.Event_AgreementRenewed{AgreementRenewed: &pb.AgreementRenewed{
		SuccessorAgreementId: id, ProposalId: p.GetProposalId(),
	}}})
}
