package rules

import (
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// chainOf is the events of one chain of a tale, as they would be read from a disk.
func (w *world) chainOf(agreement string) (events []*pb.Event) {
	for _, e := range w.history {
		if e.GetAgreementId() == agreement {
			events = append(events, fromDisk(w.t, e))
		}
	}
	return events
}

// TestAChainThatIsNotWholeIsNotReplayed holds that what was cut out, put in or turned round is found, and where. That every
// whole chain leads to the records its decisions left, every tale checks when it closes.
func TestAChainThatIsNotWholeIsNotReplayed(t *testing.T) {
	w := busyWorld(t)
	n := len(w.chainOf("care"))
	tests := map[string]struct {
		spoil func([]*pb.Event) []*pb.Event
		words string
	}{
		"whole":                 {func(c []*pb.Event) []*pb.Event { return c }, ""},
		"empty":                 {func([]*pb.Event) []*pb.Event { return nil }, ""},
		"its end is cut":        {func(c []*pb.Event) []*pb.Event { return c[:n-1] }, ""}, // which the log tells, and no chain can
		"without its beginning": {func(c []*pb.Event) []*pb.Event { return c[1:] }, `event 1 of the chain of "care": it says that it is event 2`},
		"with a gap":            {func(c []*pb.Event) []*pb.Event { return slices.Delete(c, 2, 3) }, `event 3 of the chain of "care": it says that it is event 4`},
		"one twice":             {func(c []*pb.Event) []*pb.Event { return slices.Insert(c, 2, c[1]) }, `event 3 of the chain of "care": it says that it is event 2`},
		"turned round":          {func(c []*pb.Event) []*pb.Event { c[1], c[2] = c[2], c[1]; return c }, `event 2 of the chain of "care": it says that it is event 3`},
		"one of another":        {func(c []*pb.Event) []*pb.Event { c[1].AgreementId = "offer"; return c }, `event 2 of the chain of "care": it belongs to "offer"`},
		"back in time": {func(c []*pb.Event) []*pb.Event {
			c[n-1].RecordTime = timestamppb.New(c[0].GetRecordTime().AsTime().Add(-time.Second))
			return c
		}, "and the one before it at"},
		"another text": {func(c []*pb.Event) []*pb.Event {
			c[1].GetProposalMade().Body = append(c[1].GetProposalMade().Body, c[1].GetProposalMade().Body...)
			return c
		}, "is not the one that its digest names"},
		"no text": {func(c []*pb.Event) []*pb.Event {
			made := c[1].GetProposalMade()
			made.Body, made.TermsDigest = []byte{0xff}, "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"
			return c
		}, "cannot be read"},
		"about nothing": {func(c []*pb.Event) []*pb.Event {
			c[n-1].Change = &pb.Event_ObligationWaived{ObligationWaived: &pb.ObligationWaived{ObligationId: "never-1"}}
			return c
		}, "changes a record that it never made"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Replay("care", all(tt.spoil(w.chainOf("care"))))
			switch {
			case tt.words == "" && (err != nil || s == nil):
				t.Errorf("it was not replayed: %v", err)
			case tt.words != "" && (err == nil || s != nil || !strings.Contains(err.Error(), tt.words)):
				t.Errorf("replayed: %v; want %q", err, tt.words)
			}
		})
	}
}

func TestReplayTellsWhatCouldNotBeRead(t *testing.T) {
	torn := errors.New("torn page")
	w := busyWorld(t)
	var chain iter.Seq2[*pb.Event, error] = func(yield func(*pb.Event, error) bool) {
		_ = yield(w.chainOf("care")[0], nil) && yield(nil, torn)
	}
	if s, err := Replay("care", chain); s != nil || !errors.Is(err, torn) {
		t.Errorf("a chain that could not be read was replayed: %v", err)
	}
}

