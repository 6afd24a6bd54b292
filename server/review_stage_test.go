package server_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// review puts two reviews of the agreement running on the stage: q0 is signed, q1 is open.
func (s *stage) review(t *testing.T) {
	t.Helper()
	g := s.GRPC()
	for _, id := range []string{"q0", "q1"} {
		g.Must(t, s.acme, &pb.OpenReviewRequest{AgreementId: "running", ReviewId: id, Title: "First weeks"})
		g.Must(t, s.globex, &pb.UpdateReviewRequest{AgreementId: "running", ReviewId: id, Review: &pb.Review{
			Minutes: "We met.", Actions: []*pb.ReviewAction{{Title: "Name a contact", Obligor: client, DueDate: "2026-02-02"}},
		}})
	}
	for _, who := range []servertest.Caller{s.acme, s.globex} {
		g.Must(t, who, s.signing(t, "q0"))
	}
}

// signing is the request that signs a review's paper.
func (s *stage) signing(t *testing.T, id string) *pb.SignReviewRequest {
	t.Helper()
	r := s.GRPC().Must(t, s.acme, &pb.GetReviewRequest{AgreementId: "running", ReviewId: id}).(*pb.Review)
	return &pb.SignReviewRequest{AgreementId: "running", ReviewId: id, Revision: r.GetRevision(), Digest: r.GetDigest()}
}

// readyOfReviews is the requests of ready that are about reviews.
func (s *stage) readyOfReviews(t *testing.T) []proto.Message {
	t.Helper()
	return []proto.Message{
		&pb.OpenReviewRequest{AgreementId: "running", ReviewId: "q2", FromDate: "2026-01-05"},
		&pb.GetReviewRequest{AgreementId: "running", ReviewId: "q1"},
		&pb.ListReviewsRequest{AgreementId: "running", State: pb.ReviewState_REVIEW_STATE_OPEN},
		&pb.UpdateReviewRequest{AgreementId: "running", ReviewId: "q1", Review: &pb.Review{Minutes: "We met again."}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"minutes"}}},
		s.signing(t, "q1"),
		&pb.WithdrawReviewRequest{AgreementId: "running", ReviewId: "q1", Reason: "Not now."},
		&pb.ProposeReviewActionRequest{AgreementId: "running", ReviewId: "q0", Action: 1, Note: "As we said."},
	}
}
