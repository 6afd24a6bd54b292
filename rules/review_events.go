package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *State) reviewOpened(e *pb.Event, c *pb.ReviewOpened) {
	id := e.GetAgreementId()
	if !s.has(agreementRef(id)) {
		return
	}
	paper := s.paper(c.GetReviewId(), c.GetBody(), c.GetDigest())
	if _, frozen := Digest(c.GetScorecard()); s.err == nil && frozen != paper.GetScorecardDigest() {
		s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "The scorecard of review %s is not the one that its paper names.", c.GetReviewId()))
	}
	s.Put(reviewRef(id, c.GetReviewId()), &pb.Review{
		AgreementId: id, ReviewId: c.GetReviewId(), Title: c.GetTitle(), State: reviewOpen, OpenedBy: c.GetOpenedBy(),
		Scorecard: c.GetScorecard(), Revision: 1, Digest: c.GetDigest(), Body: c.GetBody(),
		CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

func (s *State) reviewUpdated(e *pb.Event, c *pb.ReviewUpdated) {
	paper := s.paper(c.GetReviewId(), c.GetBody(), c.GetDigest())
	erased := c.GetMinutes() == nil && len(e.GetPrivateCommitment()) > 0
	if s.err == nil && !erased && minutesDigest(c.GetMinutes()) != paper.GetMinutesDigest() {
		s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "The minutes of review %s are not those that its paper names.", c.GetReviewId()))
	}
	s.editReview(e, c.GetReviewId(), func(r *pb.Review) {
		if paper.GetScorecardDigest() != paperOf(r.GetBody()).GetScorecardDigest() {
			s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "A paper of review %s names another scorecard.", c.GetReviewId()))
		}
		r.Revision, r.Digest, r.Body, r.Actions = c.GetRevision(), c.GetDigest(), c.GetBody(), paper.GetActions()
		r.Minutes, r.MinutesSalt, r.Signatures = c.GetMinutes().GetText(), c.GetMinutes().GetSalt(), nil
	})
}

// paper reads what both sides may sign. One that is not the one its digest names, or that is none, is an error of the history:
// whoever signs it names the digest.
func (s *State) paper(reviewID string, body []byte, digest string) *pb.ReviewPaper {
	p := &pb.ReviewPaper{}
	sum := sha256.Sum256(body)
	if err := proto.Unmarshal(body, p); err != nil || hex.EncodeToString(sum[:]) != digest {
		s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "A paper of review %s cannot be read, or is not the one that its digest names.", reviewID))
	}
	return p
}

// reviewSigned is one side's signature. One for another paper than the newest, for the other side, or beside one of the same
// side is an error of the history: with it a side alone would have signed for both.
func (s *State) reviewSigned(e *pb.Event, c *pb.ReviewSigned) {
	s.editReview(e, c.GetReviewId(), func(r *pb.Review) {
		signs := c.GetSide() != pb.Side_SIDE_UNSPECIFIED && c.GetSide() == e.GetActor().GetSide()
		if !signs || r.GetState() != reviewOpen || slices.ContainsFunc(r.GetSignatures(), func(x *pb.ReviewSignature) bool { return x.GetSide() == c.GetSide() }) {
			s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "Review %s is not the %s's to sign.", c.GetReviewId(), sideWord(c.GetSide())))
		}
		if c.GetRevision() != r.GetRevision() || c.GetDigest() != r.GetDigest() {
			s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "The paper of review %s that was signed is not its newest.", c.GetReviewId()))
		}
		r.Signatures = append(r.Signatures, &pb.ReviewSignature{
			Side: c.GetSide(), PrincipalId: e.GetActor().GetPrincipalId(), Revision: c.GetRevision(), Digest: c.GetDigest(), SignTime: e.GetRecordTime(),
		})
		if len(r.GetSignatures()) == len([]pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT}) {
			r.State, r.SignTime = reviewSigned, e.GetRecordTime()
		}
	})
}

func (s *State) reviewWithdrawn(e *pb.Event, c *pb.ReviewWithdrawn) {
	s.editReview(e, c.GetReviewId(), func(r *pb.Review) { r.State, r.Reason = reviewWithdrawn, c.GetReason() })
}

func (s *State) reviewActionProposed(e *pb.Event, c *pb.ReviewActionProposed) {
	s.editReview(e, c.GetReviewId(), func(r *pb.Review) {
		for _, a := range r.GetActions() {
			if a.GetNumber() == c.GetNumber() {
				a.ProposalId = c.GetProposalId()
			}
		}
	})
}

func (s *State) editReview(e *pb.Event, id string, change func(*pb.Review)) {
	edit(s, reviewRef(e.GetAgreementId(), id), func(r *pb.Review) {
		change(r)
		r.UpdateTime, r.Etag = e.GetRecordTime(), etag(e)
	})
}
