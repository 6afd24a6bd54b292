package journal

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// bodyAt is where an event's body begins in its value: behind its entry and its salt.
const bodyAt = proof.EntrySize + proof.KeySize

// recorded is an event as it stands at a position of the events table, with what is private of it as far as that is there.
func recorded(snap store.Snapshot, position uint64, value []byte) (*pb.RecordedEvent, error) {
	if len(value) < bodyAt {
		return nil, fmt.Errorf("journal: an event of %d bytes", len(value))
	}
	r := &pb.RecordedEvent{Position: position, Event: &pb.Event{}, Salt: slices.Clone(value[proof.EntrySize:bodyAt]), Body: slices.Clone(value[bodyAt:])}
	if err := proto.Unmarshal(r.Body, r.Event); err != nil {
		return nil, fmt.Errorf("journal: event %d: %w", position, err)
	}
	if err := addPrivate(snap, r); err != nil {
		return nil, fmt.Errorf("journal: event %d: %w", position, err)
	}
	r.EntryHash = proof.LeafHash(value[:proof.EntrySize])
	r.Summary = rules.Words(r.Event)
	return r, nil
}

// addPrivate joins the private part of an event to its body, or says that it was erased.
func addPrivate(snap store.Snapshot, r *pb.RecordedEvent) error {
	if len(r.GetEvent().GetPrivateCommitment()) == 0 {
		return nil
	}
	value, err := snap.Get(tablePrivate, be64(r.GetPosition()))
	switch {
	case err != nil:
		return err
	case value == nil:
		r.Erased = true
		return nil
	case len(value) < proof.KeySize:
		return fmt.Errorf("a private part of %d bytes", len(value))
	}
	r.PrivateSalt, r.Private = slices.Clone(value[:proof.KeySize]), slices.Clone(value[proof.KeySize:])
	return proof.Join(r.Event, r.Private)
}

// readEvent is the event at a position; an error if there is none.
func readEvent(snap store.Snapshot, position uint64) (*pb.RecordedEvent, error) {
	value, err := snap.Get(tableEvents, be64(position))
	if err != nil {
		return nil, err
	}
	return recorded(snap, position, value)
}

// readEvents yields the service's whole history from a position on, oldest first.
func readEvents(snap store.Snapshot, from uint64) iter.Seq2[*pb.RecordedEvent, error] {
	return func(yield func(*pb.RecordedEvent, error) bool) {
		for r, err := range snap.Scan(tableEvents, be64(from), nil) {
			var e *pb.RecordedEvent
			if err == nil {
				e, err = recorded(snap, binary.BigEndian.Uint64(r.Key), r.Value)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// readChain yields the events of one chain, an agreement's or for "" the service's own, from version first to version last.
func readChain(snap store.Snapshot, agreementID string, first, last uint64) iter.Seq2[*pb.RecordedEvent, error] {
	return func(yield func(*pb.RecordedEvent, error) bool) {
		for r, err := range snap.Scan(tableRecords, eventKey(agreementID, first), append(eventKey(agreementID, last), keySeparator)) {
			var e *pb.RecordedEvent
			if err == nil {
				e, err = readEvent(snap, binary.BigEndian.Uint64(r.Value))
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// readVersion is an event by its number in its chain; nil if there is none.
func readVersion(snap store.Snapshot, agreementID string, version uint64) (*pb.RecordedEvent, error) {
	position, err := positionOf(snap, agreementID, version)
	if err != nil || position == 0 {
		return nil, err
	}
	return readEvent(snap, position)
}

// positionOf is where the event of a chain with a version lies; 0 if there is none.
func positionOf(snap store.Snapshot, agreementID string, version uint64) (uint64, error) {
	value, err := snap.Get(tableRecords, eventKey(agreementID, version))
	if err != nil || value == nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("journal: event %d of %q lies at a position of %d bytes", version, agreementID, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
