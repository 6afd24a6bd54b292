package rules

import (
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Words that no rule keeps yet are refused, each by its name; a text is never agreed with half its words.
func TestWordsThatNobodyKeepsAreRefused(t *testing.T) {
	for field, words := range map[string]string{
		"clocks.notice_business_days":                `"clocks": {"noticeBusinessDays": 3}`,
		"commitments[0].prerequisites":               promise(`"prerequisites": ["b"], "oneOff": {"dueDate": "2026-03-01"}`),
		"commitments[0].clocks.notice_business_days": promise(`"clocks": {"noticeBusinessDays": 3}, "oneOff": {"dueDate": "2026-03-01"}`),
		"commitments[0].one_off.due_date":            promise(`"oneOff": {}`),
	} {
		text := &pb.Terms{}
		if err := protojson.Unmarshal([]byte(`{"title": "T", "calendar": {"timeZone": "UTC"}, "effectiveDate": "2026-01-01", `+words+`}`), text); err != nil {
			t.Fatalf("%s: %v", words, err)
		}
		wrong := CheckTerms(text, "terms")
		if len(wrong) != 1 || !slices.ContainsFunc(wrong, func(v Violation) bool { return v.Field == "terms."+field }) {
			t.Errorf("%s: %v", field, wrong)
		}
	}
}

func promise(words string) string {
	return `"commitments": [{"commitmentId": "a", "obligor": "SIDE_CLIENT", "title": "t", "category": "CATEGORY_OTHER", "weight": 1, ` + words + `}]`
}

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
