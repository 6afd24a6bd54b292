package rules

import (
	"fmt"
	"math/bits"
	"strings"
)

// decimal is a figure of the terms in millionths. There is no float anywhere: 99.80 less 99.70 must be one whole step of
// 0.1.
type decimal int64

// The places of a decimal; terms.proto says the same.
const (
	decimalPlaces  = 6
	decimalDigits  = 12
	decimalOne     = decimal(1_000_000)
	decimalHundred = 100 * decimalOne
)

// parseDecimal reads "99.80": at most 12 digits before the point and 6 behind it.
func parseDecimal(text string) (decimal, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	n, ok := int64(0), whole != "" && len(whole) <= decimalDigits && len(fraction) <= decimalPlaces && (fraction != "") == pointed
	for _, c := range []byte(whole + fraction + strings.Repeat("0", max(0, decimalPlaces-len(fraction)))) {
		if c < '0' || c > '9' || !ok {
			return 0, fmt.Errorf("%.40q is not a decimal: want at most %d digits before the point and %d behind it", text, decimalDigits, decimalPlaces)
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return decimal(n), nil
}

// figure is a decimal that was checked; 0 for none.
func figure(text string) decimal {
	n, _ := parseDecimal(text)
	return n
}

// String writes a decimal with as many places as it needs.
func (n decimal) String() string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%06d", sign, n/decimalOne, n%decimalOne)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// money writes a decimal with two places, which it has.
func (n decimal) money() string { return fmt.Sprintf("%d.%02d", n/decimalOne, n%decimalOne/10_000) }

func (n decimal) abs() decimal {
	if n < 0 {
		return -n
	}
	return n
}

// percentOf is so many per cent of an amount, in hundredths, half of one up. Neither is negative, and per cent is at most
// 100.
func (n decimal) percentOf(amount decimal) decimal {
	const hundredth = uint64(decimalOne / 100)
	by := uint64(decimalHundred) * hundredth // per cent, and from millionths to hundredths
	high, low := bits.Mul64(uint64(n), uint64(amount))
	low, carry := bits.Add64(low, by/2, 0)
	hundredths, _ := bits.Div64(high+carry, low, by)
	return decimal(hundredths * hundredth)
}
