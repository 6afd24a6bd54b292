package deadline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/deadline"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var morning = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

var (
	chief  = rules.Caller{PrincipalID: "chief", Role: pb.Role_ROLE_OPERATOR}
	vendor = rules.Caller{PrincipalID: "ann", Role: pb.Role_ROLE_SIGNATORY, PartyID: "acme"}
	client = rules.Caller{PrincipalID: "bob", Role: pb.Role_ROLE_SIGNATORY, PartyID: "globex"}
)

// engine is the memory engine, which can be told to fail.
type engine struct {
	*memory.Store
	mu      sync.Mutex
	commits int
	views   int
	fails   error
	gate    chan struct{} // a commit waits until it is closed; nil: it does not wait
}

// View implements store.Store.
func (e *engine) View(ctx context.Context, fn func(store.Snapshot) error) error {
	err := e.Store.View(ctx, fn)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.views++
	return err
}

func (e *engine) viewed() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.views
}

func (e *engine) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fails, e.commits = err, 0
}

func (e *engine) tried() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.commits
}

// Commit implements store.Store.
func (e *engine) Commit(ctx context.Context, c store.Change) error {
	e.mu.Lock()
	e.commits++
	err, gate := e.fails, e.gate
	e.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if err != nil {
		return err
	}
	return e.Store.Commit(ctx, c)
}

// tower is a journal that runs, with a clock that stands still and a worker that follows it.
type tower struct {
	*deadline.Worker
	t     *testing.T
	j     *journal.Journal
	store *engine
	log   *strings.Builder
	stop  func() error

	mu  sync.Mutex
	now time.Time
}

// build makes a tower, over a store that holds something already.
func build(t *testing.T, held ...store.Write) *tower {
	t.Helper()
	s, err := memory.Open(journal.Tables()...)
	if err != nil {
		t.Fatal(err)
	}
	if len(held) > 0 {
		if err := s.Commit(t.Context(), store.Change{Head: 1, Writes: held}); err != nil {
			t.Fatal(err)
		}
	}
	w := &tower{t: t, store: &engine{Store: s}, now: morning, log: &strings.Builder{}}
	w.j, err = journal.Open(t.Context(), journal.Options{Store: w.store, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.j.Run(ctx) }()
	w.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = w.stop(); _ = s.Close() })
	w.Worker = &deadline.Worker{Journal: w.j, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, id := range []string{"acme", "globex"} {
		w.must(chief, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	return w
}

func (w *tower) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *tower) set(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

func (w *tower) must(who rules.Caller, cmd proto.Message) {
	w.t.Helper()
	if _, err := w.j.Do(w.t.Context(), who, cmd); err != nil {
		w.t.Fatalf("%T: %v", cmd, err)
	}
}

// agree makes an agreement that begins on a day, with promises by a rule.
func (w *tower) agree(id, first, rule string, promises int) {
	w.t.Helper()
	w.promise(id, first, slices.Repeat([]string{rule}, promises)...)
}

// promise makes an agreement that begins on a day, with a promise by each rule.
func (w *tower) promise(id, first string, by ...string) {
	w.t.Helper()
	terms := &pb.Terms{Title: id, Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: first, Clocks: &pb.Clocks{LeadDays: new(int32)}}
	for i, rule := range by {
		terms.Commitments = append(terms.Commitments, &pb.CommitmentTerms{
			CommitmentId: fmt.Sprintf("c%03d", i), Obligor: pb.Side_SIDE_VENDOR, Title: "t", Category: pb.Category_CATEGORY_OTHER, Weight: 1,
			Schedule: &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: rule}},
		})
	}
	_, digest := rules.Digest(terms)
	w.must(vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})
	w.must(vendor, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	w.must(client, &pb.AcceptProposalRequest{AgreementId: id, ProposalId: "p", Revision: 1, TermsDigest: digest})
}

// turn is one Turn that must not fail.
func (w *tower) turn() (int, time.Time) {
	w.t.Helper()
	woken, next, err := w.Turn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if woken > deadline.TurnSize {
		w.t.Fatalf("a Turn woke %d", woken)
	}
	return woken, next
}

// rest turns until nothing is due and says how many Turns that took.
func (w *tower) rest() (turns int) {
	w.t.Helper()
	for {
		if woken, _ := w.turn(); woken == 0 {
			return turns
		}
		turns++
	}
}

