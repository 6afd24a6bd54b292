package journal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// batch is one turn in the making. It belongs to the goroutine that turns.
type batch struct {
	j        *Journal
	snap     store.Snapshot
	at       time.Time
	state    *rules.State
	before   map[rules.Ref]proto.Message // records as the store has them, for the difference of indexes
	chains   map[string]*journalv1.Chain // chains that grew
	receipts map[string]*journalv1.Receipt
	position uint64
	writes   []store.Write
	bytes    int
	events   int
	err      error // a fault that makes the whole batch void
}

// turn takes first and everything that waits, decides, commits and answers. The error it returns is a commit's whose
// outcome is unknown.
func (j *Journal) turn(ctx context.Context, first *item) error {
	if start := j.opts.Observe.Start; start != nil {
		var end func()
		ctx, end = start(ctx)
		defer end()
	}
	begun := time.Now()
	var b *batch
	var items []*item
	err := j.opts.Store.View(context.WithoutCancel(ctx), func(snap store.Snapshot) error {
		b = j.newBatch(snap)
		for it := first; it != nil; it = j.next(b, len(items)) {
			items = append(items, it)
			if b.decide(it); b.err != nil {
				break // before another one is taken from the queue, whom nobody would answer
			}
		}
		return b.close()
	})
	if err != nil {
		for _, it := range items {
			it.finish(nil, fmt.Errorf("journal: decide: %w", err))
		}
		if len(items) == 0 { // the view itself failed
			first.finish(nil, fmt.Errorf("journal: decide: %w", err))
		}
		return nil // nothing was written, and the next turn starts afresh
	}
	decided := time.Now()
	err = j.commit(ctx, b)
	for _, it := range items {
		if err != nil && !it.settled {
			it.answer, it.err = nil, commitRefusal(err)
		}
		close(it.done)
	}
	if observe := j.opts.Observe.Batch; observe != nil {
		observe(ctx, Batch{Commands: len(items), Events: b.events, Waiting: len(j.queue), Decide: decided.Sub(begun), Commit: time.Since(decided)})
	}
	if err != nil && !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("journal: commit: %w", err)
	}
	return nil
}

// next is the next command that waits, if the batch has room.
func (j *Journal) next(b *batch, taken int) *item {
	if taken >= MaxBatch || b.bytes >= MaxBatchBytes {
		return nil
	}
	select {
	case it := <-j.queue:
		return it
	default:
		return nil
	}
}

func commitRefusal(err error) error {
	if errors.Is(err, store.ErrFull) {
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_STORE_FULL, "The store is full; nothing was written. Reads go on. Ask the operator for room.")
	}
	return unknownOutcome()
}

func (j *Journal) newBatch(snap store.Snapshot) *batch {
	at := j.Now().Truncate(time.Microsecond)
	b := &batch{
		j: j, snap: snap, at: at, position: j.position,
		before: map[rules.Ref]proto.Message{}, chains: map[string]*journalv1.Chain{}, receipts: map[string]*journalv1.Receipt{},
	}
	b.state = rules.NewState(func(ref rules.Ref) (proto.Message, error) {
		m, err := readRecord(snap, ref)
		if err == nil {
			b.before[ref] = m
		}
		return m, err
	})
	return b
}

// decide lets the rules answer one command and takes over what follows.
func (b *batch) decide(it *item) {
	if err := it.ctx.Err(); err != nil {
		it.err, it.settled = err, true // nobody waits for it any more
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
		it.err, it.settled = err, len(b.writes) == 0 // refused by what is durable, or by what this batch has yet to make so
		return
	}
	it.answer = d.Answer
	if it.dry {
		return
	}
	if b.err = b.record(d); b.err != nil {
		return // close gives up the batch
	}
	if it.id != "" {
		remembered := d.Remembered
		if remembered == nil {
			remembered = d.Answer
		}
		b.err = b.remember(it, remembered)
	}
}

