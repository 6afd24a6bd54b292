package rules

import (
	"math/big"
	"slices"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// lowEvidence is how many obligations an M1 needs to be relied on: fewer, and one more could turn it.
const lowEvidence = 5

// share is which obligations a figure divides by which. It is told from counts, which may be of many or of one.
type share struct {
	of, by func(*counts) int32
	// countsExcused says that what is excused is among them.
	countsExcused bool
}

// shares is the figures that obligations make.
var shares = map[pb.FigureId]share{
	pb.FigureId_FIGURE_ID_KEPT:     {of: (*counts).onTime, by: (*counts).counted},
	pb.FigureId_FIGURE_ID_RECOVERY: {of: (*counts).mended, by: (*counts).failed},
	pb.FigureId_FIGURE_ID_CANDOUR:  {of: func(c *counts) int32 { return c.toldFirst }, by: (*counts).failed},
	pb.FigureId_FIGURE_ID_BLOCKED:  {of: func(c *counts) int32 { return c.blocked }, by: func(c *counts) int32 { return c.counted() + c.excused() }, countsExcused: true},
	pb.FigureId_FIGURE_ID_EVIDENCE: {of: func(c *counts) int32 { return c.byWord }, by: func(c *counts) int32 { return c.onTime() + c.mended() }},
}

func (c *counts) onTime() int32 { return c.outcomes[classOnTime] }

func (c *counts) mended() int32 { return c.outcomes[classLate] + c.outcomes[classCured] }

func (c *counts) failed() int32 { return c.mended() + c.outcomes[classBroken] }

func (c *counts) counted() int32 { return c.onTime() + c.failed() }

func (c *counts) excused() int32 {
	return c.outcomes[leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED)]
}

// sums is what the figures of one side are made of, over all its commitments. Everything is exact; only figures are rounded.
type sums struct {
	counts                          // of all commitments together
	kept                   *big.Rat // the sum of weight times share kept on time, of commitments that were not all kept or all broken
	keptWhole              int64    // and of those that were
	keptWeight             int64    // the weights of the commitments with data
	mendWeight, failWeight int64    // of failures: those made good, and all
	promised               int32    // weights of what the text promises
	pulse                  counts   // of what it said in rounds of the pulse
	heard                  counts   // of the concerns that it was to answer
	attained               *big.Rat // the sum of weight times how far each objective has come
	hopeWeight             int64    // the weights of the objectives that it confirmed an observation of
	hopes, unseen          int32    // how many those are, and the others
}

func newSums() *sums { return &sums{kept: new(big.Rat), attained: new(big.Rat)} }

// add adds a commitment.
func (t *sums) add(weight int32, c counts) {
	w := int64(weight)
	t.mendWeight += w * int64(c.mended())
	t.failWeight += w * int64(c.failed())
	if by := c.counted(); by != 0 {
		switch c.onTime() {
		case by: // most are kept, and adding fractions is dear
			t.keptWhole += w
		case 0:
		default:
			t.kept.Add(t.kept, big.NewRat(w*int64(c.onTime()), int64(by)))
		}
		t.keptWeight += w
	}
	t.counts.join(&c)
}

// join adds the sums of another agreement.
func (t *sums) join(o *sums) {
	t.kept.Add(t.kept, o.kept)
	t.keptWhole += o.keptWhole
	t.keptWeight += o.keptWeight
	t.mendWeight += o.mendWeight
	t.failWeight += o.failWeight
	t.promised += o.promised
	t.counts.join(&o.counts)
	t.pulse.join(&o.pulse)
	t.heard.join(&o.heard)
	t.attained.Add(t.attained, o.attained)
	t.hopeWeight += o.hopeWeight
	t.hopes += o.hopes
	t.unseen += o.unseen
}

// join adds other counts.
func (c *counts) join(o *counts) {
	for is, n := range o.outcomes {
		c.outcomes[is] += n
	}
	c.toldFirst += o.toldFirst
	c.byWord += o.byWord
	c.blocked += o.blocked
	c.answers += o.answers
	c.ofOther += o.ofOther
	c.ofSelf += o.ofSelf
	for days, n := range o.days {
		c.took(days, n)
	}
}

// leftOut is what is left out, by reason, but for some.
func (c *counts) leftOut(but ...pb.LeftOutReason) (left []*pb.LeftOut) {
	for o := classBroken + 1; o < classes; o++ {
		if n := c.outcomes[o]; n != 0 && !slices.Contains(but, o.reason()) {
			left = append(left, &pb.LeftOut{Reason: o.reason(), Count: n})
		}
	}
	return left
}

// outcomeCounts is how a side's obligations ended.
func (c *counts) outcomeCounts() *pb.OutcomeCounts {
	return &pb.OutcomeCounts{
		KeptOnTime: c.outcomes[classOnTime], KeptLate: c.outcomes[classLate], Cured: c.outcomes[classCured], Broken: c.outcomes[classBroken],
		LeftOut: c.leftOut(),
	}
}

// keptSum is the sum of weight times share kept on time.
func (t *sums) keptSum() *big.Rat { return new(big.Rat).Add(t.kept, whole(t.keptWhole)) }

// keptRatio is M1, exactly.
func (t *sums) keptRatio() *big.Rat { return ratio(t.keptSum(), whole(t.keptWeight)) }

