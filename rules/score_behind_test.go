package rules

import (
	"bytes"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// explains holds of an agreement of a tale, replayed, that what every figure of a side is said to be made of makes it, whether it
// is told from tallies and lists, or from all records; in this window.
func (w *world) explains(id string, s *State, from, to string) {
	w.t.Helper()
	for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
		for n := range pb.FigureId_name {
			figure := pb.FigureId(n)
			if _, joint := jointFigures[figure]; joint || n == 0 {
				continue
			}
			folded, err := s.FoldExplain(id, side, figure, from, to, w.now)
			stored, storedErr := w.state().Explain(id, side, figure, from, to, w.now)
			if err != nil || storedErr != nil {
				w.t.Fatal(err, storedErr)
			}
			is, other := folded.Answer(), stored.Answer()
			for _, m := range folded.Behind(s, id) {
				if folded.Put(is, m) != stored.Put(other, m) {
					w.t.Fatalf("%v of the %v is behind one of\n%v\n%v", m, side, is, other)
				}
			}
			if !bytes.Equal(bytesOf(is), bytesOf(other)) {
				w.t.Fatalf("by tallies\n%v\nby records\n%v", other, is)
			}
			w.addsUpTo(is)
			w.found(id, is)
		}
	}
}

// found holds that each event that is named tells of the thing that it is named for.
func (w *world) found(id string, x *pb.ExplainFigureResponse) {
	w.t.Helper()
	events := w.chainOf(id)
	tells := func(version uint64, noun protoName, of string) {
		if version == 0 || version > uint64(len(events)) || noun.of(events[version-1]) != of {
			w.t.Fatalf("%v is not told of by event %d", of, version)
		}
	}
	for _, c := range x.GetConcerns() {
		tells(c.GetVersion(), "concern_id", c.GetConcern().GetConcernId())
	}
	for _, r := range x.GetPulseRounds() {
		if tells(r.GetVersion(), "pulse_round_id", r.GetPulseRound().GetPulseRoundId()); events[r.GetVersion()-1].GetPulseClosed() == nil {
			w.t.Fatalf("%v was not closed by event %d", r, r.GetVersion())
		}
	}
	for _, o := range x.GetObjectives() {
		if o.GetObservation() == nil {
			continue
		}
		if tells(o.GetVersion(), "observation_id", o.GetObservation().GetObservationId()); events[o.GetVersion()-1].GetObservationConfirmed() == nil {
			w.t.Fatalf("%v was not confirmed by event %d", o, o.GetVersion())
		}
	}
}

// protoName is the name of a field of changes.
type protoName string

// of is what the change of an event has there.
func (n protoName) of(e *pb.Event) string {
	m := e.ProtoReflect()
	change := m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("change"))).Message()
	for i := range change.Descriptor().Fields().Len() {
		if f := change.Descriptor().Fields().Get(i); string(f.Name()) == string(n) {
			return change.Get(f).String()
		}
	}
	return ""
}

// addsUpTo holds that what is behind a figure makes it.
func (w *world) addsUpTo(x *pb.ExplainFigureResponse) {
	w.t.Helper()
	f := x.GetFigure()
	value, of, by, count, left := f.Value, 0.0, 0.0, int32(0), map[pb.LeftOutReason]int32{}
	told, tellers := 0.0, 0.0
	add := func(in bool, n, all float64, many int32, why pb.LeftOutReason) {
		if why != 0 {
			left[why]++
			return
		}
		if in {
			of += n
		}
		by, count = by+all, count+many
	}
	for _, c := range x.GetConcerns() {
		add(c.GetInNumerator(), 1, 1, 1, c.GetLeftOut())
	}
	for _, r := range x.GetPulseRounds() {
		add(true, float64(r.GetPoints()), float64(r.GetMostPoints()), (r.GetMostPoints()+r.GetMostToldPoints())/(pulseQuestions*pulseSpan), r.GetLeftOut())
		if told, tellers = told+float64(r.GetToldPoints()), tellers+float64(r.GetMostToldPoints()); r.GetLeftOut() != 0 {
			count += r.GetMostToldPoints() / (pulseQuestions * pulseSpan)
		}
	}
	for _, o := range x.GetObjectives() {
		weight := float64(o.GetTerms().GetWeight())
		add(true, weight*o.GetShare(), weight, 1, o.GetLeftOut())
	}
	switch madeOf[f.GetFigureId()] {
	case KindConcern, KindPulseRound, KindObjective:
	default:
		return // see explained of the demonstration
	}
	is := of / by
	if gap := f.GetFigureId() == pb.FigureId_FIGURE_ID_PULSE_GAP; gap {
		is -= told / tellers
		if by == 0 || tellers == 0 {
			by, count = 0, 0
		}
	}
	if (by == 0) != (value == nil) || value != nil && (math.Abs(is-*value) > 0.000002 || count != f.GetCount()) {
		w.t.Fatalf("%v of %v, %d, make %v, and behind it are\n%v", of, by, count, f, x)
	}
	for _, l := range f.GetLeftOut() {
		left[l.GetReason()] -= l.GetCount()
	}
	for why, n := range left {
		if n != 0 {
			w.t.Fatalf("%v differs by %d: %v", why, n, x)
		}
	}
}

// TestWhatIsBehindAFigureMakesIt holds it over random tales: of any window, and of all kinds of records.
func TestWhatIsBehindAFigureMakesIt(t *testing.T) {
	behind := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		for _, tn := range randomTale(t) {
			_, _ = w.take(tn)
		}
		for range walkLength {
			tn := randomTurn(t, w)
			if tn.command != nil {
				by := rapid.SampledFrom([]Caller{vendor, client}).Draw(t, "by")
				switch evenly(t, "about") {
				case 0:
					tn.by, tn.command = randomConcern(t, w, "care", by)
				case 1:
					tn.by, tn.command = randomPulse(t, w, "care", by)
				case 2:
					tn.by, tn.command = randomObservation(t, w, "care", by)
				}
			}
			_, _ = w.take(tn)
		}
		if w.agreement("care") == nil {
			return
		}
		s, err := Replay("care", all(w.chainOf("care")))
		if err != nil {
			t.Fatal(err)
		}
		today := DayOf(w.now.Date()).Add(-1)
		from, to := today.Add(-rapid.IntRange(0, 200).Draw(t, "from")), today.Add(-rapid.IntRange(0, 20).Draw(t, "to"))
		w.explains("care", s, "", "")
		w.explains("care", s, min(from, to).String(), to.String())
		for id, is := range map[pb.FigureId]func(*pb.ExplainFigureResponse) int{
			pb.FigureId_FIGURE_ID_RESPONSIVENESS: func(x *pb.ExplainFigureResponse) int { return len(x.GetConcerns()) },
			pb.FigureId_FIGURE_ID_PULSE_GAP:      func(x *pb.ExplainFigureResponse) int { return len(x.GetPulseRounds()) },
			pb.FigureId_FIGURE_ID_ATTAINMENT:     func(x *pb.ExplainFigureResponse) int { return int(x.GetFigure().GetCount()) },
		} {
			x, err := s.FoldExplain("care", pb.Side_SIDE_CLIENT, id, "", "", w.now)
			if err != nil {
				t.Fatal(err)
			}
			answer := x.Answer()
			for _, m := range x.Behind(s, "care") {
				x.Put(answer, proto.Clone(m))
			}
			behind[id.String()] += is(answer)
		}
	})
	for what, n := range behind {
		if n < 20 {
			t.Errorf("%d were behind %s: that proves little", n, what)
		}
	}
}
