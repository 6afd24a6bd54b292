package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Search says which part of the history to read.
type Search struct {
	// After is the position behind which to begin.
	After uint64
	// AgreementID confines it to one agreement; empty: all chains.
	AgreementID string
	// Wants is asked for every agreement that has events there, as it stands now, and with nil for the service's own chain;
	// nil: everything is wanted. It is asked at least once a Span for each.
	Wants func(*pb.Agreement) bool
	// Events and Bytes end a Span early; one event is read whatever its size.
	Events, Bytes int
}

// Span is a part of the history.
type Span struct {
	// Events are those that were wanted, oldest first.
	Events []Recorded
	// Position is how far was looked: every wanted event behind Search.After and up to here is in Events.
	Position uint64
	// Newest says that nothing durable lay behind Position.
	Newest bool
}

// Recorded is an event with its agreement as it stands now; nil for the service's own.
type Recorded struct {
	*pb.RecordedEvent
	Agreement *pb.Agreement
}

// Position is the place of the newest durable event in the history; 0 before the first.
func (j *Journal) Position() uint64 { return j.position.Load() }

// RecordTime is when the event at a position was recorded; the zero time for position 0. A position that was never written
// is refused.
func (j *Journal) RecordTime(ctx context.Context, position uint64) (at time.Time, err error) {
	if position == 0 {
		return at, nil
	}
	if newest := j.Position(); position > newest {
		return at, rules.Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "There is no event at position %d: the newest is at %d.", position, newest)
	}
	err = j.view(ctx, func(snap store.Snapshot) error {
		e, err := readEvent(snap, position)
		at = e.GetEvent().GetRecordTime().AsTime()
		return err
	})
	return at, err
}

// History reads a part of the history, within bounds: who wants more goes on behind the Span's Position.
func (j *Journal) History(ctx context.Context, s Search) (Span, error) {
	span := Span{Position: s.After}
	err := j.view(ctx, func(snap store.Snapshot) error {
		r := reading{Search: s, snap: snap, span: &span, known: map[string]*pb.Agreement{}}
		if s.AgreementID != "" {
			return r.chain()
		}
		return r.all()
	})
	return span, err
}

// reading is a Search under way.
type reading struct {
	Search
	snap   store.Snapshot
	span   *Span
	known  map[string]*pb.Agreement // agreements that were asked about; nil: not wanted
	looked int
	bytes  int
}

// all walks every event.
func (r *reading) all() error {
	for found, err := range r.snap.Scan(tableEvents, be64(r.After+1), nil) {
		if err != nil {
			return err
		}
		if full, err := r.look(binary.BigEndian.Uint64(found.Key), found.Value); full || err != nil {
			return err
		}
	}
	r.span.Newest = true
	return nil
}

// chain walks the events of one agreement: it looks at as many as the agreement has, not the history.
func (r *reading) chain() error {
	next, err := (&onlooker{snap: r.snap}).link(r.AgreementID, r.After+1, 0)
	for ; err == nil && next.position != 0; next.position, err = next.spine.position(next.version) {
		value, err := r.snap.Get(tableEvents, be64(next.position))
		if err != nil {
			return err
		}
		if full, err := r.look(next.position, value); full || err != nil {
			return err
		}
		next.version++
	}
	size, wrong := sizeOf(r.snap)
	r.span.Position, r.span.Newest = max(size, r.After), true
	return errors.Join(err, wrong)
}

// look takes an event if it is wanted, and says whether the Span is full.
func (r *reading) look(position uint64, value []byte) (full bool, err error) {
	r.looked++
	body, _, err := bodyOf(value)
	var id string
	if err == nil {
		id, err = bodyAgreement(body)
	}
	if err != nil {
		return false, fmt.Errorf("event %d: %w", position, err)
	}
	a, wanted, err := r.agreement(id)
	if err != nil {
		return false, err
	}
	r.span.Position = position
	if wanted {
		e, err := recorded(position, value)
		if err != nil {
			return false, err
		}
		r.span.Events = append(r.span.Events, Recorded{e, a})
		r.bytes += len(value)
	}
	return len(r.span.Events) >= r.Events || r.bytes >= r.Bytes || r.looked >= maxLooked, nil
}

// agreement is an agreement as it stands now, nil for the service, and whether its events are wanted.
func (r *reading) agreement(id string) (*pb.Agreement, bool, error) {
	if id == "" {
		return nil, r.Wants == nil || r.Wants(nil), nil
	}
	a, known := r.known[id]
	if known {
		return a, a != nil, nil
	}
	m, err := readRecord(r.snap, rules.Ref{Kind: rules.KindAgreement, Agreement: id})
	if err != nil {
		return nil, false, err
	}
	a, ok := m.(*pb.Agreement)
	if !ok {
		return nil, false, fmt.Errorf("agreement %q has events and no record", id)
	}
	if r.Wants != nil && !r.Wants(a) {
		a = nil
	}
	r.known[id] = a
	return a, a != nil, nil
}

// bodyAgreement is the agreement of a serialized event, without reading the rest of it; empty for one of the service. It is
// the first field, and left out where it is empty.
func bodyAgreement(body []byte) (string, error) {
	number, kind, n := protowire.ConsumeTag(body)
	if n < 0 {
		return "", protowire.ParseError(n)
	}
	if number != 1 || kind != protowire.BytesType {
		return "", nil
	}
	id, n := protowire.ConsumeString(body[n:])
	return id, protowire.ParseError(min(n, 0))
}