func (w *tower) events(id string) (all []*pb.Event) {
	w.t.Helper()
	req := &pb.ListEventsRequest{AgreementId: id, PageSize: 1000}
	for {
		page, err := w.j.Events(w.t.Context(), vendor, req)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range page.GetEvents() {
			all = append(all, r.GetEvent())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

func (w *tower) state(id string) pb.AgreementState {
	w.t.Helper()
	m, err := w.j.Read(w.t.Context(), vendor, rules.Ref{Kind: rules.KindAgreement, Agreement: id}, "agreement")
	if err != nil {
		w.t.Fatal(err)
	}
	return m.(*pb.Agreement).GetState()
}

// fell are the obligations that came up as due, in the order they did, with the day they were due.
func fell(events []*pb.Event) (all []string) {
	for _, e := range events {
		if f := e.GetObligationFellDue(); f != nil {
			all = append(all, f.GetObligationId())
		}
	}
	return all
}

// broken is how many obligations the clock found not kept, and how many not made good.
func broken(events []*pb.Event) (breached, defaulted int) {
	for _, e := range events {
		switch {
		case e.GetObligationBreached() != nil:
			breached++
		case e.GetObligationDefaulted() != nil:
			defaulted++
		}
	}
	return breached, defaulted
}

func TestNothingHappensBeforeItsTime(t *testing.T) {
	w := build(t)
	w.agree("a", "2026-02-01", "FREQ=DAILY", 1)
	first := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for _, now := range []time.Time{morning, first.Add(-24 * time.Hour), first.Add(-time.Microsecond)} {
		w.set(now)
		before := len(w.events("a"))
		woken, next := w.turn()
		if woken != 0 || !next.Equal(first) || len(w.events("a")) != before {
			t.Errorf("at %s it woke %d and looks again at %s", now, woken, next)
		}
	}
	// Who is woken too early, by a worker whose clock is ahead, goes on sleeping.
	for _, wake := range []proto.Message{rules.WakeFor(rules.Ref{Kind: rules.KindAgreement, Agreement: "a"}), rules.WakeFor(rules.Ref{Kind: rules.KindCommitment, Agreement: "a", ID: "c000"})} {
		w.must(rules.Clock(), wake)
	}
	if w.state("a") != pb.AgreementState_AGREEMENT_STATE_ACCEPTED {
		t.Error("it began too early")
	}
	w.set(first)
	w.rest()
	if w.state("a") != pb.AgreementState_AGREEMENT_STATE_ACTIVE {
		t.Error("it did not begin on its first day")
	}
	if got := fell(w.events("a")); !slices.Equal(got, []string{"c000-1"}) {
		t.Errorf("on the first day came up %v", got)
	}
}

func TestWhatIsDueComesUpInOrder(t *testing.T) {
	w := build(t)
	w.agree("late", "2026-03-01", "FREQ=MONTHLY", 2)
	w.agree("early", "2026-02-01", "FREQ=WEEKLY", 2)
	w.set(morning.Add(120 * 24 * time.Hour))
	w.rest()
	for _, id := range []string{"early", "late"} {
		last, began := time.Time{}, false
		for _, e := range w.events(id) {
			switch {
			case e.GetAgreementActivated() != nil:
				began = true
			case e.GetCommitmentEnteredIntoForce() != nil && !began:
				t.Errorf("%s: a promise came into force before its agreement", id)
			case e.GetObligationFellDue() != nil:
				at := e.GetEffectiveTime().AsTime()
				if at.Before(last) {
					t.Errorf("%s: %s came up after what was due at %s", id, e.GetObligationFellDue().GetObligationId(), last)
				}
				last = at
			}
		}
	}
	if _, next := w.turn(); !next.After(w.clock()) {
		t.Errorf("nothing is due, and yet it looks again at %s", next)
	}
}

// After a year of downtime the worker catches up in Turns of bounded size, each of which lets callers pass, and each day is
// recorded with the time it was true.
func TestAYearIsCaughtUp(t *testing.T) {
	w := build(t)
	const promises = 30
	w.agree("a", "2026-01-05", "FREQ=DAILY", promises)
	w.set(time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC))
	var lags []time.Duration
	total := 0
	w.Observe = func(woken int, lag time.Duration) { lags, total = append(lags, lag), total+woken }
	turns := w.rest()
	breached, defaulted := broken(w.events("a"))
	if days := 365; total != 1+promises+days*promises+breached+defaulted || breached < 360*promises || defaulted < 330*promises || turns > days+2 || turns != len(lags) {
		t.Errorf("%d were woken in %d turns: %d breached, %d defaulted", total, turns, breached, defaulted)
	}
	if lags[0] < 364*24*time.Hour || lags[len(lags)-1] > 24*time.Hour || !slices.IsSortedFunc(lags, func(a, b time.Duration) int { return int(b - a) }) {
		t.Errorf("it was late by %s at first and %s at last", lags[0], lags[len(lags)-1])
	}
	day := map[string]int{}
	for _, e := range w.events("a") {
		if e.GetObligationFellDue() != nil {
			day[e.GetEffectiveTime().AsTime().Format(time.DateOnly)]++
			if !e.GetRecordTime().AsTime().Equal(w.clock()) {
				t.Fatalf("recorded at %s", e.GetRecordTime().AsTime())
			}
		}
	}
	if len(day) != 365 || day["2026-06-01"] != promises {
		t.Errorf("%d days", len(day))
	}
}

// After a year of downtime the days of an agreement come up in their order, whatever the rhythms of its promises and
// however many timers wait, and no Turn does more than its share.
func TestAYearStaysInOrder(t *testing.T) {
	w := build(t)
	rhythms := []string{"FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=DAILY;INTERVAL=11", "FREQ=YEARLY;BYYEARDAY=10,105,191,283"}
	for i := range 4 {
		w.agree(fmt.Sprintf("a%d", i), "2026-01-05", rhythms[i], 3)
	}
	w.promise("mixed", "2026-01-05", rhythms...)
	w.set(time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC))
	total := 0
	w.Observe = func(woken int, _ time.Duration) { total += woken }
	turns := w.rest()
	if turns > 365+2 {
		t.Errorf("it took %d turns", turns)
	}
	ups := 0
	for _, id := range []string{"a0", "a1", "a2", "a3", "mixed"} {
		last := time.Time{}
		for _, e := range w.events(id) {
			if e.GetActor().GetPrincipalId() != "clock" {
				continue
			}
			at := e.GetEffectiveTime().AsTime()
			if at.Before(last) {
				t.Fatalf("%s: what was true at %s was told after what was true at %s: %v", id, at, last, e)
			}
			last = at
		}
		breached, defaulted := broken(w.events(id))
		ups += len(fell(w.events(id))) + breached + defaulted
	}
	if want := 5 + 4*3 + len(rhythms) + ups; total != want {
		t.Errorf("%d were woken, not %d", total, want)
	}
}

// Agreements that have much to catch up with do not keep others from theirs: each goes one instant ahead with a Turn.
func TestATurnTakesEachAgreementOneInstantAhead(t *testing.T) {
	w := build(t)
	w.agree("a", "2026-01-05", "FREQ=DAILY", 2)
	w.agree("b", "2026-01-06", "FREQ=DAILY", 1)
	w.set(time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC))
	for i, want := range []struct{ woken, a, b int }{
		{1 + 2 + 1 + 1, 0, 0}, {2 + 1, 2, 1}, {2 + 1, 4, 2}, {2, 6, 2}, {0, 6, 2},
	} {
		woken, _ := w.turn()
		if a, b := len(fell(w.events("a"))), len(fell(w.events("b"))); woken != want.woken || a != want.a || b != want.b {
			t.Errorf("turn %d woke %d; %d and %d came up", i, woken, a, b)
		}
	}
}

