package journal_test

import (
	"context"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

// busy is an engine in which something happens before the next read.
type busy struct {
	*engine
	next func()
}

func (b *busy) View(ctx context.Context, fn func(store.Snapshot) error) error {
	if then := b.next; then != nil {
		b.next = nil
		then()
	}
	return b.engine.View(ctx, fn)
}

// TestAScorecardIsAsOfItsNewestEvent has something recorded between the moment in which a scorecard is asked for and the one in
// which it is read: what is in it was known as of the time that it says.
func TestAScorecardIsAsOfItsNewestEvent(t *testing.T) {
	hand, shop := &clock{now: morning}, &busy{engine: newEngine(t)}
	j, err := journal.Open(t.Context(), journal.Options{Store: shop, Now: hand.Now})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{Journal: j, t: t}
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("Daily", recurring("c", pb.Side_SIDE_VENDOR, "FREQ=DAILY"))
	d.propose("a", terms)
	before, err := j.Scorecard(t.Context(), vendor, &pb.GetScorecardRequest{AgreementId: "a"})
	if err != nil {
		t.Fatal(err)
	}
	shop.next = func() {
		hand.set(morning.Add(time.Minute))
		d.must(client, accepts("a", terms))
	}
	card, err := j.Scorecard(t.Context(), vendor, &pb.GetScorecardRequest{AgreementId: "a"})
	if err != nil || card.GetVersion() <= before.GetVersion() {
		t.Fatalf("nothing was recorded in between: %v %v", card, err)
	}
	e, err := j.Event(t.Context(), rules.Caller{Role: pb.Role_ROLE_AUDITOR}, &pb.GetEventRequest{AgreementId: "a", Version: card.GetVersion()})
	if err != nil || card.GetAsOf().AsTime().Before(e.GetEvent().GetRecordTime().AsTime()) || card.GetPosition() != e.GetPosition() {
		t.Errorf("it is as of %v, with %v: %v", card.GetAsOf().AsTime(), e, err)
	}
}
