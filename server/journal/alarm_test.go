package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
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
	d := agreed(t, text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07")))
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
	d := agreed(t, text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07")))
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

// However commands, the clock and slow commits cross, no alarm stands behind its first timer, and nothing is due that is not
// found.
func TestAlarmsHoldWhateverCrosses(t *testing.T) {
	e := newEngine(t)
	d := openDesk(t, e, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY"), recurring("weekly", pb.Side_SIDE_CLIENT, "FREQ=WEEKLY"), oneOff("once", pb.Side_SIDE_VENDOR, "2026-01-20"))
	terms.EndDate, terms.Clocks = "2026-03-31", &pb.Clocks{LeadDays: new(int32), GraceBusinessDays: proto.Int32(1), CureBusinessDays: proto.Int32(1)}
	terms.SuspensionRights = []*pb.SuspensionRight{{RightId: "rest", Side: pb.Side_SIDE_VENDOR, Ground: "Somebody is ill."}}
	names := []string{"a", "b"}
	for _, id := range names {
		d.propose(id, terms)
		d.must(client, accepts(id, terms))
	}
	e.hands(func(_ store.Change, next func() error) error { // so that a batch is decided behind it
		time.Sleep(200 * time.Microsecond)
		return next()
	}, nil)
	dice := rand.New(rand.NewPCG(1, 2))
	some := func(id string) (rules.Caller, proto.Message) {
		n := fmt.Sprintf("daily-%d", 1+dice.IntN(40))
		switch dice.IntN(6) {
		case 0:
			return vendor, &pb.SuspendAgreementRequest{AgreementId: id, RightId: "rest", Reason: "r"}
		case 1:
			return vendor, &pb.ResumeAgreementRequest{AgreementId: id}
		case 2:
			return vendor, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: n, Note: "n"}
		case 3:
			return client, &pb.ReturnObligationRequest{AgreementId: id, ObligationId: n, Reason: "r"}
		case 4:
			return client, &pb.WaiveObligationRequest{AgreementId: id, ObligationId: n, Reason: "r"}
		}
		return vendor, &pb.AdmitObligationRequest{AgreementId: id, ObligationId: n, Reason: "r"}
	}
	for range 300 {
		d.clock.set(d.Now().Add(time.Duration(dice.IntN(12)) * time.Hour))
		due, _, err := d.Due(t.Context(), 1+dice.IntN(20))
		if err != nil {
			t.Fatal(err)
		}
		var crossing sync.WaitGroup
		for range 4 {
			who, command := some(names[dice.IntN(len(names))])
			crossing.Go(func() { _, _ = d.Do(t.Context(), who, command) }) // refused or not
		}
		for _, timer := range due {
			crossing.Go(func() {
				if _, err := d.Do(t.Context(), rules.Clock(), rules.WakeFor(timer.Ref)); err != nil {
					t.Error(err)
				}
			})
		}
		if err := d.CheckTimers(t.Context()); err != nil {
			t.Fatal(err)
		}
		crossing.Wait()
	}
	d.wake()
	if err := d.CheckTimers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(d.history(vendor, "a")); n < 100 {
		t.Errorf("too little happened: %d events", n)
	}
}

// A look in a full batch, which is closed while the batch ahead is still being written, sees the timers that this one sets.
func TestALookSeesTheTimersAhead(t *testing.T) {
	for what, ahead := range map[string]proto.Message{
		"a proposal's": &pb.CreateProposalRequest{
			AgreementId: "a", Kind: pb.ProposalKind_PROPOSAL_KIND_SUSPEND, ExpireTime: timestamppb.New(morning.Add(time.Hour)),
			Motion: &pb.Motion{Reason: "r"},
		},
		"the agreement's": &pb.GiveNoticeRequest{AgreementId: "a"},
	} {
		t.Run(what, func(t *testing.T) {
			d := openDesk(t, nil, nil)
			stop := d.run()
			d.must(chief, party("acme"))
			d.must(chief, party("globex"))
			terms := text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-12-01"))
			terms.NoticeDays = 30
			d.propose("a", terms)
			d.must(client, accepts("a", terms))
			d.wake()
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			d = openDesk(t, d.store, d.clock)
			writing, release := make(chan struct{}), make(chan struct{})
			d.store.hands(func(_ store.Change, next func() error) error {
				d.store.hands(nil, nil)
				close(writing)
				<-release
				return next()
			}, nil)
			all := []<-chan answer{d.send(t.Context(), vendor, ahead), d.send(t.Context(), chief, party("other"))} // two: one is not written aside
			d.run()
			<-writing
			scans := d.store.Scans("records")                                                                                              // a look goes through the timers
			looks := slices.Repeat([]proto.Message{rules.WakeFor(rules.Ref{Kind: rules.KindAgreement, Agreement: "a"})}, journal.MaxBatch) // full: it is closed at once
			looked := make(chan []error, 1)
			go func() { looked <- d.DoAll(context.Background(), rules.Clock(), looks) }()
			eventually(t, "the looks are decided", func() bool { return d.store.Scans("records") > scans })
			close(release)
			for _, a := range all {
				if a := d.get(a); a.err != nil {
					t.Error(a.err)
				}
			}
			if err := errors.Join(<-looked...); err != nil {
				t.Error(err)
			}
		})
	}
}

// A concern that is raised in the very batch in which the clock looks at its agreement has its alarm, too.
func TestAConcernWhileTheClockLooks(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("Far", oneOff("far", pb.Side_SIDE_VENDOR, "2026-12-01"))
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	d = d.again(stop)
	raise := &pb.RaiseConcernRequest{AgreementId: "a", Kind: pb.ConcernKind_CONCERN_KIND_EARLY_WARNING, Title: "Rain", Text: "It may rain."}
	told, looked := d.send(t.Context(), client, raise), d.send(t.Context(), rules.Clock(), &journalv1.Wake{AgreementId: "a"})
	d.turn()
	for _, a := range []answer{d.get(told), d.get(looked)} {
		if a.err != nil {
			t.Fatal(a.err)
		}
	}
	d.clock.set(morning.Add(30 * 24 * time.Hour))
	d.run()
	d.wake()
	list, err := d.Concerns(t.Context(), client, &pb.ListConcernsRequest{AgreementId: "a"})
	if err != nil || len(list.GetConcerns()) != 1 || !list.GetConcerns()[0].GetResponseMissed() {
		t.Errorf("nobody noticed that it was not acknowledged: %v, %v", list, err)
	}
}

// The clock is told of a commit that sets an alarm, and of no other: neither of one that has nothing to do with time nor of one
// that moves a deadline away.
func TestTheClockIsToldOfAlarmsAlone(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	told := func(alarmed <-chan struct{}) bool {
		select {
		case <-alarmed:
			return true
		default:
			return false
		}
	}
	alarmed := d.Alarmed()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	if told(alarmed) {
		t.Error("a party sets no alarm")
	}
	terms := text("T", oneOff("thing", pb.Side_SIDE_VENDOR, "2026-01-07"))
	d.propose("a", terms)
	alarmed = d.Alarmed()
	d.must(client, accepts("a", terms))
	if due, _ := d.due(); !told(alarmed) || len(due) == 0 {
		t.Errorf("an agreement was made, due are %q, and the clock was told: %v", due, told(alarmed))
	}
	d.wake()
	alarmed = d.Alarmed()
	d.must(vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "thing-1", Note: "done"})
	if told(alarmed) {
		t.Error("a deadline that moves away sets no alarm")
	}
}
