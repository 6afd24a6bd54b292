package rules

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Ground is what a state stands on: the records as they lie in the store, and their lists.
type Ground struct {
	// Get reads a record; nil if there is none.
	Get func(Ref) (proto.Message, error)
	// List reads the ids of what a listing asks for, in the order of their places. It may name records in other states
	// too: who asks looks at them again.
	List func(Listing) iter.Seq2[string, error]
	// Ahead names the records of an agreement that Get knows newer than List does; nil: none.
	Ahead func(agreement string) []Ref
}

// Listing is what a list is asked for.
type Listing struct {
	// Kind is KindObligation, KindCommitment, KindProposal, KindConcern, KindPulseRound, KindObservation or KindReview.
	Kind Kind
	// Agreement is whose records are listed.
	Agreement string
	// Commitment is whose obligations are listed; empty: those of the whole agreement.
	Commitment string
	// Objective is whose observations are listed.
	Objective string
	// States are the states that are asked for; none: all.
	States []int32
	// After is the place behind which the list goes on; empty: from the start.
	After Place
}

// Place is where a record stands in its lists, as bytes that sort: an obligation by its due day, one without a day last; a
// proposal, a concern or a review by the time it was made, a round of the pulse by the time it opens; then, as a commitment does,
// by id. It never tells sides apart.
type Place string

// PlaceOf is the place of what stands in lists; empty for other records.
func PlaceOf(m proto.Message) Place {
	switch r := m.(type) {
	case *pb.Obligation:
		day := uint32(math.MaxUint32)
		if d, err := ParseDay(r.GetDueDate()); err == nil {
			day = uint32(d)
		}
		return dayPlace(day, r.GetObligationId())
	case *pb.Proposal:
		return timedPlace(r.GetCreateTime(), r.GetProposalId())
	case *pb.PulseRound:
		return timedPlace(r.GetOpenTime(), r.GetPulseRoundId())
	case *pb.Review:
		return timedPlace(r.GetCreateTime(), r.GetReviewId())
	case *pb.Observation:
		day, _ := ParseDay(r.GetObservedDate()) // it was checked
		return newestFirst(day, r.GetObservationId())
	case *pb.Commitment:
		return Place(r.GetCommitmentId())
	case *pb.Objective:
		return Place(r.GetObjectiveId())
	case *pb.Concern:
		return timedPlace(r.GetCreateTime(), r.GetConcernId())
	}
	return ""
}

// SamePlace says whether two obligations stand at the same place. It makes no places where the days are the same ones.
func SamePlace(a, b *pb.Obligation) bool {
	return a.GetDueDate() == b.GetDueDate() && a.GetObligationId() == b.GetObligationId() || PlaceOf(a) == PlaceOf(b)
}

// dayPlace is the place of what is listed by a day.
func dayPlace(day uint32, id string) Place {
	return Place(append(binary.BigEndian.AppendUint32(make([]byte, 0, 64), day), id...))
}

// timedPlace is the place of what is listed by a time.
func timedPlace(at *timestamppb.Timestamp, id string) Place {
	micros := uint64(at.AsTime().UnixMicro()) ^ 1<<63
	return Place(append(binary.BigEndian.AppendUint64(make([]byte, 0, 64), micros), id...))
}

// ID is the id at the end of a place.
func (p Place) ID(kind Kind) string {
	switch kind {
	case KindObligation, KindObservation:
		return p.DayID()
	case KindProposal, KindConcern, KindPulseRound, KindReview:
		return string(p[min(8, len(p)):])
	}
	return string(p)
}

// DayID is the id at the end of a place that begins with a day, as that of an obligation does, and ScoredPlace.
func (p Place) DayID() string { return string(p[min(4, len(p)):]) }

// Obligations lists the obligations of an agreement, or of one of its commitments, that are in one of the states (none:
// in any), by due day and id: at most limit of them, behind a place. They are as s has them, whatever is durable yet.
func (s *State) Obligations(agreement, commitment string, states []pb.ObligationState, after Place, limit int) []*pb.Obligation {
	l := Listing{Kind: KindObligation, Agreement: agreement, Commitment: commitment, States: numbers(states), After: after}
	return list(s, l, limit, func(o *pb.Obligation) bool {
		return (commitment == "" || o.GetCommitmentId() == commitment) && (len(states) == 0 || slices.Contains(states, o.GetState()))
	})
}

// Commitments lists the commitments of an agreement that are in one of the states (none: in any), by id.
func (s *State) Commitments(agreement string, states []pb.CommitmentState, after Place, limit int) []*pb.Commitment {
	l := Listing{Kind: KindCommitment, Agreement: agreement, States: numbers(states), After: after}
	return list(s, l, limit, func(c *pb.Commitment) bool { return len(states) == 0 || slices.Contains(states, c.GetState()) })
}

// Proposals lists the proposals of an agreement that are in one of the states (none: in any), in the order they were
// made.
func (s *State) Proposals(agreement string, states []pb.ProposalState, after Place, limit int) []*pb.Proposal {
	l := Listing{Kind: KindProposal, Agreement: agreement, States: numbers(states), After: after}
	return list(s, l, limit, func(p *pb.Proposal) bool { return len(states) == 0 || slices.Contains(states, p.GetState()) })
}

