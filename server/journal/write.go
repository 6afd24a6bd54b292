package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// batch is one turn in the making. It belongs to the goroutine that decides, and from commit on to the one that writes.
type batch struct {
	j        *Journal
	ctx      context.Context
	end      func() // of what traces the turn
	ahead    *batch // decided before and perhaps not durable yet; nil if there is none
	snap     store.Snapshot
	at       time.Time
	items    []*item
	state    *rules.State
	chains   map[string]*journalv1.Chain // chains that grew, or whose alarms may move
	looked   map[string]bool             // agreements that the clock has looked at
	receipts map[string]*receipt
	sums     map[string]*journalv1.Awaited // of parties, that changed
	edge     proof.Edge                    // its size is the position of the newest event
	writes   []store.Write
	places   map[rules.Ref]int // of records in writes
	bytes    int
	events   int
	alarmed  bool       // it sets alarms
	err      error      // a fault that makes the whole batch void
	written  chan error // how writing it ended

	deciding, committing time.Duration
}

// gather decides first and what else waits, up to the bounds of a batch. Behind a batch that is being made durable it
// goes on for as long as that takes: these commands see what is ahead of them, and are answered after it. It never waits
// within a View: a store may have to wait for Views before it can commit. It returns nil if it failed; then it has
// answered, and nothing was written.
func (j *Journal) gather(ctx context.Context, first *item, ahead *batch) *batch {
	b := j.newBatch(ctx, ahead)
	var err error
	for it := first; it != nil; it = b.company() {
		b.items = append(b.items, it) // whatever comes, it is answered
		err = b.view(func() error {
			b.decide(it)
			for next := b.waiting(); next != nil; next = b.waiting() {
				b.items = append(b.items, next)
				b.decide(next)
			}
			if b.ahead == nil {
				return b.close()
			}
			return b.err
		})
		if err != nil {
			break
		}
	}
	if err == nil && ahead != nil {
		err = b.view(b.close)
	}
	if err != nil {
		b.answer(fmt.Errorf("journal: decide: %w", err))
		return nil
	}
	return b
}

// view runs fn over a snapshot of the store.
func (b *batch) view(fn func() error) error {
	begun := time.Now()
	defer func() { b.snap, b.deciding = nil, b.deciding+time.Since(begun) }()
	return b.j.opts.Store.View(context.WithoutCancel(b.ctx), func(snap store.Snapshot) error {
		b.snap = snap
		return fn()
	})
}

// full says that nothing more fits the batch, or that it failed: then no command may be taken that nobody would answer.
func (b *batch) full() bool {
	return b.err != nil || len(b.items) >= MaxBatch || b.bytes >= MaxBatchBytes
}

// waiting is the next command, if one waits and the batch has room. Who is about to ask is let in first: under load a batch
// costs less the more it holds. Who is alone is not made to wait: behind whatever else takes the processors that can be long.
func (b *batch) waiting() *item {
	alone := b.ahead == nil && len(b.items) == 1
	for yielded := false; !b.full() && !b.overdue(); yielded = true {
		select {
		case it := <-b.j.queue:
			return it
		default:
		}
		if yielded || alone {
			break
		}
		runtime.Gosched()
	}
	return nil
}

// overdue says that the batch ahead is durable: what is decided should follow it, and more would keep the disk waiting.
func (b *batch) overdue() bool { return b.ahead != nil && len(b.ahead.written) > 0 }

// company waits for a command as long as the batch ahead is being made durable; nil once it is, and if there is no room.
func (b *batch) company() *item {
	if b.ahead == nil || b.full() || b.overdue() { // a select would choose either
		return nil
	}
	select {
	case it := <-b.j.queue:
		return it
	case err := <-b.ahead.written:
		b.ahead.written <- err // has room; wait takes it again
		return nil
	}
}

// wait waits until b is durable, and says how that ended.
func (b *batch) wait() error {
	if b == nil {
		return nil
	}
	return <-b.written
}

// void gives up a batch that was decided upon one that failed. Nothing of it was written.
func (b *batch) void(why error) {
	if b != nil {
		b.answer(commitRefusal(why))
	}
}

// write commits a batch and answers.
func (j *Journal) write(b *batch) error {
	begun := time.Now()
	err := j.commit(b)
	b.committing = time.Since(begun)
	if err != nil {
		b.answer(commitRefusal(err))
		return fmt.Errorf("journal: commit: %w", err)
	}
	b.answer(nil)
	return nil
}

// answer tells all who wait what came of it: failed, if that is set and they were not answered by what is durable.
func (b *batch) answer(failed error) {
	for _, it := range b.items {
		if failed != nil && !it.settled {
			it.answer, it.err = nil, failed
		}
		close(it.done)
	}
	events := b.events
	if failed != nil {
		events = 0
	}
	if observe := b.j.opts.Observe.Batch; observe != nil {
		observe(b.ctx, Batch{Commands: len(b.items), Events: events, Waiting: len(b.j.queue), Decide: b.deciding, Commit: b.committing})
	}
	if b.end != nil {
		b.end()
	}
}

