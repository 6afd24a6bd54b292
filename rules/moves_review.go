package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	reviewOpen      = pb.ReviewState_REVIEW_STATE_OPEN
	reviewSigned    = pb.ReviewState_REVIEW_STATE_SIGNED
	reviewWithdrawn = pb.ReviewState_REVIEW_STATE_WITHDRAWN
)

// What must hold for some of the moves below.
const (
	samePaper   = "the revision and the digest of its paper"
	signsOnce   = "each side signs a paper once"
	otherSigned = "the other side has signed the same paper"
	actionOnce  = "the action has no proposal that stands"
)

// ReviewMoves is the life of a joint review.
var ReviewMoves = []Move[pb.ReviewState]{
	{From: reviewOpen, Verb: "update", By: Either, To: reviewOpen},
	{From: reviewOpen, Verb: "sign", By: Either, To: reviewOpen, If: samePaper + "; " + signsOnce},
	{From: reviewOpen, Verb: "sign", By: Either, To: reviewSigned, If: samePaper + "; " + otherSigned},
	{From: reviewOpen, Verb: "withdraw", By: Opener, To: reviewWithdrawn},
	{From: reviewSigned, Verb: "propose action", By: Either, To: reviewSigned, If: actionOnce},
}

// toReview says who a side is to a review. Once it is closed, the state refuses, not the side.
func toReview(r *pb.Review, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		switch w {
		case Either:
			return side != pb.Side_SIDE_UNSPECIFIED
		case Opener:
			return side == r.GetOpenedBy() || side != pb.Side_SIDE_UNSPECIFIED && r.GetState() != reviewOpen
		}
		return false
	}
}
