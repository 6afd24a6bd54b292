package journal_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

func TestNobodyIsAnsweredBeforeItIsDurable(t *testing.T) {
	d := openDesk(t, nil, nil)
	writing, goOn := make(chan struct{}, 2), make(chan struct{})
	d.store.hands(func(_ store.Change, next func() error) error {
		writing <- struct{}{}
		<-goOn
		return next()
	}, nil)
	commits := d.store.Commits()
	d.run()
	first := d.sendRunning(chief, party("first"))
	<-writing // decided, and on its way to the disk
	changed := d.Changed()
	var later []<-chan answer
	for i := range 10 {
		later = append(later, d.send(t.Context(), chief, party(numbered("later", i))))
	}
	select {
	case <-first:
		t.Error("answered before it was durable")
	case <-changed:
		t.Error("followers woke before it was durable")
	default:
	}
	if d.known("first") {
		t.Error("a read saw what was not durable")
	}
	close(goOn)
	for _, one := range append(later, first) {
		if a := d.get(one); a.err != nil {
			t.Error(a.err)
		}
	}
	<-changed
	for i := range 10 {
		if !d.known(numbered("later", i)) {
			t.Errorf("%d was answered and is not there", i)
		}
	}
	if n := d.store.Commits() - commits; n != 2 {
		t.Errorf("%d commits; what gathers while one is written goes together into the next", n)
	}
}

// sendRunning has a command decided by a journal that runs, and returns where its answer comes.
func (d *desk) sendRunning(who rules.Caller, cmd proto.Message) <-chan answer {
	to := make(chan answer, 1)
	go func() {
		m, err := d.Do(context.Background(), who, cmd)
		to <- answer{m, err}
	}()
	return to
}

func TestARefusalWritesNothing(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	commits, events := d.store.Commits(), d.store.count(t, "events")
	for name, c := range map[string]struct {
		who  rules.Caller
		cmd  proto.Message
		want string
	}{
		"taken":   {chief, party("acme"), "ALREADY_EXISTS"},
		"nothing": {chief, &pb.CreatePartyRequest{}, "INVALID_FIELDS"},
		"missing": {vendor, &pb.WaiveObligationRequest{AgreementId: "a", ObligationId: "o", Reason: "x", RequestId: "r"}, "NOT_FOUND"},
		"no rule": {chief, &pb.GetPartyRequest{PartyId: "acme"}, ""},
	} {
		_, err := d.Do(t.Context(), c.who, c.cmd)
		if err == nil || reason(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A refused request is not remembered: its id is free for the one that is meant.
	d.must(chief, &pb.CreatePartyRequest{PartyId: "globex", Party: &pb.Party{DisplayName: "x"}, RequestId: "r"})
	if d.store.Commits() != commits+1 || d.store.count(t, "events") != events+1 {
		t.Errorf("%d commits, %d events", d.store.Commits()-commits, d.store.count(t, "events")-events)
	}
}

func TestCheckingWritesNothing(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	commits := d.store.Commits()
	check := party("acme")
	check.ValidateOnly, check.RequestId = true, "r"
	if a := d.must(chief, check).(*pb.Party); a.GetPartyId() != "acme" || a.GetEtag() == "" {
		t.Errorf("checking answers as doing would: %v", a)
	}
	if d.known("acme") || d.store.Commits() != commits {
		t.Error("checking wrote something")
	}
	do := party("acme")
	do.RequestId = "r" // checking did not use it up
	d.must(chief, do)
	if _, err := d.Do(t.Context(), chief, check); reason(err) != "REQUEST_ID_REUSED" {
		t.Errorf("checking under the id of what was done: %v", err)
	}
	check.RequestId = ""
	if _, err := d.Do(t.Context(), chief, check); reason(err) != "ALREADY_EXISTS" {
		t.Errorf("checking is refused as doing would be: %v", err)
	}
}

// A commit whose outcome is unknown ends the journal. All of the batch are told so, and asking again after the restart
// tells the truth, whichever it is.
func TestAnUnknownOutcomeEndsTheJournal(t *testing.T) {
	for name, written := range map[string]bool{"and it was written": true, "and it was not": false} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, nil, nil)
			broken := errors.New("the disk went away")
			d.store.hands(func(_ store.Change, next func() error) error {
				if written {
					if err := next(); err != nil {
						return err
					}
				}
				return broken
			}, nil)
			refused := d.send(t.Context(), chief, &pb.CreatePartyRequest{}) // before anything that is yet to be made durable
			var waiting []<-chan answer
			for i := range 5 {
				req := party(numbered("p", i))
				req.RequestId = numbered("r", i)
				waiting = append(waiting, d.send(t.Context(), chief, req))
			}
			waiting = append(waiting, d.send(t.Context(), chief, party(numbered("p", 0)))) // taken, but by whom, if not by what was lost?
			ended := make(chan error, 1)
			go func() { ended <- d.Run(t.Context()) }()
			for _, one := range waiting {
				if a := d.get(one); reason(a.err) != "OUTCOME_UNKNOWN" || a.message != nil {
					t.Errorf("told %v, %v", a.message, a.err)
				}
			}
			if a := d.get(refused); reason(a.err) != "INVALID_FIELDS" {
				t.Errorf("what was refused anyway was told %v", a.err)
			}
			if err := <-ended; !errors.Is(err, broken) {
				t.Errorf("Run returned %v", err)
			}
			if _, err := d.Do(t.Context(), chief, party("late")); reason(err) != "OUTCOME_UNKNOWN" {
				t.Errorf("who comes later is told %v", err)
			}
			d.store.hands(nil, nil)
			next := openDesk(t, d.store, d.clock)
			next.run()
			events := d.store.count(t, "events")
			for i := range 5 {
				req := party(numbered("p", i))
				req.RequestId = numbered("r", i)
				next.must(chief, req)
			}
			if now := d.store.count(t, "events"); now != 5 || written && events != 5 {
				t.Errorf("%d events, then %d", events, now)
			}
		})
	}
}

