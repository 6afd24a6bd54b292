package rules

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
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
