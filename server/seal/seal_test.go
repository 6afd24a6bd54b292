package seal_test

import (
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
	"github.com/concordhq/concord/server/store/memory"
)

// The log is signed from its first event on, every checkpoint that was published is kept, and a Turn that finds nothing new
// does nothing.
func TestWhatGrowsIsSigned(t *testing.T) {
	d := newDesk(t, "")
	sizes := []uint64{1} // the log was opened
	for _, n := range []int{1, 3, 300} {
		d.grow(n)
		d.turn()
		sizes = append(sizes, sizes[len(sizes)-1]+uint64(n))
		c, _ := d.newest()
		if uint64(c.N) != sizes[len(sizes)-1] || c.Hash != d.root(uint64(c.N)) || c.Origin != origin {
			t.Fatalf("after %d events it published %v", n, c)
		}
		if head, err := os.ReadFile(d.headFile()); err != nil || !strings.HasPrefix(string(head), c.String()+"\n— "+origin) {
			t.Errorf("outside the store it keeps %q, %v", head, err)
		}
		before := d.journal.Changed()
		if next := d.turn(); !next.IsZero() {
			t.Errorf("it wants to look again at %v", next)
		}
		select {
		case <-before:
			t.Error("a Turn without news wrote something")
		default:
		}
	}
	list, err := d.journal.Checkpoints(t.Context(), operator, &pb.ListCheckpointsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var kept []uint64
	for _, c := range list.GetCheckpoints() {
		kept = append(kept, c.GetSize())
		if again, err := d.journal.Checkpoint(t.Context(), c.GetSize()); err != nil || again.GetNote() != c.GetNote() {
			t.Errorf("the checkpoint of %d is %v, %v", c.GetSize(), again, err)
		}
	}
	if !slices.Equal(kept, sizes) {
		t.Errorf("it kept %v of %v", kept, sizes)
	}
	if s := d.standing; s.Signed != 305 || s.Published != 305 || !s.PublishTime.Equal(d.now) {
		t.Errorf("it stands at %+v", s)
	}
	for _, none := range []uint64{3, 306, 1<<64 - 1} {
		if _, err := d.journal.Checkpoint(t.Context(), none); !journal.IsRefusal(err) {
			t.Errorf("a checkpoint of %d: %v", none, err)
		}
	}
}

// A start finds the log where it was left, also one that was killed between signing and publishing, and goes on.
func TestARestartGoesOn(t *testing.T) {
	d := newDesk(t, "")
	d.grow(4)
	d.turn()
	before, _ := d.newest()
	d.grow(2) // nobody signs them
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	after, _ := d.newest()
	if before.N != 5 || after.N != 7 || before.Hash != d.root(5) || after.Hash != d.root(7) {
		t.Errorf("%v, then %v", before, after)
	}
}

// One key after the other: for a while both sign, then the old one does not, and what it signed stays signed.
func TestKeysTakeTurns(t *testing.T) {
	d := newDesk(t, "")
	names := func() (ids []uint32) {
		kept, err := d.journal.Checkpoint(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = note.Open([]byte(kept.GetNote()), note.VerifierList())
		var unverified *note.UnverifiedNoteError
		if !errors.As(err, &unverified) {
			t.Fatal(err)
		}
		for _, sig := range unverified.Note.UnverifiedSigs {
			ids = append(ids, sig.Hash)
		}
		return ids
	}
	first := names()
	l := d.do(&pb.AddLogKeyRequest{})
	d.turn()
	d.newest() // good by either key's policy alone
	both := names()
	if len(first) != 1 || len(both) != 2 || both[0] != first[0] {
		t.Fatalf("signed by %x, then by %x", first, both)
	}
	// A key of one's own: refused until its private half is there.
	secret, verifierKey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.journal.Do(t.Context(), operator, &pb.AddLogKeyRequest{VerifierKey: verifierKey}); !journal.IsRefusal(err) || !strings.Contains(err.Error(), "private half") {
		t.Errorf("a key whose private half nobody has: %v", err)
	}
	keys, err := os.ReadFile(d.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.keyFile(), []byte(strings.TrimSpace(string(keys))+"\n\n# made elsewhere\n"+secret), 0o600); err != nil {
		t.Fatal(err)
	}
	d.do(&pb.AddLogKeyRequest{VerifierKey: verifierKey})
	for _, k := range l.GetKeys() {
		d.do(&pb.RetireLogKeyRequest{LogKeyId: k.GetLogKeyId()})
	}
	d.turn()
	d.newest()
	if last := names(); len(last) != 1 || last[0] == both[0] || last[0] == both[1] {
		t.Errorf("signed by %x at last", last)
	}
	if err := d.open(); err != nil { // all three are in the file, and the last head is of the last
		t.Fatal(err)
	}
	d.do(&pb.AddLogKeyRequest{}) // the file did not end with a line; nothing was lost
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.keyFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the keys: %v, %v", info.Mode(), err)
	}
}

// A key that would be made only to check is the one that is made afterwards.
func TestCheckingMakesNoSecondKey(t *testing.T) {
	d := newDesk(t, "")
	var seen []string
	for _, only := range []bool{true, true, false} {
		l := d.do(&pb.AddLogKeyRequest{ValidateOnly: only})
		seen = append(seen, l.GetKeys()[1].GetVerifierKey())
	}
	if seen[0] != seen[1] || seen[1] != seen[2] {
		t.Errorf("%q", seen)
	}
}

// What must not be signed is not even started on. Each row makes of a log that was signed something else.
func TestTheGuardAtTheStart(t *testing.T) {
	for name, row := range map[string]struct {
		spoil func(t *testing.T, d *desk)
		words []string // of the refusal; none: it starts
	}{
		"nothing":        {func(*testing.T, *desk) {}, nil},
		"no file":        {func(t *testing.T, d *desk) { remove(t, d.headFile()) }, []string{"is missing", "empty file"}},
		"an empty file":  {func(t *testing.T, d *desk) { write(t, d.headFile(), "") }, nil},
		"no checkpoint":  {func(t *testing.T, d *desk) { write(t, d.headFile(), "nonsense\n") }, []string{"no checkpoint"}},
		"a larger file":  {func(t *testing.T, d *desk) { write(t, d.headFile(), strings.Repeat("x", 1<<20)) }, []string{"larger"}},
		"another log's":  {func(t *testing.T, d *desk) { write(t, d.headFile(), stranger(t)) }, []string{"no checkpoint that a known key"}},
		"a forged one":   {func(t *testing.T, d *desk) { forge(t, d) }, []string{"no checkpoint that a known key"}},
		"an older store": {func(t *testing.T, d *desk) { d.replace(2) }, []string{"rolled back", "the store has 3 entries", "a checkpoint of 6", "docs/operations.md"}},
		"a store that was written anew": {func(t *testing.T, d *desk) { d.replace(7) },
			[]string{"rewritten", "of the first 6 entries"}},
		"an empty store": {func(t *testing.T, d *desk) {
			d.engine, _ = memory.Open(journal.Tables()...)
			t.Cleanup(func() { d.engine.Close() })
		}, []string{"the store has no log"}},
		"no keys":       {func(t *testing.T, d *desk) { remove(t, d.keyFile()) }, []string{"private half", "put the file back"}},
		"damaged keys":  {func(t *testing.T, d *desk) { write(t, d.keyFile(), "# good\nPRIVATE+KEY+x+y+z\n") }, []string{"line 2"}},
		"another name":  {func(_ *testing.T, d *desk) { d.named = "elsewhere.example" }, []string{"never changes", "elsewhere.example"}},
		"no name given": {func(_ *testing.T, d *desk) { d.named = "" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, "")
			d.grow(5)
			d.turn()
			row.spoil(t, d)
			err := d.open()
			if len(row.words) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				d.grow(1)
				d.turn()
				return
			}
			if err == nil {
				t.Fatal("it started")
			}
			for _, word := range row.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("it says %q, without %q", err, word)
				}
			}
		})
	}
}