// lost says of the end of a write that nobody knows what was written.
func lost(err error) bool { return err != nil && !errors.Is(err, store.ErrFull) }

func commitRefusal(err error) error {
	if errors.Is(err, store.ErrFull) {
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_STORE_FULL, "The store is full; nothing was written. Reads go on. Ask the operator for room.")
	}
	return unknownOutcome()
}

func (j *Journal) newBatch(ctx context.Context, ahead *batch) *batch {
	b := &batch{
		j: j, ctx: ctx, ahead: ahead, at: j.Now().Truncate(time.Microsecond),
		chains: map[string]*journalv1.Chain{}, looked: map[string]bool{}, receipts: map[string]*receipt{}, sums: map[string]*journalv1.Awaited{}, places: map[rules.Ref]int{}, written: make(chan error, 1),
	}
	if start := j.opts.Observe.Start; start != nil {
		b.ctx, b.end = start(ctx)
	}
	if ahead == nil {
		b.edge = j.edge
	} else {
		b.edge = ahead.edge
		if b.at.Before(ahead.at) {
			b.at = ahead.at
		}
	}
	if b.at.Before(j.settled) {
		b.at = j.settled
	}
	b.state = rules.NewState(rules.Ground{Get: b.load, List: b.list, Ahead: b.newer})
	return b
}

// decide lets the rules answer one command and takes over what follows.
func (b *batch) decide(it *item) {
	if now := b.j.Now().Truncate(time.Microsecond); now.After(b.at) { // others may have been waited for
		b.at = now
	}
	if err := it.ctx.Err(); err != nil {
		it.err, it.settled = err, true // nobody waits for it any more
		return
	}
	if !it.until.IsZero() {
		b.settle(it.until)
		return
	}
	if it.keep != nil {
		b.err = b.keep(it.keep)
		return
	}
	if it.id != "" {
		answer, err := b.repeated(it)
		if answer != nil || err != nil {
			it.answer, it.err = answer, err
			return
		}
	}
	d, err := b.ask(it)
	if err != nil {
		it.err, it.settled = err, len(b.writes) == 0 && b.ahead == nil // refused by what is durable, or by what this batch has yet to make so
		return
	}
	it.answer, it.at = d.Answer, b.at
	if it.dry {
		return
	}
	if _, ordered := it.cmd.(*pb.ErasePrivateDataRequest); ordered {
		if err := b.erase(d, d.Events[0]); err != nil {
			it.answer, it.err = nil, err
			return
		}
	}
	if b.err = b.record(d); b.err != nil {
		return // close gives up the batch
	}
	b.look(it.cmd)
	if it.id != "" {
		b.err = b.remember(it, d)
	}
}

// settle has whatever is decided from now on be recorded after a time.
func (b *batch) settle(until time.Time) {
	if after := until.Truncate(time.Microsecond).Add(time.Microsecond); b.at.Before(after) {
		b.at = after
	}
	b.j.settled = b.at
}

// ask calls the rules. A rule that panics is a fault of ours: the command fails, and the others go on.
func (b *batch) ask(it *item) (d *rules.Decision, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("journal: deciding %T: %v\n%s", it.cmd, r, debug.Stack())
		}
	}()
	return rules.Decide(b.state, it.cmd, rules.Stamp{
		By: it.caller, At: b.at, RequestID: it.id, NewID: b.j.opts.NewID, NewSecret: b.j.newSecret, LogKey: b.j.opts.LogKey,
	})
}

// record serializes the events of a decision, once and for all, and links them into their chains.
func (b *batch) record(d *rules.Decision) error {
	for _, e := range d.Events {
		chain, err := b.chain(e.GetAgreementId())
		if err != nil {
			return err
		}
		e.PreviousEntryHash = chain.GetEntryHash()
		whole, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
		if err != nil {
			return fmt.Errorf("journal: serialize event: %w", err)
		}
		body, private, salt, err := proof.Split(whole, b.j.opts.Random)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		if err := b.enter(chain, e.GetVersion(), body, salt, private); err != nil {
			return err
		}
		b.extend(e.GetAgreementId(), chain, b.edge.Size())
	}
	for ref, c := range d.State.Changes() {
		if err := b.put(ref, c.Now); err != nil {
			return err
		}
	}
	b.state.Merge(d.State)
	return nil
}

// enter enters an event into the log, and so into its chain.
func (b *batch) enter(chain *journalv1.Chain, version uint64, body, salt, private []byte) error {
	value := make([]byte, bodyAt, bodyAt+len(body)+len(salt)+len(private))
	binary.BigEndian.PutUint32(value[lengthAt:], uint32(len(body)))
	chain.Version = version
	err := b.commit(chain, value, body)
	b.events++
	b.write(tableEvents, be64(b.edge.Size()), append(append(append(value, body...), salt...), private...))
	return err
}

