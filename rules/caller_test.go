package rules

import (
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestADraftIsItsAuthorsAlone holds who may know of an agreement while it is a draft, and from then on.
func TestADraftIsItsAuthorsAlone(t *testing.T) {
	for n, name := range pb.AgreementState_name {
		a := &pb.Agreement{AgreementId: "care", VendorPartyId: "northwind", ClientPartyId: "acme", Author: pb.Side_SIDE_CLIENT, State: pb.AgreementState(n)}
		draft := a.GetState() == pb.AgreementState_AGREEMENT_STATE_DRAFT
		named := Caller{Role: pb.Role_ROLE_AUDITOR, AgreementIDs: []string{"elsewhere", "care"}}
		for _, c := range []struct {
			who  string
			by   Caller
			sees bool
		}{
			{"author", client, true}, {"other side", vendor, !draft}, {"auditor", auditor, !draft}, {"auditor of this one", named, !draft},
			{"auditor of another", confined, false}, {"outsider", outsider, false}, {"operator", operator, false}, {"clock", Clock(), false}, {"nobody", Caller{}, false},
		} {
			if c.by.Sees(a) != c.sees {
				t.Errorf("%s: the %s sees it: %v", name, c.who, !c.sees)
			}
			if c.by.Sees(nil) {
				t.Errorf("the %s sees what does not exist", c.who)
			}
		}
	}
}

// TestTheTextOfADraftIsWithheld holds that history tells the other side, and an auditor, that there was a draft, but not
// what it said; and that nothing else is kept from those who see the agreement.
func TestTheTextOfADraftIsWithheld(t *testing.T) {
	a := &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", Author: pb.Side_SIDE_CLIENT, State: pb.AgreementState_AGREEMENT_STATE_ACTIVE}
	for i := range changes().Len() {
		arm := changes().Get(i)
		name := string(arm.Name())
		secret := name == "agreement_drafted" || name == "draft_rewritten"
		if name == "pulse_answered" {
			continue // see below
		}
		for _, by := range []Caller{client, vendor, auditor} {
			e := eventOf(arm)
			change := e.ProtoReflect().Get(arm).Message()
			if f := change.Descriptor().Fields().ByName("terms"); f != nil {
				change.Set(f, change.NewField(f))
			} else if secret {
				t.Fatalf("%s has no terms to withhold", name)
			}
			r := Withhold(&pb.RecordedEvent{Event: e, Body: []byte("body"), Private: []byte("text"), PrivateSalt: []byte("salt"), EntryHash: []byte("hash")}, by, a)
			withheld := secret && by.PrincipalID != client.PrincipalID
			f := change.Descriptor().Fields().ByName("terms")
			if r.GetWithheld() != withheld || (r.GetPrivate() == nil) != withheld || (r.GetPrivateSalt() == nil) != withheld || f != nil && change.Has(f) == withheld {
				t.Errorf("%s for %s: %v", name, by.PrincipalID, r)
			}
			if string(r.GetEntryHash()) != "hash" || string(r.GetBody()) != "body" || r.GetEvent().GetVersion() != 1 {
				t.Errorf("%s for %s: the chain is cut: %v", name, by.PrincipalID, r)
			}
		}
	}
}

// TestAnAnswerIsSealedWhileItsRoundIsOpen holds that only the side of who answered in an open round of the pulse reads what was
// said, in an event and in a record alike, and everybody who sees the agreement does once it is closed; a watch never tells.
func TestAnAnswerIsSealedWhileItsRoundIsOpen(t *testing.T) {
	a := &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", State: pb.AgreementState_AGREEMENT_STATE_ACTIVE, NeutralPartyId: outsider.PartyID}
	event := func() *pb.RecordedEvent {
		return &pb.RecordedEvent{
			Event: &pb.Event{Actor: &pb.Actor{Side: pb.Side_SIDE_CLIENT}, Change: &pb.Event_PulseAnswered{PulseAnswered: &pb.PulseAnswered{
				PulseRoundId: "may", View: &pb.PulseView{Comment: "x"},
			}}}, Private: []byte("text"), PrivateSalt: []byte("salt"), Body: []byte("body"),
		}
	}
	for _, open := range []string{"may", "june", ""} {
		a.OpenPulseRoundId = open
		for _, by := range []Caller{client, vendor, auditor, outsider} {
			sealed := open == "may" && by.PrincipalID != client.PrincipalID
			r := Withhold(event(), by, a)
			if r.GetWithheld() != sealed || (r.GetPrivate() == nil) != sealed || (r.GetPrivateSalt() == nil) != sealed || (r.GetEvent().GetPulseAnswered().GetView() == nil) != sealed || string(r.GetBody()) != "body" {
				t.Errorf("%q is open, %s: %v", open, by.PrincipalID, r)
			}
			answer := &pb.PulseAnswer{PulseRoundId: "may", Side: pb.Side_SIDE_CLIENT, View: &pb.PulseView{Comment: "x"}}
			if WithholdRecord(answer, by, a) != sealed || (answer.GetView() == nil) != sealed {
				t.Errorf("%q is open, %s: %v", open, by.PrincipalID, answer)
			}
		}
	}
	if r := Tell(event()); !r.GetWithheld() || r.GetPrivate() != nil || r.GetPrivateSalt() != nil || r.GetEvent().GetPulseAnswered().GetView() != nil {
		t.Errorf("a watch tells %v", r)
	}
	if r := Tell(&pb.RecordedEvent{Private: []byte("text"), PrivateSalt: []byte("salt")}); r.GetWithheld() || r.GetPrivate() == nil || r.GetPrivateSalt() == nil {
		t.Errorf("a watch keeps %v", r)
	}
	if WithholdRecord(&pb.Obligation{}, vendor, a) {
		t.Error("an obligation is sealed")
	}
}

// TestTheServicesOwnIsSeenByWhoAnswersForIt holds who may know of parties, keys and the log as a whole.
func TestTheServicesOwnIsSeenByWhoAnswersForIt(t *testing.T) {
	for who, by := range map[string]Caller{"operator": operator, "auditor": auditor} {
		if !by.SeesService() {
			t.Errorf("the %s does not see it", who)
		}
	}
	for who, by := range map[string]Caller{"confined auditor": confined, "vendor": vendor, "outsider": outsider, "clock": Clock(), "nobody": {}} {
		if by.SeesService() {
			t.Errorf("the %s sees it", who)
		}
	}
}

// TestADraftIsToldToItsAuthor holds that who watches is told of what it sees, and of drafts only if its side wrote them, also
// after they were proposed.
func TestADraftIsToldToItsAuthor(t *testing.T) {
	a := &pb.Agreement{AgreementId: "desk", VendorPartyId: vendor.PartyID, ClientPartyId: client.PartyID, Author: pb.Side_SIDE_VENDOR, State: pb.AgreementState_AGREEMENT_STATE_PROPOSED}
	drafted := &pb.Event{Change: &pb.Event_AgreementDrafted{}}
	rewritten := &pb.Event{Change: &pb.Event_DraftRewritten{}}
	proposed := &pb.Event{Change: &pb.Event_ProposalMade{}}
	for who, by := range map[string]Caller{"vendor": vendor, "client": client, "auditor": auditor, "outsider": outsider, "operator": operator} {
		author, sees := who == "vendor", by.Sees(a)
		if by.Told(drafted, a) != author || by.Told(rewritten, a) != author || by.Told(proposed, a) != sees || by.Told(proposed, nil) != by.SeesService() {
			t.Errorf("the %s: drafted %t, rewritten %t, proposed %t, of the service %t", who, by.Told(drafted, a), by.Told(rewritten, a), by.Told(proposed, a), by.Told(proposed, nil))
		}
	}
}