// Concerns lists the concerns of an agreement that are in one of the states (none: in any), in the order they were raised.
func (s *State) Concerns(agreement string, states []pb.ConcernState, after Place, limit int) []*pb.Concern {
	l := Listing{Kind: KindConcern, Agreement: agreement, States: numbers(states), After: after}
	return list(s, l, limit, func(m *pb.Concern) bool { return len(states) == 0 || slices.Contains(states, m.GetState()) })
}

// PulseRounds lists the rounds of the pulse of an agreement that are in one of the states (none: in any), in the order in which
// they open.
func (s *State) PulseRounds(agreement string, states []pb.PulseRoundState, after Place, limit int) []*pb.PulseRound {
	l := Listing{Kind: KindPulseRound, Agreement: agreement, States: numbers(states), After: after}
	return list(s, l, limit, func(r *pb.PulseRound) bool { return len(states) == 0 || slices.Contains(states, r.GetState()) })
}

// Observations lists the observations of an objective that are in one of the states (none: in any), those of the latest day
// first, then by id.
func (s *State) Observations(agreement, objective string, states []pb.ObservationState, after Place, limit int) []*pb.Observation {
	l := Listing{Kind: KindObservation, Agreement: agreement, Objective: objective, States: numbers(states), After: after}
	return list(s, l, limit, func(o *pb.Observation) bool {
		return o.GetObjectiveId() == objective && (len(states) == 0 || slices.Contains(states, o.GetState()))
	})
}

// Reviews lists the reviews of an agreement that are in one of the states (none: in any), in the order they were opened.
func (s *State) Reviews(agreement string, states []pb.ReviewState, after Place, limit int) []*pb.Review {
	l := Listing{Kind: KindReview, Agreement: agreement, States: numbers(states), After: after}
	return list(s, l, limit, func(r *pb.Review) bool { return len(states) == 0 || slices.Contains(states, r.GetState()) })
}

func numbers[S state](states []S) []int32 {
	list := make([]int32, len(states))
	for i, s := range states {
		list[i] = int32(s)
	}
	return list
}

// list merges what the ground lists with what s, and what it was made from, know newer.
func list[M proto.Message](s *State, l Listing, limit int, is func(M) bool) (found []M) {
	newer, ground := s.newer(l)
	var own []M
	for ref := range newer {
		if m, ok := s.Get(ref).(M); ok && is(m) && PlaceOf(m) > l.After {
			own = append(own, m)
		}
	}
	slices.SortFunc(own, func(a, b M) int { return cmp.Compare(PlaceOf(a), PlaceOf(b)) })
	take := func(m M) {
		if len(found) < limit {
			found = append(found, m)
		}
	}
	if ground.List != nil {
		for id, err := range ground.List(l) {
			if err != nil {
				s.fail(err)
			}
			if s.err != nil {
				return nil
			}
			if len(found) >= limit {
				break
			}
			ref := Ref{Kind: l.Kind, Agreement: l.Agreement, ID: id}
			if newer[ref] {
				continue // it stands in own, where it belongs now
			}
			m, ok := s.Get(ref).(M)
			if !ok && s.err == nil {
				s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "A list names what does not exist: %+v.", ref))
			}
			if !ok {
				return nil
			}
			if !is(m) {
				continue
			}
			for len(own) > 0 && PlaceOf(own[0]) < PlaceOf(m) {
				take(own[0])
				own = own[1:]
			}
			take(m)
		}
	}
	for _, m := range own {
		take(m)
	}
	return found
}

// newer is the records of a listing's kind and agreement that the ground's lists may not have as they are, and the
// ground.
func (s *State) newer(l Listing) (map[Ref]bool, Ground) {
	newer := map[Ref]bool{}
	add := func(refs []Ref) {
		for _, ref := range refs {
			if ref.Kind == l.Kind {
				newer[ref] = true
			}
		}
	}
	bottom := s
	for {
		add(bottom.Touched(l.Agreement))
		if bottom.base == nil {
			break
		}
		bottom = bottom.base
	}
	if bottom.ground.Ahead != nil {
		add(bottom.ground.Ahead(l.Agreement))
	}
	return newer, bottom.ground
}

// fail remembers a failure to read, here and in all that s was made from.
func (s *State) fail(err error) {
	for ; s != nil; s = s.base {
		if s.err == nil {
			s.err = err
		}
	}
}

// Touched is the records of an agreement that stand in lists and were put. Who never asks pays nothing for it.
func (s *State) Touched(agreement string) []Ref {
	if s.touched == nil {
		s.touched = map[string][]Ref{}
		for ref := range s.Changes() {
			s.touch(ref)
		}
	}
	return s.touched[agreement]
}

func (s *State) touch(ref Ref) {
	switch ref.Kind {
	case KindObligation, KindCommitment, KindProposal, KindConcern, KindPulseRound, KindObservation, KindReview:
		s.touched[ref.Agreement] = append(s.touched[ref.Agreement], ref)
	}
}
