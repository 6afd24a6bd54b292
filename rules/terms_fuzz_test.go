package rules

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// wakesOfALife is how long an agreement made of fuzzed terms is followed.
const wakesOfALife = 100

// FuzzTerms holds that any text can be checked, and that a text that passes can be proposed, accepted, brought into force
// and lived, and shown to its readers at every moment.
func FuzzTerms(f *testing.F) {
	for _, dates := range [][3]string{
		{"2026-01-01", "", "2026-02-01"}, {"2026-01-01", "2026-12-31", "2026-12-31"}, {"2026-01-01", "9999-12-31", "2026-05-01"}, {"9999-12-01", "", "9999-12-31"}, {"9899-12-31", "", "9899-12-31"},
		{"1970-01-01", "", "1970-01-01"}, {"2011-12-29", "2011-12-31", "2011-12-30"}, {"2026-02-30", "x", "2026-01-01"},
	} {
		for _, rule := range []string{"FREQ=DAILY", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=WEEKLY;COUNT=2", "FREQ=NEVER"} {
			f.Add(`{"title": "Care", "effectiveDate": "` + dates[0] + `", "endDate": "` + dates[1] + `", "calendar": {"timeZone": "Pacific/Apia"}, "clocks": {"leadDays": 366, "graceBusinessDays": 250},
				"commitments": [{"commitmentId": "a", "obligor": 1, "title": "a", "category": 1, "weight": 1, "oneOff": {"dueDate": "` + dates[2] + `"}},
				{"commitmentId": "b", "obligor": 2, "title": "b", "category": 2, "weight": 5, "recurring": {"rrule": "` + rule + `", "roll": 3, "offsetDays": 1}}]}`)
			f.Add(`{"title": "Care", "effectiveDate": "` + dates[0] + `", "calendar": {"timeZone": "UTC", "weekend": [1, 2, 3, 4, 5, 6]},
				"commitments": [{"commitmentId": "b", "obligor": 2, "title": "b", "category": 2, "weight": 5, "recurring": {"rrule": "` + rule + `", "startDate": "` + dates[2] + `", "businessDay": -23}}]}`)
		}
	}
	f.Fuzz(func(t *testing.T, json string) {
		terms := &pb.Terms{}
		if protojson.Unmarshal([]byte(json), terms) != nil {
			t.Skip("no terms")
		}
		wrong := CheckTerms(terms, "terms")
		first, err := ParseDay(terms.GetEffectiveDate())
		if wrong != nil || err != nil {
			checkRefusedText(t, terms, wrong)
			return
		}
		w := newWorld(t, time.Unix(int64(first)*daySeconds, 0).Add(-48*time.Hour))
		for _, tn := range wayToConsent(terms) {
			w.must(tn.by, tn.command)
		}
		for range wakesOfALife {
			ref, at, any := w.nextTimer()
			if !any {
				break
			}
			if at.After(w.now) {
				w.now = at
			}
			w.wake(ref)
		}
		for ref, m := range w.records {
			if _, err := protojson.Marshal(Present(proto.Clone(m), w.now)); err != nil {
				t.Fatalf("%+v cannot be shown: %v", ref, err)
			}
		}
		w.close()
	})
}

// wayToConsent is what happens until both sides have consented to a text.
func wayToConsent(terms *pb.Terms) []turn {
	_, digest := Digest(terms)
	return []turn{
		{by: operator, command: &pb.CreatePartyRequest{PartyId: "northwind", Party: &pb.Party{DisplayName: "Northwind"}}},
		{by: operator, command: &pb.CreatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme"}}},
		{by: vendor, command: &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: terms}}},
		{by: vendor, command: &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}},
		{by: client, command: &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, TermsDigest: digest}},
	}
}

// checkRefusedText holds that a text that does not pass cannot be proposed, and that the refusal names the same fields.
func checkRefusedText(t *testing.T, terms *pb.Terms, wrong []Violation) {
	t.Helper()
	if len(wrong) == 0 {
		t.Fatalf("a text without a first day passed: %v", terms)
	}
	w := newWorld(t, begin)
	way := wayToConsent(terms)
	for _, tn := range way[:3] {
		w.must(tn.by, tn.command)
	}
	_, err := w.do(way[3].by, way[3].command)
	var e *Error
	if !errors.As(err, &e) || e.Reason != pb.ErrorReason_ERROR_REASON_INVALID_FIELDS || len(e.Violations) != len(wrong) {
		t.Fatalf("%v, where the check found %v", err, wrong)
	}
}
