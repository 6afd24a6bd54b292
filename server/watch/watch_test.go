package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/memory"
	"github.com/concordhq/concord/server/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test.
const patience = 20 * time.Second

// Who commands and watches.
var (
	chief    = rules.Caller{PrincipalID: "chief", Role: pb.Role_ROLE_OPERATOR}
	vendor   = rules.Caller{PrincipalID: "ann", Role: pb.Role_ROLE_SIGNATORY, PartyID: "acme"}
	client   = rules.Caller{PrincipalID: "bob", Role: pb.Role_ROLE_SIGNATORY, PartyID: "globex"}
	auditor  = rules.Caller{PrincipalID: "eve", Role: pb.Role_ROLE_AUDITOR}
	confined = rules.Caller{PrincipalID: "sue", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: []string{"a1", "a1", "none"}}
	outsider = rules.Caller{PrincipalID: "max", Role: pb.Role_ROLE_VIEWER, PartyID: "initech"}
)

// house is a journal with a hub that follows it.
type house struct {
	*watch.Hub
	t     *testing.T
	j     *journal.Journal
	store *shaky

	mu    sync.Mutex
	ends  []pb.ErrorReason
	count int // of watches
}

// shaky is a store whose reads fail when it is told to.
type shaky struct {
	store.Store
	broken bool
}

func (s *shaky) View(ctx context.Context, fn func(store.Snapshot) error) error {
	if s.broken {
		return errors.New("the disk is out of order")
	}
	return s.Store.View(ctx, fn)
}

// build makes a house in which acme, globex and initech are known.
func build(t *testing.T) *house {
	t.Helper()
	engine, err := memory.Open(journal.Tables()...)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: &shaky{Store: engine}}
	if h.j, err = journal.Open(t.Context(), journal.Options{Store: h.store}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.j.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = engine.Close()
	})
	h.Hub = watch.New(watch.Options{Journal: h.j, Log: slog.New(slog.DiscardHandler), Observe: watch.Observer{
		Ended: func(reason pb.ErrorReason) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.ends = append(h.ends, reason)
		},
		Watches: func(change int) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.count += change
		},
	}})
	for _, id := range []string{"acme", "globex", "initech"} {
		h.do(chief, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	return h
}

func (h *house) do(by rules.Caller, cmd proto.Message) proto.Message {
	h.t.Helper()
	answer, err := h.j.Do(h.t.Context(), by, cmd)
	if err != nil {
		h.t.Fatalf("%T: %v", cmd, err)
	}
	return answer
}

// draft and propose make an agreement of acme and globex, which acme wrote: an event each.
func (h *house) draft(id string) {
	h.t.Helper()
	h.do(vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: &pb.Terms{
		Title: id, StatementOfIntent: "Both do well by it.", GuidingPrinciples: []string{"Say it early."},
		Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: "2026-01-05", NoticeDays: 30,
		Commitments: []*pb.CommitmentTerms{{
			CommitmentId: "desk", Obligor: pb.Side_SIDE_VENDOR, Title: "A desk", Category: pb.Category_CATEGORY_DELIVERY, Weight: 3,
			Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2099-01-12"}},
		}},
	}}})
}

