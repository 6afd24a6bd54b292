package rules

import (
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// consent is what both sides would agree to by a proposal: a text or a motion.
type consent struct {
	kind      pb.ProposalKind
	terms     *pb.Terms
	motion    *pb.Motion
	imported  bool   // it may come with a past
	successor string // RENEW: the id it asks for
	proposal  string // its id, once it has one
	base      int32  // the revision it was made on
	field     string // the path that what is wrong with the text starts with
}

// proposalKind is what one kind of proposal asks of both sides, and what it brings.
type proposalKind struct {
	// verb is what both sides do to their agreement by it, as the table of its life has it; empty: it is about obligations.
	verb string
	// text says that it has a text; the others have a motion.
	text bool
	// obligations is how many obligations it is about, at most.
	obligations int
	// words lists what is wrong with its text, when it is proposed or countered; nil: a motion, which has little to be wrong.
	words func(d *Decision, a *pb.Agreement, c consent) []Violation
	// holds refuses what must not be agreed to as things stand: when it is proposed or countered, when it is accepted, and
	// when its time has come; nil: the state of the agreement says it all.
	holds func(d *Decision, a *pb.Agreement, c consent, at time.Time) *Error
	// takeEffect brings about what was agreed to, at a time. First terms do by the agreement's own clock.
	takeEffect func(d *Decision, a *pb.Agreement, p *pb.Proposal, c consent, at time.Time)
}

// proposalKindOf is the table of the kinds of proposals; false for a kind that cannot be proposed. It is a function
// because what takes effect may lead to proposals again.
func proposalKindOf(k pb.ProposalKind) (proposalKind, bool) {
	switch k {
	case pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS:
		return proposalKind{verb: "propose", text: true, words: (*Decision).wrongFirst}, true
	case pb.ProposalKind_PROPOSAL_KIND_AMENDMENT:
		return proposalKind{
			verb: "amend", text: true, words: (*Decision).wrongAmendment, holds: (*Decision).amendable, takeEffect: (*Decision).amend,
		}, true
	case pb.ProposalKind_PROPOSAL_KIND_SUSPEND:
		return proposalKind{verb: "suspend", takeEffect: (*Decision).suspendTogether}, true
	case pb.ProposalKind_PROPOSAL_KIND_RESUME:
		return proposalKind{verb: "resume", holds: (*Decision).pausedTogether, takeEffect: (*Decision).resumeTogether}, true
	case pb.ProposalKind_PROPOSAL_KIND_END_EARLY:
		return proposalKind{verb: "end early", takeEffect: (*Decision).endEarly}, true
	case pb.ProposalKind_PROPOSAL_KIND_COMPLETE:
		return proposalKind{verb: "complete", holds: (*Decision).completable, takeEffect: (*Decision).complete}, true
	case pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE:
		return proposalKind{verb: "withdraw notice", takeEffect: (*Decision).withdrawNotice}, true
	case pb.ProposalKind_PROPOSAL_KIND_RELEASE:
		return proposalKind{obligations: MaxReleased, holds: (*Decision).releasable, takeEffect: (*Decision).release}, true
	case pb.ProposalKind_PROPOSAL_KIND_RENEW:
		return proposalKind{verb: "renew", text: true, words: (*Decision).wrongRenewal, holds: (*Decision).renewable, takeEffect: (*Decision).renew}, true
	case pb.ProposalKind_PROPOSAL_KIND_SETTLE_DISPUTE:
		return proposalKind{obligations: 1, holds: (*Decision).settleable, takeEffect: (*Decision).settleTogether}, true
	}
	return proposalKind{}, false
}

// mayAgree refuses a kind of proposal that the state of its agreement does not allow, or to who is no side.
func mayAgree(k proposalKind, a *pb.Agreement, side pb.Side) *Error {
	isSide := func(w Who) bool { return w == Both && side != pb.Side_SIDE_UNSPECIFIED }
	if k.verb == "" {
		if isSide(Both) {
			return nil // the states of the obligations decide
		}
		e := Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only a side of the agreement may propose anything.")
		e.Rule, e.Metadata = "agreement propose", map[string]string{"state": word(a.GetState())}
		return e
	}
	if k.verb == "propose" {
		isSide = toDraft(a, side)
	}
	e := move(AgreementMoves, "agreement", a.GetState(), k.verb, isSide)
	if e != nil {
		e.Subject = "agreements/" + a.GetAgreementId()
	}
	return e
}

// stands refuses what both sides have agreed to, or are about to, if it cannot be as things stand.
func (d *Decision) stands(k proposalKind, a *pb.Agreement, c consent, at time.Time) *Error {
	if c.kind != pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS { // those are on the table, and their agreement waits for them
		if e := mayAgree(k, a, a.GetAuthor()); e != nil {
			return e
		}
	}
	if k.holds == nil {
		return nil
	}
	return k.holds(d, a, c, at)
}

// consentOf is what the newest text of a proposal would have both sides agree to.
func (d *Decision) consentOf(p *pb.Proposal) consent {
	text := get[*pb.ProposalRevision](d.State, proposalRevisionRef(p.GetAgreementId(), p.GetProposalId(), p.GetRevision()))
	c := consent{kind: p.GetKind(), successor: p.GetSuccessorAgreementId(), proposal: p.GetProposalId(), base: p.GetBaseRevision(), field: "terms"}
	if k, _ := proposalKindOf(p.GetKind()); k.text {
		c.terms = termsOf(text.GetBody())
		c.imported = c.terms.GetHistoryUntilDate() != ""
	} else {
		c.motion = motionOf(text.GetBody())
	}
	return c
}
