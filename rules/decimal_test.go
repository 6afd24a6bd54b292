package rules

import (
	"math/big"
	"regexp"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// decimalForm is the form that the contract declares.
var decimalForm = regexp.MustCompile(`^-?[0-9]{1,12}(\.[0-9]{1,6})?$`)

// FuzzDecimal holds that what the contract lets in is read, exactly, and nothing else.
func FuzzDecimal(f *testing.F) {
	for _, text := range []string{"0", "99.80", "-0.000001", "999999999999.999999", "", "-", ".5", "1.", "1.0000000", "1e3", "+1", "--1", "１", "1234567890123"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseDecimal(text)
		if fits := decimalForm.MatchString(text) && text[len(text)-1] != '\n'; fits != (err == nil) {
			t.Fatalf("%q fits: %v; read as %v, %v", text, fits, n, err)
		}
		if err != nil {
			return
		}
		want, _ := new(big.Rat).SetString(text)
		if got := big.NewRat(int64(n), 1_000_000); got.Cmp(want) != 0 {
			t.Fatalf("%q is read as %v", text, got)
		}
		if again, err := parseDecimal(n.String()); err != nil || again != n {
			t.Fatalf("%q is written %q, which is read as %v: %v", text, n, again, err)
		}
	})
}

// A credit is so many per cent for every whole step, up to the cap, rounded half a hundredth up.
func TestCreditForAMiss(t *testing.T) {
	for _, c := range []struct{ short, step, per, cap, of, want string }{
		{"0.18", "0.1", "5", "20", "42000", "2100.00"},
		{"0.1", "0.1", "5", "20", "42000", "2100.00"}, // 99.80 less 99.70 is one whole step
		{"0.099999", "0.1", "5", "20", "42000", "0.00"},
		{"0.4", "0.1", "5", "20", "42000", "8400.00"},
		{"99", "0.1", "5", "20", "42000", "8400.00"},
		{"0.3", "0.1", "5", "12", "100", "12.00"}, // the cap is no multiple of a step
		{"1", "1", "0.5", "20", "33.00", "0.17"},
		{"1", "1", "0.5", "20", "32.99", "0.16"},
		{"999999999999.999999", "0.000001", "0.000001", "100", "999999999999.999999", "1000000000000.00"},
		{"999999999999.999999", "0.000001", "100", "100", "0.01", "0.01"},
	} {
		words := &pb.Credit{Step: c.step, PercentPerStep: c.per, CapPercent: c.cap, Of: &pb.Amount{Value: c.of}}
		if got := credit(words, figure(c.short)).money(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
