package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What the protos name must be told in a story: whoever adds an event, a verb, a row or a reason tells it, too.

var allTales struct {
	once sync.Once
	seen *trace
}

// told is what all stories together have shown.
func told(t *testing.T) *trace {
	t.Helper()
	allTales.once.Do(func() {
		seen := newTrace()
		for _, path := range stories(t) {
			one := tell(t, path).trace
			for k := range one.events {
				seen.events[k] = true
			}
			for k := range one.refusals {
				seen.refusals[k] = true
			}
			for k := range one.moves {
				seen.moves[k] = true
			}
		}
		allTales.seen = seen
	})
	if allTales.seen == nil {
		t.Fatal("the stories do not hold")
	}
	return allTales.seen
}

// untold refuses what no story tells.
func untold(t *testing.T, name string, told bool) {
	t.Helper()
	if !told {
		t.Errorf("no story tells %s", name)
	}
}

// rowName is a row in words.
func rowName[S state](noun string, m Move[S]) string {
	return noun + " " + word(m.From) + " " + m.Verb + " " + word(m.To)
}

// changes is the arms of Event.change.
func changes() protoreflect.FieldDescriptors {
	return (&pb.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("change").Fields()
}

// eventOf is an empty event of one kind.
func eventOf(arm protoreflect.FieldDescriptor) *pb.Event {
	e := &pb.Event{AgreementId: "care", Version: 1}
	e.ProtoReflect().Set(arm, e.ProtoReflect().NewField(arm))
	return e
}

func TestEveryEventIsToldInAStory(t *testing.T) {
	seen := told(t)
	for i := range changes().Len() {
		name := string(changes().Get(i).Name())
		untold(t, name, seen.events[name])
	}
}

func TestEveryEventCanBeAppliedAndHasWords(t *testing.T) {
	for i := range changes().Len() {
		arm := changes().Get(i)
		s := NewState(Ground{})
		if err := Apply(s, eventOf(arm)); err != nil && strings.Contains(err.Error(), "does not know") {
			t.Errorf("%s: %v", arm.Name(), err)
		}
		if words := Words(eventOf(arm)); words == "" || strings.Contains(words, "no words") {
			t.Errorf("%s: %q", arm.Name(), words)
		}
	}
}

// TestAnEventOfTheFutureIsRefused holds that guessing is refused, and that words do not fail.
func TestAnEventOfTheFutureIsRefused(t *testing.T) {
	s := NewState(Ground{})
	if err := Apply(s, &pb.Event{AgreementId: "care", Version: 1}); err == nil || s.Version("care") != 0 {
		t.Errorf("an event without a known change was applied: %v", err)
	}
	if Words(&pb.Event{}) == "" {
		t.Error("an event of an unknown kind has no words at all")
	}
}

// TestHistoryCannotChangeWhatItNeverMade holds that an event about a record that does not exist is a fault, not a guess.
func TestHistoryCannotChangeWhatItNeverMade(t *testing.T) {
	made := map[string]bool{"party_registered": true, "api_key_issued": true, "log_opened": true, "agreement_drafted": true}
	for i := range changes().Len() {
		arm := changes().Get(i)
		s := NewState(Ground{})
		if err := Apply(s, eventOf(arm)); (err == nil) != made[string(arm.Name())] {
			t.Errorf("%s on an empty ground: %v", arm.Name(), err)
		}
	}
}

// commands is an empty request for every RPC that may change something, with the service's own commands.
func commands() []proto.Message {
	list := []proto.Message{&journalv1.Wake{}, &journalv1.FirstKey{}}
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				m := methods.Get(j)
				name := string(m.Name())
				if strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Explain") || m.IsStreamingServer() {
					continue
				}
				kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
				if err != nil {
					panic(err)
				}
				list = append(list, kind.New().Interface())
			}
		}
		return true
	})
	slices.SortFunc(list, func(a, b proto.Message) int {
		return strings.Compare(string(a.ProtoReflect().Descriptor().FullName()), string(b.ProtoReflect().Descriptor().FullName()))
	})
	return list
}

func TestEveryCommandIsDecided(t *testing.T) {
	if len(commands()) < 19 {
		t.Fatalf("only %d commands found", len(commands()))
	}
	for _, c := range commands() {
		w := newWorld(t, begin)
		if _, err := Decide(NewState(w.ground()), c, w.stamp(Service())); err != nil && strings.Contains(err.Error(), "no rule decides") {
			t.Error(err)
		}
	}
	if _, err := Decide(NewState(Ground{}), &pb.Party{}, Stamp{}); err == nil || !strings.Contains(err.Error(), "no rule decides") {
		t.Errorf("a message that is no command: %v", err)
	}
}

func TestEveryRowIsGoneInAStory(t *testing.T) {
	checkRowsGone(t, "obligation", ObligationMoves, scheduled)
	checkRowsGone(t, "proposal", ProposalMoves, open)
	checkRowsGone(t, "concern", ConcernMoves, raised)
	checkRowsGone(t, "agreement", AgreementMoves, pb.AgreementState_AGREEMENT_STATE_DRAFT)
	checkRowsGone(t, "commitment", CommitmentMoves, dormant)
	checkRowsGone(t, "pulse round", PulseMoves, pulseScheduled)
	checkRowsGone(t, "objective", ObjectiveMoves, objectiveInForce)
	checkRowsGone(t, "observation", ObservationMoves, pending)
	checkRowsGone(t, "review", ReviewMoves, reviewOpen)
}

// checkRowsGone holds that the rows of a table that can be reached from its first state are gone in a story. A row that
// no row leads to waits for a release that does.
func checkRowsGone[S state](t *testing.T, noun string, table []Move[S], first S) {
	t.Helper()
	seen := told(t)
	reached := map[S]bool{first: true}
	for range table {
		for _, m := range table {
			reached[m.To] = reached[m.To] || reached[m.From]
		}
	}
	for _, m := range table {
		s := step{noun, word(m.From), m.Verb, m.By, word(m.To)}
		switch {
		case !reached[m.From] && seen.moves[s]:
			t.Errorf("gone, though no row leads there: %+v", s)
		case !reached[m.From]:
			t.Logf("no row leads to %+v", s)
		default:
			untold(t, rowName(noun, m), seen.moves[s])
		}
	}
}

// TestEveryReasonIsToldInAStory reads the reasons off the rules' own source.
func TestEveryReasonIsToldInAStory(t *testing.T) {
	seen := told(t)
	found := 0
	for name := range reasonsInSource(t) {
		reason := pb.ErrorReason(pb.ErrorReason_value[strings.TrimPrefix(name, "ErrorReason_")])
		if reason == pb.ErrorReason_ERROR_REASON_INTERNAL {
			continue // a history that changes what it never made; see above
		}
		found++
		untold(t, strings.TrimPrefix(reason.String(), "ERROR_REASON_"), seen.refusals[reason])
	}
	if found < 10 {
		t.Errorf("only %d reasons found in the source", found)
	}
}

func reasonsInSource(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "ErrorReason_ERROR_REASON_") {
				names[sel.Sel.Name] = true
			}
			return true
		})
	}
	return names
}
