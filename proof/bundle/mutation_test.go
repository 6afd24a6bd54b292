package bundle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

// How many random changes are tried: 100,000 in all.
const (
	changedBytes    = 60_000 // anywhere in a bundle
	resealedChanges = 10_000 // in what counts of a bundle, under a manifest that fits
	changedProofs   = 30_000 // anywhere in proofs of inclusion
)

// mutated is b with one random change: a byte changed, taken out or added, a piece repeated or moved, or the end cut off.
func mutated(r *rand.Rand, b []byte) []byte {
	at := r.IntN(len(b))
	to := at + 1 + r.IntN(min(64, len(b)-at))
	switch c := bytes.Clone(b); r.IntN(8) {
	case 0:
		return append(c[:at], b[at+1:]...)
	case 1:
		return append(append(c[:at], byte(r.Uint32())), b[at:]...)
	case 2:
		return append(c[:to], b[at:]...)
	case 3:
		for i := range to - at {
			c[at+i] = b[to-1-i]
		}
		return c
	case 4:
		return c[:at]
	default:
		c[at] ^= byte(1 + r.IntN(255))
		return c
	}
}

// TestNoChangeOfABundleIsAccepted changes bundles at random: as they are, and file by file under a manifest that fits.
func TestNoChangeOfABundleIsAccepted(t *testing.T) {
	w := newWorld(t, 2, 2).story()
	names, data := files(t, whole(w))
	data[fileSchema] = nil // it is most of a small bundle, and says nothing wrong if it says nothing
	good, trust := reseal(t, manifest{Format: Format}, names, data), w.trust()
	if r := verify(good, trust); r.Outcome != Sound {
		t.Fatal(told(r))
	}
	r := rand.New(rand.NewPCG(4, 27))
	for range changedBytes {
		b := mutated(r, good)
		if bytes.Equal(b, good) {
			continue
		}
		if report := verify(b, trust); report.Outcome == Sound || len(report.Findings) == 0 {
			t.Fatalf("byte %d was changed, and it was accepted", firstDifference(b, good))
		}
	}
	var count []string // what no check but the manifest looks at is for people
	for _, name := range names {
		if name == fileCheckpoint || strings.HasPrefix(name, dirLog) || strings.HasPrefix(name, dirChains) {
			count = append(count, name)
		}
	}
	for range resealedChanges {
		name := count[r.IntN(len(count))]
		was := data[name]
		data[name] = mutated(r, was)
		b := reseal(t, manifest{Format: Format}, names, data)
		if report := verify(b, trust); !bytes.Equal(was, data[name]) && report.Outcome == Sound {
			t.Fatalf("byte %d of %s was changed, and it was accepted", firstDifference(was, data[name]), name)
		}
		data[name] = was
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestNoChangeOfAProofIsAccepted changes proofs of inclusion at random.
func TestNoChangeOfAProofIsAccepted(t *testing.T) {
	w := newWorld(t, 2, 2).story()
	for range 60 {
		w.record("", renamed("vale", "Vale"))
	}
	policies := (&verifier{trust: w.trust()}).policies()
	signed := w.sign(len(w.entries))
	r := rand.New(rand.NewPCG(27, 4))
	x, h := w.chain("alpha").events[1], w.chain("alpha")
	hashes, err := tlog.ProveRecord(int64(len(w.entries)), int64(x.GetIndex()), tlog.HashReaderFunc(w.readHashes))
	if err != nil {
		t.Fatal(err)
	}
	good := proof.FormatInclusion(int64(x.GetIndex()), x.GetSalt(), h.key, 2, hashes, signed)
	in, err := proof.CheckInclusion(good, x.GetBody(), policies...)
	if err != nil || in.Index != 3 || in.Version != 2 || !bytes.Equal(in.LogKey, h.key) || !bytes.Equal(in.Salt, x.GetSalt()) || in.Checkpoint.N != 69 {
		t.Fatalf("%+v, %v", in, err)
	}
	if _, err := proof.CheckInclusion(good, append(bytes.Clone(x.GetBody()), 0), policies...); err == nil {
		t.Fatal("another body was accepted")
	}
	for range changedProofs {
		b := mutated(r, good)
		if bytes.Equal(b, good) {
			continue
		}
		if _, err := proof.CheckInclusion(b, x.GetBody(), policies...); err == nil {
			t.Fatalf("byte %d was changed, and it was accepted:\n%s", firstDifference(b, good), b)
		}
	}
}

// TestEveryBitOfAProofCounts changes each bit of a proof, one after the other.
func TestEveryBitOfAProofCounts(t *testing.T) {
	w := newWorld(t, 1, 1).story()
	policies := (&verifier{trust: w.trust()}).policies()
	x := w.chain("alpha").events[0]
	hashes, err := tlog.ProveRecord(int64(len(w.entries)), int64(x.GetIndex()), tlog.HashReaderFunc(w.readHashes))
	if err != nil {
		t.Fatal(err)
	}
	good := proof.FormatInclusion(int64(x.GetIndex()), x.GetSalt(), w.chain("alpha").key, 1, hashes, w.sign(len(w.entries)))
	for bit := range 8 * len(good) {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := proof.CheckInclusion(b, x.GetBody(), policies...); err == nil {
			t.Errorf("bit %d of byte %d counts for nothing: %s", bit%8, bit/8, fmt.Sprintf("%q", b[max(0, bit/8-20):bit/8+1]))
		}
	}
}
