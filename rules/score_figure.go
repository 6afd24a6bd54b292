package rules

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// FormulaVersion is the version of every formula that this release reckons by. A formula that changes gets a new version, and
// the old one stays for what was reckoned by it.
const FormulaVersion = 1

// lowEvidence is how many obligations an M1 needs to be relied on: fewer, and one more could turn it.
const lowEvidence = 5

// sums is what the figures of one side are made of, over all its commitments. Everything is exact; only figures are rounded.
type sums struct {
	counts                  // of all commitments together
	kept           *big.Rat // the sum of weight times share kept on time
	keptWeight     int64    // the weights of the commitments with data
	mended, failed int64    // weights of failures, those made good and all
	promised       int32    // weights of what the text promises
}

func newSums() *sums { return &sums{kept: new(big.Rat)} }

// add adds a commitment.
func (t *sums) add(weight int32, c counts) {
	w, counted, mended := int64(weight), int64(0), int64(0)
	for is, n := range c.outcomes {
		t.outcomes[is] += n
		if class(is).counts() {
			counted += int64(n)
		}
	}
	mended = int64(c.outcomes[classLate]) + int64(c.outcomes[classCured])
	t.mended += w * mended
	t.failed += w * (mended + int64(c.outcomes[classBroken]))
	if counted != 0 {
		t.kept.Add(t.kept, big.NewRat(w*int64(c.outcomes[classOnTime]), counted))
		t.keptWeight += w
	}
	t.toldFirst += c.toldFirst
	t.byWord += c.byWord
	t.blocked += c.blocked
	for days, n := range c.days {
		t.took(days, n)
	}
}

// of is how many have an outcome for which is says so.
func (c *counts) of(is func(class) bool) (n int32) {
	for o, m := range c.outcomes {
		if o > 0 && is(class(o)) {
			n += m
		}
	}
	return n
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

// ratio is the exact value of a quotient; nil, which is null, if there is nothing to divide by.
func ratio(n, by *big.Rat) *big.Rat {
	if by.Sign() == 0 {
		return nil
	}
	return new(big.Rat).Quo(n, by)
}

func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// keptRatio is M1, exactly.
func (t *sums) keptRatio() *big.Rat { return ratio(t.kept, whole(t.keptWeight)) }

// nullFigure is a figure that says nothing yet.
func nullFigure(id pb.FigureId, side pb.Side) *pb.Figure {
	return &pb.Figure{FigureId: id, FormulaVersion: FormulaVersion, Side: side}
}

// quotient is a figure that divides.
func quotient(id pb.FigureId, side pb.Side, n, by *big.Rat, count int32, left []*pb.LeftOut) *pb.Figure {
	f := valued(id, side, ratio(n, by))
	f.Count, f.LeftOut = count, left
	if f.Value != nil {
		f.Numerator, f.Denominator = rounded(n).String(), rounded(by).String()
	}
	return f
}

// valued is a figure that is no quotient; nil is null.
func valued(id pb.FigureId, side pb.Side, value *big.Rat) *pb.Figure {
	f := nullFigure(id, side)
	if value != nil {
		f.Value = proto.Float64(rounded(value).float())
	}
	return f
}

// sideScores is what a scorecard says of one side.
func (t *sums) sideScores(side pb.Side, partyID string) *pb.SideScores {
	counted, failed := t.of(class.counts), t.of(class.failed)
	s := &pb.SideScores{
		Side: side, PartyId: partyID, Outcomes: t.outcomeCounts(), PromisedWeight: t.promised,
		Kept:           quotient(pb.FigureId_FIGURE_ID_KEPT, side, t.kept, whole(t.keptWeight), counted, t.leftOut()),
		Recovery:       quotient(pb.FigureId_FIGURE_ID_RECOVERY, side, whole(t.mended), whole(t.failed), failed, t.leftOut()),
		Candour:        quotient(pb.FigureId_FIGURE_ID_CANDOUR, side, whole(int64(t.toldFirst)), whole(int64(failed)), failed, t.leftOut()),
		Responsiveness: nullFigure(pb.FigureId_FIGURE_ID_RESPONSIVENESS, side),
		Pulse:          nullFigure(pb.FigureId_FIGURE_ID_PULSE, side),
		PulseGap:       nullFigure(pb.FigureId_FIGURE_ID_PULSE_GAP, side),
		Attainment:     nullFigure(pb.FigureId_FIGURE_ID_ATTAINMENT, side),
	}
	s.Kept.LowEvidence = s.Kept.Value != nil && counted < lowEvidence
	s.Recovery.MedianBusinessDays = median(t.days)
	due := counted + t.outcomes[leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED)]
	s.Blocked = quotient(pb.FigureId_FIGURE_ID_BLOCKED, side, whole(int64(t.blocked)), whole(int64(due)), due, t.leftOut(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED))
	fulfilled := counted - t.outcomes[classBroken]
	s.Evidence = quotient(pb.FigureId_FIGURE_ID_EVIDENCE, side, whole(int64(t.byWord)), whole(int64(fulfilled)), fulfilled, t.leftOut())
	return s
}