// figure is a figure that obligations make.
func (t *sums) figure(id pb.FigureId, side pb.Side) *pb.Figure {
	is := shares[id]
	of, by := whole(int64(is.of(&t.counts))), whole(int64(is.by(&t.counts)))
	switch id {
	case pb.FigureId_FIGURE_ID_KEPT:
		of, by = t.keptSum(), whole(t.keptWeight)
	case pb.FigureId_FIGURE_ID_RECOVERY:
		of, by = whole(t.mendWeight), whole(t.failWeight)
	}
	left := t.leftOut()
	if is.countsExcused {
		left = t.leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED)
	}
	f := quotient(id, side, of, by, is.by(&t.counts), left)
	switch id {
	case pb.FigureId_FIGURE_ID_KEPT:
		f.LowEvidence = f.Value != nil && f.Count < lowEvidence
	case pb.FigureId_FIGURE_ID_RECOVERY:
		f.MedianBusinessDays = median(t.days)
	}
	return f
}

// hope adds an objective, and where it stands; an observation of nil is none.
func (t *sums) hope(o *pb.ObjectiveTerms, seen *pb.Observation) {
	if seen == nil {
		t.unseen++
		return
	}
	t.hopes++
	t.hopeWeight += int64(o.GetWeight())
	t.attained.Add(t.attained, new(big.Rat).Mul(whole(int64(o.GetWeight())), progress(o, seen.GetValue())))
}

// progress is how far a value is from the baseline of an objective towards its target: 0 to 1.
func progress(o *pb.ObjectiveTerms, value string) *big.Rat {
	base := int64(figure(o.GetBaseline()))
	way := ratio(whole(int64(figure(value))-base), whole(int64(figure(o.GetTarget()))-base))
	switch {
	case way == nil || way.Sign() < 0:
		return new(big.Rat)
	case way.Cmp(whole(1)) > 0:
		return whole(1)
	}
	return way
}

// attainment is M11.
func (t *sums) attainment(side pb.Side) *pb.Figure {
	var left []*pb.LeftOut
	if t.unseen > 0 {
		left = []*pb.LeftOut{{Reason: pb.LeftOutReason_LEFT_OUT_REASON_NOT_OBSERVED, Count: t.unseen}}
	}
	return quotient(pb.FigureId_FIGURE_ID_ATTAINMENT, side, t.attained, whole(t.hopeWeight), t.hopes, left)
}

// responsiveness is M4: of the concerns whose clock ended, those that were acknowledged in time.
func (t *sums) responsiveness(side pb.Side) *pb.Figure {
	f := quotient(pb.FigureId_FIGURE_ID_RESPONSIVENESS, side, whole(int64(t.heard.onTime())), whole(int64(t.heard.counted())), t.heard.counted(), t.heard.leftOut())
	f.MedianBusinessDays = median(t.heard.days)
	return f
}

// felt is M8, exactly: points by as many as there could be.
func (t *sums) felt(points int32) *big.Rat {
	return ratio(whole(int64(points)), whole(int64(t.pulse.answers)*pulseQuestions*pulseSpan))
}

// pulseFigure is M8: what a side says of the other.
func (t *sums) pulseFigure(side pb.Side) *pb.Figure {
	by := whole(int64(t.pulse.answers) * pulseQuestions * pulseSpan)
	return quotient(pb.FigureId_FIGURE_ID_PULSE, side, whole(int64(t.pulse.ofOther)), by, t.pulse.answers, t.pulse.leftOut())
}

// gapFigure is M8: what a side says of itself, less what the other says of it.
func (t *sums) gapFigure(side pb.Side, other *sums) *pb.Figure {
	var gap *big.Rat
	if own, others := t.felt(t.pulse.ofSelf), other.felt(other.pulse.ofOther); own != nil && others != nil {
		gap = new(big.Rat).Sub(own, others)
	}
	f := valued(pb.FigureId_FIGURE_ID_PULSE_GAP, side, gap)
	f.LeftOut = t.pulse.leftOut()
	if gap != nil {
		f.Count = t.pulse.answers + other.pulse.answers
	}
	return f
}

// lowerPulse is M8: the lower of what two sides say of each other.
func lowerPulse(a, b *sums) *pb.Figure {
	one, other := a.felt(a.pulse.ofOther), b.felt(b.pulse.ofOther)
	if one == nil || other == nil {
		one = nil
	} else if other.Cmp(one) < 0 {
		one = other
	}
	return valued(pb.FigureId_FIGURE_ID_LOWER_PULSE, pb.Side_SIDE_UNSPECIFIED, one)
}

// sideScores is what a scorecard says of one side, beside another.
func (t *sums) sideScores(side pb.Side, partyID string, other *sums) *pb.SideScores {
	return &pb.SideScores{
		Side: side, PartyId: partyID, Outcomes: t.outcomeCounts(), PromisedWeight: t.promised,
		Kept:           t.figure(pb.FigureId_FIGURE_ID_KEPT, side),
		Recovery:       t.figure(pb.FigureId_FIGURE_ID_RECOVERY, side),
		Candour:        t.figure(pb.FigureId_FIGURE_ID_CANDOUR, side),
		Blocked:        t.figure(pb.FigureId_FIGURE_ID_BLOCKED, side),
		Evidence:       t.figure(pb.FigureId_FIGURE_ID_EVIDENCE, side),
		Responsiveness: t.responsiveness(side),
		Pulse:          t.pulseFigure(side),
		PulseGap:       t.gapFigure(side, other),
		Attainment:     t.attainment(side),
	}
}
