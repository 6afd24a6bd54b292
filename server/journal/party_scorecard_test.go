package journal_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// TestAPartysScorecardIsBounded holds that it is reckoned over as many agreements as that, and refused over one more, with words
// that say what to do; and that those with one partner are counted by themselves.
func TestAPartysScorecardIsBounded(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	for _, id := range []string{"acme", "globex", "initech"} {
		d.must(chief, party(id))
	}
	terms := text("Desks", oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-12"))
	initech := rules.Caller{PrincipalID: "i", Role: pb.Role_ROLE_SIGNATORY, PartyID: "initech"}
	agree := func(first, count int, clientID string, by rules.Caller) {
		t.Helper()
		commands := [3][]proto.Message{}
		for n := range count {
			id := numbered("a", first+n)
			commands[0] = append(commands[0], &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: clientID, DraftTerms: terms}})
			commands[1] = append(commands[1], &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
			commands[2] = append(commands[2], accepts(id, terms))
		}
		for i, who := range []rules.Caller{vendor, vendor, by} {
			for from := 0; from < count; from += journal.MaxBatch {
				for _, err := range d.DoAll(t.Context(), who, commands[i][from:min(from+journal.MaxBatch, count)]) {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	agree(0, journal.MaxScored, "globex", client)
	all, pair := &pb.GetPartyScorecardRequest{PartyId: "acme"}, &pb.GetPartyScorecardRequest{PartyId: "acme", PartnerPartyId: "initech"}
	card, err := d.PartyScorecard(t.Context(), vendor, all)
	if err != nil || card.GetAgreementCount() != journal.MaxScored || card.GetParty().GetPromisedWeight() != journal.MaxScored {
		t.Fatalf("%v: %v", err, card)
	}
	agree(journal.MaxScored, 1, "initech", initech)
	_, err = d.PartyScorecard(t.Context(), vendor, all)
	if e, refused := err.(*rules.Error); !refused || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED || e.Metadata["limit"] != "agreements" {
		t.Errorf("over one more: %v", err)
	}
	if card, err = d.PartyScorecard(t.Context(), vendor, pair); err != nil || card.GetAgreementCount() != 1 {
		t.Errorf("with one partner: %v: %v", err, card)
	}
	if card, err = d.PartyScorecard(t.Context(), initech, all); err != nil || card.GetAgreementCount() != 1 {
		t.Errorf("asked by a partner: %v: %v", err, card)
	}
}