// TestRecordsAreInOrder holds that what a state lists is the same every time, and all of it.
func TestRecordsAreInOrder(t *testing.T) {
	w := busyWorld(t)
	list := func() (refs []Ref) {
		s, err := Replay("care", all(w.chainOf("care")))
		if err != nil {
			t.Fatal(err)
		}
		for ref, m := range s.Records() {
			refs = append(refs, ref)
			if !proto.Equal(m, w.records[ref]) {
				t.Errorf("%+v is %v, not %v", ref, m, w.records[ref])
			}
		}
		return refs
	}
	first := list()
	if len(first) < 5 || first[0] != agreementRef("care") {
		t.Errorf("the records are %v", first)
	}
	for range 5 {
		if again := list(); !slices.Equal(first, again) {
			t.Fatalf("the records are in another order: %v, %v", first, again)
		}
	}
}

// FuzzReplay holds that no chain whatever, such as a stranger may hand to an auditor, makes replaying panic: an event that
// decodes is applied, or refused.
func FuzzReplay(f *testing.F) {
	w := busyWorld(f)
	var chain []byte
	for _, e := range w.chainOf("care") {
		chain = protowire.AppendBytes(chain, bytesOf(e))
	}
	f.Add(chain)
	for i := range changes().Len() { // each kind of event, saying nothing, as the first of a chain and after others
		e := eventOf(changes().Get(i))
		f.Add(protowire.AppendBytes(nil, bytesOf(e)))
		e.Version = uint64(len(w.chainOf("care"))) + 1
		e.RecordTime = timestamppb.New(w.now)
		f.Add(protowire.AppendBytes(slices.Clone(chain), bytesOf(e)))
	}
	f.Fuzz(func(t *testing.T, chain []byte) {
		var events []*pb.Event
		for len(chain) > 0 {
			body, n := protowire.ConsumeBytes(chain)
			e := &pb.Event{}
			if n < 0 || proto.Unmarshal(body, e) != nil {
				break
			}
			events, chain = append(events, e), chain[n:]
		}
		if len(events) == 0 {
			t.Skip("no events")
		}
		s, err := Replay(events[0].GetAgreementId(), all(events))
		if err == nil && s.Version(events[0].GetAgreementId()) != uint64(len(events)) {
			t.Errorf("%d events lead to version %d", len(events), s.Version(events[0].GetAgreementId()))
		}
	})
}

// TestNoMutantOfAHistoryPanics holds of every story that a chain in which something was left out or changed is replayed, or
// refused: it is what a stranger may hand to an auditor.
func TestNoMutantOfAHistoryPanics(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 1))
	replayed, refused := 0, 0
	for _, path := range stories(t) {
		w := tell(t, path)
		chains := map[string][]*pb.Event{}
		for _, e := range w.history {
			chains[e.GetAgreementId()] = append(chains[e.GetAgreementId()], e)
		}
		for id, chain := range chains {
			for range 50 {
				mutant := slices.Clone(chain)
				at := chance.IntN(len(mutant))
				mutant[at] = proto.CloneOf(mutant[at])
				mutate(mutant[at].ProtoReflect().Get(mutant[at].ProtoReflect().WhichOneof(changes().Get(0).ContainingOneof())).Message(), chance)
				if _, err := Replay(id, all(mutant)); err != nil {
					refused++
				} else {
					replayed++
				}
			}
		}
	}
	if replayed < 500 || refused < 100 {
		t.Errorf("%d mutants were replayed, %d refused: that proves nothing", replayed, refused)
	}
}

// mutate clears a field of a message, or of one within it, or makes it another value.
func mutate(m protoreflect.Message, chance *rand.Rand) {
	var set []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool { set = append(set, f); return true })
	if len(set) == 0 {
		return
	}
	slices.SortFunc(set, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	f := set[chance.IntN(len(set))]
	v := m.Get(f)
	switch {
	case chance.IntN(3) == 0:
		m.Clear(f)
	case f.IsList() && f.Message() != nil:
		mutate(v.List().Get(chance.IntN(v.List().Len())).Message(), chance)
	case f.IsList():
		v.List().Truncate(chance.IntN(v.List().Len()))
	case f.Message() != nil:
		mutate(v.Message(), chance)
	case f.Kind() == protoreflect.EnumKind:
		m.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(chance.IntN(30))))
	case f.Kind() == protoreflect.Int32Kind:
		m.Set(f, protoreflect.ValueOfInt32(int32(chance.Int64())))
	case f.Kind() == protoreflect.StringKind:
		m.Set(f, protoreflect.ValueOfString("other"))
	}
}
