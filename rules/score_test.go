package rules

import (
	"bytes"
	"math/big"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// scored holds of an agreement of a tale, replayed, what is true of every score: tallies and the obligations themselves say
// the same, of any window; the parts of a window add up to it; and what is excused counts for nothing.
func (w *world) scored(id string, s *State) {
	w.t.Helper()
	if s.agreement(id) == nil {
		return
	}
	days := []Day{}
	for _, m := range s.Records() {
		for _, m := range marksOf(m) {
			if m.counts() {
				days = append(days, m.day)
			}
		}
	}
	slices.Sort(days)
	whole := w.bothWays(id, s, "", "")
	if len(days) == 0 {
		w.nothingDue(whole)
		return
	}
	first, middle, last := days[0], days[len(days)/2], days[len(days)-1]
	late := last.Add(3).utc() // when all that is scheduled by now is in the window
	w.addsUp(w.wholeAt(id, s, first, last, late), w.wholeAt(id, s, first, middle, late), w.wholeAt(id, s, middle+1, last+1, late))
	without := NewState(Ground{})
	for ref, m := range s.Records() {
		if asObligation(m).GetState() != excused {
			without.Put(ref, m)
		}
	}
	is, err := s.FoldScorecard(id, "", "", late)
	other, otherErr := without.FoldScorecard(id, "", "", late)
	if err != nil || otherErr != nil {
		w.t.Fatal(err, otherErr)
	}
	for i, f := range countedFigures(is) {
		g := countedFigures(other)[i]
		f.LeftOut, g.LeftOut = nil, nil
		if !proto.Equal(f, g) {
			w.t.Fatalf("with what is excused\n%v\nwithout it\n%v", f, g)
		}
	}
}

// asObligation is a record, if it is one; else one of nothing.
func asObligation(m proto.Message) *pb.Obligation {
	o, _ := m.(*pb.Obligation)
	return o
}

// countedFigures is the figures of both sides that what is excused does not touch.
func countedFigures(c *pb.Scorecard) (all []*pb.Figure) {
	for _, s := range []*pb.SideScores{c.GetVendor(), c.GetClient()} {
		all = append(all, s.GetKept(), s.GetRecovery(), s.GetCandour(), s.GetEvidence())
	}
	return append(all, c.GetParity(), c.GetMutualOutcome())
}

// bothWays is a scorecard as of now, reckoned from tallies, from obligations and from the records that the world holds.
func (w *world) bothWays(id string, s *State, from, to string) *pb.Scorecard {
	w.t.Helper()
	tallied, err := s.Scorecard(id, from, to, w.now)
	folded, foldErr := s.FoldScorecard(id, from, to, w.now)
	stored, storedErr := w.state().Scorecard(id, from, to, w.now)
	if err != nil || foldErr != nil || storedErr != nil {
		w.t.Fatal(err, foldErr, storedErr)
	}
	if !bytes.Equal(bytesOf(tallied), bytesOf(folded)) || !bytes.Equal(bytesOf(tallied), bytesOf(stored)) {
		w.t.Fatalf("by tallies\n%v\nby obligations\n%v\nas stored\n%v", tallied, folded, stored)
	}
	return tallied
}

// wholeAt is the sums of both sides over a window that is over at a time, which tallies and obligations agree on.
func (w *world) wholeAt(id string, s *State, from, to Day, at time.Time) (both [2]*sums) {
	w.t.Helper()
	for i, look := range []ledger{s.tallied(id), s.folded(id)} {
		r, err := s.score(id, from.String(), max(from, to).String(), at, look)
		if err != nil {
			w.t.Fatal(err)
		}
		r.window.to = to // it may be empty
		now := [2]*sums{r.sums(pb.Side_SIDE_VENDOR, r.window), r.sums(pb.Side_SIDE_CLIENT, r.window)}
		for side := range both {
			if i > 0 && !bytes.Equal(bytesOf(both[side].sideScores(0, "", both[1-side])), bytesOf(now[side].sideScores(0, "", now[1-side]))) {
				w.t.Fatalf("from %v to %v: by tallies\n%v\nby obligations\n%v", from, to, both[side], now[side])
			}
		}
		both = now
	}
	return both
}

// addsUp holds that what is counted in a window is what is counted in its two parts.
func (w *world) addsUp(whole, one, other [2]*sums) {
	w.t.Helper()
	for side := range whole {
		for c := range whole[side].outcomes {
			if whole[side].outcomes[c] != one[side].outcomes[c]+other[side].outcomes[c] {
				w.t.Fatalf("outcome %d: %v is not %v and %v", c, whole[side], one[side], other[side])
			}
		}
		scores := func(of [2]*sums) *pb.SideScores { return of[side].sideScores(0, "", of[1-side]) }
		a, b, all := scores(one), scores(other), scores(whole)
		for _, of := range []func(*pb.SideScores) *pb.Figure{(*pb.SideScores).GetRecovery, (*pb.SideScores).GetCandour, (*pb.SideScores).GetBlocked, (*pb.SideScores).GetEvidence, (*pb.SideScores).GetPulse, (*pb.SideScores).GetResponsiveness} {
			for _, part := range []func(*pb.Figure) string{(*pb.Figure).GetNumerator, (*pb.Figure).GetDenominator} {
				if figure(part(of(a)))+figure(part(of(b))) != figure(part(of(all))) {
					w.t.Fatalf("%v is not %v and %v", of(all), of(a), of(b))
				}
			}
		}
	}
}

// nothingDue holds that nothing is null, and not 0, where nothing was due.
func (w *world) nothingDue(c *pb.Scorecard) {
	w.t.Helper()
	for _, s := range []*pb.SideScores{c.GetVendor(), c.GetClient()} {
		for _, f := range []*pb.Figure{s.GetKept(), s.GetRecovery(), s.GetCandour(), s.GetBlocked(), s.GetEvidence(), c.GetParity(), c.GetMutualOutcome()} {
			if f.Value != nil || f.GetNumerator() != "" || f.GetDenominator() != "" || f.GetCount() != 0 || f.GetLeftOut() != nil {
				w.t.Fatalf("nothing was due, and yet %v", f)
			}
		}
	}
}

// TestNobodyBettersItsOwnScoreAlone holds of random tales that no command of a side, alone, betters its own promise-kept
// ratio, recovery or evidence grade: that takes the other side, the neutral, or time.
func TestNobodyBettersItsOwnScoreAlone(t *testing.T) {
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		card := func(id string) *pb.Scorecard {
			if w.agreement(id) == nil {
				return nil
			}
			c, err := w.state().Scorecard(id, "", "", w.now)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for _, tn := range randomTale(t) {
			_, _ = w.take(tn)
		}
		for range walkLength {
			tn := randomTurn(t, w)
			id := "care"
			if c, is := tn.command.(interface{ GetAgreementId() string }); is {
				id = c.GetAgreementId()
			}
			before := card(id)
			events, err := w.take(tn)
			if _, together := tn.command.(*pb.AcceptProposalRequest); err != nil || before == nil || together || tn.command == nil {
				continue
			}
			side, alone := pb.Side_SIDE_UNSPECIFIED, true
			for _, e := range events {
				side = e.GetActor().GetSide()
				alone = alone && side != pb.Side_SIDE_UNSPECIFIED
			}
			if !alone || side == pb.Side_SIDE_UNSPECIFIED {
				continue
			}
			tried++
			was, is := ofSide(before, side), ofSide(card(id), side)
			for i, f := range was {
				if f.Value != nil && (is[i].Value == nil || is[i].GetValue() > f.GetValue()) {
					t.Fatalf("%v did %v and has\n%v\nafter\n%v", side, tn.command, is[i], f)
				}
			}
		}
	})
	if tried < 500 {
		t.Errorf("%d commands were tried: that proves little", tried)
	}
}

