package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.einride.tech/aip/fieldmask"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A joint review is both sides looking at one scorecard: it is frozen when the review is opened, by the events before that,
// so that nobody's later deed, and no other moment of reading, changes what they look at. What they sign is a paper of hashes
// and actions: the minutes are hashed into it behind a salt, so that they can be erased and the signatures stay what they are.

// Bounds of reviews. review.proto and review_service.proto say the same.
const (
	// MaxOpenReviews is how many reviews that one side of an agreement opened may be open: what it can keep in view. Each side
	// has its own, so that none can keep the other from opening one.
	MaxOpenReviews = 10
	// MaxReviewRevisions bounds the writing of one review, so that it cannot grow for ever.
	MaxReviewRevisions = 1000
)

// reviewable are the states in which an agreement has, or had, something to look at together.
var reviewable = []pb.AgreementState{agreementActive, agreementSuspended, agreementEnding, agreementTerminated, agreementExpired, agreementCompleted}

func (d *Decision) openReview(c *pb.OpenReviewRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	if e := mayReview(a, side); e != nil {
		return e
	}
	if e := refuseSettling(a); e != nil {
		return e
	}
	if e := d.scoresPass(a); e != nil {
		return e
	}
	card, err := d.State.Scorecard(a.GetAgreementId(), c.GetFromDate(), c.GetToDate(), d.stamp.At)
	if err != nil {
		return err
	}
	if e := d.roomForReview(a, side); e != nil {
		return e
	}
	id, refused := d.newID(c.GetReviewId(), "rev_", "review", func(id string) Ref { return reviewRef(a.GetAgreementId(), id) })
	if refused != nil {
		return refused
	}
	_, frozen := Digest(card)
	body, digest := Digest(&pb.ReviewPaper{AgreementId: a.GetAgreementId(), ReviewId: id, ScorecardDigest: frozen})
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ReviewOpened{ReviewOpened: &pb.ReviewOpened{
		ReviewId: id, OpenedBy: side, Title: c.GetTitle(), Scorecard: card, Body: body, Digest: digest,
	}}})
	d.answer(reviewRef(a.GetAgreementId(), id))
	return nil
}

// mayReview refuses a review of what is not in force yet, and to who is no side.
func mayReview(a *pb.Agreement, side pb.Side) *Error {
	var e *Error
	switch {
	case side == pb.Side_SIDE_UNSPECIFIED:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only a side of the agreement may open a review of it.")
	case !slices.Contains(reviewable, a.GetState()):
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_STATE, "The agreement is %s; there is nothing to review before it is in force.", word(a.GetState()))
	default:
		return nil
	}
	e.Rule, e.Subject, e.Metadata = "agreement review", "agreements/"+a.GetAgreementId(), map[string]string{"state": word(a.GetState())}
	return e
}

// roomForReview refuses a side one more open review where it has opened too many.
func (d *Decision) roomForReview(a *pb.Agreement, side pb.Side) *Error {
	own := 0
	for _, r := range d.State.Reviews(a.GetAgreementId(), []pb.ReviewState{reviewOpen}, "", 2*MaxOpenReviews) {
		if r.GetOpenedBy() == side {
			own++
		}
	}
	if own < MaxOpenReviews {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "%d reviews that the %s opened are open. Sign them together, or withdraw some first.", MaxOpenReviews, sideWord(side))
	e.Subject, e.Metadata = "agreements/"+a.GetAgreementId(), map[string]string{"limit": "open reviews"}
	return e
}

// scoresPass brings all that scores are made of to where time has left it, so that it is in a card whether the clock has looked
// or not: obligations, rounds of the pulse, and concerns that nobody has heard.
func (d *Decision) scoresPass(a *pb.Agreement) *Error {
	id := a.GetAgreementId()
	if e := d.allPass(id, d.stamp.At, d.living(id)...); e != nil {
		return e
	}
	d.withRoom(func() {
		d.pulsePasses(id, d.stamp.At.Add(time.Nanosecond))
		for _, c := range d.State.Concerns(id, openConcerns, "", 2*MaxOpenConcerns) {
			if c.GetAcknowledgeTime() == nil && hasClock(c.GetKind()) {
				d.timePasses(concernRef(id, c.GetConcernId()))
			}
		}
	})
	return nil
}

