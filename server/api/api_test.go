package api_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/api"
)

// prepared is a request as its handler gets it, or the fields that are wrong.
func prepared(t *testing.T, req proto.Message, pairs ...string) (proto.Message, []string) {
	t.Helper()
	var got proto.Message
	_, err := api.Prepare(metadata.NewIncomingContext(t.Context(), metadata.Pairs(pairs...)), req, nil, func(_ context.Context, req any) (any, error) {
		got = req.(proto.Message)
		return nil, nil
	})
	var refusal *rules.Error
	if !errors.As(err, &refusal) {
		return got, nil
	}
	var fields []string
	for _, v := range refusal.Violations {
		fields = append(fields, v.Field)
	}
	slices.Sort(fields)
	return got, slices.Compact(fields)
}

func TestMetadataFillsItsFields(t *testing.T) {
	req := &pb.WaiveObligationRequest{AgreementId: "a", ObligationId: "o", Reason: "x"}
	got, wrong := prepared(t, proto.CloneOf(req), "if-match", "7", "idempotency-key", "k")
	if w, _ := got.(*pb.WaiveObligationRequest); wrong != nil || w.GetEtag() != "7" || w.GetRequestId() != "k" {
		t.Errorf("%v, %v", got, wrong)
	}
	same := proto.CloneOf(req)
	same.Etag, same.RequestId = "7", "k"
	if _, wrong := prepared(t, same, "if-match", "7", "idempotency-key", "k"); wrong != nil {
		t.Errorf("both say the same, and yet: %v", wrong)
	}
	if got, wrong := prepared(t, &pb.GetAgreementRequest{AgreementId: "a"}, "if-match", "7", "idempotency-key", "k"); got == nil || wrong != nil {
		t.Errorf("a read has nothing to guard: %v", wrong)
	}
	for name, pairs := range map[string][]string{
		"two etags": {"if-match", "7", "if-match", "7"}, "another etag": {"if-match", "8"}, "a long etag": {"if-match", string(make([]byte, 65))},
	} {
		other := proto.CloneOf(req)
		if name == "another etag" {
			other.Etag = "7"
		}
		if got, wrong := prepared(t, other, pairs...); got != nil || !slices.Equal(wrong, []string{"etag"}) {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	if _, wrong := prepared(t, proto.CloneOf(req), "idempotency-key", "not allowed"); !slices.Equal(wrong, []string{"request_id"}) {
		t.Errorf("%v", wrong)
	}
}

// What is wrong is told all at once: metadata, unknown fields at any depth, and bounds.
func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1)
	req := &pb.SubmitObligationRequest{AgreementId: "A", ObligationId: "o", Etag: "1", Evidence: []*pb.Evidence{{Title: "t", Uri: "https://example.com"}, {Title: "", Uri: "https://example.com"}}}
	req.Evidence[1].ProtoReflect().SetUnknown(unknown)
	got, wrong := prepared(t, req, "if-match", "2")
	if want := []string{"agreement_id", "etag", "evidence[1]", "evidence[1].title"}; got != nil || !slices.Equal(wrong, want) {
		t.Errorf("told of %v; wrong are %v", wrong, want)
	}
	inner := &pb.OneOff{DueDate: "2026-02-01"}
	inner.ProtoReflect().SetUnknown(unknown)
	deep := &pb.CounterProposalRequest{AgreementId: "a", ProposalId: "p", Revision: 1, Terms: &pb.Terms{
		Title: "t", Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: "2026-01-01", Commitments: []*pb.CommitmentTerms{{
			CommitmentId: "c", Obligor: pb.Side_SIDE_VENDOR, Title: "t", Category: pb.Category_CATEGORY_OTHER, Weight: 1, Schedule: &pb.CommitmentTerms_OneOff{OneOff: inner},
		}},
	}}
	if got, wrong := prepared(t, deep); got != nil || !slices.Equal(wrong, []string{"terms.commitments[0].one_off"}) {
		t.Errorf("of a field deep within, told of %v", wrong)
	}
	whole := &pb.GetCallerRequest{}
	whole.ProtoReflect().SetUnknown(unknown)
	if got, _ := prepared(t, whole); got != nil {
		t.Error("an unknown field of the request itself was left out silently")
	}
}

// A request of a great many small parts is refused before its parts are looked at: one violation, not one for each.
func TestTooManyPartsAreRefusedUnread(t *testing.T) {
	req := &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "o"}
	for range 50_000 {
		req.Evidence = append(req.Evidence, &pb.Evidence{})
	}
	if got, wrong := prepared(t, req); got != nil || len(wrong) != 1 {
		t.Errorf("%d fields are wrong", len(wrong))
	}
	terms := &pb.Terms{Title: "t", Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: "2026-01-01"}
	for i := range rules.MaxCommitments {
		terms.Commitments = append(terms.Commitments, &pb.CommitmentTerms{
			CommitmentId: "c" + strconv.Itoa(i), Obligor: pb.Side_SIDE_VENDOR, Title: "t", Category: pb.Category_CATEGORY_OTHER, Weight: 1,
			Clocks: &pb.Clocks{}, Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-02-01"}},
		})
	}
	largest := &pb.CounterProposalRequest{AgreementId: "a", ProposalId: "p", Revision: 1, Terms: terms}
	if got, wrong := prepared(t, largest); got == nil {
		t.Errorf("the largest text there may be is refused: %v", wrong)
	}
}
