package rules

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestImpactIsWhatHappens holds that if only time passes, an amendment changes just what it said when it was accepted, however
// small the parts are in which it is carried out.
func TestImpactIsWhatHappens(t *testing.T) {
	superseding := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		w.carry = rapid.SampledFrom([]int{1, 7, 1000}).Draw(t, "carry")
		old := randomTerms(t)
		_, digest := Digest(old)
		for _, id := range []string{"northwind", "acme"} {
			w.do(operator, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
		}
		w.do(vendor, &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: old}})
		w.do(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
		w.do(client, &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, TermsDigest: digest})
		w.until(w.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "days")) * 24 * time.Hour))
		amended := randomAmendment(t, w, old)
		if _, err := w.do(client, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "more", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: amended}); err != nil {
			t.Skip(err)
		}
		p := w.records[proposalRef("care", "more")].(*pb.Proposal)
		shown := p.GetImpact()
		w.do(vendor, &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "more", Revision: 1, TermsDigest: p.GetTermsDigest()})
		if p = w.records[proposalRef("care", "more")].(*pb.Proposal); !proto.Equal(p.GetImpact(), shown) {
			t.Fatalf("accepted at once, it has the impact %v, not %v", p.GetImpact(), shown)
		}
		w.until(w.now.Add(400 * 24 * time.Hour))
		if got := w.records[proposalRef("care", "more")].(*pb.Proposal).GetState(); got != effective {
			t.Skipf("the amendment is %v", got) // the agreement ended first
		}
		var gone []string
		for _, e := range w.history {
			if s := e.GetObligationSuperseded(); s != nil {
				gone = append(gone, s.GetObligationId())
			}
		}
		want := slices.Clone(shown.GetSupersededObligationIds())
		slices.Sort(want)
		slices.Sort(gone)
		if !slices.Equal(gone, want) || len(gone) != int(shown.GetSupersededCount()) {
			t.Fatalf("%v gave way; the impact said %v", gone, shown)
		}
		superseding += len(gone)
		w.close()
	})
	if superseding < 100 {
		t.Errorf("only %d obligations gave way: that proves little", superseding)
	}
}

// randomAmendment draws a text to follow another: some promises as they were, some with other clocks or days, some left out.
func randomAmendment(t *rapid.T, w *world, old *pb.Terms) *pb.Terms {
	next := proto.CloneOf(old)
	if rapid.Bool().Draw(t, "later") {
		next.HoldsFromDate = DayOf(w.now.Date()).Add(rapid.IntRange(1, 60).Draw(t, "days ahead")).String()
	}
	next.Commitments = slices.DeleteFunc(next.GetCommitments(), func(*pb.CommitmentTerms) bool { return rapid.IntRange(0, 3).Draw(t, "leave out") == 0 })
	for _, c := range next.GetCommitments() {
		switch r := c.GetRecurring(); rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			c.Clocks = randomClocks(t)
		case 1:
			if r != nil {
				r.OffsetDays = rapid.SampledFrom([]int32{0, 2, 30}).Draw(t, "offset")
			}
		}
	}
	return next
}
