package journal

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Limits of questions about the past.
const (
	// MaxReplay is how many events an answer about the past is worked out from: what takes a second or two, and some
	// hundred megabytes. An agreement with a longer history is replayed by who has exported it.
	MaxReplay = 200_000
	// maxReplays is how many such answers are worked out at a time, so that they leave the service room for others.
	maxReplays = 2
	// replayPage is how many events are read in one View, since a store may have to wait for Views before it commits.
	replayPage = 500
)

// noTime is what is wrong with a time that is none.
const noTime = "is no time between the years 1 and 9999"

// sight is the records that a question is put to, as they are or as they were, and the time at which they are shown.
type sight struct {
	store.Snapshot
	at time.Time
	// replayed is how many events it was worked out from; 0 for records as they lie in the store.
	replayed int
}

// moment is the time that a question is about: now, or as_of, which must be over.
func (j *Journal) moment(ctx context.Context, asOf *timestamppb.Timestamp) (time.Time, error) {
	now := j.Now()
	if asOf == nil {
		return now, nil
	}
	if err := asOf.CheckValid(); err != nil {
		return now, rules.Invalid(rules.Violation{Field: "as_of", Description: noTime})
	}
	at := asOf.AsTime()
	if at.After(now) {
		return now, rules.Invalid(rules.Violation{Field: "as_of", Description: "is in the future: it is " + now.Format(time.RFC3339Nano) + " now. Leave it out to read what is known now"})
	}
	return at, j.settle(ctx, at)
}

// settle has everything that was recorded up to a time be durable, and nothing be recorded up to it later, also if the clock
// on the wall is set back: what was told of the past stays true. History does not run backwards, so this is a matter of
// moments just past only.
func (j *Journal) settle(ctx context.Context, at time.Time) error {
	if at.UnixMicro() < j.lastMicro.Load() {
		return nil
	}
	_, err := j.ask(ctx, &item{ctx: ctx, until: at, done: make(chan struct{})})
	if refusedAs(err, pb.ErrorReason_ERROR_REASON_STORE_FULL) {
		return nil // what it waited for was not recorded
	}
	return err
}

// then runs fn over the records of an agreement as they were at a time. Of the events that it is worked out from, the last
// is event version.
func (j *Journal) then(ctx context.Context, agreementID string, version uint64, at time.Time, fn func(sight) error) error {
	if version > MaxReplay {
		e := rules.Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "Agreement %s had %d events by then. What was is worked out from %d at most; export its history and replay it.", agreementID, version, MaxReplay)
		e.Subject, e.Metadata = "agreements/"+agreementID, map[string]string{"limit": "events replayed"}
		return e
	}
	select {
	case j.replays <- struct{}{}:
		defer func() { <-j.replays }()
	case <-ctx.Done():
		return ctx.Err()
	}
	state, err := rules.Replay(agreementID, j.chain(ctx, agreementID, version))
	if err != nil {
		return err
	}
	return fn(sight{Snapshot: newPast(state), at: at, replayed: int(version)})
}

// chain yields the events of an agreement up to a version, a View for each page.
func (j *Journal) chain(ctx context.Context, agreementID string, last uint64) iter.Seq2[*pb.Event, error] {
	return func(yield func(*pb.Event, error) bool) {
		for first := uint64(1); first <= last; first += replayPage {
			var page []*pb.Event
			err := j.view(ctx, func(snap store.Snapshot) error {
				for r, err := range readChain(snap, agreementID, first, min(last, first+replayPage-1)) {
					if err != nil {
						return err
					}
					page = append(page, r.GetEvent())
				}
				return ctx.Err()
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// versionAt is how many events a chain had at a time, and how many it has.
func versionAt(snap store.Snapshot, agreementID string, at time.Time) (then, now uint64, err error) {
	now, err = headOf(snap, agreementID)
	if err != nil {
		return 0, 0, err
	}
	later := sort.Search(int(now), func(n int) bool {
		if err != nil {
			return false
		}
		var r *pb.RecordedEvent
		r, err = readVersion(snap, agreementID, uint64(n)+1)
		return err == nil && r.GetEvent().GetRecordTime().AsTime().After(at)
	})
	return uint64(later), now, err
}

// headOf is the version of the newest event of a chain; 0 if it has none.
func headOf(snap store.Snapshot, agreementID string) (uint64, error) {
	m, err := readRecord(snap, rules.Ref{Kind: rules.KindChain, Agreement: agreementID})
	chain, _ := m.(*journalv1.Chain)
	return chain.GetVersion(), err
}

// past is an agreement's records and lists as they were, in the form of the store that holds them as they are: whoever reads
// the one reads the other.
type past struct {
	state *rules.State
	keys  map[store.Table][][]byte // in order
}

func newPast(state *rules.State) past {
	p := past{state: state, keys: map[store.Table][][]byte{}}
	for ref, m := range state.Records() {
		for _, e := range places([]entry{{recordTable(ref.Kind), recordKey(ref)}}, ref, m) {
			p.keys[e.table] = append(p.keys[e.table], e.key)
		}
	}
	for _, keys := range p.keys {
		slices.SortFunc(keys, bytes.Compare)
	}
	return p
}

// Head implements store.Snapshot. What was has none.
func (p past) Head() uint64 { return 0 }

// Get implements store.Snapshot.
func (p past) Get(t store.Table, key []byte) ([]byte, error) {
	ref, err := recordRef(key)
	if err != nil || t != recordTable(ref.Kind) {
		return nil, nil // a place in a list: it has no value
	}
	m := p.state.Get(ref)
	if m == nil {
		return nil, nil
	}
	value, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("journal: serialize %+v: %w", ref, err)
	}
	return value, nil
}

// Scan implements store.Snapshot.
func (p past) Scan(t store.Table, from, to []byte) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		keys := p.keys[t]
		first, _ := slices.BinarySearchFunc(keys, from, bytes.Compare)
		for _, key := range keys[first:] {
			if to != nil && bytes.Compare(key, to) >= 0 {
				return
			}
			value, err := p.Get(t, key)
			if !yield(store.Record{Key: key, Value: value}, err) || err != nil {
				return
			}
		}
	}
}