// onReview reads the review a command names and refuses what its life cycle, or a stale etag, does.
func (d *Decision) onReview(agreementID, reviewID, verb string) (*pb.Agreement, *pb.Review, pb.Side, *Error) {
	a, side, refused := d.seen(agreementID)
	if refused != nil {
		return nil, nil, side, refused
	}
	r := d.State.review(agreementID, reviewID)
	if r == nil {
		return nil, nil, side, NotFound("review", reviewID)
	}
	if e := move(ReviewMoves, "review", r.GetState(), verb, toReview(r, side)); e != nil {
		e.Subject = reviewName(r)
		return nil, nil, side, e
	}
	if e := d.matchEtag(r.GetEtag()); e != nil {
		return nil, nil, side, e
	}
	return a, r, side, nil
}

// reviewName is what a review is called in refusals.
func reviewName(r *pb.Review) string {
	return "agreements/" + r.GetAgreementId() + "/reviews/" + r.GetReviewId()
}

// updateReview writes minutes and actions. What does not change voids nothing.
func (d *Decision) updateReview(c *pb.UpdateReviewRequest) error {
	_, r, side, refused := d.onReview(c.GetAgreementId(), c.GetReviewId(), "update")
	if refused != nil {
		return refused
	}
	mask, refused := settable(c.GetUpdateMask(), r, c.GetReview(), "minutes", "actions")
	if refused != nil {
		return refused
	}
	next := &pb.Review{Minutes: r.GetMinutes(), Actions: r.GetActions()}
	fieldmask.Update(mask, next, &pb.Review{Minutes: c.GetReview().GetMinutes(), Actions: c.GetReview().GetActions()})
	actions, wrong := numberedActions(next.GetActions())
	if wrong != nil {
		return Invalid(wrong...)
	}
	if next.GetMinutes() != r.GetMinutes() || !proto.Equal(&pb.Review{Actions: actions}, &pb.Review{Actions: r.GetActions()}) {
		if r.GetRevision() >= MaxReviewRevisions {
			e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "A review is written at most %d times. Sign it, or withdraw it and open another.", MaxReviewRevisions)
			e.Metadata = map[string]string{"limit": "review revisions"}
			return e
		}
		d.emit(c.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ReviewUpdated{ReviewUpdated: d.rewritten(r, next.GetMinutes(), actions)}})
	}
	d.answer(reviewRef(c.GetAgreementId(), c.GetReviewId()))
	return nil
}

// rewritten is a review's next paper.
func (d *Decision) rewritten(r *pb.Review, minutes string, actions []*pb.ReviewAction) *pb.ReviewUpdated {
	c := &pb.ReviewUpdated{ReviewId: r.GetReviewId(), Revision: r.GetRevision() + 1}
	if minutes != "" {
		c.Minutes = &pb.ReviewMinutes{Text: minutes, Salt: r.GetMinutesSalt()}
		if minutes != r.GetMinutes() {
			c.Minutes.Salt = d.stamp.NewID("salt_")
		}
	}
	c.Body, c.Digest = Digest(&pb.ReviewPaper{
		AgreementId: r.GetAgreementId(), ReviewId: r.GetReviewId(), ScorecardDigest: paperOf(r.GetBody()).GetScorecardDigest(),
		MinutesDigest: minutesDigest(c.GetMinutes()), Actions: actions,
	})
	return c
}

// numberedActions is actions as they stand in a paper, and everything that is wrong with them beside what the proto checks.
func numberedActions(actions []*pb.ReviewAction) (numbered []*pb.ReviewAction, wrong []Violation) {
	for i, a := range actions {
		at := fmt.Sprintf("review.actions[%d]", i)
		if strings.TrimSpace(a.GetTitle()) == "" {
			wrong = append(wrong, Violation{at + ".title", "say what will be done"})
		}
		if _, err := promisedDay(a.GetDueDate()); err != nil {
			wrong = append(wrong, Violation{at + ".due_date", err.Error()})
		}
		numbered = append(numbered, &pb.ReviewAction{Number: int32(i + 1), Title: a.GetTitle(), Obligor: a.GetObligor(), DueDate: a.GetDueDate()})
	}
	return numbered, wrong
}

// minutesDigest is what a paper has of minutes; empty if there are none.
func minutesDigest(m *pb.ReviewMinutes) string {
	if m.GetText() == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(m.GetSalt() + "\n" + m.GetText()))
	return hex.EncodeToString(sum[:])
}

// paperOf parses a stored paper. Bytes that are stored were made by Digest, or read before they were kept.
func paperOf(body []byte) *pb.ReviewPaper {
	p := &pb.ReviewPaper{}
	if err := proto.Unmarshal(body, p); err != nil {
		panic(fmt.Sprintf("rules: a stored paper does not parse: %v", err))
	}
	return p
}

