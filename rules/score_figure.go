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

// ratio is the exact value of a quotient; nil, which is null, if there is nothing to divide by.
func ratio(n, by *big.Rat) *big.Rat {
	if by.Sign() == 0 {
		return nil
	}
	return new(big.Rat).Quo(n, by)
}

func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

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