// An agreement whose promises wait for hundreds of different days leaves room for others.
func TestManyInstantsOfOneAgreementLeaveRoom(t *testing.T) {
	w := build(t)
	var rhythms []string
	for n := range 600 {
		rhythms = append(rhythms, fmt.Sprintf("FREQ=DAILY;INTERVAL=%d;COUNT=2", n+1))
	}
	w.promise("many", "2024-01-01", rhythms...)
	w.agree("other", "2026-01-05", "FREQ=DAILY", 1)
	for range 6 { // as many as the first day of the one takes, and a few
		w.turn()
	}
	if got := fell(w.events("other")); len(got) == 0 {
		t.Error("the other agreement has not begun")
	}
	w.rest()
	if got := fell(w.events("many")); len(got) != 1200 {
		t.Errorf("%d came up", len(got))
	}
}

func TestTwoWorkersAreHarmless(t *testing.T) {
	w := build(t)
	for i := range 5 {
		w.agree(fmt.Sprintf("a%d", i), "2026-01-05", "FREQ=DAILY", 5)
	}
	w.set(morning.Add(60 * 24 * time.Hour))
	other := &deadline.Worker{Journal: w.j, Log: w.Log}
	var both sync.WaitGroup
	for _, worker := range []*deadline.Worker{w.Worker, other} {
		both.Go(func() {
			for {
				woken, _, err := worker.Turn(context.Background())
				if err != nil {
					t.Error(err)
				}
				if woken == 0 || err != nil {
					return
				}
			}
		})
	}
	both.Wait()
	w.rest()
	for i := range 5 {
		got := fell(w.events(fmt.Sprintf("a%d", i)))
		if len(got) != 5*61 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("%d came up; wanted each of %d once", len(got), 5*61)
		}
	}
}