func (h *house) propose(id string) {
	h.t.Helper()
	h.do(vendor, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
}

// rename writes events of the service, one after the other.
func (h *house) rename(times int) {
	h.t.Helper()
	commands := make([]proto.Message, times)
	for i := range commands {
		commands[i] = &pb.UpdatePartyRequest{PartyId: "initech", Party: &pb.Party{DisplayName: fmt.Sprint(h.j.Position(), i)}}
	}
	for _, err := range h.j.DoAll(h.t.Context(), chief, commands) {
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// settle has the hub tell everything that was recorded.
func (h *house) settle() {
	h.t.Helper()
	for more := true; more; {
		var err error
		if more, err = h.Turn(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// rest waits until no watch has anything to tell.
func (h *house) rest() {
	h.t.Helper()
	for end := time.Now().Add(patience); !h.AtRest(); runtime.Gosched() {
		if time.Now().After(end) {
			h.t.Fatal("the watches do not come to rest")
		}
	}
}

// beat has the hub look after its watches so many times.
func (h *house) beat(times int) {
	for range times {
		h.Beat()
	}
}

// listener is a watch whose caller takes a message when the test asks for it, and not before.
type listener struct {
	h        *house
	messages chan *pb.WatchEventsResponse
	ended    chan error
	stop     context.CancelFunc
	position uint64
}

// listen begins a watch. It ends with the test.
func (h *house) listen(by rules.Caller, req *pb.WatchEventsRequest, more ...func(*watch.Request)) *listener {
	ctx, stop := context.WithCancel(context.Background())
	l := &listener{h, make(chan *pb.WatchEventsResponse), make(chan error, 1), stop, 0}
	r := watch.Request{WatchEventsRequest: req, Caller: by, Welcome: func() error { return nil }, Send: func(m *pb.WatchEventsResponse) error {
		select {
		case l.messages <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	for _, change := range more {
		change(&r)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.ended <- h.Watch(ctx, r)
	}()
	h.t.Cleanup(func() {
		stop()
		<-over
	})
	return l
}

// next takes a message.
func (l *listener) next() *pb.WatchEventsResponse {
	l.h.t.Helper()
	select {
	case m := <-l.messages:
		if l.position = m.GetBookmark().GetPosition(); m.GetEvent() != nil {
			l.position = m.GetEvent().GetPosition()
		}
		return m
	case err := <-l.ended:
		l.h.t.Fatalf("the watch ended at %d: %v", l.position, err)
	case <-time.After(patience):
		l.h.t.Fatalf("the watch at %d says nothing", l.position)
	}
	return nil
}

// begun takes the two bookmarks with which a watch from now on begins: then it is told as it happens.
func (l *listener) begun() *listener {
	l.h.t.Helper()
	for range 2 {
		if m := l.next(); m.GetBookmark() == nil {
			l.h.t.Fatalf("a watch began with %v", m)
		}
	}
	return l
}

// hear takes messages up to a position and returns the events' positions.
func (l *listener) hear(until uint64) (positions []uint64) {
	l.h.t.Helper()
	for l.position < until {
		if e := l.next().GetEvent(); e != nil {
			positions = append(positions, e.GetPosition())
		}
	}
	return positions
}

// end is the reason why a watch ended, and the position to resume after.
func (l *listener) end() (reason pb.ErrorReason, position uint64) {
	l.h.t.Helper()
	select {
	case err := <-l.ended:
		var refusal *rules.Error
		if !errors.As(err, &refusal) {
			l.h.t.Fatalf("the watch ended with %v", err)
		}
		position, _ = strconv.ParseUint(refusal.Metadata["position"], 10, 64)
		return refusal.Reason, position
	case <-time.After(patience):
		l.h.t.Fatal("the watch does not end")
	}
	return 0, 0
}

func positions(from, to uint64) (all []uint64) {
	for ; from <= to; from++ {
		all = append(all, from)
	}
	return all
}

func from(position uint64) *pb.WatchEventsRequest {
	return &pb.WatchEventsRequest{AfterPosition: &position}
}

// A watch says at once where it stands, and when it has caught up; then it tells what happens, each event once.
func TestAWatchBeginsWithABookmark(t *testing.T) {
	h := build(t)
	l := h.listen(auditor, from(1))
	first := l.next().GetBookmark()
	if first.GetPosition() != 1 || first.GetRecordTime() == nil {
		t.Errorf("it begins with %v", first)
	}
	if got := l.hear(3); !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("it told %v", got)
	}
	if m := l.next(); m.GetBookmark().GetPosition() != 3 {
		t.Errorf("it caught up with %v", m)
	}
	h.rename(2)
	h.settle()
	if got := l.hear(5); !slices.Equal(got, []uint64{4, 5}) {
		t.Errorf("then it told %v", got)
	}
	empty := h.listen(auditor, from(0))
	if m := empty.next().GetBookmark(); m.GetPosition() != 0 || m.GetRecordTime() != nil {
		t.Errorf("from the beginning: %v", m)
	}
}

// What is asked for is told and nothing else, and only to who may see it: from the store as from the hub.
func TestWhatIsAskedForIsTold(t *testing.T) {
	h := build(t)
	cases := []struct {
		by   rules.Caller
		req  *pb.WatchEventsRequest
		want []uint64 // of 4 to 10
	}{
		{vendor, &pb.WatchEventsRequest{}, []uint64{4, 5, 6, 8, 9}},
		{client, &pb.WatchEventsRequest{}, []uint64{6, 9}}, // 4, 5 and 8 tell of drafts
		{auditor, &pb.WatchEventsRequest{}, []uint64{6, 7, 9, 10}},
		{confined, &pb.WatchEventsRequest{}, []uint64{6}},
		{chief, &pb.WatchEventsRequest{}, []uint64{7, 10}},
		{outsider, &pb.WatchEventsRequest{}, nil},
		{vendor, &pb.WatchEventsRequest{PartyId: "acme"}, []uint64{4, 5, 6, 8, 9}},
		{auditor, &pb.WatchEventsRequest{PartyId: "globex"}, []uint64{6, 9}},
		{auditor, &pb.WatchEventsRequest{PartyId: "initech"}, nil},
		{vendor, &pb.WatchEventsRequest{Kinds: []string{"proposal_made"}}, []uint64{6, 9}},
		{auditor, &pb.WatchEventsRequest{Kinds: []string{"party_updated", "proposal_made"}}, []uint64{6, 7, 9, 10}},
	}
	live := make([]*listener, len(cases))
	for i, c := range cases {
		live[i] = h.listen(c.by, c.req).begun()
	}
	h.draft("a1")   // 4
	h.draft("a2")   // 5
	h.propose("a1") // 6
	h.rename(1)     // 7
	h.do(vendor, &pb.UpdateAgreementRequest{AgreementId: "a2", Agreement: &pb.Agreement{DraftTerms: &pb.Terms{Title: "Better"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms.title"}}})
	h.propose("a2") // 9
	h.rename(1)     // 10
	h.settle()
	for i, c := range cases {
		if len(c.want) > 0 {
			if got := live[i].hear(c.want[len(c.want)-1]); !slices.Equal(got, c.want) {
				t.Errorf("%s was told of %v for %v, as it happened; wanted %v", c.by.PrincipalID, got, c.req, c.want)
			}
		}
	}
	h.rest()
	h.beat(15) // all say where they stand
	for i, c := range cases {
		if got := live[i].hear(10); len(got) > 0 {
			t.Errorf("%s was told of %v for %v besides", c.by.PrincipalID, got, c.req)
		}
		c.req.AfterPosition = proto.Uint64(3)
		if got := h.listen(c.by, c.req).hear(10); !slices.Equal(got, c.want) {
			t.Errorf("%s was told of %v for %v, later; wanted %v", c.by.PrincipalID, got, c.req, c.want)
		}
	}
	for after, want := range [][]uint64{{4, 6}, {4, 6}, {4, 6}, {4, 6}, {6}, {6}, nil, nil} {
		req := from(uint64(after))
		req.AgreementId = "a1"
		if got := h.listen(vendor, req).hear(10); !slices.Equal(got, want) {
			t.Errorf("after %d of one agreement %v was told; wanted %v", after, got, want)
		}
	}
	one := h.listen(client, &pb.WatchEventsRequest{AgreementId: "a1"}).begun()
	h.do(client, &pb.DeclineProposalRequest{AgreementId: "a2", ProposalId: "first", Reason: "Too dear."})
	h.do(client, &pb.DeclineProposalRequest{AgreementId: "a1", ProposalId: "first", Reason: "Too dear."})
	h.settle()
	if m := one.next(); m.GetEvent().GetEvent().GetAgreementId() != "a1" || m.GetEvent().GetEvent().GetProposalDeclined() == nil {
		t.Errorf("of one agreement, as it happened: %v", m)
	}
}

// What cannot be watched is refused before anything is told.
func TestWhatCannotBeWatched(t *testing.T) {
	h := build(t)
	h.draft("a1")
	for want, bad := range map[pb.ErrorReason][]struct {
		by  rules.Caller
		req *pb.WatchEventsRequest
	}{
		pb.ErrorReason_ERROR_REASON_NOT_FOUND: {
			{client, &pb.WatchEventsRequest{AgreementId: "a1"}}, {chief, &pb.WatchEventsRequest{AgreementId: "a1"}}, {auditor, &pb.WatchEventsRequest{AgreementId: "a1"}},
			{vendor, &pb.WatchEventsRequest{AgreementId: "none"}}, {vendor, &pb.WatchEventsRequest{PartyId: "globex"}}, {chief, &pb.WatchEventsRequest{PartyId: "acme"}},
		},
		pb.ErrorReason_ERROR_REASON_INVALID_FIELDS: {
			{auditor, from(5)}, {auditor, from(1 << 63)}, {auditor, &pb.WatchEventsRequest{Kinds: []string{"proposal_made", "what_not"}}},
		},
	} {
		for _, b := range bad {
			if got, _ := h.listen(b.by, b.req).end(); got != want {
				t.Errorf("%s asked for %v: %v", b.by.PrincipalID, b.req, got)
			}
		}
	}
	if h.count != 0 {
		t.Errorf("%d watches are left", h.count)
	}
}

// The hub sleeps while nobody watches, whatever is recorded. It wakes for the first who comes, each time.
func TestWhoComesFirstWakesTheHub(t *testing.T) {
	h := build(t)
	ctx, stop := context.WithCancel(t.Context())
	running := make(chan error, 1)
	go func() { running <- h.Run(ctx) }()
	for range 3 {
		time.Sleep(10 * time.Millisecond) // it has gone to sleep
		h.rename(5)
		l := h.listen(auditor, &pb.WatchEventsRequest{}).begun()
		at := h.j.Position()
		for n := range uint64(3) {
			h.rename(1)
			if m := l.next(); m.GetEvent().GetPosition() != at+n+1 {
				t.Fatalf("behind %d %v was told", at+n, m)
			}
		}
		l.stop()
		l.end()
	}
	stop()
	if err := <-running; err != nil {
		t.Error(err)
	}
}
