package journal

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Where the parts of an event's value begin: its salt behind its entry, the length of its body, its body. Behind that stand
// the salt and the private part; nothing if they were erased, or never were.
const (
	saltAt   = proof.EntrySize
	lengthAt = saltAt + proof.KeySize
	bodyAt   = lengthAt + 4
)

// bodyOf is the body of an event, and what stands behind it.
func bodyOf(value []byte) (body, private []byte, err error) {
	if len(value) >= bodyAt {
		if end := bodyAt + uint64(binary.BigEndian.Uint32(value[lengthAt:])); end <= uint64(len(value)) {
			return value[bodyAt:end:end], value[end:], nil
		}
	}
	return nil, nil, fmt.Errorf("journal: an event of %d bytes", len(value))
}

// recorded is an event as it stands at a position of the events table, with what is private of it as far as that is there.
func recorded(position uint64, value []byte) (*pb.RecordedEvent, error) {
	body, private, err := bodyOf(value)
	if err != nil {
		return nil, err
	}
	r := &pb.RecordedEvent{Position: position, Event: &pb.Event{}, Salt: slices.Clone(value[saltAt:lengthAt]), Body: slices.Clone(body)}
	if err = proto.Unmarshal(r.Body, r.Event); err == nil {
		err = addPrivate(r, private)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: event %d: %w", position, err)
	}
	r.EntryHash = proof.LeafHash(value[:proof.EntrySize])
	r.Summary = rules.Words(r.Event)
	return r, nil
}

// addPrivate joins the private part of an event to its body, or says that it was erased.
func addPrivate(r *pb.RecordedEvent, private []byte) error {
	switch {
	case len(r.GetEvent().GetPrivateCommitment()) == 0:
		return nil
	case len(private) == 0:
		r.Erased = true
		return nil
	case len(private) < proof.KeySize:
		return fmt.Errorf("a private part of %d bytes", len(private))
	}
	r.PrivateSalt, r.Private = slices.Clone(private[:proof.KeySize]), slices.Clone(private[proof.KeySize:])
	return proof.Join(r.Event, r.Private)
}

// readEvent is the event at a position; an error if there is none.
func readEvent(snap store.Snapshot, position uint64) (*pb.RecordedEvent, error) {
	value, err := snap.Get(tableEvents, be64(position))
	if err != nil {
		return nil, err
	}
	return recorded(position, value)
}

// readEvents yields the service's whole history from a position on, oldest first.
func readEvents(snap store.Snapshot, from uint64) iter.Seq2[*pb.RecordedEvent, error] {
	return func(yield func(*pb.RecordedEvent, error) bool) {
		for r, err := range snap.Scan(tableEvents, be64(from), nil) {
			var e *pb.RecordedEvent
			if err == nil {
				e, err = recorded(binary.BigEndian.Uint64(r.Key), r.Value)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// readChain yields the events of one chain, an agreement's or for "" the service's own, from version first to version last;
// one that is missing is an error. It only gets, so that what is not written yet can be read too.
func readChain(snap store.Snapshot, agreementID string, first, last uint64) iter.Seq2[*pb.RecordedEvent, error] {
	return func(yield func(*pb.RecordedEvent, error) bool) {
		along := spine{snap: snap, agreementID: agreementID}
		for version := first; version <= last; version++ {
			position, err := along.existing(version)
			var e *pb.RecordedEvent
			if err == nil {
				e, err = readEvent(snap, position)
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
	return (&spine{snap: snap, agreementID: agreementID}).position(version)
}

// spine finds where the events of one chain lie, one after the other: it holds the leaf that it looked at last.
type spine struct {
	snap        store.Snapshot
	agreementID string
	n           uint64
	leaf        []uint64 // the n-th; nil before the first look
}

// position is where the event with a version lies; 0 if there is none.
func (s *spine) position(version uint64) (uint64, error) {
	if version == 0 {
		return 0, nil
	}
	n, at := leafOf(version)
	if s.leaf == nil || n != s.n {
		leaf, err := readLeaf(s.snap, s.agreementID, n)
		if err != nil {
			return 0, err
		}
		s.n, s.leaf = n, leaf
	}
	if at >= uint64(len(s.leaf)) {
		return 0, nil
	}
	return s.leaf[at], nil
}

// existing is the position of an event that must be there.
func (s *spine) existing(version uint64) (uint64, error) {
	position, err := s.position(version)
	if err == nil && position == 0 {
		err = fmt.Errorf("journal: event %d of %q is missing", version, s.agreementID)
	}
	return position, err
}

// readLeaf is where the events of a leaf of a chain lie: of the last one those that there are, and none of one behind it.
func readLeaf(snap store.Snapshot, agreementID string, n uint64) ([]uint64, error) {
	value, err := snap.Get(tableRecords, leafKey(agreementID, n))
	if err != nil {
		return nil, err
	}
	if value == nil {
		head, err := readHead(snap, agreementID)
		if newest, _ := leafOf(head.GetVersion() + 1); err != nil || n != newest {
			return nil, err
		}
		return head.GetPositions(), nil
	}
	if len(value) != leafEvents*8 {
		return nil, fmt.Errorf("journal: leaf %d of %q has %d bytes", n, agreementID, len(value))
	}
	leaf := make([]uint64, leafEvents)
	for i := range leaf {
		leaf[i] = binary.BigEndian.Uint64(value[8*i:])
	}
	return leaf, nil
}

// extend notes in a chain where its newest event lies. A leaf that is full is written.
func (b *batch) extend(agreementID string, chain *journalv1.Chain, position uint64) {
	chain.Positions = append(chain.Positions, position)
	if len(chain.Positions) < leafEvents {
		return
	}
	value := make([]byte, 0, leafEvents*8)
	for _, p := range chain.Positions {
		value = binary.BigEndian.AppendUint64(value, p)
	}
	n, _ := leafOf(chain.GetVersion())
	b.write(tableRecords, leafKey(agreementID, n), value)
	chain.Positions = chain.Positions[:0]
}
