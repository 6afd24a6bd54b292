package journal

import (
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// What a batch is decided upon: the store as it is when a command's turn comes, and before it the batch ahead, which may not
// be durable yet. The lists are the store's alone; which records the batch ahead knows newer, the rules are told.

// load reads a record: as the batch ahead leaves it, or as it is stored.
func (b *batch) load(ref rules.Ref) (proto.Message, error) {
	if b.ahead != nil {
		if c, grew := b.ahead.chains[ref.Agreement]; grew && ref.Kind == rules.KindChain {
			return c, nil
		}
		if m, known := b.ahead.state.Known(ref); known {
			return m, nil
		}
	}
	return readRecord(b.snap, ref)
}

// newer is the records of an agreement that the batch ahead put. That batch is decided: nobody else uses its state.
func (b *batch) newer(agreement string) []rules.Ref {
	if b.ahead == nil {
		return nil
	}
	return b.ahead.state.Touched(agreement)
}

// list reads the ids of a list as it is stored when it is asked for.
func (b *batch) list(l rules.Listing) iter.Seq2[string, error] { return ids(b.snap, l) }

// ids reads the ids of a list, both sides' together. A state shares its keys with others; see group.
func ids(snap store.Snapshot, l rules.Listing) iter.Seq2[string, error] {
	q := query{table: tableRecords}
	switch l.Kind {
	case rules.KindObligation:
		states := groups(chosen(l.States, pb.ObligationState_name))
		if l.Commitment == "" {
			q.prefixes = prefixes(join(l.Agreement, sep, subLists, listObligations), choices(pb.Side_SIDE_UNSPECIFIED, bothSides), states)
		} else {
			q.prefixes = prefixes(join(l.Agreement, sep, subLists, listByCommitment, l.Commitment, sep), states)
		}
	case rules.KindCommitment:
		q.prefixes = prefixes(join(l.Agreement, sep, subLists, listCommitments), choices(pb.Side_SIDE_UNSPECIFIED, bothSides), chosen(l.States, pb.CommitmentState_name))
	case rules.KindProposal:
		q.prefixes = prefixes(join(l.Agreement, sep, subLists, listProposals), chosen(l.States, pb.ProposalState_name))
	case rules.KindConcern:
		q.prefixes = prefixes(join(l.Agreement, sep, subLists, listConcerns), choices(pb.Side_SIDE_UNSPECIFIED, bothSides),
			choices(pb.ConcernKind_CONCERN_KIND_UNSPECIFIED, pb.ConcernKind_name), grouped(chosen(l.States, pb.ConcernState_name), concernGroup))
	case rules.KindObservation:
		q.prefixes = prefixes(join(l.Agreement, sep, subLists, listObservations, l.Objective, sep), chosen(l.States, pb.ObservationState_name))
	case rules.KindPulseRound:
		q.prefixes = prefixes(join(l.Agreement, sep, subLists, listPulseRounds), chosen(l.States, pb.PulseRoundState_name))
	case rules.KindReview:
		q.prefixes = prefixes(join(l.Agreement, sep, subLists, listReviews), chosen(l.States, pb.ReviewState_name))
	}
	if l.After != "" {
		q.from = append([]byte(l.After), keySeparator) // the first key behind it
	}
	return func(yield func(string, error) bool) {
		for place, err := range q.walk(snap) {
			if !yield(rules.Place(place.Key).ID(l.Kind), err) || err != nil {
				return
			}
		}
	}
}

// chosen is the states that were asked for, or all there are.
func chosen(states []int32, all map[int32]string) []byte {
	if len(states) == 0 {
		return choices(pb.Side_SIDE_UNSPECIFIED, all)
	}
	some := make([]byte, len(states))
	for i, state := range states {
		some[i] = byte(state)
	}
	slices.Sort(some)
	return slices.Compact(some)
}
