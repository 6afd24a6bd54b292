package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxProposalRevisions bounds a negotiation, so that a proposal cannot grow for ever.
const MaxProposalRevisions = 1000

func (d *Decision) createProposal(c *pb.CreateProposalRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	if c.GetKind() != pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS {
		return Refuse(pb.ErrorReason_ERROR_REASON_NOT_SUPPORTED, "This release takes proposals of the kind FIRST_TERMS; %s comes later.", c.GetKind())
	}
	if e := move(AgreementMoves, "agreement", a.GetState(), "propose", toDraft(a, side)); e != nil {
		return e
	}
	if wrong := d.checkText(a.GetDraftTerms(), "agreement.draft_terms"); wrong != nil {
		return wrong
	}
	if wrong := checkFirst(c); wrong != nil {
		return Invalid(wrong...)
	}
	id, refused := d.newID(c.GetProposalId(), "prp_", "proposal", func(id string) Ref { return proposalRef(a.GetAgreementId(), id) })
	if refused != nil {
		return refused
	}
	body, digest := Digest(a.GetDraftTerms())
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ProposalMade{ProposalMade: &pb.ProposalMade{
		ProposalId: id, Kind: c.GetKind(), Proposer: side, BaseRevision: a.GetRevision(), Body: body, TermsDigest: digest, Note: c.GetNote(),
	}}})
	d.answer(proposalRef(a.GetAgreementId(), id))
	return nil
}

// checkText refuses a text that nobody should be asked to consent to.
func (d *Decision) checkText(t *pb.Terms, field string) error {
	wrong := CheckTerms(t, field)
	if wrong == nil {
		wrong = checkBacklog(t, d.stamp.At, field)
	}
	if wrong != nil {
		return Invalid(wrong...)
	}
	return nil
}

// onProposal reads the proposal a command names, as time has left it, and refuses what its life cycle, or a stale etag, does.
func (d *Decision) onProposal(agreementID, proposalID, verb string) (*pb.Agreement, *pb.Proposal, pb.Side, *Error) {
	a, side, refused := d.seen(agreementID)
	if refused != nil {
		return nil, nil, side, refused
	}
	d.timePasses(proposalRef(agreementID, proposalID))
	p := d.State.proposal(agreementID, proposalID)
	if p == nil {
		return nil, nil, side, NotFound("proposal", proposalID)
	}
	if e := move(ProposalMoves, "proposal", p.GetState(), verb, toProposal(p, side)); e != nil {
		e.Subject = "agreements/" + agreementID + "/proposals/" + proposalID
		return nil, nil, side, e
	}
	if e := d.matchEtag(p.GetEtag()); e != nil {
		return nil, nil, side, e
	}
	return a, p, side, nil
}

func (d *Decision) counterProposal(c *pb.CounterProposalRequest) error {
	_, p, side, refused := d.onProposal(c.GetAgreementId(), c.GetProposalId(), "counter")
	if refused != nil {
		return refused
	}
	if c.GetRevision() != p.GetRevision() {
		return stale(p)
	}
	if p.GetRevision() >= MaxProposalRevisions {
		e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "A proposal has at most %d texts. Decline it and begin again.", MaxProposalRevisions)
		e.Metadata = map[string]string{"limit": "proposal revisions"}
		return e
	}
	if wrong := checkCounter(c); wrong != nil {
		return Invalid(wrong...)
	}
	if wrong := d.checkText(c.GetTerms(), "terms"); wrong != nil {
		return wrong
	}
	body, digest := Digest(c.GetTerms())
	d.emit(c.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ProposalCountered{ProposalCountered: &pb.ProposalCountered{
		ProposalId: c.GetProposalId(), Revision: p.GetRevision() + 1, Author: side, Body: body, TermsDigest: digest, Note: c.GetNote(),
	}}})
	d.answer(proposalRef(c.GetAgreementId(), c.GetProposalId()))
	return nil
}