// median is the number of days in the middle, or the mean of the two that are; nil if there are none.
func median(days map[int32]int32) *float64 {
	total := int64(0)
	for _, n := range days {
		total += int64(n)
	}
	if total <= 0 {
		return nil
	}
	nth := func(n int64) int64 { // from 0
		for _, d := range slices.SortedFunc(maps.Keys(days), cmp.Compare[int32]) {
			if n -= int64(days[d]); n < 0 {
				return int64(d)
			}
		}
		return 0
	}
	return proto.Float64(float64(nth((total-1)/2)+nth(total/2)) / 2) // halves are exact
}

// balance is M5: of the weights that two sides promised, the lesser by the greater.
func balance(a, b int32) *pb.Figure {
	return quotient(pb.FigureId_FIGURE_ID_BALANCE, pb.Side_SIDE_UNSPECIFIED, whole(int64(min(a, b))), whole(int64(max(a, b))), 0, nil)
}

// parity is M6: 1 less the difference.
func parity(a, b *big.Rat) *pb.Figure {
	var value *big.Rat
	if a != nil && b != nil {
		value = new(big.Rat).Sub(a, b)
		value.Sub(whole(1), value.Abs(value))
	}
	return valued(pb.FigureId_FIGURE_ID_PARITY, pb.Side_SIDE_UNSPECIFIED, value)
}

// mutualOutcome is M7: the square root of the product. It is rounded where it is reckoned, since it is seldom a fraction.
func mutualOutcome(a, b *big.Rat) *pb.Figure {
	f := nullFigure(pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME, pb.Side_SIDE_UNSPECIFIED)
	if a == nil || b == nil {
		return f
	}
	// The root in half millionths, cut off, and then half of one up: 2·10^6·√x is √(4·10^12·x).
	product := new(big.Rat).Mul(a, b)
	product.Mul(product, whole(4*int64(decimalOne)*int64(decimalOne)))
	root := new(big.Int).Quo(product.Num(), product.Denom())
	root.Sqrt(root)
	f.Value = proto.Float64(decimal((root.Int64() + 1) / 2).float())
	return f
}

// rounded is a number to six places, half of one up.
func rounded(r *big.Rat) decimal {
	twice := new(big.Int).Mul(r.Num(), big.NewInt(2*int64(decimalOne)))
	twice.Add(twice, r.Denom())
	twice.Div(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2))) // towards the lesser, as the divisor is positive
	return decimal(twice.Int64())
}

// float is the double nearest to a decimal.
func (n decimal) float() float64 {
	f, _ := strconv.ParseFloat(n.String(), 64) // what String wrote parses
	return f
}

// fraction is the number that a double was written as: the shortest decimal that reads as it.
func fraction(f float64) *big.Rat {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64))
	if !ok {
		return new(big.Rat) // it is no number: terms are checked to have one
	}
	return r
}
