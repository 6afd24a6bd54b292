package watch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/watch"
)

// A burst is told whole and in order, also to a caller who takes none of it until it is over: what does not wait in the
// queue is read from the store.
func TestABurstIsToldWhole(t *testing.T) {
	h := build(t)
	l := h.listen(auditor, &pb.WatchEventsRequest{}).begun()
	for range 10 {
		h.rename(100)
		h.settle()
	}
	if got := l.hear(1003); !slices.Equal(got, positions(4, 1003)) {
		t.Errorf("%d of 1,000 events were told: %v", len(got), got)
	}
	h.rename(1) // and then again as it happens
	h.settle()
	if got := l.hear(1004); !slices.Equal(got, []uint64{1004}) {
		t.Errorf("after the burst %v was told", got)
	}
}

// A caller who takes nothing is cut, and told where to go on: there nothing is missing and nothing comes twice.
func TestAStuckCallerIsCut(t *testing.T) {
	h := build(t)
	l := h.listen(auditor, &pb.WatchEventsRequest{}).begun()
	slow := h.listen(auditor, &pb.WatchEventsRequest{}).begun()
	h.rename(10)
	h.settle()
	for i := range uint64(10) {
		if got := slow.hear(4 + i); len(got) != 1 { // one message a beat is slow, and enough
			t.Fatalf("at beat %d %v was told", i, got)
		}
		if i == 0 {
			l.hear(5)
		}
		h.Beat()
	}
	reason, position := l.end()
	if reason != pb.ErrorReason_ERROR_REASON_TOO_SLOW || position != 5 {
		t.Errorf("cut for %v at %d", reason, position)
	}
	if got := h.listen(auditor, from(position)).hear(13); !slices.Equal(got, positions(6, 13)) {
		t.Errorf("then %v was told", got)
	}
	if !slices.Equal(h.ends, []pb.ErrorReason{pb.ErrorReason_ERROR_REASON_TOO_SLOW}) {
		t.Errorf("the observer saw %v", h.ends)
	}
}

// A watch that nothing happens to says from time to time where it stands, and how far everything is told.
func TestASilentWatchSaysWhereItStands(t *testing.T) {
	h := build(t)
	l := h.listen(outsider, &pb.WatchEventsRequest{}).begun()
	h.draft("a1") // not for an outsider
	h.settle()
	h.rest()
	h.beat(15)
	if m := l.next().GetBookmark(); m.GetPosition() != 4 || m.GetRecordTime() == nil {
		t.Errorf("%v", m)
	}
	h.rest()
	h.beat(14)
	select {
	case m := <-l.messages:
		t.Errorf("too soon: %v", m)
	default:
	}
	h.Beat()
	l.next()
}

// A revoked key ends its watches at once, idle or stuck, and no others; and none falls between the door and the hub.
func TestARevokedKeyEndsItsWatches(t *testing.T) {
	h := build(t)
	made := h.do(chief, &pb.CreateApiKeyRequest{ApiKeyId: "eve", ApiKey: &pb.ApiKey{DisplayName: "Eve", Principal: &pb.Principal{Role: pb.Role_ROLE_AUDITOR}}})
	if made.(*pb.CreateApiKeyResponse).GetApiKey().GetApiKeyId() != auditor.PrincipalID {
		t.Fatal(made)
	}
	idle, stuck, other := h.listen(auditor, &pb.WatchEventsRequest{}).begun(), h.listen(auditor, from(0)), h.listen(chief, &pb.WatchEventsRequest{}).begun()
	stuck.next()
	h.do(chief, &pb.RevokeApiKeyRequest{ApiKeyId: "eve"})
	h.settle()
	told := uint64(4)
	select { // the revocation itself may be told, or not; what is on its way is taken before the last word is over
	case m := <-idle.messages:
		told = m.GetEvent().GetPosition()
	case err := <-idle.ended:
		idle.ended <- err
	}
	if reason, position := idle.end(); reason != pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID || position != told {
		t.Errorf("the idle one: %v at %d, told %d", reason, position, told)
	}
	if reason, position := stuck.end(); reason != pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID || position != 0 {
		t.Errorf("the stuck one: %v at %d", reason, position)
	}
	if got := other.hear(5); len(got) != 1 {
		t.Errorf("the other one was told %v", got)
	}
	late := h.listen(auditor, from(0), func(r *watch.Request) {
		r.Welcome = func() error {
			return rules.Refuse(pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID, "revoked")
		}
	})
	if reason, _ := late.end(); reason != pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID {
		t.Errorf("the late one: %v", reason)
	}
}

