package journal_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// A party's scorecard is of the agreements that who asks may see, and that both sides consented to: no draft, no offer, nothing of
// which it is told nowhere else.
func TestAPartysScorecardIsOfWhatTheCallerSees(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	for _, id := range []string{"acme", "globex", "initech", "umbra"} {
		d.must(chief, party(id))
	}
	terms := text("Desks", oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-12"))
	terms.NeutralPartyId = "umbra"
	offer := func(id string, v, c rules.Caller, accepted bool) {
		d.must(v, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: v.PartyID, ClientPartyId: c.PartyID, DraftTerms: terms}})
		if d.must(v, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}); accepted {
			d.must(c, accepts(id, terms))
		}
	}
	before := timestamppb.New(d.clock.Now())
	d.clock.set(d.clock.Now().Add(time.Hour))
	offer("both", member("acme"), member("globex"), true)
	offer("other", member("initech"), member("acme"), true)
	offer("asked", member("acme"), member("globex"), false)
	d.must(member("acme"), &pb.CreateAgreementRequest{AgreementId: "draft", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})

	auditor := func(ids ...string) rules.Caller {
		return rules.Caller{PrincipalID: "ed", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: ids}
	}
	for name, c := range map[string]struct {
		who  rules.Caller
		req  *pb.GetPartyScorecardRequest
		want int32 // agreements; -1: there is no such party
	}{
		"its own":                       {member("acme"), &pb.GetPartyScorecardRequest{PartyId: "acme"}, 2},
		"its own with one":              {member("acme"), &pb.GetPartyScorecardRequest{PartyId: "acme", PartnerPartyId: "globex"}, 1},
		"of a partner":                  {member("globex"), &pb.GetPartyScorecardRequest{PartyId: "acme"}, 1},
		"of a partner with another":     {member("globex"), &pb.GetPartyScorecardRequest{PartyId: "acme", PartnerPartyId: "initech"}, 0},
		"of a stranger":                 {member("globex"), &pb.GetPartyScorecardRequest{PartyId: "initech"}, -1},
		"by the neutral":                {member("umbra"), &pb.GetPartyScorecardRequest{PartyId: "acme"}, 2},
		"of the neutral":                {member("umbra"), &pb.GetPartyScorecardRequest{PartyId: "umbra"}, 0},
		"by an auditor of all":          {auditor(), &pb.GetPartyScorecardRequest{PartyId: "acme"}, 2},
		"by one of some":                {auditor("other", "asked", "draft", "nope", "other"), &pb.GetPartyScorecardRequest{PartyId: "acme"}, 1},
		"by one of others":              {auditor("other"), &pb.GetPartyScorecardRequest{PartyId: "globex"}, -1},
		"before there was any":          {member("acme"), &pb.GetPartyScorecardRequest{PartyId: "acme", AsOf: before}, 0},
		"of nobody":                     {member("acme"), &pb.GetPartyScorecardRequest{PartyId: "nobody"}, -1},
		"of nobody, asked by the sworn": {auditor(), &pb.GetPartyScorecardRequest{PartyId: "nobody"}, -1},
	} {
		card, err := d.PartyScorecard(t.Context(), c.who, c.req)
		if c.want < 0 {
			if reason(err) != "NOT_FOUND" {
				t.Errorf("%s: %v, %v", name, card, err)
			}
			continue
		}
		if err != nil || card.GetAgreementCount() != c.want {
			t.Errorf("%s: over %d agreements, want %d: %v", name, card.GetAgreementCount(), c.want, err)
		}
	}
}

// A scorecard of more agreements than can be reckoned at once is refused, and the refusal says how to ask for less.
func TestAPartysScorecardIsBounded(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("Desks", oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-12"))
	agree := func(from, to int) {
		var drafts, offers, consents []proto.Message
		for i := from; i < to; i++ {
			id := numbered("a", i)
			drafts = append(drafts, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})
			offers = append(offers, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
			consents = append(consents, accepts(id, terms))
		}
		d.DoAll(t.Context(), vendor, drafts)
		d.DoAll(t.Context(), vendor, offers)
		d.DoAll(t.Context(), client, consents)
	}
	agree(0, journal.MaxScored)
	all, pair := &pb.GetPartyScorecardRequest{PartyId: "acme"}, &pb.GetPartyScorecardRequest{PartyId: "acme", PartnerPartyId: "globex"}
	if card, err := d.PartyScorecard(t.Context(), client, all); err != nil || card.GetAgreementCount() != journal.MaxScored {
		t.Fatalf("%d of %d agreements: %v", card.GetAgreementCount(), journal.MaxScored, err)
	}
	agree(journal.MaxScored, journal.MaxScored+1)
	if _, err := d.PartyScorecard(t.Context(), vendor, all); reason(err) != "LIMIT_EXCEEDED" || !strings.Contains(err.Error(), "partner_party_id") {
		t.Errorf("one more: %v", err)
	}
	if _, err := d.PartyScorecard(t.Context(), vendor, pair); reason(err) != "LIMIT_EXCEEDED" || strings.Contains(err.Error(), "partner_party_id") {
		t.Errorf("one more, the partner being named: %v", err)
	}
}
