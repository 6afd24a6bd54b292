package journal_test

import (
	"math/rand/v2"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
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
