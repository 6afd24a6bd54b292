package rules

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// layer is a State beside what it should hold, the plain way: all records that can be seen from it.
type layer struct {
	state    *State
	seen     map[Ref]string
	versions map[string]uint64
	put      map[Ref]bool
}

// TestForksSeeTheirGroundAndLeaveItAlone plays random puts on a stack of forks and merges beside plain maps.
func TestForksSeeTheirGroundAndLeaveItAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := map[Ref]string{}
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), rapid.ID[string]).Draw(t, "stored") {
			stored[partyRef(id)] = "stored " + id
		}
		ground := NewState(Ground{Get: func(ref Ref) (proto.Message, error) {
			if ref.Kind == KindChain {
				return &journalv1.Chain{Version: 7}, nil
			}
			if name, ok := stored[ref]; ok {
				return &pb.Party{DisplayName: name}, nil
			}
			return nil, nil
		}})
		stack := []*layer{{state: ground, seen: maps.Clone(stored), versions: map[string]uint64{}, put: map[Ref]bool{}}}
		for i := range 60 {
			top := stack[len(stack)-1]
			ref := partyRef(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "id"))
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				stack = append(stack, &layer{top.state.Fork(), maps.Clone(top.seen), maps.Clone(top.versions), map[Ref]bool{}})
			case 1, 2:
				name := fmt.Sprint("put ", i)
				top.state.Put(ref, &pb.Party{DisplayName: name})
				top.seen[ref], top.put[ref] = name, true
			case 3:
				if err := Apply(top.state, &pb.Event{Version: uint64(i) + 8, Change: &pb.Event_PartyRegistered{PartyRegistered: &pb.PartyRegistered{PartyId: ref.ID}}}); err != nil {
					t.Fatal(err)
				}
				top.seen[ref], top.put[ref], top.versions[""] = "", true, uint64(i)+8
			case 4:
				stack = leave(t, stack, rapid.Bool().Draw(t, "merge"))
			}
			for depth, l := range stack {
				checkLayer(t, depth, l)
			}
		}
	})
}

// leave ends the top fork: merged into what it was made from, or forgotten.
func leave(t *rapid.T, stack []*layer, merge bool) []*layer {
	t.Helper()
	if len(stack) == 1 {
		return stack
	}
	top, below := stack[len(stack)-1], stack[len(stack)-2]
	if merge {
		below.state.Merge(top.state)
		below.seen, below.versions = top.seen, top.versions
		for ref := range top.put {
			below.put[ref] = true
		}
	}
	return stack[:len(stack)-1]
}

func checkLayer(t *rapid.T, depth int, l *layer) {
	t.Helper()
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		want, there := l.seen[partyRef(id)]
		got := get[*pb.Party](l.state, partyRef(id))
		if (got != nil) != there || got.GetDisplayName() != want {
			t.Fatalf("layer %d sees %v as %q, not %q (there: %v)", depth, got, id, want, there)
		}
	}
	if changed := maps.Collect(l.state.Changes()); len(changed) != len(l.put) {
		t.Fatalf("layer %d changed %v, not %v", depth, changed, l.put)
	}
	for ref := range l.state.Changes() {
		if !l.put[ref] {
			t.Fatalf("layer %d changed %+v", depth, ref)
		}
	}
	want, ok := l.versions[""]
	if !ok {
		want = 7 // the chain's, as stored
	}
	if got := l.state.Version(""); got != want {
		t.Fatalf("layer %d is at version %d, not %d", depth, got, want)
	}
}

// TestARecordIsReadOnce holds that a batch costs one read for each record it touches, missing ones too.
func TestARecordIsReadOnce(t *testing.T) {
	reads := map[Ref]int{}
	ground := NewState(Ground{Get: func(ref Ref) (proto.Message, error) {
		reads[ref]++
		if ref.ID == "here" {
			return &pb.Party{}, nil
		}
		return nil, nil
	}})
	for range 3 {
		for _, id := range []string{"here", "missing"} {
			ground.Get(partyRef(id))
			ground.Fork().Fork().Get(partyRef(id))
		}
	}
	for ref, n := range reads {
		if n != 1 {
			t.Errorf("%+v was read %d times", ref, n)
		}
	}
	if len(reads) != 2 {
		t.Errorf("read %v", reads)
	}
}

// TestADecisionOverRecordsThatCannotBeReadIsNone holds that a fault of the disk is never taken for "there is no such
// thing", and that nothing is decided upon it afterwards.
func TestADecisionOverRecordsThatCannotBeReadIsNone(t *testing.T) {
	broken := errors.New("the disk is on fire")
	s := NewState(Ground{Get: func(ref Ref) (proto.Message, error) {
		if ref.Kind == KindParty {
			return nil, broken
		}
		return nil, nil
	}})
	w := newWorld(t, begin)
	for _, c := range []proto.Message{
		&pb.UpdatePartyRequest{PartyId: "acme"},
		&pb.CreatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme"}},
		&pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: "a", ClientPartyId: "b"}},
	} {
		if d, err := Decide(s, c, w.stamp(operator)); d != nil || !errors.Is(err, broken) {
			t.Errorf("%T: %v, %v", c, d, err)
		}
	}
	if !errors.Is(s.err, broken) {
		t.Errorf("the ground says %v", s.err)
	}
}