// put writes a record; one that changes again in the batch is written over.
func (b *batch) put(ref rules.Ref, m proto.Message) error {
	value, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("journal: serialize %+v: %w", ref, err)
	}
	if at, again := b.places[ref]; again {
		b.bytes += len(value) - len(b.writes[at].Value)
		b.writes[at].Value = value
		return nil
	}
	b.places[ref] = len(b.writes)
	b.write(recordTable(ref.Kind), recordKey(ref), value)
	return nil
}

// chain is the head of a chain, ready to grow.
func (b *batch) chain(agreementID string) (*journalv1.Chain, error) {
	if c, ok := b.chains[agreementID]; ok {
		return c, nil
	}
	c := &journalv1.Chain{}
	m := b.state.Get(rules.Ref{Kind: rules.KindChain, Agreement: agreementID})
	if err := b.state.Err(); err != nil {
		return nil, err
	}
	if was, _ := m.(*journalv1.Chain); was != nil { // others may be reading it
		c.Version, c.LogKey, c.EntryHash, c.AlarmMicros = was.GetVersion(), was.GetLogKey(), was.GetEntryHash(), was.GetAlarmMicros()
		c.Awaited = slices.Clone(was.GetAwaited())
		c.Positions = append(make([]uint64, 0, leafEvents), was.GetPositions()...)
	} else {
		c.EntryHash, c.LogKey = make([]byte, proof.HashSize), make([]byte, proof.KeySize)
		b.j.opts.Random(c.LogKey)
	}
	b.chains[agreementID] = c
	return c, nil
}

func (b *batch) write(t store.Table, key, value []byte) {
	b.writes = append(b.writes, store.Write{Table: t, Key: key, Value: value})
	b.bytes += len(key) + len(value)
}

// close adds what is computed once per batch: the difference of the indexes, the chains, the sweep of old receipts and the
// stamp.
func (b *batch) close() error {
	if b.err != nil {
		return b.err
	}
	for ref, c := range b.state.Changes() {
		b.moveEntries(ref, c)
		if err := b.moveAwaits(ref, c); err != nil {
			return err
		}
		if err := b.moveNeutral(ref, c); err != nil {
			return err
		}
	}
	for party, sum := range b.sums {
		value, err := proto.Marshal(sum)
		if err != nil {
			return fmt.Errorf("serialize counts: %w", err)
		}
		b.write(tableIndex, join(listAwaited, party), value)
	}
	if err := b.setAlarms(); err != nil {
		return err
	}
	for agreementID, chain := range b.chains {
		value, err := proto.Marshal(chain)
		if err != nil {
			return fmt.Errorf("serialize chain: %w", err)
		}
		b.write(tableRecords, recordKey(rules.Ref{Kind: rules.KindChain, Agreement: agreementID}), value)
	}
	if len(b.writes) == 0 {
		return nil
	}
	if err := b.sweep(); err != nil {
		return err
	}
	stamp := &journalv1.Stamp{RecordTime: timestamppb.New(b.at), Position: b.edge.Size(), Edge: b.edge.Bytes()}
	if rest := b.j.sweeping.rest; !rest.IsZero() {
		stamp.SweepTime = timestamppb.New(rest)
	}
	value, err := proto.Marshal(stamp)
	if err != nil {
		return fmt.Errorf("serialize stamp: %w", err)
	}
	b.write(tableMeta, keyStamp, value)
	return nil
}

// moveEntries writes the difference between what a record was found by and what it is found by now.
func (b *batch) moveEntries(ref rules.Ref, c rules.Change) {
	var room [2][4]entry
	now, was := timer(room[0][:0], ref, c.Now), room[1][:0]
	if c.Was != nil {
		was = timer(was, ref, c.Was)
	}
	if c.Was == nil || !inPlace(c.Was, c.Now) {
		now = places(now, ref, c.Now)
		if c.Was != nil {
			was = places(was, ref, c.Was)
		}
	}
	for _, e := range was {
		if !contains(now, e) && !e.stays() {
			b.write(e.table, e.key, nil)
		}
	}
	for _, e := range now {
		if !contains(was, e) {
			b.write(e.table, e.key, []byte{})
		}
	}
}

func contains(list []entry, e entry) bool { // a handful: a loop beats a map
	for _, have := range list {
		if have.table == e.table && bytes.Equal(have.key, e.key) {
			return true
		}
	}
	return false
}

// commit makes a batch durable and tells followers.
func (j *Journal) commit(b *batch) error {
	if len(b.writes) == 0 {
		return nil
	}
	err := j.opts.Store.Commit(context.WithoutCancel(b.ctx), store.Change{Base: j.head, Head: j.head + 1, Writes: b.writes})
	if err != nil {
		return err
	}
	j.head, j.edge = j.head+1, b.edge
	if service, ok := b.chains[""]; ok { // before the position: who stands behind a revocation must not still know the key
		j.serviceSeen.Store(service.GetVersion())
	}
	j.position.Store(b.edge.Size())
	j.lastMicro.Store(b.at.UnixMicro())
	j.mu.Lock()
	close(j.changed)
	j.changed = make(chan struct{})
	if b.alarmed {
		close(j.alarmed)
		j.alarmed = make(chan struct{})
	}
	j.mu.Unlock()
	return nil
}