// A key has its number of watches, and so has a connection; one that ends makes room.
func TestWatchesAreLimited(t *testing.T) {
	h := build(t)
	all := make([]*listener, watch.MaxPerCaller)
	for i := range all {
		all[i] = h.listen(chief, &pb.WatchEventsRequest{}).begun()
	}
	if reason, _ := h.listen(chief, &pb.WatchEventsRequest{}).end(); reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED {
		t.Errorf("one too many of a key: %v", reason)
	}
	h.listen(auditor, &pb.WatchEventsRequest{}).begun()
	all[0].stop()
	if reason, position := all[0].end(); reason != pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN || position != 3 {
		t.Errorf("a watch that was stopped: %v at %d", reason, position)
	}
	h.listen(chief, &pb.WatchEventsRequest{}).begun()
	for i := range watch.MaxPerCaller + 1 {
		by := rules.Caller{PrincipalID: fmt.Sprint("key", i), Role: pb.Role_ROLE_OPERATOR}
		l := h.listen(by, &pb.WatchEventsRequest{}, func(r *watch.Request) { r.Connection = "192.0.2.1:5" })
		if i < watch.MaxPerCaller {
			l.begun()
		} else if reason, _ := l.end(); reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED {
			t.Errorf("one too many of a connection: %v", reason)
		}
	}
}

// A store that cannot be read for a while loses nothing.
func TestAStoreThatFailsForAWhile(t *testing.T) {
	h := build(t)
	l := h.listen(auditor, &pb.WatchEventsRequest{}).begun()
	h.rename(2)
	h.store.broken = true
	if _, err := h.Turn(t.Context()); err == nil {
		t.Error("a Turn that cannot read succeeded")
	}
	h.store.broken = false
	h.settle()
	if got := l.hear(5); !slices.Equal(got, []uint64{4, 5}) {
		t.Errorf("%v", got)
	}
}

// A long stretch that holds nothing for a watch is passed in steps that it can resume from.
func TestALongSearchTellsHowFarItIs(t *testing.T) {
	h := build(t)
	for range 11 {
		h.rename(1000)
	}
	h.draft("a1")
	l := h.listen(vendor, from(0))
	l.next()
	if m := l.next().GetBookmark(); m.GetPosition() == 0 || m.GetPosition() > 11_003 {
		t.Errorf("%v", m)
	}
	if got := l.hear(11_004); !slices.Equal(got, []uint64{11_004}) {
		t.Errorf("%v", got)
	}
}

// While all of them write, come, break off and come back, everyone is told everything once, in order.
func TestEverythingIsToldOnceInTheThrong(t *testing.T) {
	h := build(t)
	ctx, stop := context.WithCancel(t.Context())
	running := make(chan error, 1)
	go func() { running <- h.Run(ctx) }()
	const writes, callers = 3000, 20
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(n), 1))
			var told []uint64
			at := uint64(3)
			for at < 3+writes {
				patience := chance.IntN(400)
				err := h.Watch(t.Context(), watch.Request{WatchEventsRequest: from(at), Caller: auditor, Welcome: func() error { return nil },
					Send: func(m *pb.WatchEventsResponse) error {
						if patience--; patience < 0 || at == 3+writes {
							return errors.New("enough")
						}
						if e := m.GetEvent(); e != nil {
							at = e.GetPosition()
							told = append(told, at)
						} else if b := m.GetBookmark().GetPosition(); b < at {
							t.Errorf("a bookmark at %d after %d", b, at)
						}
						return nil
					}})
				if err == nil {
					t.Error("a watch ended without a reason")
				}
			}
			if !slices.Equal(told, positions(4, 3+writes)) {
				t.Errorf("caller %d was told %d events", n, len(told))
			}
		})
	}
	for range writes / 10 {
		h.rename(10)
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for waiting := true; waiting; { // who has heard everything hears no more: a last bookmark lets it go
		select {
		case <-done:
			waiting = false
		default:
			h.Beat()
		}
	}
	stop()
	if err := <-running; err != nil {
		t.Error(err)
	}
}
