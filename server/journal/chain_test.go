package journal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// history is all events of an agreement, read in pages of seven.
func (d *desk) history(who rules.Caller, agreement string) (all []*pb.RecordedEvent) {
	d.t.Helper()
	req := &pb.ListEventsRequest{AgreementId: agreement, PageSize: 7}
	for {
		page, err := d.Events(d.t.Context(), who, req)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, page.GetEvents()...)
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

// chains reads the head of every chain where layout.go says it lies.
func (e *engine) chains(t *testing.T) map[string]*journalv1.Chain {
	t.Helper()
	all := map[string]*journalv1.Chain{}
	err := e.View(t.Context(), func(s store.Snapshot) error {
		for r, err := range s.Scan("records", nil, nil) {
			if err != nil {
				return err
			}
			agreement, rest, _ := bytes.Cut(r.Key, []byte{0})
			if len(rest) == 1 && rest[0] == byte(rules.KindChain) {
				c := &journalv1.Chain{}
				if err := proto.Unmarshal(r.Value, c); err != nil {
					return err
				}
				all[string(agreement)] = c
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An auditor who holds the bodies, the salts and the keys recomputes every link of every chain, and finds no gap: with
// many callers at once, batches of several events for one agreement, a batch that was refused by a full store, and a
// restart in between.
func TestChainsAreWholeAndRecompute(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	const agreements = 6
	var crowd sync.WaitGroup
	for i := range agreements {
		id := numbered("a", i)
		d.propose(id, text("Draft of "+id, recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY"), oneOff("once", pb.Side_SIDE_CLIENT, "2026-01-09")))
		d.must(client, accepts(id, text("Draft of "+id, recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY"), oneOff("once", pb.Side_SIDE_CLIENT, "2026-01-09"))))
	}
	d.wake()
	d.store.hands(func(store.Change, func() error) error { return store.ErrFull }, nil)
	if _, err := d.Do(t.Context(), vendor, &pb.AdmitObligationRequest{AgreementId: "a000", ObligationId: "daily-1", Reason: "x"}); reason(err) != "STORE_FULL" {
		t.Fatal(err)
	}
	d.store.hands(nil, nil)
	for i := range agreements {
		for n := range 10 {
			crowd.Go(func() {
				o := fmt.Sprintf("daily-%d", n+1)
				_, _ = d.Do(t.Context(), vendor, &pb.SubmitObligationRequest{AgreementId: numbered("a", i), ObligationId: o, Note: "done"})
				_, _ = d.Do(t.Context(), client, &pb.AcceptObligationRequest{AgreementId: numbered("a", i), ObligationId: o})
			})
		}
	}
	crowd.Wait()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	d = openDesk(t, d.store, d.clock)
	d.run()
	d.must(vendor, &pb.AcknowledgeObligationRequest{AgreementId: "a003", ObligationId: "once-1"})

	positions := map[uint64]bool{}
	heads := d.store.chains(t)
	for i := range agreements {
		id := numbered("a", i)
		whole := d.history(vendor, id)
		audit(t, id, whole, heads[id], positions)
		for _, who := range []rules.Caller{client, eye} {
			partial(t, whole, d.history(who, id))
		}
	}
	// What is left in the service's history is its own: two parties.
	total := d.store.count(t, "events")
	if len(positions)+2 != total || heads[""].GetVersion() != 2 {
		t.Errorf("%d events in chains of agreements, %d in all", len(positions), total)
	}
	for p := uint64(1); p <= uint64(total); p++ {
		if !positions[p] && p > 2 {
			t.Errorf("nobody has the event at %d", p)
		}
	}
}

func audit(t *testing.T, id string, events []*pb.RecordedEvent, head *journalv1.Chain, positions map[uint64]bool) {
	t.Helper()
	previous := make([]byte, proof.HashSize)
	for i, r := range events {
		e := &pb.Event{}
		if err := proto.Unmarshal(r.GetBody(), e); err != nil {
			t.Fatal(err)
		}
		if len(e.GetPrivateCommitment()) > 0 && !r.GetErased() {
			if !bytes.Equal(e.GetPrivateCommitment(), proof.PrivateCommitment(r.GetPrivateSalt(), r.GetPrivate())) {
				t.Errorf("%s: event %d commits to another private part", id, i+1)
			}
			if err := proof.Join(e, r.GetPrivate()); err != nil {
				t.Error(err)
			}
		}
		if !proto.Equal(e, r.GetEvent()) {
			t.Errorf("%s: event %d is not what its body and its private part say", id, i+1)
		}
		if e.GetVersion() != uint64(i+1) || e.GetAgreementId() != id {
			t.Fatalf("%s: event %d calls itself %d of %s", id, i+1, e.GetVersion(), e.GetAgreementId())
		}
		if !bytes.Equal(e.GetPreviousEntryHash(), previous) {
			t.Errorf("%s: event %d does not follow from the one before", id, i+1)
		}
		if positions[r.GetPosition()] || len(r.GetSalt()) != proof.KeySize || strings.Contains(r.GetSummary(), "no words") {
			t.Errorf("%s: event %d at %d, salt of %d bytes, %q", id, i+1, r.GetPosition(), len(r.GetSalt()), r.GetSummary())
		}
		positions[r.GetPosition()] = true
		previous = proof.LeafHash(proof.Entry(head.GetLogKey(), e.GetVersion(), r.GetSalt(), r.GetBody()))
		if !bytes.Equal(r.GetEntryHash(), previous) {
			t.Errorf("%s: event %d comes with another hash than it has", id, i+1)
		}
	}
	if head.GetVersion() != uint64(len(events)) || !bytes.Equal(head.GetEntryHash(), previous) {
		t.Errorf("%s: the chain's head is at %d, its events end at %d", id, head.GetVersion(), len(events))
	}
}

// partial compares what another caller reads with what the author of the draft reads: the text of the draft is withheld,
// the rest is the same, the body that the log holds included.
func partial(t *testing.T, whole, other []*pb.RecordedEvent) {
	t.Helper()
	if len(whole) != len(other) {
		t.Fatalf("%d events for one, %d for the other", len(whole), len(other))
	}
	for i := range whole {
		if whole[i].GetEvent().GetAgreementDrafted().GetTerms() == nil && whole[i].GetEvent().GetDraftRewritten() == nil {
			if !proto.Equal(whole[i], other[i]) {
				t.Errorf("the author reads\n%v\nothers read\n%v", whole[i], other[i])
			}
			continue
		}
		if !other[i].GetWithheld() || other[i].GetPrivate() != nil || other[i].GetPrivateSalt() != nil || strings.Contains(other[i].String(), whole[i].GetEvent().GetAgreementDrafted().GetTerms().GetTitle()+`"`) {
			t.Errorf("others read of a draft: %v", other[i])
		}
		r := proto.CloneOf(whole[i])
		r.Private, r.PrivateSalt, r.Withheld, r.Event = nil, nil, true, &pb.Event{}
		if err := proto.Unmarshal(r.GetBody(), r.Event); err != nil || !proto.Equal(r, other[i]) {
			t.Errorf("others do not read all but the text: %v, %v", err, other[i])
		}
	}
}

// Every event of a chain is found by its version, and none behind the last, however far the newest leaf is filled.
func TestEventsAreFoundByVersion(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	for newest := d.Position(); newest < 40; newest++ {
		d.must(chief, &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: fmt.Sprint(newest)}})
		for version := uint64(1); version <= newest+1; version++ {
			r, err := d.Event(t.Context(), chief, &pb.GetEventRequest{Version: version})
			if err != nil || r.GetPosition() != version || r.GetEvent().GetVersion() != version { // the service's chain alone has events
				t.Fatalf("event %d of %d: %v, %v", version, newest+1, r, err)
			}
		}
		for _, beyond := range []uint64{newest + 2, newest + 16, newest + 33} {
			if _, err := d.Event(t.Context(), chief, &pb.GetEventRequest{Version: beyond}); reason(err) != "NOT_FOUND" {
				t.Fatalf("event %d of %d: %v", beyond, newest+1, err)
			}
		}
	}
	var many []proto.Message // in one batch, which so fills leaves
	for n := range 60 {
		many = append(many, &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: fmt.Sprint("x", n)}})
	}
	for _, err := range d.DoAll(t.Context(), chief, many) {
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := d.Events(t.Context(), chief, &pb.ListEventsRequest{PageSize: 200})
	if err != nil || len(page.GetEvents()) != 100 {
		t.Fatalf("%d events are listed, %v", len(page.GetEvents()), err)
	}
	for i, r := range page.GetEvents() {
		if version := uint64(i) + 1; r.GetPosition() != version || r.GetEvent().GetVersion() != version {
			t.Errorf("event %d is listed as %d, at %d", version, r.GetEvent().GetVersion(), r.GetPosition())
		}
	}
}

// A page of events says where each lies: positions and keys agree with the table they came from.
func TestEventsLieWhereTheLayoutSays(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.propose("a", text("a"))
	for _, r := range d.history(vendor, "a") {
		err := d.store.View(t.Context(), func(s store.Snapshot) error {
			value, err := s.Get("events", binary.BigEndian.AppendUint64(nil, r.GetPosition()))
			entry := value[:proof.EntrySize]
			length := binary.BigEndian.AppendUint32(nil, uint32(len(r.GetBody())))
			parts := slices.Concat(r.GetSalt(), length, r.GetBody(), r.GetPrivateSalt(), r.GetPrivate())
			if !bytes.Equal(value[proof.EntrySize:], parts) || !bytes.Equal(proof.LeafHash(entry), r.GetEntryHash()) {
				t.Errorf("position %d holds something else", r.GetPosition())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
