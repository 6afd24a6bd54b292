package rules

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// shelf is a store with a batch ahead of it: the lists know what is stored, and records are as the batch left them.
type shelf struct{ stored, ahead map[Ref]proto.Message }

func (s shelf) ground() Ground {
	return Ground{
		Get: func(ref Ref) (proto.Message, error) {
			if m, ok := s.ahead[ref]; ok {
				return m, nil
			}
			return s.stored[ref], nil
		},
		List: func(l Listing) iter.Seq2[string, error] {
			w := world{records: s.stored}
			return w.list(l)
		},
		Ahead: func(agreement string) (refs []Ref) {
			for ref := range s.ahead {
				if ref.Agreement == agreement {
					refs = append(refs, ref)
				}
			}
			return refs
		},
	}
}

// randomRecord draws a record of an agreement's lists, in any state, of any side, at any place.
func randomRecord(t *rapid.T) (Ref, proto.Message) {
	agreement := rapid.SampledFrom([]string{"care", "care", "cure"}).Draw(t, "agreement")
	n := rapid.IntRange(0, 9).Draw(t, "number")
	commitment := fmt.Sprintf("c%d", n%3)
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return commitmentRef(agreement, commitment), &pb.Commitment{AgreementId: agreement, CommitmentId: commitment, State: pb.CommitmentState(rapid.Int32Range(1, 4).Draw(t, "state"))}
	case 1:
		id := fmt.Sprintf("p%d", n)
		return proposalRef(agreement, id), &pb.Proposal{
			AgreementId: agreement, ProposalId: id, State: pb.ProposalState(rapid.Int32Range(1, 4).Draw(t, "state")),
			CreateTime: timestamppb.New(begin.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "made")) * time.Hour)),
		}
	}
	id := fmt.Sprintf("%s-%d", commitment, n)
	return obligationRef(agreement, id), &pb.Obligation{
		AgreementId: agreement, ObligationId: id, CommitmentId: commitment, State: pb.ObligationState(rapid.Int32Range(1, 5).Draw(t, "state")),
		Obligor: pb.Side(rapid.Int32Range(1, 2).Draw(t, "obligor")), DueDate: rapid.SampledFrom([]string{"", "2026-01-31", "2026-02-01", "2026-02-02"}).Draw(t, "due"),
	}
}

func randomShelf(t *rapid.T) map[Ref]proto.Message {
	all := map[Ref]proto.Message{}
	for range rapid.IntRange(0, 20).Draw(t, "records") {
		ref, m := randomRecord(t)
		all[ref] = m
	}
	return all
}

// TestAListIsWhatIsThere holds that a list is what a look at every record would find, in order, whatever of it is stored,
// decided ahead, put, or put in a fork.
func TestAListIsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shelf{randomShelf(t), randomShelf(t)}
		seen := map[Ref]proto.Message{}
		for _, layer := range []map[Ref]proto.Message{s.stored, s.ahead} {
			for ref, m := range layer {
				seen[ref] = m
			}
		}
		ground := NewState(s.ground())
		top := ground
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				top = top.Fork()
			case 1:
				if top.base != nil {
					top.base.Merge(top)
					top = top.base
				}
			case 2:
				checkLists(t, top, seen)
			default:
				ref, m := randomRecord(t)
				top.Put(ref, m)
				seen[ref] = m
			}
		}
		checkLists(t, top, seen)
	})
}

func checkLists(t *rapid.T, s *State, seen map[Ref]proto.Message) {
	t.Helper()
	agreement := rapid.SampledFrom([]string{"care", "cure", "none"}).Draw(t, "whose")
	states := rapid.SliceOfNDistinct(rapid.Int32Range(1, 5), 0, 3, rapid.ID[int32]).Draw(t, "states")
	limit := rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(t, "limit")
	commitment := rapid.SampledFrom([]string{"", "c0", "c1"}).Draw(t, "commitment")
	for _, kind := range []Kind{KindObligation, KindCommitment, KindProposal} {
		var all []proto.Message
		for ref, m := range seen {
			if o, _ := m.(*pb.Obligation); o != nil && commitment != "" && o.GetCommitmentId() != commitment {
				continue
			}
			if ref.Kind == kind && ref.Agreement == agreement && (len(states) == 0 || slices.Contains(states, stateNumber(m))) {
				all = append(all, m)
			}
		}
		slices.SortFunc(all, func(a, b proto.Message) int { return cmp.Compare(PlaceOf(a), PlaceOf(b)) })
		var after Place
		for {
			page := listOf(s, kind, agreement, commitment, states, after, limit)
			if want := all[:min(limit, len(all))]; !slices.Equal(page, want) || s.err != nil {
				t.Fatalf("%d of kind %d in %v after %q: %v, not %v; %v", limit, kind, states, after, page, want, s.err)
			}
			if all = all[len(page):]; len(page) < limit {
				break
			}
			after = PlaceOf(page[len(page)-1])
		}
		if len(all) > 0 {
			t.Fatalf("left out: %v", all)
		}
	}
}

