package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// review is a review whose paper one side has signed.
func (o *office) review() *pb.Review {
	sum := sha256.Sum256([]byte("salt\nWe met.\nWe\x1b agreed."))
	r := &pb.Review{
		AgreementId: "help", ReviewId: "q1", Title: "First quarter", State: pb.ReviewState_REVIEW_STATE_OPEN, OpenedBy: pb.Side_SIDE_VENDOR,
		Position: 70, Minutes: "We met.\nWe\x1b agreed.", MinutesSalt: "salt", Revision: 2, Etag: "12", CreateTime: at("2026-04-01"),
		Scorecard: &pb.Scorecard{AgreementId: "help", FromDate: "2026-01-01", ToDate: "2026-03-31", AsOf: at("2026-04-01"), Version: 11, VerdictWords: "There is too little to go by."},
		Actions: []*pb.ReviewAction{
			{Number: 1, Title: "Send drafts a week ahead", Obligor: pb.Side_SIDE_VENDOR, DueDate: "2026-05-04"},
			{Number: 2, Title: "Name one contact", Obligor: pb.Side_SIDE_CLIENT, DueDate: "2026-04-15"},
		},
	}
	_, frozen := rules.Digest(r.GetScorecard())
	r.Body, r.Digest = rules.Digest(&pb.ReviewPaper{
		AgreementId: "help", ReviewId: "q1", ScorecardDigest: frozen, MinutesDigest: hex.EncodeToString(sum[:]), Actions: proto.CloneOf(r).GetActions(),
	})
	r.Signatures = []*pb.ReviewSignature{{Side: pb.Side_SIDE_CLIENT, PrincipalId: "key_2", Revision: 2, Digest: r.GetDigest(), SignTime: at("2026-04-02")}}
	r.Actions[0].ProposalId = "drafts"
	if o.tampered {
		r.Actions[1].DueDate = "2027-04-15"
	}
	return r
}

func (o *office) OpenReview(context.Context, *pb.OpenReviewRequest) (*pb.Review, error) {
	return o.review(), nil
}

func (o *office) GetReview(context.Context, *pb.GetReviewRequest) (*pb.Review, error) {
	return o.review(), nil
}

func (o *office) ListReviews(context.Context, *pb.ListReviewsRequest) (*pb.ListReviewsResponse, error) {
	return &pb.ListReviewsResponse{Reviews: []*pb.Review{o.review()}}, nil
}

func (o *office) UpdateReview(context.Context, *pb.UpdateReviewRequest) (*pb.Review, error) {
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context, r *pb.SignReviewRequest) (*pb.Review, error) {
	o.asked = r
	return o.review(), nil
}

// A paper is signed by the digest of what was shown, and not at all if that is not what its bytes say.
func TestSigningAReview(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	code, out, errs := sh.run("review", "show", "help", "q1")
	if code != exitDone || errs != "" || strings.ContainsRune(out, '\x1b') {
		t.Errorf("%d %s", code, errs)
	}
	golden(t, "review-show", out)
	if code, _, errs := sh.run("review", "sign", "help", "q1"); code != exitUsage || o.asked != nil || !strings.Contains(errs, "--digest "+o.review().GetDigest()) {
		t.Errorf("without a digest: %d %s", code, errs)
	}
	if code, out, errs := sh.run("review", "sign", "help", "q1", "--yes"); code != exitDone || !strings.Contains(out, "CLIENT, by 2026-04-15: Name one contact") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if r, ok := o.asked.(*pb.SignReviewRequest); !ok || r.GetRevision() != 2 || r.GetDigest() != o.review().GetDigest() {
		t.Errorf("the service was asked %v", o.asked)
	}
	o.asked, o.tampered = nil, true
	for _, verb := range []string{"sign help q1 --yes", "show help q1"} {
		code, _, errs := sh.run(strings.Fields("review " + verb)...)
		if code != exitRefused || o.asked != nil || !strings.Contains(errs, "do not sign") {
			t.Errorf("%s of what its paper does not say: %d %s", verb, code, errs)
		}
	}
	for _, wrong := range []string{"vendor 2026-01-01", "both 2026-01-01 Meet", "2026-01-01 vendor Meet"} {
		if code, _, _ := sh.run("review", "write", "help", "q1", "--action", wrong); code != exitUsage {
			t.Errorf("--action %q: %d", wrong, code)
		}
	}
	if code, _, _ := sh.run("review", "write", "help", "q1"); code != exitUsage {
		t.Errorf("nothing to write: %d", code)
	}
}
