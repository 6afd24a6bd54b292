package rules

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// world is a service without its disk: the records, the history and the clock of one tale. Every command that it has
// decided is held to what the journal relies on: the records that were read are left as they were, a refusal wrote
// nothing, the events alone lead to the same records, chains have no gap, each step stands in the tables of life cycles,
// and nothing wakes early.
type world struct {
	t        rapid.TB
	now      time.Time
	records  map[Ref]proto.Message
	frozen   map[Ref][]byte // each record as it was when it was put
	timers   map[Ref]time.Time
	versions map[string]uint64
	history  []*pb.Event
	drawn    map[string]int // ids, by prefix: what the clock draws makes no difference to what people do
	carry    int            // how many events a decision holds before it defers
	turns    []turn         // taken so far
	decision *Decision      // the newest
	trace    *trace
}

// trace is what a tale has shown of the product.
type trace struct {
	events   map[string]bool         // by the name of the arm of Event.change
	refusals map[pb.ErrorReason]bool // by reason
	moves    map[step]bool
}

// step is a row of a life cycle that was gone.
type step struct {
	noun, from, verb string
	who              Who
	to               string
}

func newTrace() *trace {
	return &trace{events: map[string]bool{}, refusals: map[pb.ErrorReason]bool{}, moves: map[step]bool{}}
}

func newWorld(t rapid.TB, now time.Time) *world {
	return &world{
		t: t, now: now.UTC(), records: map[Ref]proto.Message{}, frozen: map[Ref][]byte{}, timers: map[Ref]time.Time{},
		versions: map[string]uint64{}, drawn: map[string]int{}, trace: newTrace(), carry: CarrySize,
	}
}

// ground is the world as rules see it.
func (w *world) ground() Ground { return Ground{Get: w.load, List: w.list} }

// state is the world as one command finds it.
func (w *world) state() *State {
	s := NewState(w.ground())
	s.carry = w.carry
	return s
}

// list is what the journal's index is. It names more than it is asked for, as that does.
func (w *world) list(l Listing) iter.Seq2[string, error] {
	var places []Place
	for ref, m := range w.records {
		o, _ := m.(*pb.Obligation)
		if ref.Kind == l.Kind && ref.Agreement == l.Agreement && PlaceOf(m) > l.After && (l.Commitment == "" || o.GetCommitmentId() == l.Commitment) {
			places = append(places, PlaceOf(m))
		}
	}
	slices.Sort(places)
	return func(yield func(string, error) bool) {
		for _, p := range places {
			if !yield(p.ID(l.Kind), nil) {
				return
			}
		}
	}
}

// load is what the journal's read is: the head of a chain lies beside the records.
func (w *world) load(ref Ref) (proto.Message, error) {
	if ref.Kind == KindChain {
		if v := w.versions[ref.Agreement]; v > 0 {
			return &journalv1.Chain{Version: v}, nil
		}
		return nil, nil
	}
	return w.records[ref], nil
}

func (w *world) stamp(by Caller) Stamp {
	return Stamp{
		By: by, At: w.now, RequestID: "req",
		NewID: func(prefix string) string {
			w.drawn[prefix]++
			return fmt.Sprintf("%s%d", prefix, w.drawn[prefix])
		},
		NewSecret: func(keyID string) (string, []byte) {
			sum := sha256.Sum256([]byte(keyID))
			return "secret of " + keyID, sum[:]
		},
		LogKey: func(_ *pb.Log, asked string) (string, error) { // the service has two keys
			const first, second = "log.example/commitments+48ae3916+AUj7SmXwKkryIjMxOAwn+FnWKdFa3E4M5mm8m7NHcspH", "log.example/commitments+40741018+AQ+vTr2S0bNvWugBjZUCkdMFrp3+/f1ZRRsN2XlRqWKF"
			switch asked {
			case "", first:
				return first, nil
			case second:
				return second, nil
			}
			return "", Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, "There is no private half.")
		},
	}
}

