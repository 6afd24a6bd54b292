package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxProposalRevisions bounds a negotiation, so that a proposal cannot grow for ever.
const MaxProposalRevisions = 1000

// MaxOpenProposals is how many proposals of one agreement may be open, or accepted and waiting for their time: what a side
// can keep in view, and what is looked through when another is made. proposal_service.proto says the same.
const MaxOpenProposals = 50

func (d *Decision) createProposal(c *pb.CreateProposalRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	k, known := proposalKindOf(c.GetKind())
	if !known {
		return Invalid(Violation{"kind", "say what is proposed"})
	}
	if e := mayAgree(k, a, side); e != nil {
		return e
	}
	asked, wrong := d.asked(k, a, c)
	expires, late := d.checkExpiry(c.GetExpireTime())
	if wrong = append(wrong, late...); wrong != nil {
		return Invalid(wrong...)
	}
	if e := d.stands(k, a, asked, d.stamp.At); e != nil {
		return e
	}
	if e := d.roomFor(k, a, asked); e != nil {
		return e
	}
	id, refused := d.newID(c.GetProposalId(), "prp_", "proposal", func(id string) Ref { return proposalRef(a.GetAgreementId(), id) })
	if refused != nil {
		return refused
	}
	if e := d.propose(a, id, side, asked, c.GetNote(), expires); e != nil {
		return e
	}
	d.answer(proposalRef(a.GetAgreementId(), id))
	return nil
}

// asked is what a new proposal would have both sides agree to, and everything that is wrong with it. First terms are those
// of the draft.
func (d *Decision) asked(k proposalKind, a *pb.Agreement, c *pb.CreateProposalRequest) (asked consent, wrong []Violation) {
	asked = consent{kind: c.GetKind(), terms: c.GetTerms(), motion: c.GetMotion(), successor: c.GetSuccessorAgreementId(), base: a.GetRevision(), field: "terms"}
	switch {
	case c.GetKind() == pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS:
		if c.GetTerms() != nil {
			wrong = append(wrong, Violation{"terms", "first terms are those of the draft: write them there"})
		}
		asked.terms, asked.field = a.GetDraftTerms(), "agreement.draft_terms"
	case !k.text:
		asked.motion = motion(c.GetKind(), c.GetMotion())
	}
	if c.GetSuccessorAgreementId() != "" && c.GetKind() != pb.ProposalKind_PROPOSAL_KIND_RENEW {
		wrong = append(wrong, Violation{"successor_agreement_id", "only a RENEW makes a successor: leave it out"})
	}
	return asked, append(wrong, d.checkConsent(k, a, asked)...)
}

// propose puts a text or a motion before the other side. An amendment shows what it would change.
func (d *Decision) propose(a *pb.Agreement, id string, side pb.Side, c consent, note string, expires *timestamppb.Timestamp) *Error {
	body, digest := c.body()
	made := &pb.ProposalMade{
		ProposalId: id, Kind: c.kind, Proposer: side, BaseRevision: a.GetRevision(), Body: body, TermsDigest: digest, Note: note,
		Motion: c.motion != nil, ExpireTime: expires, SuccessorAgreementId: c.successor, ObligationIds: c.motion.GetObligationIds(),
	}
	event := &pb.Event{Change: &pb.Event_ProposalMade{ProposalMade: made}}
	if c.kind == pb.ProposalKind_PROPOSAL_KIND_AMENDMENT {
		impact, e := d.foresee(a.GetAgreementId(), id, side, event)
		if e != nil {
			return e
		}
		made.Impact = impact
	}
	d.emit(a.GetAgreementId(), side, event)
	return nil
}

// roomFor refuses one proposal too many: there is one open text at most, one motion of a kind about one thing, and no more
// in all than a side can keep in view.
func (d *Decision) roomFor(k proposalKind, a *pb.Agreement, c consent) *Error {
	id := a.GetAgreementId()
	count := 0
	for _, p := range d.State.Proposals(id, []pb.ProposalState{open, accepted}, "", MaxOpenProposals) {
		d.timePasses(proposalRef(id, p.GetProposalId()))
		if p = d.State.proposal(id, p.GetProposalId()); p.GetState() != open && p.GetState() != accepted {
			continue
		}
		count++
		other, _ := proposalKindOf(p.GetKind())
		same := p.GetKind() == c.kind && (k.obligations == 0 || common(p.GetObligationIds(), c.motion.GetObligationIds()))
		if p.GetState() == open && (k.text && other.text || same) {
			e := refuseGuard("proposal", "propose", "one at a time", "Proposal %s is open already. Answer it, counter it or take it back first.", p.GetProposalId())
			e.Subject, e.Metadata = "agreements/"+id+"/proposals/"+p.GetProposalId(), map[string]string{"proposal_id": p.GetProposalId()}
			return e
		}
	}
	if count < MaxOpenProposals {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "At most %d proposals of an agreement wait at once. Answer some first.", MaxOpenProposals)
	e.Metadata = map[string]string{"limit": "open proposals"}
	return e
}

// common says whether two lists have an id in common.
func common(a, b []string) bool {
	return slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) })
}

// wrongFirst lists everything that is wrong with first terms.
func (d *Decision) wrongFirst(_ *pb.Agreement, c consent) []Violation {
	wrong := append(d.checkText(c.terms, c.field), wrongFirstTerms(c)...)
	if wrong == nil {
		wrong = d.checkPast(c.terms, c.field)
	}
	return wrong
}

