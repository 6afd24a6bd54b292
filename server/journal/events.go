package journal

import (
	"container/heap"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
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

// Limits of a list of events.
const (
	// maxLooked is how many events a page looks at; history_service.proto says the same. It takes some hundredths of a second.
	maxLooked = 5000
	// maxChains is how many chains are read beside each other. A party with more agreements than this has so large a share of
	// the history that it is as well to look through all of it.
	maxChains = 1000
)

// Events lists events by position: those of one agreement, or all that the caller may see.
func (j *Journal) Events(ctx context.Context, caller rules.Caller, req *pb.ListEventsRequest) (*pb.ListEventsResponse, error) {
	list := &pb.ListEventsResponse{}
	wanted, err := eventFilter(req)
	if err != nil {
		return nil, err
	}
	party, theirs := partyAsked(caller, req.GetPartyId())
	if !theirs {
		return list, nil
	}
	token, err := j.openToken(caller, req)
	if err != nil {
		return nil, err
	}
	return list, j.view(ctx, func(snap store.Snapshot) error {
		first, end, err := span(snap, req)
		if err != nil {
			return err
		}
		if token != nil {
			first = max(first, binary.BigEndian.Uint64(token)+1)
		}
		o := &onlooker{snap: snap, caller: caller, party: party, seen: map[string]*pb.Agreement{}}
		source, err := o.source(req, first)
		if err != nil {
			return err
		}
		size, held, last, looked := pageSize(req.GetPageSize()), 0, uint64(0), 0
		for r, err := range source {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || r.GetPosition() >= end {
				return err
			}
			if len(list.GetEvents()) == size || held >= MaxPageBytes || looked == maxLooked {
				list.NextPageToken = j.sealToken(caller, req, be64(last))
				return nil
			}
			last, looked = r.GetPosition(), looked+1
			sees, err := o.sees(r.GetEvent().GetAgreementId())
			if err != nil {
				return err
			}
			if sees && wanted(r.GetEvent()) {
				list.Events = append(list.Events, o.show(r))
				held += proto.Size(r)
			}
		}
		return nil
	})
}

// Event is one event, by its version or by its position. What the caller may not see is missing.
func (j *Journal) Event(ctx context.Context, caller rules.Caller, req *pb.GetEventRequest) (found *pb.RecordedEvent, err error) {
	position := req.GetPosition()
	switch {
	case (req.GetVersion() == 0) == (position == 0):
		const one = "name an event by its version in a chain, or by its position in the whole history"
		return nil, rules.Invalid(rules.Violation{Field: "position", Description: one}, rules.Violation{Field: "version", Description: one})
	case position != 0 && req.GetAgreementId() != "":
		return nil, rules.Invalid(rules.Violation{Field: "position", Description: "is one of the whole history: leave out the agreement_id"})
	}
	none := rules.NotFound("event", fmt.Sprint(max(req.GetVersion(), position)))
	return found, j.view(ctx, func(snap store.Snapshot) error {
		if position == 0 {
			position, err = positionOf(snap, req.GetAgreementId(), req.GetVersion())
		} else if size, wrong := sizeOf(snap); position > size {
			position, err = 0, wrong
		}
		if err != nil {
			return err
		}
		if position == 0 {
			return none
		}
		r, err := readEvent(snap, position)
		if err != nil {
			return err
		}
		o := &onlooker{snap: snap, caller: caller, seen: map[string]*pb.Agreement{}}
		sees, err := o.sees(r.GetEvent().GetAgreementId())
		if err != nil {
			return err
		}
		if !sees {
			return none
		}
		found = o.show(r)
		return nil
	})
}

// eventFilter is whether an event is one of those that are asked for.
func eventFilter(req *pb.ListEventsRequest) (func(*pb.Event) bool, error) {
	var wrong []rules.Violation
	for i, kind := range req.GetKinds() {
		if !slices.Contains(rules.EventKinds(), kind) {
			wrong = append(wrong, rules.Violation{Field: fmt.Sprintf("kinds[%d]", i), Description: `is no kind of event: a kind is the name of a change of an Event, for example "obligation_waived"`})
		}
	}
	if req.GetAfterVersion() > 0 && req.GetAgreementId() == "" {
		wrong = append(wrong, rules.Violation{Field: "after_version", Description: "is a version of an agreement: name the agreement_id too, or use after_position"})
	}
	for _, bound := range [...]struct {
		field string
		at    *timestamppb.Timestamp
	}{{"recorded_from", req.GetRecordedFrom()}, {"recorded_before", req.GetRecordedBefore()}} {
		if bound.at != nil && bound.at.CheckValid() != nil {
			wrong = append(wrong, rules.Violation{Field: bound.field, Description: noTime})
		}
	}
	if wrong != nil {
		return nil, rules.Invalid(wrong...)
	}
	return func(e *pb.Event) bool {
		return (req.GetPrincipalId() == "" || req.GetPrincipalId() == e.GetActor().GetPrincipalId()) &&
			(len(req.GetKinds()) == 0 || slices.Contains(req.GetKinds(), rules.EventKind(e)))
	}, nil
}

// span is the first position that is asked for, and the first behind all that are.
func span(snap store.Snapshot, req *pb.ListEventsRequest) (first, end uint64, err error) {
	if end, err = sizeOf(snap); err != nil {
		return 0, 0, err
	}
	end++
	if req.GetAfterPosition() >= end {
		return end, end, nil
	}
	first = req.GetAfterPosition() + 1
	if from := req.GetRecordedFrom(); from != nil {
		at, err := positionAt(snap, end-1, from.AsTime())
		if err != nil {
			return 0, 0, err
		}
		first = max(first, at)
	}
	if before := req.GetRecordedBefore(); before != nil {
		end, err = positionAt(snap, end-1, before.AsTime())
	}
	return first, end, err
}

// positionAt is the first position, of size, whose event was recorded at a time or later; size + 1 if there is none.
func positionAt(snap store.Snapshot, size uint64, at time.Time) (uint64, error) {
	var err error
	before := sort.Search(int(size), func(n int) bool {
		if err != nil {
			return false
		}
		var r *pb.RecordedEvent
		r, err = readEvent(snap, uint64(n)+1)
		return err == nil && !r.GetEvent().GetRecordTime().AsTime().Before(at)
	})
	return uint64(before) + 1, err
}

// sizeOf is the position of the newest event.
func sizeOf(snap store.Snapshot) (uint64, error) {
	value, err := snap.Get(tableMeta, keyStamp)
	if err != nil {
		return 0, err
	}
	stamp := &journalv1.Stamp{}
	if err := proto.Unmarshal(value, stamp); err != nil {
		return 0, fmt.Errorf("journal: stamp: %w", err)
	}
	return stamp.GetPosition(), nil
}

// onlooker is who looks through the history, and what it may see there: each agreement is looked up once.
type onlooker struct {
	snap   store.Snapshot
	caller rules.Caller
	party  string                   // whose agreements are asked for; empty: all
	seen   map[string]*pb.Agreement // nil for those that it does not see, or that are not asked for
}

// sees says whether the events of a chain are asked for, and may be seen.
func (o *onlooker) sees(chain string) (bool, error) {
	if chain == "" {
		return o.party == "" && o.caller.SeesService(), nil
	}
	if a, known := o.seen[chain]; known {
		return a != nil, nil
	}
	m, err := readRecord(o.snap, rules.Ref{Kind: rules.KindAgreement, Agreement: chain})
	if err != nil {
		return false, err
	}
	a, _ := m.(*pb.Agreement)
	member := rules.Caller{PartyID: o.party}
	if !o.caller.Sees(a) || o.party != "" && member.SideOf(a) == 0 && !member.Neutral(a) {
		a = nil
	}
	o.seen[chain] = a
	return a != nil, nil
}

// show is an event as the onlooker may see it, which sees its chain.
func (o *onlooker) show(r *pb.RecordedEvent) *pb.RecordedEvent {
	if chain := r.GetEvent().GetAgreementId(); chain != "" {
		return rules.Withhold(r, o.caller, o.seen[chain])
	}
	return r
}

// source yields events from a position on, all that are asked for among them: of the chains that may have some where those are
// few, else of the whole history.
func (o *onlooker) source(req *pb.ListEventsRequest, first uint64) (iter.Seq2[*pb.RecordedEvent, error], error) {
	if id := req.GetAgreementId(); id != "" {
		if _, err := seen(o.snap, o.caller, id); err != nil {
			return nil, err
		}
		return o.chains(first, req.GetAfterVersion(), id), nil
	}
	switch {
	case o.caller.Role == pb.Role_ROLE_OPERATOR:
		return o.chains(first, 0, ""), nil
	case len(o.caller.AgreementIDs) > 0 && len(o.caller.AgreementIDs) <= maxChains:
		return o.chains(first, 0, slices.Compact(slices.Sorted(slices.Values(o.caller.AgreementIDs)))...), nil
	case o.party != "":
		ids, err := agreementIDs(o.snap, o.party, 0, "", maxChains+1)
		if err != nil || len(ids) <= maxChains {
			return o.chains(first, 0, ids...), err
		}
	}
	return readEvents(o.snap, first), nil
}

// chains yields the events of some chains by position, from one on, and from behind a version of each.
func (o *onlooker) chains(first, afterVersion uint64, ids ...string) iter.Seq2[*pb.RecordedEvent, error] {
	return func(yield func(*pb.RecordedEvent, error) bool) {
		var ahead links
		for _, id := range ids {
			next, err := o.link(id, first, afterVersion)
			if err != nil {
				yield(nil, err)
				return
			}
			if next.position != 0 {
				ahead = append(ahead, next)
			}
		}
		heap.Init(&ahead)
		for len(ahead) > 0 {
			r, err := readEvent(o.snap, ahead[0].position)
			if !yield(r, err) || err != nil {
				return
			}
			ahead[0].version++
			if ahead[0].position, err = ahead[0].spine.position(ahead[0].version); err != nil {
				yield(nil, err)
				return
			}
			if ahead[0].position == 0 {
				heap.Pop(&ahead)
			} else {
				heap.Fix(&ahead, 0)
			}
		}
	}
}

// link is the first event of a chain behind a version that does not lie before a position; its position is 0 if there is none.
func (o *onlooker) link(chain string, first, afterVersion uint64) (link, error) {
	head, err := headOf(o.snap, chain)
	if err != nil || head <= afterVersion || head > math.MaxInt64 {
		return link{}, err
	}
	next := link{spine: &spine{snap: o.snap, agreementID: chain}}
	next.version = afterVersion + 1 + uint64(sort.Search(int(head-afterVersion), func(n int) bool {
		if err != nil {
			return false
		}
		var position uint64
		position, err = next.spine.position(afterVersion + 1 + uint64(n))
		return position >= first
	}))
	if err == nil && next.version <= head {
		next.position, err = next.spine.position(next.version)
	}
	return next, err
}

// link is an event of a chain.
type link struct {
	spine             *spine
	version, position uint64
}

// links is the next event of each of some chains; the first lies first.
type links []link

func (l links) Len() int           { return len(l) }
func (l links) Less(i, j int) bool { return l[i].position < l[j].position }
func (l links) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *links) Push(any)          { panic("journal: chains do not come up while they are read") }
func (l *links) Pop() any {
	*l = (*l)[:len(*l)-1]
	return nil
}