func TestAFullStoreRefusesAndGoesOn(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("before"))
	d.store.hands(func(store.Change, func() error) error { return store.ErrFull }, nil)
	for range 3 {
		req := party("full")
		req.RequestId = "r"
		if _, err := d.Do(t.Context(), chief, req); reason(err) != "STORE_FULL" {
			t.Fatalf("told %v", err)
		}
	}
	if !d.known("before") || d.known("full") {
		t.Error("reads do not go on as they should")
	}
	d.store.hands(nil, nil)
	req := party("full")
	req.RequestId = "r"
	d.must(chief, req)
	if !d.known("full") {
		t.Error("there is room again, and yet nothing was written")
	}
	if n := d.store.count(t, "events"); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestTooManyWaitingAreTurnedAway(t *testing.T) {
	d := openDesk(t, nil, nil)
	commands := make([]proto.Message, journal.MaxQueue)
	for i := range commands {
		commands[i] = &pb.CreatePartyRequest{} // refused at once when its turn comes
	}
	told := make(chan []error, 1)
	go func() { told <- d.DoAll(context.Background(), chief, commands) }()
	eventually(t, "the queue is full", func() bool { return d.Waiting() == journal.MaxQueue })
	if _, err := d.Do(t.Context(), chief, party("one-more")); reason(err) != "OVERLOADED" {
		t.Errorf("told %v", err)
	}
	for _, err := range d.DoAll(t.Context(), chief, commands[:3]) {
		if reason(err) != "OVERLOADED" {
			t.Errorf("of three more, told %v", err)
		}
	}
	d.turn()
	for _, err := range <-told {
		if reason(err) != "INVALID_FIELDS" {
			t.Fatalf("who waited was told %v", err)
		}
	}
	d.run()
	d.must(chief, party("afterwards"))
}

func TestNobodyWaitsAnyMore(t *testing.T) {
	d := openDesk(t, nil, nil)
	ctx, leave := context.WithCancel(t.Context())
	left := d.send(ctx, chief, party("left"))
	stayed := d.send(t.Context(), chief, party("stayed"))
	leave()
	d.turn()
	if a := d.get(left); !errors.Is(a.err, context.Canceled) || d.known("left") {
		t.Errorf("who left was told %v", a.err)
	}
	if a := d.get(stayed); a.err != nil || !d.known("stayed") {
		t.Errorf("who stayed was told %v", a.err)
	}
}

func TestStoppingAnswersAllWhoWait(t *testing.T) {
	for range 10 { // whether Run sees first that it shall stop, or who waits, is chance
		d := openDesk(t, nil, nil)
		var waiting []<-chan answer
		for i := range 20 {
			waiting = append(waiting, d.send(t.Context(), chief, party(numbered("p", i))))
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if err := d.Run(stopped); err != nil {
			t.Errorf("Run returned %v", err)
		}
		for i, one := range waiting {
			if a := d.get(one); a.err != nil || !d.known(numbered("p", i)) {
				t.Errorf("told %v", a.err)
			}
		}
		if _, err := d.Do(t.Context(), chief, party("late")); reason(err) != "SHUTTING_DOWN" {
			t.Errorf("who comes later is told %v", err)
		}
	}
}

// A record that cannot be read fails the batch it is needed for. Everybody in it is told, the one behind it too, and the
// next batch goes on.
func TestAFaultIsToldToEverybody(t *testing.T) {
	d := openDesk(t, nil, nil)
	broken := errors.New("a page is unreadable")
	reads := 0
	d.store.hands(nil, func(table store.Table, key []byte) error {
		if table == "records" && string(key) == "\x00"+string(rune(rules.KindChain)) {
			if reads++; reads == 1 { // what was read once is not read again
				return broken
			}
		}
		return nil
	})
	var waiting []<-chan answer
	for i := range 4 {
		waiting = append(waiting, d.send(t.Context(), chief, party(numbered("p", i))))
	}
	d.turn()
	failed := 0
	for _, one := range waiting {
		a := d.get(one)
		if a.err != nil && !errors.Is(a.err, broken) {
			t.Errorf("told %v", a.err)
		}
		if a.err != nil {
			failed++
		}
	}
	if failed == 0 || d.store.count(t, "events") != 4-failed {
		t.Errorf("%d failed, %d events were written", failed, d.store.count(t, "events"))
	}
}

// A batch ends before it is larger than a store takes in one change, however little its commands say: consent to large
// texts is a small request, and writes much.
func TestABatchFitsTheStore(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("Large")
	for i := range 200 {
		c := oneOff(numbered("c", i), pb.Side_SIDE_VENDOR, "2026-02-02")
		c.Description = strings.Repeat("x", 4000)
		terms.Commitments = append(terms.Commitments, c)
	}
	const agreements = 24 // some 40 MB of records
	for i := range agreements {
		d.propose(numbered("a", i), terms)
	}
	writing, goOn := make(chan struct{}, 100), make(chan struct{})
	d.store.hands(func(_ store.Change, next func() error) error {
		writing <- struct{}{}
		<-goOn
		return next()
	}, nil)
	blocker := d.sendRunning(chief, party("blocker"))
	<-writing
	var waiting []<-chan answer
	for i := range agreements {
		waiting = append(waiting, d.send(t.Context(), client, accepts(numbered("a", i), terms)))
	}
	close(goOn)
	for _, one := range append(waiting, blocker) {
		if a := d.get(one); a.err != nil {
			t.Fatal(a.err)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
}