// ofSide is the figures of a side that others make.
func ofSide(c *pb.Scorecard, side pb.Side) []*pb.Figure {
	s := c.GetVendor()
	if side == pb.Side_SIDE_CLIENT {
		s = c.GetClient()
	}
	return []*pb.Figure{s.GetKept(), s.GetRecovery(), s.GetEvidence()}
}

func TestFiguresAreExact(t *testing.T) {
	third, two := big.NewRat(1, 3), big.NewRat(2, 3)
	for _, tt := range []struct {
		what string
		is   float64
		want float64
	}{
		{"a third", rounded(third).float(), 0.333333},
		{"two thirds", rounded(two).float(), 0.666667},
		{"half a millionth", rounded(big.NewRat(1, 2_000_000)).float(), 0.000001},
		{"less than that", rounded(big.NewRat(999, 2_000_000_000)).float(), 0},
		{"half a millionth below", rounded(big.NewRat(-1, 2_000_000)).float(), 0},
		{"more than that", rounded(big.NewRat(-1001, 2_000_000_000)).float(), -0.000001},
		{"root of a ninth", mutualOutcome(third, third).GetValue(), 0.333333},
		{"root of 2/9", mutualOutcome(third, two).GetValue(), 0.471405},
		{"root of nothing", mutualOutcome(third, new(big.Rat)).GetValue(), 0},
		{"root of all", mutualOutcome(whole(1), whole(1)).GetValue(), 1},
		{"parity", parity(third, whole(1)).GetValue(), 0.333333},
		{"parity turned round", parity(whole(1), third).GetValue(), 0.333333},
		{"balance", balance(25, 27).GetValue(), 0.925926},
		{"balance of one", balance(0, 3).GetValue(), 0},
	} {
		if tt.is != tt.want {
			t.Errorf("%s is %v, not %v", tt.what, tt.is, tt.want)
		}
	}
	for _, f := range []*pb.Figure{parity(nil, third), parity(third, nil), mutualOutcome(nil, third), mutualOutcome(third, nil), balance(0, 0)} {
		if f.Value != nil || f.GetFigureId() == 0 || f.GetFormulaVersion() != FormulaVersion {
			t.Errorf("%v is not null", f)
		}
	}
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	for _, tt := range []struct {
		days map[int32]int32
		want float64
	}{
		{map[int32]int32{4: 1}, 4}, {map[int32]int32{4: 2, 9: 1}, 4}, {map[int32]int32{4: 1, 9: 1}, 6.5}, {map[int32]int32{0: 3, 1: 3}, 0.5}, {map[int32]int32{9: 2, 0: 1}, 9},
	} {
		if is := median(tt.days); is == nil || *is != tt.want {
			t.Errorf("%v: %v, not %v", tt.days, is, tt.want)
		}
	}
	if is := median(map[int32]int32{3: 0}); is != nil {
		t.Errorf("of nothing: %v", *is)
	}
}

