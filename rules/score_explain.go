package rules

import (
	"math/big"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Explanation is what a figure of one side is made of. Put tells of each record whether it is behind it.
type Explanation struct {
	// Figure is the figure, as the scorecard has it.
	Figure *pb.Figure
	// Other is the same figure of the other side; nil for one of both together.
	Other *pb.Figure
	// Shares is what each commitment of the side adds, by id; empty if no commitments make it.
	Shares []*pb.CommitmentShare
	// Objectives is what each objective of the side adds, in the order of the text; empty if no objectives make it.
	Objectives []*pb.ScoredObjective
	// From and To are the first and the last day of the window.
	From, To Day

	id      pb.FigureId
	side    pb.Side
	share   *share // nil: no obligations make it
	weights map[string]int32
}

// jointFigures are the figures of both sides together, with what to ask for instead.
var jointFigures = map[pb.FigureId]string{
	pb.FigureId_FIGURE_ID_PARITY:         "it is made of both sides' M1: ask for FIGURE_ID_KEPT of each",
	pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME: "it is made of both sides' M1: ask for FIGURE_ID_KEPT of each",
	pb.FigureId_FIGURE_ID_LOWER_PULSE:    "it is the lower of both sides' pulses: ask for FIGURE_ID_PULSE of each",
}

// Explain says what a figure of a side is made of, of an agreement that exists, for the window and the time that Scorecard
// takes. BALANCE is what the side promised. It refuses a figure of both sides together.
func (s *State) Explain(agreementID string, side pb.Side, id pb.FigureId, from, to string, at time.Time) (*Explanation, error) {
	return s.explain(agreementID, side, id, from, to, at, s.tallied(agreementID))
}

// FoldExplain is Explain, reckoned from the obligations themselves; see FoldScorecard.
func (s *State) FoldExplain(agreementID string, side pb.Side, id pb.FigureId, from, to string, at time.Time) (*Explanation, error) {
	return s.explain(agreementID, side, id, from, to, at, s.folded(agreementID))
}

func (s *State) explain(agreementID string, side pb.Side, id pb.FigureId, from, to string, at time.Time, look ledger) (*Explanation, error) {
	if instead, joint := jointFigures[id]; joint {
		return nil, Invalid(Violation{"figure_id", instead})
	}
	r, err := s.score(agreementID, from, to, at, look)
	if err != nil {
		return nil, err
	}
	x := &Explanation{From: r.window.from, To: r.window.to, id: id, side: side, weights: map[string]int32{}}
	t, other := r.sums(side, r.window), r.sums(Other(side), r.window)
	if is, made := shares[id]; made {
		x.share = &is
	}
	switch {
	case id == pb.FigureId_FIGURE_ID_BALANCE:
		x.Figure = balance(t.promised, other.promised)
		for _, c := range r.text.GetCommitments() {
			if c.GetObligor() == side {
				x.Shares = append(x.Shares, &pb.CommitmentShare{CommitmentId: c.GetCommitmentId(), Title: c.GetTitle(), Weight: c.GetWeight()})
			}
		}
		return x, s.err
	case x.share == nil:
		x.Figure, x.Other = figureOf(t.sideScores(side, "", other), id), figureOf(other.sideScores(Other(side), "", t), id)
		if x.MadeOf() == KindObjective {
			x.Objectives = r.objectives(s, side, at)
		}
		return x, s.err
	}
	x.Figure, x.Other = t.figure(id, side), other.figure(id, Other(side))
	for _, c := range r.promises {
		x.weights[c.GetCommitmentId()] = r.weight(c)
		if c.GetObligor() != side {
			continue
		}
		n := look(c.GetCommitmentId(), r.window)
		adds := &pb.CommitmentShare{
			CommitmentId: c.GetCommitmentId(), Title: c.GetTerms().GetTitle(), Weight: r.weight(c), Outcomes: n.outcomeCounts(),
			Numerator: x.share.of(&n), Denominator: x.share.by(&n),
		}
		if adds.Denominator != 0 {
			adds.Value = proto.Float64(rounded(big.NewRat(int64(adds.Numerator), int64(adds.Denominator))).float())
		}
		x.Shares = append(x.Shares, adds)
	}
	return x, s.err
}

// figureOf is a figure of a side by its id.
func figureOf(s *pb.SideScores, id pb.FigureId) *pb.Figure {
	for _, f := range []*pb.Figure{
		s.GetKept(), s.GetRecovery(), s.GetCandour(), s.GetResponsiveness(), s.GetPulse(), s.GetPulseGap(), s.GetBlocked(), s.GetEvidence(), s.GetAttainment(),
	} {
		if f.GetFigureId() == id {
			return f
		}
	}
	return nil
}

// classWords is how an obligation counts, in words.
var classWords = map[class]string{
	classOnTime: "kept on time", classLate: "kept late", classCured: "cured", classBroken: "broken",
	leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED): "excused",
}

// Obligation is what an obligation adds to the figure, or why it is left out; nil if it is neither: of the other side, due
// outside the window, or not of those that the figure is about. Position is not set: only the journal knows it.
func (x *Explanation) Obligation(o *pb.Obligation) *pb.ScoredObligation {
	m := markOf(o)
	if !m.counts() || x.share == nil || o.GetObligor() != x.side || !x.has(m.day) {
		return nil
	}
	one := counts{}
	one.count(m.mark)
	is := &pb.ScoredObligation{Obligation: o, Weight: x.weights[o.GetCommitmentId()], Version: versionOf(o.GetEtag()), InNumerator: x.share.of(&one) > 0}
	switch {
	case x.share.by(&one) > 0:
		is.CountsAs = classWords[m.class]
	case m.class.counts():
		return nil
	default:
		is.LeftOut = m.class.reason()
	}
	return is
}