// checkNeutral lists what is wrong with the neutral of a text: it is a party, and none of the two.
func (d *Decision) checkNeutral(a *pb.Agreement, c consent) []Violation {
	id := c.terms.GetNeutralPartyId()
	switch {
	case id == "":
		return nil
	case id == a.GetVendorPartyId() || id == a.GetClientPartyId():
		return []Violation{{c.field + ".neutral_party_id", "a side of the agreement is not neutral: name another party, or none"}}
	case d.State.Get(partyRef(id)) == nil:
		return []Violation{{c.field + ".neutral_party_id", "there is no such party"}}
	}
	return nil
}

// checkText lists everything that is wrong with a text that would hold from its first day on.
func (d *Decision) checkText(t *pb.Terms, field string) []Violation {
	if wrong := CheckTerms(t, field); wrong != nil {
		return wrong
	}
	return checkBacklog(t, d.stamp.At, field)
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
	a, p, side, refused := d.onProposal(c.GetAgreementId(), c.GetProposalId(), "counter")
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
	k, _ := proposalKindOf(p.GetKind())
	other := d.consentOf(p)
	other.terms, other.motion = c.GetTerms(), c.GetMotion()
	if !k.text {
		other.motion = motion(p.GetKind(), c.GetMotion())
	}
	wrong := d.checkConsent(k, a, other)
	expires, late := d.checkExpiry(c.GetExpireTime())
	if wrong = append(wrong, late...); wrong != nil {
		return Invalid(wrong...)
	}
	if e := d.stands(k, a, other, d.stamp.At); e != nil {
		return e
	}
	body, digest := other.body()
	countered := &pb.ProposalCountered{
		ProposalId: c.GetProposalId(), Revision: p.GetRevision() + 1, Author: side, Body: body, TermsDigest: digest, Note: c.GetNote(),
		Motion: other.motion != nil, ExpireTime: expires, ObligationIds: other.motion.GetObligationIds(),
	}
	event := &pb.Event{Change: &pb.Event_ProposalCountered{ProposalCountered: countered}}
	if p.GetKind() == pb.ProposalKind_PROPOSAL_KIND_AMENDMENT {
		impact, e := d.foresee(c.GetAgreementId(), c.GetProposalId(), side, event)
		if e != nil {
			return e
		}
		countered.Impact = impact
	}
	d.emit(c.GetAgreementId(), side, event)
	d.answer(proposalRef(c.GetAgreementId(), c.GetProposalId()))
	return nil
}

// acceptProposal is consent to exact bytes: the revision and the digest must be those on the table. What was agreed to
// takes effect at its time, which may be now.
func (d *Decision) acceptProposal(c *pb.AcceptProposalRequest) error {
	a, p, side, refused := d.onProposal(c.GetAgreementId(), c.GetProposalId(), "accept")
	if refused != nil {
		return refused
	}
	if c.GetRevision() != p.GetRevision() || c.GetTermsDigest() != p.GetTermsDigest() {
		return stale(p)
	}
	k, _ := proposalKindOf(p.GetKind())
	agreed := d.consentOf(p)
	if e := d.stands(k, a, agreed, d.stamp.At); e != nil {
		return e
	}
	yes := &pb.ProposalAccepted{ProposalId: p.GetProposalId(), Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest()}
	if p.GetKind() == pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS {
		if err := d.acceptFirst(a, agreed.terms, yes, "", func(e *pb.Event) { d.emit(a.GetAgreementId(), side, e) }); err != nil {
			return err
		}
	} else {
		if p.GetKind() == pb.ProposalKind_PROPOSAL_KIND_AMENDMENT {
			if yes.Impact, refused = d.foresee(a.GetAgreementId(), p.GetProposalId(), side, nil); refused != nil {
				return refused
			}
		}
		yes.EffectiveTime = timestamppb.New(d.start(a, agreed))
		d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ProposalAccepted{ProposalAccepted: yes}})
		d.timePasses(proposalRef(a.GetAgreementId(), p.GetProposalId()))
	}
	d.answer(proposalRef(a.GetAgreementId(), p.GetProposalId()))
	return nil
}

// acceptFirst makes a text that both sides consented to the terms of their agreement, which may renew another. tell records
// what was consented to.
func (d *Decision) acceptFirst(a *pb.Agreement, terms *pb.Terms, yes *pb.ProposalAccepted, renews string, tell func(*pb.Event)) error {
	start, end, err := span(terms)
	if err != nil {
		return fmt.Errorf("rules: the text of proposal %q: %w", yes.GetProposalId(), err)
	}
	yes.EffectiveTime = timestamppb.New(start)
	tell(&pb.Event{Change: &pb.Event_ProposalAccepted{ProposalAccepted: yes}})
	agreed := &pb.AgreementAccepted{
		Revision: a.GetRevision() + 1, ProposalId: yes.GetProposalId(), Title: terms.GetTitle(), TermsDigest: yes.GetTermsDigest(),
		EffectiveTime: timestamppb.New(start), Calendar: terms.GetCalendar(), NeutralPartyId: terms.GetNeutralPartyId(), RenewsAgreementId: renews,
	}
	if !end.IsZero() {
		agreed.EndTime = timestamppb.New(end)
	}
	tell(&pb.Event{Change: &pb.Event_AgreementAccepted{AgreementAccepted: agreed}})
	if first := d.firstPulse(d.State.agreement(a.GetAgreementId()), terms); first != nil {
		tell(first)
	}
	d.bringPast(a.GetAgreementId(), terms)
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

// Digest is the stored form of a text or a motion and its SHA-256 in hexadecimal.
func Digest(t proto.Message) (body []byte, digest string) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("rules: what was checked does not serialize: %v", err)) // strings were UTF-8 at the door
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
