package rules

import (
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestEveryEventHasAVerb holds that no event is without its deed, and no deed without its event.
func TestEveryEventHasAVerb(t *testing.T) {
	for i := range changes().Len() {
		arm := changes().Get(i)
		if noun, verb, _ := VerbOf(eventOf(arm)); noun == "" || verb == "" {
			t.Errorf("%s has no verb", arm.Name())
		}
	}
	if changes().Len() != len(deeds) {
		t.Errorf("%d events, %d deeds", changes().Len(), len(deeds))
	}
	kinds := EventKinds()
	if len(kinds) != changes().Len() || kinds[0] != "party_registered" || EventKind(eventOf(changes().Get(0))) != kinds[0] {
		t.Errorf("the kinds are %v", kinds)
	}
	if kind := EventKind(&pb.Event{}); kind != "" {
		t.Errorf("an event of an unknown kind is of kind %q", kind)
	}
	if noun, verb, id := VerbOf(&pb.Event{AgreementId: "care"}); noun != "" || verb != "" || id != "" {
		t.Errorf("an event of an unknown kind: %q %q %q", noun, verb, id)
	}
}

// TestADeedNamesWhatItIsDoneTo holds that the id is found for every noun.
func TestADeedNamesWhatItIsDoneTo(t *testing.T) {
	for _, c := range []struct {
		event          *pb.Event
		noun, verb, id string
	}{
		{&pb.Event{Change: &pb.Event_PartyUpdated{PartyUpdated: &pb.PartyUpdated{PartyId: "acme"}}}, "party", "update", "acme"},
		{&pb.Event{Change: &pb.Event_ApiKeyRevoked{ApiKeyRevoked: &pb.ApiKeyRevoked{ApiKeyId: "k"}}}, "api key", "revoke", "k"},
		{&pb.Event{AgreementId: "care", Change: &pb.Event_AgreementAccepted{AgreementAccepted: &pb.AgreementAccepted{ProposalId: "p"}}}, "agreement", "accept", "care"},
		{&pb.Event{AgreementId: "care", Change: &pb.Event_ProposalMade{ProposalMade: &pb.ProposalMade{ProposalId: "p"}}}, "proposal", "propose", "p"},
		{&pb.Event{AgreementId: "care", Change: &pb.Event_CommitmentEnded{CommitmentEnded: &pb.CommitmentEnded{CommitmentId: "fee"}}}, "commitment", "end", "fee"},
		{&pb.Event{AgreementId: "care", Change: &pb.Event_ObligationScheduled{ObligationScheduled: &pb.ObligationScheduled{CommitmentId: "fee", ObligationId: "fee-1"}}}, "obligation", "schedule", "fee-1"},
	} {
		if noun, verb, id := VerbOf(c.event); noun != c.noun || verb != c.verb || id != c.id {
			t.Errorf("%v: %q %q %q", c.event, noun, verb, id)
		}
	}
}

// TestEveryMoveIsTold holds that each row of a table has an event that tells of it.
func TestEveryMoveIsTold(t *testing.T) {
	told := map[string]bool{}
	for _, d := range deeds {
		told[d.verb] = true
	}
	for _, verb := range []string{"end by notice", "end early", "terminate", "expire", "complete", "be excused", "release", "determine"} {
		told[verb] = true // by its cause: see verbByCause
	}
	for _, rows := range tables {
		for s := range rows {
			if !told[s.verb] {
				t.Errorf("no event tells of %+v", s)
			}
		}
	}
}
