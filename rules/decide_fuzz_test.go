package rules

import (
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// busyWorld has an agreement of each kind of life: care in force with one promise due and one submitted, offer proposed,
// draft being written.
func busyWorld(t testing.TB) *world {
	t.Helper()
	w := agreedWorld(t)
	w.must(vendor, &pb.SubmitObligationRequest{AgreementId: "care", ObligationId: "manual-1", Note: "done"})
	for _, id := range []string{"offer", "draft"} {
		w.must(client, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: promises()}})
	}
	w.must(client, &pb.CreateProposalRequest{AgreementId: "offer", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	w.must(Service(), &journalv1.FirstKey{})
	return w
}

// again is another world where all has come to the same. Records never change, so they are shared.
func (w *world) again(t rapid.TB) *world {
	return &world{
		t: t, now: w.now, records: maps.Clone(w.records), frozen: maps.Clone(w.frozen), timers: maps.Clone(w.timers),
		versions: maps.Clone(w.versions), history: w.history[:len(w.history):len(w.history)], drawn: maps.Clone(w.drawn), trace: newTrace(), carry: w.carry,
	}
}

// FuzzDecide holds that no command whatever, also one that no face of the service would let in, makes a rule panic,
// change what it looked at or write what does not replay. The world checks all that.
func FuzzDecide(f *testing.F) {
	for _, json := range []string{
		`{}`, `{"agreementId": "care", "obligationId": "manual-1", "reason": "r", "submission": -1}`, `{"agreementId": "care", "obligationId": "fee-1", "receivedTime": "0001-01-01T00:00:00Z"}`,
		`{"agreementId": "draft", "agreement": {"draftTerms": {"title": "t", "commitments": [{}]}}, "updateMask": "draftTerms.commitments"}`,
		`{"agreementId": "draft", "updateMask": "draftTerms.calendar.timeZone,draftTerms"}`, `{"partyId": "acme", "updateMask": "displayName.x"}`,
		`{"agreementId": "offer", "proposalId": "first", "revision": 1, "termsDigest": "` + strings.Repeat("0", 64) + `", "terms": {"title": "t"}}`,
		`{"agreement": {"vendorPartyId": "northwind", "clientPartyId": "acme", "draftTerms": {}}}`, `{"agreementId": "draft", "kind": 1}`, `{"agreementId": "draft", "kind": 99}`,
		`{"apiKeyId": "k", "apiKey": {"displayName": "k", "principal": {"role": 5, "servicePartyIds": ["acme", "acme"]}}}`, `{"agreementId": "care", "commitmentId": "manual"}`,
	} {
		for i := range commands() {
			f.Add(uint8(i), uint8(i), int64(0), json)
		}
	}
	var base *world
	people := []Caller{vendor, client, outsider, auditor, confined, operator, Clock(), Service(), {}}
	f.Fuzz(func(t *testing.T, which, who uint8, seconds int64, json string) {
		if base == nil {
			base = busyWorld(t)
		}
		w := base.again(t)
		if seconds > 0 {
			w.now = w.now.Add(time.Duration(seconds%1e9) * time.Second) // up to thirty years
		}
		list := commands()
		command := proto.Clone(list[int(which)%len(list)])
		if protojson.Unmarshal([]byte(json), command) != nil {
			t.Skip("no such request")
		}
		by := people[int(who)%len(people)]
		switch command.(type) {
		case *journalv1.Wake:
			by = Clock()
		case *journalv1.FirstKey:
			by = Service()
		}
		before := len(w.history)
		if d, err := w.do(by, command); err == nil && len(d.Events) != len(w.history)-before {
			t.Errorf("%d events were decided, %d written", len(d.Events), len(w.history)-before)
		}
		w.close()
	})
}
