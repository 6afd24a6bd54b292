package journal_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// History never runs backwards, whatever the wall clock does, and not across a restart either.
func TestHistoryNeverRunsBackwards(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	highest := morning
	for i := range 200 {
		if i%20 == 19 { // a restart, on a machine whose clock is behind
			d.clock.set(morning.Add(-1000 * time.Hour))
			d = openDesk(t, d.store, d.clock)
			d.run()
			if d.Now().Before(highest.Truncate(time.Microsecond)) {
				t.Fatalf("after a restart it is %s, though %s was recorded", d.Now(), highest)
			}
		}
		now := morning.Add(time.Duration(chance.Int64N(int64(200*time.Hour))) - 100*time.Hour)
		d.clock.set(now)
		if now.After(highest) {
			highest = now
		}
		a := d.must(vendor, &pb.UpdateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{DraftTerms: &pb.Terms{Title: numbered("t", i)}}}).(*pb.Agreement)
		if want := highest.Truncate(time.Microsecond); !a.GetUpdateTime().AsTime().Equal(want) {
			t.Fatalf("recorded at %s; wanted %s", a.GetUpdateTime().AsTime(), want)
		}
	}
	last := time.Time{}
	for _, e := range d.history(vendor, "a") {
		at := e.GetEvent().GetRecordTime().AsTime()
		if at.Before(last) {
			t.Errorf("event %d is of %s, the one before of %s", e.GetEvent().GetVersion(), at, last)
		}
		last = at
	}
}

// Nobody waits for the clock: what time has brought by then is made durable with the command that comes before it, as the
// clock's doing; what was only asked in passing, or refused, has brought nothing.
func TestTimeComesBeforeACommand(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY"))
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.clock.set(morning.Add(24 * time.Hour))
	count := func() int { return d.store.count(t, "events") }
	before := count()
	submit := &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "daily-2", Note: "done", RequestId: "once", ValidateOnly: true}
	if o := d.must(vendor, submit).(*pb.Obligation); o.GetState() != pb.ObligationState_OBLIGATION_STATE_SUBMITTED || count() != before {
		t.Errorf("asked in passing: %v, and %d events", o, count()-before)
	}
	if _, err := d.Do(t.Context(), client, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "daily-2", Note: "done"}); reason(err) != "WRONG_SIDE" || count() != before {
		t.Errorf("%v, and %d events", err, count()-before)
	}
	submit = &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "daily-2", Note: "done", RequestId: "twice"}
	first := d.must(vendor, submit)
	told := count()
	if again := d.must(vendor, submit); !proto.Equal(first, again) || count() != told {
		t.Errorf("asked again: %v, not %v", again, first)
	}
	page, err := d.Events(t.Context(), vendor, &pb.ListEventsRequest{AgreementId: "a", AfterVersion: 4, PageSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	events := page.GetEvents()
	for i, r := range events {
		byClock := i < len(events)-1
		e := r.GetEvent()
		if (e.GetActor().GetPrincipalId() == "clock") != byClock || (e.GetRequestId() == "") != byClock || byClock == e.GetEffectiveTime().AsTime().Equal(e.GetRecordTime().AsTime()) {
			t.Errorf("%d of %d: %v", i, len(events), e)
		}
	}
	if len(events) != 9 {
		t.Errorf("%d events", len(events))
	}
	d.wake() // finds it done
	if m, err := d.Read(t.Context(), vendor, rules.Ref{Kind: rules.KindObligation, Agreement: "a", ID: "daily-2"}, "obligation"); err != nil || m.(*pb.Obligation).GetState() != pb.ObligationState_OBLIGATION_STATE_SUBMITTED {
		t.Errorf("%v, %v", m, err)
	}
}
