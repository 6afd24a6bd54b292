package journal_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

func ask(id, request string) *pb.CreatePartyRequest {
	req := party(id)
	req.RequestId = request
	return req
}

func TestAHundredDuplicatesAreOneEvent(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	var all []<-chan answer
	for range 100 {
		all = append(all, d.sendRunning(chief, &pb.CreatePartyRequest{Party: &pb.Party{DisplayName: "One"}, RequestId: "r"}))
	}
	first := d.get(all[0])
	for _, one := range all[1:] {
		if a := d.get(one); a.err != nil || !proto.Equal(a.message, first.message) {
			t.Errorf("answered %v, %v; the first was %v", a.message, a.err, first.message)
		}
	}
	if n := d.store.count(t, "events"); n != 1 {
		t.Errorf("%d events", n)
	}
}

// Duplicates that meet within one batch are one event, too, and the secret of a key is told once.
func TestDuplicatesInOneBatch(t *testing.T) {
	d := openDesk(t, nil, nil)
	var all []<-chan answer
	key := &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "k", Principal: &pb.Principal{Role: pb.Role_ROLE_OPERATOR}}, RequestId: "r"}
	for range 10 {
		all = append(all, d.send(t.Context(), chief, key))
	}
	other := d.send(t.Context(), chief, ask("other", "r"))
	elsewhere := d.send(t.Context(), rules.Caller{PrincipalID: "boss", Role: pb.Role_ROLE_OPERATOR}, ask("elsewhere", "r"))
	d.turn()
	told := 0
	for _, one := range all {
		a := d.get(one)
		if a.err != nil {
			t.Fatal(a.err)
		}
		if a.message.(*pb.CreateApiKeyResponse).GetSecret() != "" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the secret was told %d times", told)
	}
	if a := d.get(other); reason(a.err) != "REQUEST_ID_REUSED" {
		t.Errorf("another request under the same id: %v", a.err)
	}
	if a := d.get(elsewhere); a.err != nil {
		t.Errorf("another caller's request under the same id: %v", a.err)
	}
	if n := d.store.count(t, "events"); n != 2 {
		t.Errorf("%d events", n)
	}
}

// An answer is kept for a day and not much longer: later commands sweep as they pass.
func TestReceiptsAreKeptForADay(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	const many = 200
	first := map[string]proto.Message{}
	for i := range many {
		id := numbered("old-", i)
		first[id] = d.must(chief, ask(id, id))
	}
	pass := func(n int) { // commands without a request_id leave no receipts
		for range n {
			d.must(chief, &pb.CreatePartyRequest{Party: &pb.Party{DisplayName: "passing by"}})
		}
	}
	const day = 24 * time.Hour // what the protos promise
	d.clock.set(morning.Add(day))
	pass(many)
	if n := d.store.count(t, "receipts"); n != many {
		t.Fatalf("after a day %d of %d are left", n, many)
	}
	for id, answer := range first {
		if again := d.must(chief, ask(id, id)); !proto.Equal(again, answer) {
			t.Errorf("asked again: %v, at first %v", again, answer)
		}
	}
	d.clock.set(morning.Add(day + time.Microsecond))
	fresh := d.must(chief, ask("new", "new"))
	pass(2 * many / 17) // each looks at seventeen; twice round the table at most
	if n := d.store.count(t, "receipts"); n != 1 {
		t.Errorf("%d are left", n)
	}
	if again := d.must(chief, ask("new", "new")); !proto.Equal(again, fresh) {
		t.Error("the fresh one was swept with the old")
	}
	if _, err := d.Do(t.Context(), chief, ask("old-000", "old-000")); reason(err) != "ALREADY_EXISTS" {
		t.Errorf("one whose answer was forgotten is a new request: %v", err)
	}
}

// A start does not begin a round of the sweep: when the next one is due is kept.
func TestAStartDoesNotSweepAnew(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	d.must(chief, party("acme"))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	swept := d.store.Scans("receipts")
	if swept == 0 {
		t.Fatal("the first round did not take place")
	}
	next := openDesk(t, d.store, d.clock)
	next.run()
	next.must(chief, party("globex"))
	if n := d.store.Scans("receipts"); n != swept {
		t.Errorf("%d sweeps after the start", n-swept)
	}
	d.clock.set(morning.Add(journal.ReceiptRetention + time.Second))
	next.must(chief, party("initech"))
	if n := d.store.Scans("receipts"); n == swept {
		t.Error("no sweep when its time had come")
	}
}
