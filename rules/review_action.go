package rules

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// proposeReviewAction puts an action before the other side as a promise: an amendment whose text is the one in force and, at
// its end, a commitment of the action. It is the proposer's consent to that text, and goes the way of every amendment.
func (d *Decision) proposeReviewAction(c *pb.ProposeReviewActionRequest) error {
	a, r, side, refused := d.onReview(c.GetAgreementId(), c.GetReviewId(), "propose action")
	if refused != nil {
		return refused
	}
	n := int(c.GetAction())
	if n > len(r.GetActions()) {
		return Invalid(Violation{"action", fmt.Sprintf("there is no action %d: the review has %d", n, len(r.GetActions()))})
	}
	action := r.GetActions()[n-1]
	if e := d.unproposed(r, action); e != nil {
		return e
	}
	const kind = pb.ProposalKind_PROPOSAL_KIND_AMENDMENT
	k, _ := proposalKindOf(kind)
	if e := mayAgree(k, a, side); e != nil {
		return e
	}
	if e := d.lastsAsIs(a, kind); e != nil {
		return e
	}
	if cal := d.calendar(a); cal != nil && mustParse(action.GetDueDate()) < cal.DayAt(d.stamp.At) {
		return Invalid(Violation{"action", "it was due on " + action.GetDueDate() + ", which has passed: propose an amendment with a later day, or agree on one in another review"})
	}
	promise, refused := d.promiseOf(a, action, c)
	if refused != nil {
		return refused
	}
	asked := consent{kind: kind, terms: withPromise(d.terms(a), promise), base: a.GetRevision(), field: "terms"}
	expires, _ := d.checkExpiry(nil)
	if wrong := d.checkConsent(k, a, asked); wrong != nil {
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
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ReviewActionProposed{ReviewActionProposed: &pb.ReviewActionProposed{
		ReviewId: r.GetReviewId(), Number: action.GetNumber(), ProposalId: id,
	}}})
	d.answer(reviewRef(a.GetAgreementId(), r.GetReviewId()))
	return nil
}

// lastsAsIs refuses to build on a text in whose place another was agreed on already, from a day to come. Who proposes a text may
// well mean to be declined or countered; an action that nobody could accept helps nobody.
func (d *Decision) lastsAsIs(a *pb.Agreement, kind pb.ProposalKind) *Error {
	for _, id := range a.GetAcceptedProposalIds() {
		if d.State.proposal(a.GetAgreementId(), id).GetKind() == kind {
			return staleBase(a)
		}
	}
	return nil
}

// unproposed refuses to propose an action again whose proposal waits, or was agreed to.
func (d *Decision) unproposed(r *pb.Review, action *pb.ReviewAction) *Error {
	id := action.GetProposalId()
	if id == "" {
		return nil
	}
	d.timePasses(proposalRef(r.GetAgreementId(), id))
	p := d.State.proposal(r.GetAgreementId(), id)
	switch p.GetState() {
	case open, accepted, effective:
	default:
		return nil
	}
	e := refuseGuard("review", "propose action", actionOnce, "Action %d is proposal %s, which is %s.", action.GetNumber(), id, word(p.GetState()))
	e.Subject, e.Metadata = reviewName(r), map[string]string{"proposal_id": id}
	return e
}

// promiseOf is an action as a commitment.
func (d *Decision) promiseOf(a *pb.Agreement, action *pb.ReviewAction, c *pb.ProposeReviewActionRequest) (*pb.CommitmentTerms, *Error) {
	id, refused := d.newID(c.GetCommitmentId(), "cmt_", "commitment", func(id string) Ref { return commitmentRef(a.GetAgreementId(), id) })
	if refused != nil {
		return nil, refused
	}
	promise := &pb.CommitmentTerms{
		CommitmentId: id, Obligor: action.GetObligor(), Title: action.GetTitle(), Category: c.GetCategory(), Weight: max(c.GetWeight(), 1),
		Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: action.GetDueDate()}},
	}
	if promise.Category == pb.Category_CATEGORY_UNSPECIFIED {
		promise.Category = pb.Category_CATEGORY_GOVERNANCE
	}
	return promise, nil
}

// withPromise is a text that holds from its acceptance on, with one promise more. A past was agreed to with the first terms,
// and is not agreed to again.
func withPromise(base *pb.Terms, promise *pb.CommitmentTerms) *pb.Terms {
	t := proto.CloneOf(base)
	t.Commitments = append(t.Commitments, promise)
	t.HoldsFromDate, t.History, t.HistoryUntilDate = "", nil, ""
	return t
}