// ask calls the rules. A rule that panics is a fault of ours: the command fails, and the others go on.
func (b *batch) ask(it *item) (d *rules.Decision, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("journal: deciding %T: %v\n%s", it.cmd, r, debug.Stack())
		}
	}()
	return rules.Decide(b.state, it.cmd, rules.Stamp{
		By: it.caller, At: b.at, RequestID: it.id, NewID: b.j.opts.NewID, NewSecret: b.j.newSecret,
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
		body, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
		if err != nil {
			return fmt.Errorf("journal: serialize event: %w", err)
		}
		value := make([]byte, proof.KeySize, proof.KeySize+len(body))
		b.j.opts.Random(value)
		salt := value[:proof.KeySize:proof.KeySize]
		chain.Version = e.GetVersion()
		chain.EntryHash = proof.LeafHash(proof.Entry(chain.GetLogKey(), e.GetVersion(), salt, body))
		b.position++
		b.events++
		b.write(tableEvents, be64(b.position), append(value, body...))
		b.write(tableRecords, eventKey(e.GetAgreementId(), e.GetVersion()), be64(b.position))
	}
	for ref := range d.State.Changed() { // close writes them; a record that changes twice in a batch counts twice
		b.bytes += proto.Size(d.State.Get(ref))
	}
	b.state.Merge(d.State)
	return nil
}

// chain is the head of a chain, ready to grow.
func (b *batch) chain(agreementID string) (*journalv1.Chain, error) {
	if c, ok := b.chains[agreementID]; ok {
		return c, nil
	}
	m, err := readRecord(b.snap, rules.Ref{Kind: rules.KindChain, Agreement: agreementID})
	if err != nil {
		return nil, err
	}
	c, _ := m.(*journalv1.Chain)
	if c == nil {
		c = &journalv1.Chain{EntryHash: make([]byte, proof.HashSize), LogKey: make([]byte, proof.KeySize)}
		b.j.opts.Random(c.LogKey)
	}
	b.chains[agreementID] = c
	return c, nil
}

func (b *batch) write(t store.Table, key, value []byte) {
	b.writes = append(b.writes, store.Write{Table: t, Key: key, Value: value})
	b.bytes += len(key) + len(value)
}