// do has a command decided, checks the decision and takes it over.
func (w *world) do(by Caller, command proto.Message) (*Decision, error) {
	w.t.Helper()
	asked, before, drawn := bytesOf(command), w.state(), maps.Clone(w.drawn)
	d, err := Decide(before, command, w.stamp(by))
	if !bytes.Equal(asked, bytesOf(command)) {
		w.t.Fatalf("deciding %T changed the command", command)
	}
	w.untouched(before)
	if err != nil {
		if d != nil {
			w.t.Fatalf("%T was refused and decided: %v", command, err)
		}
		w.refused(command, err)
		w.drawn = drawn // nothing was, or names would tell who was refused
		return nil, err
	}
	w.gapless(d)
	w.replays(d)
	w.followsTheTables(d)
	w.decision = d
	before.Merge(d.State)
	for ref := range before.Changes() {
		w.put(ref, before.Get(ref))
	}
	for _, e := range d.Events {
		w.versions[e.GetAgreementId()] = e.GetVersion()
		w.trace.events[EventKind(e)] = true
	}
	w.history = append(w.history, d.Events...)
	for ref := range d.State.Changes() {
		w.staysAsleep(ref)
	}
	return d, nil
}

func (w *world) put(ref Ref, m proto.Message) {
	w.records[ref], w.frozen[ref] = m, bytesOf(m)
	delete(w.timers, ref)
	if at, waits := WakeTime(m); waits {
		w.timers[ref] = at
	}
}

// untouched holds that nothing was put into the state a decision looked at, nor changed in the records it read.
func (w *world) untouched(s *State) {
	w.t.Helper()
	if put := maps.Collect(s.Changes()); len(put) > 0 || len(s.versions.slots) > 0 {
		w.t.Fatalf("a decision wrote into the state it looked at: %v", put)
	}
	for _, read := range s.records.slots {
		ref := read.key
		if m := w.records[ref]; m != nil && !bytes.Equal(w.frozen[ref], bytesOf(m)) {
			w.t.Fatalf("a decision changed %+v in place: %v", ref, m)
		}
	}
}

// refused holds that a refusal has all that a caller is told.
func (w *world) refused(command proto.Message, err error) {
	w.t.Helper()
	e, ok := err.(*Error)
	if !ok {
		w.t.Fatalf("%T failed, which is no refusal: %v", command, err)
	}
	w.trace.refusals[e.Reason] = true
	switch e.Reason {
	case pb.ErrorReason_ERROR_REASON_INTERNAL, pb.ErrorReason_ERROR_REASON_UNSPECIFIED:
		w.t.Fatalf("%T failed, which is no refusal: %v", command, err)
	case pb.ErrorReason_ERROR_REASON_INVALID_FIELDS:
		if len(e.Violations) == 0 {
			w.t.Fatalf("%T: %v names no field", command, err)
		}
	case pb.ErrorReason_ERROR_REASON_WRONG_SIDE, pb.ErrorReason_ERROR_REASON_WRONG_STATE, pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN,
		pb.ErrorReason_ERROR_REASON_DIGEST_MISMATCH:
		if _, founding := command.(*pb.CreateAgreementRequest); e.Rule == "" && !founding {
			w.t.Fatalf("%T: %v names no rule", command, err)
		}
	}
	if e.Message == "" {
		w.t.Fatalf("%T: %v has no words", command, e.Reason)
	}
}

// gapless holds that the events of a decision continue their chains and carry the stamp.
func (w *world) gapless(d *Decision) {
	w.t.Helper()
	next := map[string]uint64{}
	for _, e := range d.Events {
		chain := e.GetAgreementId()
		if next[chain] == 0 {
			next[chain] = w.versions[chain] + 1
		}
		if e.GetVersion() != next[chain] {
			w.t.Fatalf("event %d of %q follows %d: %v", e.GetVersion(), chain, next[chain]-1, e)
		}
		next[chain]++
		if !e.GetRecordTime().AsTime().Equal(w.now) || e.GetEffectiveTime().AsTime().After(w.now) {
			w.t.Fatalf("at %v an event is recorded that was not true yet: %v", w.now, e)
		}
	}
}

// replays holds that the events, as they would be read from a disk, lead to the records of the decision.
func (w *world) replays(d *Decision) {
	w.t.Helper()
	again := NewState(w.ground())
	for _, e := range d.Events {
		if err := Apply(again, fromDisk(w.t, e)); err != nil {
			w.t.Fatalf("replaying %v: %v", e, err)
		}
	}
	if replayed, decided := maps.Collect(again.Changes()), maps.Collect(d.State.Changes()); len(replayed) != len(decided) {
		w.t.Fatalf("replaying puts %v, deciding put %v", replayed, decided)
	}
	for ref := range d.State.Changes() {
		if !proto.Equal(again.Get(ref), d.State.Get(ref)) {
			w.t.Fatalf("replaying leads to %v, deciding to %v", again.Get(ref), d.State.Get(ref))
		}
	}
	for _, v := range d.State.versions.slots {
		if again.Version(v.key) != v.value {
			w.t.Fatalf("replaying leads to version %d of %q, deciding to %d", again.Version(v.key), v.key, v.value)
		}
	}
}