// TestAWindow holds what windows are, and which are none.
func TestAWindow(t *testing.T) {
	first, today := DayOf(2026, 1, 1), DayOf(2026, 7, 10)
	for _, tt := range []struct{ from, to, is, wrong string }{
		{"", "", "2026-01-01 2026-07-10", ""},
		{"2026-03-01", "2026-03-31", "2026-03-01 2026-03-31", ""},
		{"2020-03-01", "2027-03-31", "2020-03-01 2026-07-10", ""},
		{"2026-07-10", "2026-07-10", "2026-07-10 2026-07-10", ""},
		{"", "2025-12-31", "", "to_date"},
		{"2026-02-01", "2026-01-31", "", "to_date"},
		{"2026-07-11", "", "", "from_date"},
		{"2026-02-30", "2026-13-01", "", "from_date"},
	} {
		w, err := scoreWindow(tt.from, tt.to, first, today)
		if e, refused := err.(*Error); refused {
			if len(e.Violations) == 0 || e.Violations[0].Field != tt.wrong {
				t.Errorf("%q to %q: %v", tt.from, tt.to, err)
			}
		} else if is := w.from.String() + " " + w.to.String(); is != tt.is {
			t.Errorf("%q to %q is %s", tt.from, tt.to, is)
		}
	}
	if w, err := scoreWindow("", "", today+9, today); err != nil || w.from != today || w.to != today {
		t.Errorf("of an agreement to come: %v, %v", w, err)
	}
}
