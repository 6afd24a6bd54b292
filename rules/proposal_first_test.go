package rules

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What does not belong to first terms is refused with them.
func TestFirstTermsAreProposedPlainly(t *testing.T) {
	w := busyWorld(t)
	for _, c := range []*pb.CreateProposalRequest{
		{Terms: &pb.Terms{}}, {Motion: &pb.Motion{}}, {SuccessorAgreementId: "next"}, {ExpireTime: timestamppb.New(w.now)},
	} {
		c.AgreementId, c.Kind = "draft", pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS
		if _, err := w.do(client, c); reasonOf(err) != pb.ErrorReason_ERROR_REASON_INVALID_FIELDS {
			t.Errorf("%v: %v", c, err)
		}
	}
	for _, c := range []*pb.CounterProposalRequest{{Motion: &pb.Motion{}, Terms: promises()}, {ExpireTime: timestamppb.New(w.now), Terms: promises()}, {}} {
		c.AgreementId, c.ProposalId, c.Revision = "offer", "first", 1
		if _, err := w.do(vendor, c); reasonOf(err) != pb.ErrorReason_ERROR_REASON_INVALID_FIELDS {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func reasonOf(err error) pb.ErrorReason {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return pb.ErrorReason_ERROR_REASON_UNSPECIFIED
	}
	return refusal.Reason
}
