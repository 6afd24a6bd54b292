package rules

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// randomObjectives gives a text what each side hopes to gain.
func randomObjectives(t *rapid.T, terms *pb.Terms, first Day) {
	for i, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
		if rapid.Bool().Draw(t, "hope") {
			terms.Objectives = append(terms.Objectives, &pb.ObjectiveTerms{
				ObjectiveId: fmt.Sprintf("h%d", i), Side: side, Title: "Hope", Measure: "Calls", Unit: "a day", Baseline: "40", ByDate: first.Add(90).String(),
				Target: rapid.SampledFrom([]string{"10", "-1.5", "80"}).Draw(t, "target"), Weight: rapid.Int32Range(1, 5).Draw(t, "weight"),
			})
		}
	}
}

// randomObservation draws an observation, or an answer to one that waits for it.
func randomObservation(t *rapid.T, w *world, agreement string, by Caller) (Caller, proto.Message) {
	if by.PartyID == "" {
		by = client
	}
	var waiting []string
	for ref, m := range w.records {
		if o, ok := m.(*pb.Observation); ok && ref.Agreement == agreement && o.GetState() == pending {
			waiting = append(waiting, ref.ID)
		}
	}
	slices.Sort(waiting)
	waiting = append(waiting, "o1")
	if evenly(t, "judge") < 3 {
		return by, &pb.ConfirmObservationRequest{AgreementId: agreement, ObservationId: rapid.SampledFrom(waiting).Draw(t, "observation"), Etag: randomEtag(t)}
	}
	if evenly(t, "doubt") == 0 {
		return by, &pb.ReturnObservationRequest{AgreementId: agreement, ObservationId: rapid.SampledFrom(waiting).Draw(t, "observation"), Reason: "no"}
	}
	return by, &pb.RecordObservationRequest{
		AgreementId: agreement, ObjectiveId: rapid.SampledFrom([]string{"h0", "h1"}).Draw(t, "objective"), ObservationId: rapid.SampledFrom([]string{"", "", "o1"}).Draw(t, "id"),
		Value: rapid.SampledFrom([]string{"40", "12.25", "-3", "x"}).Draw(t, "value"), ObservedDate: DayOf(w.now.Date()).Add(rapid.IntRange(-20, 1).Draw(t, "day")).String(),
	}
}

// TestWhereAnObjectiveStood holds, over random tales, that what is observed up to a day is what its side confirmed of the latest
// day, the last word of several, and that today that is what the objective says of itself.
func TestWhereAnObjectiveStood(t *testing.T) {
	found, back := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		for _, tn := range randomTale(t) {
			w.take(tn)
		}
		var order []string // as they were confirmed
		for range walkLength {
			tn := randomTurn(t, w)
			if rapid.Bool().Draw(t, "observe") {
				tn = turn{}
				tn.by, tn.command = randomObservation(t, w, "care", rapid.SampledFrom([]Caller{vendor, client}).Draw(t, "by"))
			}
			events, _ := w.take(tn)
			for _, e := range events {
				if e.GetObservationReturned() != nil {
					back++
				}
				if id := e.GetObservationConfirmed().GetObservationId(); id != "" {
					order = append(order, id)
				}
			}
		}
		for ref, m := range w.records {
			o, ok := m.(*pb.Objective)
			if !ok {
				continue
			}
			for day := DayOf(begin.Date()); day <= DayOf(w.now.Date())+1; day++ {
				var want *pb.Observation
				for _, id := range order {
					seen := w.records[observationRef(ref.Agreement, id)].(*pb.Observation)
					if seen.GetObjectiveId() == ref.ID && seen.GetObservedDate() <= day.String() && seen.GetObservedDate() >= want.GetObservedDate() {
						want = seen
					}
				}
				got := w.state().Observed(ref.Agreement, ref.ID, day)
				if !proto.Equal(got, want) {
					t.Fatalf("on %v %s stood at %v, not %v", day, ref.ID, want, got)
				}
				if want != nil {
					found++
				}
			}
			if now := w.state().Observed(ref.Agreement, ref.ID, DayOf(w.now.Date())+1); now.GetObservationId() != o.GetNewest().GetObservationId() || now.GetValue() != o.GetNewest().GetValue() {
				t.Fatalf("%v says that it stands at %v", now, o.GetNewest())
			}
		}
	})
	if found < 1000 || back < 10 {
		t.Errorf("%d days with something observed, %d observations returned: that proves little", found, back)
	}
}