// close adds what is computed once per batch: the changed records, the difference of their indexes, the chains, the
// sweep of old receipts and the stamp.
func (b *batch) close() error {
	if b.err != nil {
		return b.err
	}
	for ref := range b.state.Changed() {
		m := b.state.Get(ref)
		value, err := proto.Marshal(m)
		if err != nil {
			return fmt.Errorf("serialize %+v: %w", ref, err)
		}
		b.write(tableRecords, recordKey(ref), value)
		b.moveEntries(ref, m)
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
	stamp, err := proto.Marshal(&journalv1.Stamp{RecordTime: timestamppb.New(b.at), Position: b.position})
	if err != nil {
		return fmt.Errorf("serialize stamp: %w", err)
	}
	b.write(tableMeta, keyStamp, stamp)
	return nil
}

// moveEntries writes the difference between what a record was found by and what it is found by now.
func (b *batch) moveEntries(ref rules.Ref, m proto.Message) {
	now := entries(ref, m)
	var was []entry
	if old := b.before[ref]; old != nil {
		was = entries(ref, old)
	}
	for _, e := range was {
		if !contains(now, e) {
			b.write(e.table, []byte(e.key), nil)
		}
	}
	for _, e := range now {
		if !contains(was, e) {
			b.write(e.table, []byte(e.key), []byte{})
		}
	}
}

func contains(list []entry, e entry) bool { // a handful: a loop beats a map
	for _, have := range list {
		if have == e {
			return true
		}
	}
	return false
}

// commit makes a batch durable and tells followers.
func (j *Journal) commit(ctx context.Context, b *batch) error {
	if len(b.writes) == 0 {
		return nil
	}
	err := j.opts.Store.Commit(context.WithoutCancel(ctx), store.Change{Base: j.head, Head: j.head + 1, Writes: b.writes})
	if err != nil {
		return err
	}
	j.head, j.position = j.head+1, b.position
	j.lastMicro.Store(b.at.UnixMicro())
	if service, ok := b.chains[""]; ok {
		j.serviceSeen.Store(service.GetVersion())
	}
	j.mu.Lock()
	close(j.changed)
	j.changed = make(chan struct{})
	j.mu.Unlock()
	return nil
}

// requestHash is what a request was, for telling a repeated one from another with the same id.
func requestHash(caller rules.Caller, cmd proto.Message) []byte {
	h := sha256.New()
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(cmd)
	if err != nil {
		body = fmt.Append(nil, err) // cannot be decided either
	}
	fmt.Fprintf(h, "%s\n%s\n", cmd.ProtoReflect().Descriptor().FullName(), caller.PartyID)
	h.Write(body)
	return h.Sum(nil)
}

// repeated is the answer a request got before; nil if it was never asked.
func (b *batch) repeated(it *item) (proto.Message, error) {
	key := receiptKey(it.caller, it.id)
	receipt := b.receipts[string(key)]
	if receipt == nil {
		value, err := b.snap.Get(tableReceipts, key)
		if err != nil || value == nil {
			return nil, err
		}
		receipt = &journalv1.Receipt{}
		if err := proto.Unmarshal(value[8:], receipt); err != nil {
			return nil, fmt.Errorf("journal: receipt: %w", err)
		}
		it.settled = true
	}
	if string(receipt.GetRequestHash()) != string(it.hash) {
		e := rules.Refuse(pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED, "The request_id %q was used before for another request. Draw a new one for every new request.", it.id)
		e.Metadata = map[string]string{"request_id": it.id}
		return nil, e
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(receipt.GetAnswerType()))
	if err != nil {
		return nil, fmt.Errorf("journal: receipt: %w", err)
	}
	answer := kind.New().Interface()
	return answer, proto.Unmarshal(receipt.GetAnswer(), answer)
}

// remember keeps the answer for the case that it is asked for again.
func (b *batch) remember(it *item, answer proto.Message) error {
	body, err := proto.Marshal(answer)
	if err != nil {
		return fmt.Errorf("journal: receipt: %w", err)
	}
	receipt := &journalv1.Receipt{RequestHash: it.hash, AnswerType: string(answer.ProtoReflect().Descriptor().FullName()), Answer: body}
	value, err := proto.MarshalOptions{}.MarshalAppend(binary.BigEndian.AppendUint64(nil, uint64(b.at.UnixMicro())), receipt)
	if err != nil {
		return fmt.Errorf("journal: receipt: %w", err)
	}
	key := receiptKey(it.caller, it.id)
	b.receipts[string(key)] = receipt
	b.write(tableReceipts, key, value)
	return nil
}

// sweepPerTurn is how many receipts a turn looks at beyond one for each event it writes, so that the table stops
// growing without a worker of its own.
const sweepPerTurn = 16

// sweep forgets receipts that have been kept long enough, a few with every turn, going round the table. A round that is
// done knows when the oldest receipt it left will have been kept long enough; until then there is nothing to look for.
func (b *batch) sweep() error {
	s := &b.j.sweeping
	if b.at.Before(s.rest) {
		return nil
	}
	limit := sweepPerTurn + 2*max(b.events, len(b.receipts)) // faster than the table grows
	before := b.at.Add(-ReceiptRetention)
	var last []byte
	for r, err := range b.snap.Scan(tableReceipts, s.from, nil) {
		if err != nil {
			return fmt.Errorf("sweep receipts: %w", err)
		}
		last = append([]byte(nil), r.Key...)
		answered := time.UnixMicro(int64(binary.BigEndian.Uint64(r.Value)))
		if _, used := b.receipts[string(last)]; answered.Before(before) && !used {
			b.write(tableReceipts, last, nil)
		} else if s.oldest.IsZero() || answered.Before(s.oldest) {
			s.oldest = answered
		}
		if limit--; limit == 0 {
			s.from = append(last, keySeparator)
			return nil
		}
	}
	if s.oldest.IsZero() {
		s.oldest = b.at
	}
	*s = sweeping{rest: s.oldest.Add(ReceiptRetention)}
	return nil
}

// sweeping is how far the sweep of old receipts has come.
type sweeping struct {
	from   []byte    // where it goes on
	oldest time.Time // the oldest receipt that this round left
	rest   time.Time // when the next round begins
}
