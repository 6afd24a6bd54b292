package journal_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// due is the names of what the clock must look at, "" for an agreement, and when to look again.
func (d *desk) due() (names []string, next time.Time) {
	d.t.Helper()
	due, next, err := d.Due(d.t.Context(), 100)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, timer := range due {
		names = append(names, timer.Ref.ID)
	}
	return names, next
}

// A deadline that moves away leaves the alarm where it is; once that has gone off for nothing, it is set anew.
func TestAnAlarmGoesOffForNothingOnce(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07"))
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	graceEnd := time.Date(2026, time.January, 10, 0, 0, 0, 0, time.UTC) // two business days after the 7th are over
	if names, next := d.due(); names != nil || !next.Equal(graceEnd) {
		t.Fatalf("due are %q; next at %s", names, next)
	}
	d.must(vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "thing-1", Note: "done"})
	if names, next := d.due(); names != nil || !next.Equal(graceEnd) {
		t.Fatalf("after the submission due are %q; next at %s", names, next)
	}
	d.clock.set(graceEnd)
	names, _ := d.due()
	if len(names) != 1 || names[0] != "" {
		t.Fatalf("at the end of the grace due are %q: nothing but the agreement is to be looked at", names)
	}
	events := len(d.history(vendor, "a"))
	d.wake()
	reviewEnd := time.Date(2026, time.January, 20, 0, 0, 0, 0, time.UTC) // ten business days after the 5th
	if names, next := d.due(); names != nil || !next.Equal(reviewEnd) {
		t.Fatalf("after the alarm due are %q; next at %s", names, next)
	}
	if now := len(d.history(vendor, "a")); now != events {
		t.Errorf("%d events followed from an alarm for nothing", now-events)
	}
	d.clock.set(reviewEnd)
	if names, _ := d.due(); len(names) != 1 || names[0] != "thing-1" {
		t.Fatalf("at the end of the review due are %q", names)
	}
	d.wake()
	if names, next := d.due(); names != nil || !next.IsZero() {
		t.Errorf("all is done; due are %q, next at %s", names, next)
	}
}

// Of an agreement only the earliest instant is due, and no more than the limit; the rest comes after it.
func TestAnAgreementIsDueOneInstantAtATime(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", oneOff("one", pb.Side_SIDE_VENDOR, "2026-02-02"), oneOff("other", pb.Side_SIDE_CLIENT, "2026-02-02"), oneOff("later", pb.Side_SIDE_VENDOR, "2026-02-03"))
	for _, id := range []string{"a", "b"} {
		d.propose(id, terms)
		d.must(client, accepts(id, terms))
	}
	d.wake()
	d.clock.set(time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC))
	due, next, err := d.Due(t.Context(), 100)
	if err != nil || len(due) != 4 || !next.IsZero() {
		t.Fatalf("due are %v, next at %v: %v", due, next, err)
	}
	for _, timer := range due {
		if timer.Ref.Kind != rules.KindObligation || timer.Ref.ID == "later-1" || !timer.At.Equal(due[0].At) {
			t.Errorf("%+v is due", timer)
		}
	}
	some, next, err := d.Due(t.Context(), 3)
	if err != nil || len(some) != 3 || next.After(d.Now()) {
		t.Errorf("of three at most due are %v, next at %v: %v", some, next, err)
	}
}

// A look that brings nothing writes nothing.
func TestALookThatBringsNothingIsNotWritten(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07"))
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	commits := d.store.Commits()
	for _, ref := range []rules.Ref{
		{Kind: rules.KindAgreement, Agreement: "a"}, {Kind: rules.KindObligation, Agreement: "a", ID: "thing-1"}, {Kind: rules.KindAgreement, Agreement: "none"},
	} {
		d.must(rules.Clock(), rules.WakeFor(ref))
	}
	if now := d.store.Commits(); now != commits {
		t.Errorf("%d commits", now-commits)
	}
}

// Every instant has its alarm, also the one that is counted from.
func TestAnAlarmAtTheFirstInstant(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07"))
	terms.EffectiveDate = "1970-01-01"
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	a, err := d.Read(t.Context(), vendor, rules.Ref{Kind: rules.KindAgreement, Agreement: "a"}, "agreement")
	if err != nil || a.(*pb.Agreement).GetState() != pb.AgreementState_AGREEMENT_STATE_ACTIVE {
		t.Errorf("%v, %v", a, err)
	}
}

// Times are kept by the microsecond. A time between two is looked at when it has come, and not before.
func TestATimeBetweenMicroseconds(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{
		VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07")),
	}})
	ends := morning.Add(24 * time.Hour)
	d.must(vendor, &pb.CreateProposalRequest{
		AgreementId: "a", ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, ExpireTime: timestamppb.New(ends.Add(500)),
	})
	d.clock.set(ends)
	if names, next := d.due(); names != nil || !next.Equal(ends.Add(time.Microsecond)) {
		t.Errorf("due are %q; next at %s", names, next)
	}
	d.clock.set(ends.Add(time.Microsecond))
	d.wake()
}