// That the store is to be believed is said once: from then on the file guards again, also if nothing happens in between.
func TestAnEmptyFileIsBelievedOnce(t *testing.T) {
	d := newDesk(t, "")
	d.grow(5)
	d.turn()
	signed := d.head()
	write(t, d.headFile(), "")
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	if d.head() != signed {
		t.Errorf("the file holds %q", d.head())
	}
	d.replace(2)
	var rewound *seal.RewoundError
	if err := d.open(); !errors.As(err, &rewound) {
		t.Errorf("an older copy is believed, too: %v", err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stranger is a checkpoint of a log of the same name that others run.
func stranger(t *testing.T) string {
	t.Helper()
	d := newDesk(t, "")
	head, err := os.ReadFile(d.headFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(head)
}

// forge makes of the checkpoint one of a larger log.
func forge(t *testing.T, d *desk) {
	t.Helper()
	head, err := os.ReadFile(d.headFile())
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.headFile(), strings.Replace(string(head), "\n6\n", "\n7\n", 1))
}

// replace puts another store in place of the one there is: one of the same log, by the same keys, with other events.
func (d *desk) replace(events int) {
	d.t.Helper()
	was, err := os.ReadFile(d.headFile())
	if err != nil {
		d.t.Fatal(err)
	}
	remove(d.t, d.headFile())
	if d.engine, err = memory.Open(journal.Tables()...); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { d.engine.Close() })
	if err := d.open(); err != nil { // opens the log anew, with the key that is there
		d.t.Fatal(err)
	}
	d.grow(events)
	write(d.t, d.headFile(), string(was))
}
