package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func reviewWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ReviewOpened:
		card := c.ReviewOpened.GetScorecard()
		return fmt.Sprintf("The %s opened review %s%s and froze the scorecard from %s to %s.", side, c.ReviewOpened.GetReviewId(), quoted(" ", c.ReviewOpened.GetTitle()), card.GetFromDate(), card.GetToDate())
	case *pb.Event_ReviewUpdated:
		return fmt.Sprintf("The %s wrote paper %d of review %s.", side, c.ReviewUpdated.GetRevision(), c.ReviewUpdated.GetReviewId())
	case *pb.Event_ReviewSigned:
		return fmt.Sprintf("The %s signed paper %d of review %s.", side, c.ReviewSigned.GetRevision(), c.ReviewSigned.GetReviewId())
	case *pb.Event_ReviewWithdrawn:
		return fmt.Sprintf("The %s withdrew review %s%s", side, c.ReviewWithdrawn.GetReviewId(), because(c.ReviewWithdrawn.GetReason()))
	case *pb.Event_ReviewActionProposed:
		return fmt.Sprintf("The %s proposed action %d of review %s (proposal %s).", side, c.ReviewActionProposed.GetNumber(), c.ReviewActionProposed.GetReviewId(), c.ReviewActionProposed.GetProposalId())
	}
	return ""
}
