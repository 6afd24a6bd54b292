package rules

import (
	"fmt"
	"strconv"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The places in which people are shown a figure, and a threshold.
const (
	figurePlaces    = 3
	thresholdPlaces = 2
)

// verdictWords says a scorecard's verdict in a sentence, with both sides' figures that it rests on.
func verdictWords(card *pb.Scorecard) string {
	v, c := card.GetVendor(), card.GetClient()
	kept := fmt.Sprintf("vendor %s, client %s; %s passes", against(v.GetKept(), card.GetKeptThreshold()), against(c.GetKept(), card.GetKeptThreshold()), thresholdWord(card.GetKeptThreshold()))
	felt := fmt.Sprintf("vendor %s, client %s; %s passes", against(v.GetPulse(), card.GetPulseThreshold()), against(c.GetPulse(), card.GetPulseThreshold()), thresholdWord(card.GetPulseThreshold()))
	switch card.GetVerdict() {
	case pb.Verdict_VERDICT_INSUFFICIENT_DATA:
		return "There is too little to go by: " + strings.Join(append(lacking("vendor", v), lacking("client", c)...), ", ") + "."
	case pb.Verdict_VERDICT_ONE_SIDED:
		one, other := "vendor", "client"
		if v.GetPromisedWeight() == 0 {
			one, other = other, one
		}
		return fmt.Sprintf("Only the %s has promised anything; what the %s owes is not written down.", one, other)
	case pb.Verdict_VERDICT_MUTUAL:
		return fmt.Sprintf("Both sides keep their promises (%s), and both feel well (%s).", kept, felt)
	case pb.Verdict_VERDICT_PAPER_ONLY:
		return fmt.Sprintf("Both sides keep their promises (%s), but %s (%s).", kept, unwell(card), felt)
	case pb.Verdict_VERDICT_CLIENT_FAVOURED:
		return fmt.Sprintf("The client receives what it was promised and the vendor does not: only the vendor keeps its promises (%s).", kept)
	case pb.Verdict_VERDICT_VENDOR_FAVOURED:
		return fmt.Sprintf("The vendor receives what it was promised and the client does not: only the client keeps its promises (%s).", kept)
	case pb.Verdict_VERDICT_BOTH_LOSING:
		return fmt.Sprintf("Neither side keeps its promises (%s).", kept)
	}
	return ""
}

// lacking is what a verdict needs of a side and does not have.
func lacking(side string, s *pb.SideScores) (all []string) {
	switch kept := s.GetKept(); {
	case kept == nil || kept.Value == nil:
		all = append(all, "nothing counts yet that the "+side+" promised")
	case kept.GetLowEvidence():
		all = append(all, fmt.Sprintf("what the %s kept rests on %d of its obligations", side, kept.GetCount()))
	}
	if s.GetPulse() == nil || s.GetPulse().Value == nil {
		all = append(all, "the "+side+" has not said how it feels")
	}
	return all
}

// unwell says who does not feel well.
func unwell(card *pb.Scorecard) string {
	well := func(s *pb.SideScores) bool { return s.GetPulse().GetValue() >= card.GetPulseThreshold() }
	switch v, c := well(card.GetVendor()), well(card.GetClient()); {
	case !v && !c:
		return "neither feels well"
	case !v:
		return "the vendor does not feel well"
	}
	return "the client does not feel well"
}

// against writes a figure beside a threshold: in full, where rounding would seem to lift it over it.
func against(f *pb.Figure, threshold float64) string {
	if f == nil || f.Value == nil {
		return "no data"
	}
	shown := Rounded(written(f.GetValue()), figurePlaces)
	if f.GetValue() < threshold && figure(shown) >= figure(written(threshold)) {
		return figure(written(f.GetValue())).String()
	}
	return shown
}

func thresholdWord(threshold float64) string {
	shown := Rounded(written(threshold), thresholdPlaces)
	if figure(shown) != figure(written(threshold)) {
		return figure(written(threshold)).String()
	}
	return shown
}

// written is a number of the API, which has at most six places, as the decimal it stands for.
func written(value float64) string { return strconv.FormatFloat(value, 'f', decimalPlaces, 64) }

// Rounded writes a decimal of at most six places with fewer, half up: "26.666667" in three is "26.667". What is no decimal
// stays as it is.
func Rounded(text string, places int) string {
	n, err := parseDecimal(text)
	if err != nil || places < 0 || places > decimalPlaces {
		return text
	}
	unit := decimalOne
	for range places {
		unit /= 10
	}
	sign := ""
	if n += unit / 2; n < 0 { // division drops what is left towards zero; half up is towards more
		n = n - (unit - 1)
	}
	if n = n / unit * unit; n < 0 {
		sign, n = "-", -n
	}
	if places == 0 {
		return fmt.Sprintf("%s%d", sign, n/decimalOne)
	}
	return fmt.Sprintf("%s%d.%0*d", sign, n/decimalOne, places, n%decimalOne/unit)
}