// staysAsleep holds that the clock may look at a record whose time has not come, or never will, and nothing follows.
func (w *world) staysAsleep(ref Ref) {
	w.t.Helper()
	switch ref.Kind {
	case KindAgreement, KindProposal, KindCascade, KindCommitment, KindObligation, KindConcern, KindPulseRound:
	default:
		return // the clock does not look at these
	}
	if at, waits := w.timers[ref]; waits && !at.After(w.now) || w.agreement(ref.Agreement).GetSettling() {
		return // its time has come, or what changed before has not reached it
	}
	d, err := Decide(w.state(), WakeFor(ref), w.stamp(Clock()))
	if err != nil || len(d.Events) > 0 {
		w.t.Fatalf("at %v %+v woke early: %v %v", w.now, ref, d, err)
	}
}

// until lets time pass. Each timer goes off at its own instant, in the order of the journal's index, and not an instant
// before. A time that has passed already (the clock was asleep) goes off now.
func (w *world) until(to time.Time) []*pb.Event {
	w.t.Helper()
	told := len(w.history)
	for {
		ref, at, any := w.nextTimer()
		if !any || at.After(to) {
			break
		}
		if at.After(w.now) {
			w.now = at.Add(-time.Nanosecond)
			w.staysAsleep(ref)
			w.now = at
		}
		w.wake(ref)
	}
	w.now = to.UTC()
	return w.history[told:]
}

// wake is the clock's command for one record whose time has come. Something must follow, or the clock would ask for ever.
func (w *world) wake(ref Ref) {
	w.t.Helper()
	d, err := w.do(Clock(), WakeFor(ref))
	if err != nil || len(d.Events) == 0 {
		w.t.Fatalf("at %v nothing follows from waking %+v: %v", w.now, ref, err)
	}
}

func (w *world) nextTimer() (first Ref, at time.Time, any bool) {
	for ref, t := range w.timers {
		earlier := cmp.Or(t.Compare(at), cmp.Compare(ref.Agreement, first.Agreement), cmp.Compare(ref.Kind, first.Kind), cmp.Compare(ref.ID, first.ID)) < 0
		if !any || earlier {
			first, at, any = ref, t, true
		}
	}
	return first, at, any
}

// close ends a tale: each chain by itself, replayed, leads to the records.
func (w *world) close() {
	w.t.Helper()
	last, chains := time.Time{}, map[string][]*pb.Event{}
	for _, e := range w.history {
		if at := e.GetRecordTime().AsTime(); at.Before(last) {
			w.t.Fatalf("history runs backwards: %v after %v", at, last)
		} else {
			last = at
		}
		chains[e.GetAgreementId()] = append(chains[e.GetAgreementId()], fromDisk(w.t, e))
	}
	replayed := 0
	for id, events := range chains {
		s, err := Replay(id, all(events))
		if err != nil {
			w.t.Fatal(err)
		}
		for ref, m := range s.Records() {
			replayed++
			if !proto.Equal(m, w.records[ref]) || !bytes.Equal(w.frozen[ref], bytesOf(m)) {
				w.t.Fatalf("history leads to %v; the record is %v", m, w.records[ref])
			}
		}
		w.scored(id, s)
	}
	if replayed != len(w.records) {
		w.t.Fatalf("history leads to %d records; there are %d", replayed, len(w.records))
	}
}

// all yields events that cannot fail to be read.
func all(events []*pb.Event) iter.Seq2[*pb.Event, error] {
	return func(yield func(*pb.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// bytesOf is a message in a form that two equal ones share.
func bytesOf(m proto.Message) []byte {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return fmt.Append(nil, err)
	}
	return body
}

func fromDisk(t rapid.TB, e *pb.Event) *pb.Event {
	t.Helper()
	body, err := proto.Marshal(e)
	if err != nil {
		t.Fatalf("an event does not serialize: %v", err)
	}
	read := &pb.Event{}
	if err := proto.Unmarshal(body, read); err != nil {
		t.Fatalf("an event does not parse: %v", err)
	}
	return read
}
