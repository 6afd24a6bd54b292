package journal_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait.
const patience = 20 * time.Second

// morning is when clocks stand at first.
var morning = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// Who commands.
var (
	chief  = rules.Caller{PrincipalID: "chief", Role: pb.Role_ROLE_OPERATOR}
	vendor = rules.Caller{PrincipalID: "ann", Role: pb.Role_ROLE_SIGNATORY, PartyID: "acme"}
	client = rules.Caller{PrincipalID: "bob", Role: pb.Role_ROLE_SIGNATORY, PartyID: "globex"}
	eye    = rules.Caller{PrincipalID: "eve", Role: pb.Role_ROLE_AUDITOR}
)

// clock stands still until it is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// engine is the memory engine with a hand on it: what the hand does comes before what the engine does.
type engine struct {
	*memory.Store
	mu       sync.Mutex
	commits  int
	views    int // that are open
	scans    map[store.Table]int
	onCommit func(c store.Change, next func() error) error
	onGet    func(t store.Table, key []byte) error
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	s, err := memory.Open(journal.Tables()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &engine{Store: s, scans: map[store.Table]int{}}
}

func (e *engine) hands(commit func(store.Change, func() error) error, get func(store.Table, []byte) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onCommit, e.onGet = commit, get
}

// Scans is how often a table was gone through.
func (e *engine) Scans(t store.Table) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scans[t]
}

// Views is how many are open.
func (e *engine) Views() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.views
}

// Commits is how many changes were asked for.
func (e *engine) Commits() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.commits
}

// Commit implements store.Store.
func (e *engine) Commit(ctx context.Context, c store.Change) error {
	e.mu.Lock()
	e.commits++
	hand := e.onCommit
	e.mu.Unlock()
	next := func() error { return e.Store.Commit(ctx, c) }
	if hand == nil {
		return next()
	}
	return hand(c, next)
}

// View implements store.Store.
func (e *engine) View(ctx context.Context, fn func(store.Snapshot) error) error {
	e.mu.Lock()
	hand := e.onGet
	e.views++
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.views--
	}()
	return e.Store.View(ctx, func(s store.Snapshot) error { return fn(handled{s, hand, e}) })
}

type handled struct {
	store.Snapshot
	hand func(store.Table, []byte) error
	by   *engine
}

func (h handled) Get(t store.Table, key []byte) ([]byte, error) {
	if h.hand != nil {
		if err := h.hand(t, key); err != nil {
			return nil, err
		}
	}
	return h.Snapshot.Get(t, key)
}

func (h handled) Scan(t store.Table, from, to []byte) iter.Seq2[store.Record, error] {
	h.by.mu.Lock()
	defer h.by.mu.Unlock()
	h.by.scans[t]++
	return h.Snapshot.Scan(t, from, to)
}

// count is how many keys a table holds.
func (e *engine) count(t *testing.T, table store.Table) (n int) {
	t.Helper()
	err := e.View(t.Context(), func(s store.Snapshot) error {
		for _, err := range s.Scan(table, nil, nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// desk is a journal with its store and its clock.
type desk struct {
	*journal.Journal
	t     *testing.T
	store *engine
	clock *clock
}

func openDesk(t *testing.T, e *engine, c *clock) *desk {
	t.Helper()
	if e == nil {
		e = newEngine(t)
	}
	if c == nil {
		c = &clock{now: morning}
	}
	j, err := journal.Open(t.Context(), journal.Options{Store: e, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(j.CheckTimers(context.Background()), j.CheckPortfolios(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return &desk{j, t, e, c}
}

// run lets the writer run until the test ends, or stop is called; stop returns what Run returned.
func (d *desk) run() (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return errors.New("the journal does not end")
		}
	})
	d.t.Cleanup(func() { _ = stop() })
	return stop
}

// answer is what a command came to.
type answer struct {
	message proto.Message
	err     error
}

// send has a command wait, and returns where its answer comes.
func (d *desk) send(ctx context.Context, who rules.Caller, cmd proto.Message) <-chan answer {
	d.t.Helper()
	waiting := d.Waiting()
	to := make(chan answer, 1)
	go func() {
		m, err := d.Do(ctx, who, cmd)
		to <- answer{m, err}
	}()
	eventually(d.t, "the command waits", func() bool { return d.Waiting() > waiting || len(to) > 0 })
	return to
}

// get waits for an answer.
func (d *desk) get(from <-chan answer) answer {
	d.t.Helper()
	select {
	case a := <-from:
		return a
	case <-time.After(patience):
		d.t.Fatal("nobody was answered")
		return answer{}
	}
}

// turn decides everything that waits.
func (d *desk) turn() {
	d.t.Helper()
	for {
		more, err := d.Turn(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

// must has a command decided by a journal that runs.
func (d *desk) must(who rules.Caller, cmd proto.Message) proto.Message {
	d.t.Helper()
	m, err := d.Do(d.t.Context(), who, cmd)
	if err != nil {
		d.t.Fatalf("%T: %v", cmd, err)
	}
	return m
}

// reason is why a command was refused; "" if by no rule.
func reason(err error) string {
	var refusal *rules.Error
	if !errors.As(err, &refusal) {
		return ""
	}
	return refusal.Reason.String()[len("ERROR_REASON_"):]
}

func eventually(t *testing.T, what string, yes func() bool) {
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

func party(id string) *pb.CreatePartyRequest {
	return &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}}
}

// known says whether a read finds a party.
func (d *desk) known(id string) bool {
	d.t.Helper()
	_, err := d.Party(d.t.Context(), chief, id)
	if err != nil && reason(err) != "NOT_FOUND" {
		d.t.Fatal(err)
	}
	return err == nil
}

func oneOff(id string, obligor pb.Side, day string) *pb.CommitmentTerms {
	return &pb.CommitmentTerms{
		CommitmentId: id, Obligor: obligor, Title: id, Category: pb.Category_CATEGORY_DELIVERY, Weight: 1,
		Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: day}},
	}
}

func recurring(id string, obligor pb.Side, rule string) *pb.CommitmentTerms {
	c := oneOff(id, obligor, "")
	c.Schedule = &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: rule}}
	return c
}

func text(title string, promises ...*pb.CommitmentTerms) *pb.Terms {
	return &pb.Terms{Title: title, Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: "2026-01-05", Commitments: promises}
}

// propose has an agreement drafted and proposed.
func (d *desk) propose(id string, terms *pb.Terms) {
	d.t.Helper()
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})
	d.must(vendor, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
}

// accepts is the consent to what propose proposed.
func accepts(id string, terms *pb.Terms) *pb.AcceptProposalRequest {
	_, digest := rules.Digest(terms)
	return &pb.AcceptProposalRequest{AgreementId: id, ProposalId: "p", Revision: 1, TermsDigest: digest}
}

// agreed is a desk at which acme and globex have agreed on the terms of "a".
func agreed(t *testing.T, terms *pb.Terms) *desk {
	t.Helper()
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	return d
}

// wake does what time brings, until there is nothing more.
func (d *desk) wake() {
	d.t.Helper()
	for {
		due, _, err := d.Due(d.t.Context(), 1000)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		for _, timer := range due {
			d.must(rules.Clock(), rules.WakeFor(timer.Ref))
		}
	}
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s%03d", prefix, n) }

// since is written behind the day of what was handed in.
func since(at *timestamppb.Timestamp) string {
	return at.AsTime().Format(" 2006-01-02T15:04:05.000000000")
}