// acceptProposal is consent to exact bytes: the revision and the digest must be those on the table.
func (d *Decision) acceptProposal(c *pb.AcceptProposalRequest) error {
	a, p, side, refused := d.onProposal(c.GetAgreementId(), c.GetProposalId(), "accept")
	if refused != nil {
		return refused
	}
	if c.GetRevision() != p.GetRevision() || c.GetTermsDigest() != p.GetTermsDigest() {
		return stale(p)
	}
	text := get[*pb.ProposalRevision](d.State, proposalRevisionRef(a.GetAgreementId(), p.GetProposalId(), p.GetRevision()))
	terms := termsOf(text.GetBody())
	start, end, err := span(terms)
	if err != nil {
		return fmt.Errorf("rules: the text of proposal %q: %w", p.GetProposalId(), err)
	}
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ProposalAccepted{ProposalAccepted: &pb.ProposalAccepted{
		ProposalId: p.GetProposalId(), Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest(), EffectiveTime: timestamppb.New(start),
	}}})
	agreed := &pb.AgreementAccepted{
		Revision: a.GetRevision() + 1, ProposalId: p.GetProposalId(), Title: terms.GetTitle(), TermsDigest: p.GetTermsDigest(),
		EffectiveTime: timestamppb.New(start), Calendar: terms.GetCalendar(),
	}
	if !end.IsZero() {
		agreed.EndTime = timestamppb.New(end)
	}
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_AgreementAccepted{AgreementAccepted: agreed}})
	d.answer(proposalRef(a.GetAgreementId(), p.GetProposalId()))
	return nil
}

func (d *Decision) declineProposal(c *pb.DeclineProposalRequest) error {
	_, p, side, refused := d.onProposal(c.GetAgreementId(), c.GetProposalId(), "decline")
	if refused != nil {
		return refused
	}
	d.emit(c.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ProposalDeclined{ProposalDeclined: &pb.ProposalDeclined{
		ProposalId: p.GetProposalId(), Reason: c.GetReason(),
	}}})
	d.answer(proposalRef(c.GetAgreementId(), c.GetProposalId()))
	return nil
}

func (d *Decision) withdrawProposal(c *pb.WithdrawProposalRequest) error {
	_, p, side, refused := d.onProposal(c.GetAgreementId(), c.GetProposalId(), "withdraw")
	if refused != nil {
		return refused
	}
	d.emit(c.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ProposalWithdrawn{ProposalWithdrawn: &pb.ProposalWithdrawn{
		ProposalId: p.GetProposalId(), Reason: c.GetReason(),
	}}})
	d.answer(proposalRef(c.GetAgreementId(), c.GetProposalId()))
	return nil
}

func stale(p *pb.Proposal) *Error {
	e := Refuse(pb.ErrorReason_ERROR_REASON_DIGEST_MISMATCH, "The text on the table is revision %d with digest %s; that is not what you quote. Read it, then answer it.", p.GetRevision(), p.GetTermsDigest())
	e.Rule, e.Subject = "proposal consent is to exact bytes", "agreements/"+p.GetAgreementId()+"/proposals/"+p.GetProposalId()
	e.Metadata = map[string]string{"revision": fmt.Sprint(p.GetRevision()), "terms_digest": p.GetTermsDigest()}
	return e
}

// Digest is the stored form of a text and its SHA-256 in hexadecimal.
func Digest(t *pb.Terms) (body []byte, digest string) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("rules: terms that were checked do not serialize: %v", err)) // strings were UTF-8 at the door
	}
	sum := sha256.Sum256(body)
	return body, hex.EncodeToString(sum[:])
}

// termsOf parses a stored text. Bytes that are stored were made by Digest.
func termsOf(body []byte) *pb.Terms {
	t := &pb.Terms{}
	if err := proto.Unmarshal(body, t); err != nil {
		panic(fmt.Sprintf("rules: a stored text does not parse: %v", err))
	}
	return t
}

// span is the first instant of the first day and the first instant after the last; end is zero if there is none.
func span(t *pb.Terms) (start, end time.Time, err error) {
	cal, wrong := NewCalendar(t.GetCalendar(), "calendar")
	if wrong != nil {
		return start, end, Invalid(wrong...)
	}
	first, err := ParseDay(t.GetEffectiveDate())
	if err != nil {
		return start, end, err
	}
	start = cal.StartOfDay(first)
	if t.GetEndDate() == "" {
		return start, end, nil
	}
	last, err := ParseDay(t.GetEndDate())
	return start, cal.EndOfDay(last), err
}