func stateNumber(m proto.Message) int32 {
	switch r := m.(type) {
	case *pb.Obligation:
		return int32(r.GetState())
	case *pb.Commitment:
		return int32(r.GetState())
	case *pb.Proposal:
		return int32(r.GetState())
	}
	return 0
}

func listOf(s *State, kind Kind, agreement, commitment string, states []int32, after Place, limit int) (page []proto.Message) {
	switch kind {
	case KindObligation:
		for _, o := range s.Obligations(agreement, commitment, as[pb.ObligationState](states), after, limit) {
			page = append(page, o)
		}
	case KindCommitment:
		for _, c := range s.Commitments(agreement, as[pb.CommitmentState](states), after, limit) {
			page = append(page, c)
		}
	case KindProposal:
		for _, p := range s.Proposals(agreement, as[pb.ProposalState](states), after, limit) {
			page = append(page, p)
		}
	}
	return page
}

func as[S state](numbers []int32) (states []S) {
	for _, n := range numbers {
		states = append(states, S(n))
	}
	return states
}

// TestPlacesSort holds that what has no day comes last, that days come before ids, and that an id is found again.
func TestPlacesSort(t *testing.T) {
	places := []Place{
		PlaceOf(&pb.Obligation{DueDate: "1970-01-01", ObligationId: "z"}),
		PlaceOf(&pb.Obligation{DueDate: "2026-01-31", ObligationId: "a-1"}),
		PlaceOf(&pb.Obligation{DueDate: "2026-01-31", ObligationId: "a-10"}),
		PlaceOf(&pb.Obligation{DueDate: "2026-02-01", ObligationId: "a"}),
		PlaceOf(&pb.Obligation{DueDate: "9999-12-31", ObligationId: "a"}),
		PlaceOf(&pb.Obligation{ObligationId: "a"}),
	}
	if !slices.IsSorted(places) {
		t.Errorf("%q", places)
	}
	if id := places[2].ID(KindObligation); id != "a-10" {
		t.Errorf("%q", id)
	}
	if id := PlaceOf(&pb.Proposal{ProposalId: "p"}).ID(KindProposal); id != "p" {
		t.Errorf("%q", id)
	}
	if PlaceOf(&pb.Party{PartyId: "acme"}) != "" || Place("").ID(KindObligation) != "" {
		t.Error("a party has a place in no list")
	}
}

// TestAListThatCannotBeReadIsNone holds that a fault of the disk is never taken for an end of the list, in no fork.
func TestAListThatCannotBeReadIsNone(t *testing.T) {
	broken := errors.New("the disk is on fire")
	o := &pb.Obligation{AgreementId: "care", ObligationId: "a-1", State: due}
	for name, g := range map[string]Ground{
		"the list": {List: func(Listing) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("", broken) }
		}},
		"the record":                        {Get: func(Ref) (proto.Message, error) { return nil, broken }, List: one("a-1")},
		"what a list names but nobody made": {List: one("a-1")},
	} {
		s := NewState(g)
		fork := s.Fork()
		fork.Put(obligationRef("care", "b-1"), o)
		if got := fork.Obligations("care", "", nil, "", 10); got != nil || fork.err == nil || s.err == nil {
			t.Errorf("%s: %v; %v, %v", name, got, fork.err, s.err)
		}
	}
}

func one(id string) func(Listing) iter.Seq2[string, error] {
	return func(Listing) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) { yield(id, nil) }
	}
}
