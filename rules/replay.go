package rules

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Replay carries the history of one chain, an agreement's or for "" the service's own, from its first event on into
// records: what was known when the last of the events was recorded. A chain needs nothing but itself for that. It fails at an
// event that belongs elsewhere, that does not follow the one before in version and record time, or that changes what the
// chain never made; the error names its version.
func Replay(agreementID string, events iter.Seq2[*pb.Event, error]) (*State, error) {
	return Follow(agreementID, events, func(*State, *pb.Event) {})
}

// Follow is Replay for who looks on: before each event is carried, see is shown the event and what those before it have led to.
// It must leave both as they are.
func Follow(agreementID string, events iter.Seq2[*pb.Event, error], see func(*State, *pb.Event)) (*State, error) {
	s := NewState(Ground{})
	last := time.Time{}
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		next := s.Version(agreementID) + 1
		at := e.GetRecordTime().AsTime()
		switch {
		case e.GetAgreementId() != agreementID:
			err = fmt.Errorf("it belongs to %q", e.GetAgreementId())
		case e.GetVersion() != next:
			err = fmt.Errorf("it says that it is event %d", e.GetVersion())
		case at.Before(last):
			err = fmt.Errorf("it was recorded at %v, and the one before it at %v", at, last)
		default:
			see(s, e)
			err = Apply(s, e)
		}
		if err != nil {
			return nil, fmt.Errorf("rules: event %d of the chain of %q: %w", next, agreementID, err)
		}
		last = at
	}
	return s, nil
}

// Records yields the records that a state knows and that are not missing, those of an agreement together, by kind, id and
// number. The head of a chain is no record of it: see Version.
func (s *State) Records() iter.Seq2[Ref, proto.Message] {
	there := make([]slot[Ref, record], 0, len(s.records.slots))
	for _, r := range s.records.slots {
		if r.value.now != nil {
			there = append(there, r)
		}
	}
	slices.SortFunc(there, func(x, y slot[Ref, record]) int {
		a, b := x.key, y.key
		return cmp.Or(cmp.Compare(a.Agreement, b.Agreement), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Number, b.Number))
	})
	return func(yield func(Ref, proto.Message) bool) {
		for _, r := range there {
			if !yield(r.key, r.value.now) {
				return
			}
		}
	}
}
