package rules

import (
	"strings"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// scored is a side's figures; below 0 is null.
func scored(kept, pulse float64, weight int32) *pb.SideScores {
	s := &pb.SideScores{Kept: &pb.Figure{Count: 21}, Pulse: &pb.Figure{}, PromisedWeight: weight}
	if kept >= 0 {
		s.Kept.Value = &kept
	}
	if pulse >= 0 {
		s.Pulse.Value = &pulse
	}
	return s
}

func TestAVerdictIsASentence(t *testing.T) {
	low := scored(1, 1, 3)
	low.Kept.LowEvidence, low.Kept.Count = true, 3
	for _, c := range []struct {
		verdict        pb.Verdict
		vendor, client *pb.SideScores
		want           string
	}{
		{pb.Verdict_VERDICT_INSUFFICIENT_DATA, scored(-1, -1, 1), low, "There is too little to go by: nothing counts yet that the vendor promised, the vendor has not said how it feels, what the client kept rests on 3 of its obligations."},
		{pb.Verdict_VERDICT_ONE_SIDED, scored(1, 1, 5), scored(-1, 1, 0), "Only the vendor has promised anything; what the client owes is not written down."},
		{pb.Verdict_VERDICT_ONE_SIDED, scored(-1, 1, 0), scored(1, 1, 5), "Only the client has promised anything; what the vendor owes is not written down."},
		{pb.Verdict_VERDICT_MUTUAL, scored(0.952381, 0.8, 1), scored(0.8, 0.6, 1), "Both sides keep their promises (vendor 0.952, client 0.800; 0.80 passes), and both feel well (vendor 0.800, client 0.600; 0.60 passes)."},
		{pb.Verdict_VERDICT_PAPER_ONLY, scored(1, 0.4, 1), scored(1, 1, 1), "Both sides keep their promises (vendor 1.000, client 1.000; 0.80 passes), but the vendor does not feel well (vendor 0.400, client 1.000; 0.60 passes)."},
		{pb.Verdict_VERDICT_PAPER_ONLY, scored(1, 1, 1), scored(1, 0.4, 1), "Both sides keep their promises (vendor 1.000, client 1.000; 0.80 passes), but the client does not feel well (vendor 1.000, client 0.400; 0.60 passes)."},
		{pb.Verdict_VERDICT_PAPER_ONLY, scored(1, 0.1, 1), scored(1, 0.4, 1), "Both sides keep their promises (vendor 1.000, client 1.000; 0.80 passes), but neither feels well (vendor 0.100, client 0.400; 0.60 passes)."},
		{pb.Verdict_VERDICT_CLIENT_FAVOURED, scored(0.952381, -1, 1), scored(0.690278, -1, 1), "The client receives what it was promised and the vendor does not: only the vendor keeps its promises (vendor 0.952, client 0.690; 0.80 passes)."},
		{pb.Verdict_VERDICT_VENDOR_FAVOURED, scored(0.799999, 1, 1), scored(1, 1, 1), "The vendor receives what it was promised and the client does not: only the client keeps its promises (vendor 0.799999, client 1.000; 0.80 passes)."},
		{pb.Verdict_VERDICT_BOTH_LOSING, scored(0, 1, 1), scored(0.1, 1, 1), "Neither side keeps its promises (vendor 0.000, client 0.100; 0.80 passes)."},
	} {
		card := &pb.Scorecard{Vendor: c.vendor, Client: c.client, Verdict: c.verdict, KeptThreshold: 0.8, PulseThreshold: 0.6}
		if got := verdictWords(card); got != c.want {
			t.Errorf("%v:\n%s\nwant\n%s", c.verdict, got, c.want)
		}
	}
}

// Every verdict has words, and names both sides: nobody is judged alone.
func TestAVerdictNamesBothSides(t *testing.T) {
	for n := range pb.Verdict_name {
		if n == 0 {
			continue
		}
		card := &pb.Scorecard{Vendor: scored(-1, -1, 1), Client: scored(-1, -1, 1), Verdict: pb.Verdict(n), KeptThreshold: 0.825, PulseThreshold: 0.6}
		words := verdictWords(card)
		if !strings.Contains(words, "vendor") || !strings.Contains(words, "client") || !strings.HasSuffix(words, ".") {
			t.Errorf("%v: %q", pb.Verdict(n), words)
		}
	}
}

func TestADecimalIsRounded(t *testing.T) {
	for _, c := range []struct {
		text   string
		places int
		want   string
	}{
		{"26.666667", 3, "26.667"}, {"0.9995", 3, "1.000"}, {"0.9994", 3, "0.999"}, {"0.0005", 3, "0.001"}, {"-0.0005", 3, "0.000"}, {"-0.0006", 3, "-0.001"},
		{"-0.05", 3, "-0.050"}, {"-1", 3, "-1.000"}, {"28", 0, "28"}, {"2.5", 0, "3"}, {"-2.5", 0, "-2"}, {"0.123456", 6, "0.123456"}, {"0", 2, "0.00"}, {"-1.25", 1, "-1.2"},
		{"", 3, ""}, {"x", 3, "x"}, {"1.2", 7, "1.2"}, {"1.2", -1, "1.2"},
	} {
		if got := Rounded(c.text, c.places); got != c.want {
			t.Errorf("%s in %d places: %s, want %s", c.text, c.places, got, c.want)
		}
	}
}