// A store that is full is asked again, but not at once and not for ever at once: the worker waits between its tries.
func TestAFailingStoreIsNotHammered(t *testing.T) {
	w := build(t)
	w.agree("a", "2026-01-05", "FREQ=DAILY", 1)
	before := len(w.events("a"))
	w.store.fail(store.ErrFull)
	if _, _, err := w.Turn(t.Context()); err == nil || !strings.Contains(w.log.String(), "could not be woken") { // what need not be written is not refused
		t.Errorf("nobody is told: %v", err)
	}
	if state, events := w.state("a"), len(w.events("a")); state == pb.AgreementState_AGREEMENT_STATE_ACTIVE || events != before {
		t.Errorf("what was refused was done: %s, %d events after %d", state, events, before)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	w.store.fail(store.ErrFull)
	go func() { ended <- w.Run(ctx) }()
	wait(t, "it tries", func() bool { return w.store.tried() >= 2 })
	tried := w.store.tried()
	w.store.fail(nil)
	wait(t, "it succeeds", func() bool { return w.state("a") == pb.AgreementState_AGREEMENT_STATE_ACTIVE })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if tried > 3 {
		t.Errorf("it tried %d times within a second or two", tried)
	}
}

// What can never be woken, which would be a fault, is asked again, but not at once, and others have their turn.
func TestWhatIsWokenInVainDoesNotSpin(t *testing.T) {
	w := build(t, store.Write{Table: "alarms", Key: append([]byte{0x80, 0, 0, 0, 0, 0, 0, 1}, "ghost"...), Value: []byte{}})
	w.agree("a", "2026-01-05", "FREQ=DAILY", 1)
	var turns atomic.Int64
	w.Observe = func(int, time.Duration) { turns.Add(1) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	wait(t, "the agreement begins", func() bool { return w.state("a") == pb.AgreementState_AGREEMENT_STATE_ACTIVE })
	time.Sleep(100 * time.Millisecond)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := turns.Load(); n > 10 {
		t.Errorf("%d turns", n)
	}
	if !strings.Contains(w.log.String(), "brought nothing") {
		t.Error("nobody is told")
	}
}

// A journal that has failed for good is left in peace, and the worker still ends when it is told to.
func TestAFailedJournalIsLeftInPeace(t *testing.T) {
	w := build(t)
	w.agree("a", "2026-01-05", "FREQ=DAILY", 1)
	w.store.fail(errors.New("the disk went away"))
	if _, _, err := w.Turn(t.Context()); err == nil {
		t.Error("it did not notice")
	}
	if err := w.stop(); err == nil {
		t.Error("the journal did not notice")
	}
	for range 3 {
		if woken, _, err := w.Turn(t.Context()); woken != 0 || err == nil {
			t.Errorf("%d, %v", woken, err)
		}
	}
	if n := w.store.tried(); n != 1 {
		t.Errorf("%d commits were tried", n)
	}
}

// Who is told to stop while its commands wait stops without a word: that nobody waits for them any more is no fault.
func TestStoppingIsNoFault(t *testing.T) {
	w := build(t)
	w.agree("a", "2026-01-05", "FREQ=DAILY", 20)
	gate := make(chan struct{})
	w.store.mu.Lock()
	w.store.gate, w.store.commits = gate, 0
	w.store.mu.Unlock()
	busy := make(chan error, 1)
	go func() {
		_, err := w.j.Do(context.Background(), chief, &pb.CreatePartyRequest{Party: &pb.Party{DisplayName: "someone"}})
		busy <- err
	}()
	wait(t, "the journal is busy", func() bool { return w.store.tried() == 1 })
	views := w.store.viewed()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	wait(t, "the worker has looked at what is due", func() bool { return w.store.viewed() > views })
	cancel()
	close(gate)
	if err := <-ended; err != nil || <-busy != nil || w.log.Len() > 0 {
		t.Errorf("%v, and it logged %q", err, w.log.String())
	}
}

// Run does by itself what a Turn does, whenever an alarm is set, and ends without a word when it is told to.
func TestRunFollowsTheJournal(t *testing.T) {
	w := build(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.agree("a", "2026-01-05", "FREQ=DAILY;COUNT=3", 2)
	wait(t, "it begins", func() bool { return w.state("a") == pb.AgreementState_AGREEMENT_STATE_ACTIVE })
	wait(t, "promises come up", func() bool { return len(fell(w.events("a"))) == 2 })
	w.set(morning.Add(10 * 24 * time.Hour))
	w.agree("b", "2026-01-25", "FREQ=DAILY", 2)
	wait(t, "all came up", func() bool { return len(fell(w.events("a"))) == 6 })
	cancel()
	if err := <-ended; err != nil || w.log.Len() > 0 {
		t.Errorf("%v, and it logged %q", err, w.log.String())
	}
}

func wait(t *testing.T, what string, yes func() bool) {
	t.Helper()
	ended := time.After(patience)
	for !yes() {
		select {
		case <-ended:
			t.Fatalf("in vain waited for this: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