// signReview is a side's word for exact bytes: the revision and the digest must be those of the paper.
func (d *Decision) signReview(c *pb.SignReviewRequest) error {
	_, r, side, refused := d.onReview(c.GetAgreementId(), c.GetReviewId(), "sign")
	if refused != nil {
		return refused
	}
	if c.GetRevision() != r.GetRevision() || c.GetDigest() != r.GetDigest() {
		e := Refuse(pb.ErrorReason_ERROR_REASON_DIGEST_MISMATCH, "The paper is revision %d with digest %s; that is not what you quote. Read it, then sign it.", r.GetRevision(), r.GetDigest())
		e.Rule, e.Subject = "review sign: "+samePaper, reviewName(r)
		e.Metadata = map[string]string{"revision": fmt.Sprint(r.GetRevision()), "digest": r.GetDigest()}
		return e
	}
	for _, s := range r.GetSignatures() {
		if s.GetSide() == side {
			e := refuseGuard("review", "sign", signsOnce, "The %s has signed this paper already. It waits for the %s.", sideWord(side), sideWord(Other(side)))
			e.Subject = reviewName(r)
			return e
		}
	}
	d.emit(c.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ReviewSigned{ReviewSigned: &pb.ReviewSigned{
		ReviewId: r.GetReviewId(), Side: side, Revision: r.GetRevision(), Digest: r.GetDigest(),
	}}})
	d.answer(reviewRef(c.GetAgreementId(), c.GetReviewId()))
	return nil
}

func (d *Decision) withdrawReview(c *pb.WithdrawReviewRequest) error {
	_, r, side, refused := d.onReview(c.GetAgreementId(), c.GetReviewId(), "withdraw")
	if refused != nil {
		return refused
	}
	d.emit(c.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ReviewWithdrawn{ReviewWithdrawn: &pb.ReviewWithdrawn{
		ReviewId: r.GetReviewId(), Reason: c.GetReason(),
	}}})
	d.answer(reviewRef(c.GetAgreementId(), c.GetReviewId()))
	return nil
}

// CheckReview says what of a review, as a reader has it, is not what its paper and its digest name, or was not signed as it is
// said to be; empty if all is. Minutes that are gone were erased, and are no fault. That who is named has signed only the log shows.
func CheckReview(r *pb.Review) string {
	paper := &pb.ReviewPaper{}
	sum := sha256.Sum256(r.GetBody())
	if err := proto.Unmarshal(r.GetBody(), paper); err != nil || hex.EncodeToString(sum[:]) != r.GetDigest() {
		return "the stored paper of this review cannot be read, or does not have its digest"
	}
	signed := map[pb.Side]bool{}
	for _, x := range r.GetSignatures() {
		if x.GetRevision() != r.GetRevision() || x.GetDigest() != r.GetDigest() || signed[x.GetSide()] {
			return "a signature shown is one of another paper, or a side's second"
		}
		signed[x.GetSide()] = true
	}
	_, frozen := Digest(r.GetScorecard())
	actions := proto.CloneOf(&pb.Review{Actions: r.GetActions()}).GetActions()
	for _, a := range actions {
		a.ProposalId = ""
	}
	switch {
	case paper.GetAgreementId() != r.GetAgreementId() || paper.GetReviewId() != r.GetReviewId() || r.GetScorecard().GetAgreementId() != r.GetAgreementId():
		return "the stored paper, or the scorecard, is another review's"
	case len(paper.ProtoReflect().GetUnknown()) > 0:
		return "the stored paper says something that this program does not know"
	case (r.GetState() == reviewSigned) != (signed[pb.Side_SIDE_VENDOR] && signed[pb.Side_SIDE_CLIENT]):
		return "the state shown is not what the signatures make it"
	case paper.GetScorecardDigest() != frozen:
		return "the scorecard shown is not the one that the paper names"
	case r.GetMinutes() != "" && paper.GetMinutesDigest() != minutesDigest(&pb.ReviewMinutes{Text: r.GetMinutes(), Salt: r.GetMinutesSalt()}):
		return "the minutes shown are not those that the paper names"
	case !proto.Equal(&pb.ReviewPaper{Actions: paper.GetActions()}, &pb.ReviewPaper{Actions: actions}):
		return "the actions shown are not those that the paper names"
	}
	return ""
}
