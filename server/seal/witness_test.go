package seal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/concordhq/concord/server/seal"
)

// policyOf asks for some of the neighbours.
func policyOf(threshold string, neighbours ...*neighbour) string {
	text, names := "# who cosigns\nlog ignored.example+00000000+AA==\n", ""
	for i, n := range neighbours {
		name := fmt.Sprint("w", i)
		text += n.line(name)
		names += " " + name
	}
	return text + "group some " + threshold + names + "\nquorum some\n"
}

// moved has time pass.
func (d *desk) moved(by time.Duration) { d.now = d.now.Add(by) }

// cosigners is who has cosigned the newest checkpoint.
func (d *desk) cosigners() (names []string, size int64) {
	d.t.Helper()
	kept, err := d.journal.Checkpoint(d.t.Context(), 0)
	if err != nil {
		return nil, 0
	}
	_, err = note.Open([]byte(kept.GetNote()), note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		d.t.Fatal(err)
	}
	for _, sig := range unverified.Note.UnverifiedSigs {
		if sig.Name != origin {
			names = append(names, sig.Name)
		}
	}
	return names, int64(kept.GetSize())
}

// With closed doors a checkpoint is published when, and only when, the quorum has cosigned it; who does not answer is asked
// again, ever later, and what they cosign later is added.
func TestClosedDoorsWaitForTheQuorum(t *testing.T) {
	a, b, c := newNeighbour(t, "a.example"), newNeighbour(t, "b.example"), newNeighbour(t, "c.example")
	d := newDesk(t, policyOf("2", a, b, c))
	d.newest() // two of three is no more than all
	if names, size := d.cosigners(); len(names) != 3 || size != 1 || d.standing.Cosigned != 3 {
		t.Fatalf("%v cosigned %d", names, size)
	}
	away := func(w http.ResponseWriter) bool { http.Error(w, "away", http.StatusServiceUnavailable); return true }
	b.set(func() { b.moody = away })
	c.set(func() { c.moody = away })
	d.grow(3)
	next := d.turn()
	if _, size := d.cosigners(); size != 1 || d.standing.Signed != 4 || d.standing.Published != 1 || len(d.standing.Refused) != 2 {
		t.Fatalf("published %d with one of three: %+v", size, d.standing)
	}
	if got := next.Sub(d.now); got != time.Second {
		t.Errorf("it asks again after %v", got)
	}
	asked := func() int { b.mu.Lock(); defer b.mu.Unlock(); return b.asked }
	was := asked()
	if d.turn(); asked() != was {
		t.Error("it asked again at once")
	}
	for _, pause := range []time.Duration{2, 4, 8, 16, 32, 60, 60} {
		d.now = next
		if next = d.turn(); next.Sub(d.now) != pause*time.Second {
			t.Errorf("it asks again after %v, not %d s", next.Sub(d.now), pause)
		}
	}
	if asked() != was+7 {
		t.Errorf("it asked %d times", asked()-was)
	}
	b.set(func() { b.moody = nil })
	d.now = next
	d.turn()
	if names, size := d.cosigners(); len(names) != 2 || size != 4 {
		t.Fatalf("%v cosigned %d", names, size)
	}
	d.newest()
	c.set(func() { c.moody = nil })
	d.moved(time.Minute)
	if next = d.turn(); !next.IsZero() {
		t.Errorf("all have cosigned, and it looks again at %v", next)
	}
	if names, size := d.cosigners(); len(names) != 3 || size != 4 {
		t.Errorf("%v cosigned %d", names, size)
	}
	// A restart keeps what was cosigned, and asks everybody once all the same: they may know what the store has lost.
	was = asked()
	c.set(func() { c.moody = away })
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	if names, size := d.cosigners(); len(names) != 3 || size != 4 || asked() != was+1 || d.standing.Cosigned != 3 || len(d.standing.Refused) != 0 {
		t.Errorf("%v cosigned %d; asked %d times", names, size, asked()-was)
	}
	c.set(func() { c.moody, c.size = nil, 100 })
	d.moved(time.Second)
	if _, err := d.Turn(t.Context()); err == nil || asked() != was+1 {
		t.Errorf("who was away at the start was not heard later: %v", err)
	}
}

// With open doors a checkpoint is published at once, and again when it is cosigned.
func TestOpenDoorsDoNotWait(t *testing.T) {
	a := newNeighbour(t, "a.example")
	d := newDesk(t, policyOf("all", a))
	d.policy.FailOpen = true
	a.set(func() {
		a.moody = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusForbidden); return true }
	})
	d.grow(1)
	d.turn()
	if names, size := d.cosigners(); len(names) != 0 || size != 2 {
		t.Errorf("%v cosigned %d", names, size)
	}
	a.set(func() { a.moody = nil })
	d.moved(time.Second)
	d.turn()
	if names, size := d.cosigners(); len(names) != 1 || size != 2 {
		t.Errorf("%v cosigned %d", names, size)
	}
	d.newest()
}

// A witness that is behind catches up with a proof from where it stands; a new one begins.
func TestAWitnessCatchesUp(t *testing.T) {
	a := newNeighbour(t, "a.example")
	d := newDesk(t, policyOf("all", a))
	d.grow(4)
	d.turn()
	a.set(func() { a.size, a.root = 3, d.root(3) }) // it lost two
	d.grow(4)
	d.turn()
	if names, size := d.cosigners(); len(names) != 1 || size != 9 {
		t.Errorf("%v cosigned %d", names, size)
	}
	a.set(func() { a.size, a.root = 0, [32]byte{} }) // it lost all
	d.grow(1)
	d.turn()
	if names, size := d.cosigners(); len(names) != 1 || size != 10 {
		t.Errorf("%v cosigned %d", names, size)
	}
}

// What a witness says that makes no sense counts as no cosignature.
func TestNonsenseIsNoCosignature(t *testing.T) {
	a := newNeighbour(t, "a.example")
	other, err := torchwood.NewCosignatureSigner("a.example", newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"nothing":            func(http.ResponseWriter) {},
		"words":              func(w http.ResponseWriter) { io.WriteString(w, "yes, of course\n") },
		"another's":          func(w http.ResponseWriter) { signs(w, other, origin+"\n5\n"+strings.Repeat("A", 43)+"=\n") },
		"of something else":  func(w http.ResponseWriter) { signs(w, a.signer, origin+"\n5\n"+strings.Repeat("A", 43)+"=\n") },
		"a size that is not": func(w http.ResponseWriter) { w.WriteHeader(http.StatusConflict); io.WriteString(w, "-1\n") },
		"the size again":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusConflict); io.WriteString(w, "1\n") },
		"one size and another": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintln(w, a.asked%2)
		},
		"very much":       func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("— a.example AAAA\n", 1<<16)) },
		"a broken answer": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"unknown log":     func(w http.ResponseWriter) { http.Error(w, "unknown log", http.StatusNotFound) },
	} {
		t.Run(name, func(t *testing.T) {
			a.set(func() { a.moody, a.size, a.asked = nil, 0, 0 })
			d := newDesk(t, policyOf("all", a))
			a.set(func() { a.moody = func(w http.ResponseWriter) bool { answer(w); return true } })
			d.grow(1)
			d.turn()
			if _, size := d.cosigners(); size != 1 || len(d.standing.Refused) != 1 || d.standing.Refused[0] != "w0" {
				t.Errorf("published %d: %+v", size, d.standing)
			}
			a.set(func() { a.moody = nil })
			d.moved(time.Minute)
			if d.turn(); d.standing.Published != 2 {
				t.Errorf("then published %+v", d.standing)
			}
		})
	}
}

// signs answers with a witness's cosignature of a text.
func signs(w io.Writer, by note.Signer, text string) {
	signed, err := note.Sign(&note.Note{Text: text}, by)
	if err != nil {
		panic(err)
	}
	_, lines, _ := strings.Cut(string(signed), "\n\n")
	_, _ = io.WriteString(w, lines)
}

// A witness that knows more than the store, or something else, stops everything: at the start and later, and in Run. The
// store and the file beside it were put back from the same backup: nobody else can tell.
func TestAWitnessExposesARollback(t *testing.T) {
	for name, row := range map[string]struct {
		knows func(d *desk, n *neighbour)
		words string
	}{
		"more":                       {func(d *desk, n *neighbour) { n.size = 100 }, "the store has 7 entries, and the witness w0 holds a checkpoint of 100"},
		"something else":             {func(d *desk, n *neighbour) { n.size, n.root = 4, d.root(3) }, "of the first 4 entries in the store, the witness w0 knows others"},
		"something else of the same": {func(d *desk, n *neighbour) { n.root[0]++ }, "the witness w0 knows others"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNeighbour(t, "a.example")
			d := newDesk(t, policyOf("all", n))
			d.grow(5)
			d.turn()
			n.set(func() { row.knows(d, n) })
			d.grow(1)
			var rewound *seal.RewoundError
			if _, err := d.Turn(t.Context()); !errors.As(err, &rewound) || !strings.Contains(err.Error(), row.words) {
				t.Errorf("a Turn said %v", err)
			}
			if _, size := d.cosigners(); size != 6 {
				t.Errorf("it published %d", size)
			}
			if err := d.Run(t.Context()); !errors.As(err, &rewound) {
				t.Errorf("Run ended with %v", err)
			}
			signed := d.head()
			if err := d.open(); !errors.As(err, &rewound) || !strings.Contains(err.Error(), row.words) {
				t.Errorf("a start said %v", err)
			}
			if d.head() != signed {
				t.Error("it signed more")
			}
		})
	}
}

// Where the file is lost, a witness may have seen more than is known to be signed. As long as the store reaches so far, that is for
// the next checkpoint to settle, and no reason not to start.
func TestAWitnessMayKnowMoreThanWasPublished(t *testing.T) {
	a, b := newNeighbour(t, "a.example"), newNeighbour(t, "b.example")
	d := newDesk(t, policyOf("all", a, b))
	b.set(func() {
		b.moody = func(w http.ResponseWriter) bool { http.Error(w, "away", http.StatusServiceUnavailable); return true }
	})
	d.grow(3)
	d.turn() // a has seen 4, and 1 is published
	d.grow(2)
	write(t, d.headFile(), "")
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	b.set(func() { b.moody = nil })
	d.moved(time.Minute)
	d.turn()
	if names, size := d.cosigners(); len(names) != 2 || size != 6 {
		t.Errorf("%v cosigned %d", names, size)
	}
	b.set(func() { b.size = 100 })
	write(t, d.headFile(), "")
	var rewound *seal.RewoundError
	if err := d.open(); !errors.As(err, &rewound) || rewound.Have != 6 || rewound.Theirs != 100 {
		t.Errorf("a witness knows more than the store has, and a start said %v", err)
	}
}

// Run signs what comes, at once and then at most once in an Interval, and ends when it is told to.
func TestRunFollowsTheLog(t *testing.T) {
	d := newDesk(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error)
	d.grow(1)
	go func() { done <- d.Run(ctx) }()
	for _, size := range []uint64{2, 5} {
		for {
			changed := d.journal.Changed()
			if _, err := d.journal.Checkpoint(ctx, size); err == nil {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				t.Fatalf("nothing of size %d was published", size)
			}
		}
		if size == 2 {
			d.grow(3)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAWrongPolicyIsRefused(t *testing.T) {
	n := newNeighbour(t, "a.example")
	many := "quorum none\n"
	for i := range seal.MaxWitnesses + 1 {
		many += n.line(fmt.Sprint("w", i))
	}
	for _, wrong := range []string{
		"", "quorum nobody\n", n.line("a"), n.line("a") + n.line("a") + "quorum a\n", "witness a b https://a.example\nquorum a\n", n.line("a") + "group g 2 a\nquorum g\n",
		"hello\nquorum none\n", many, "witness a " + strings.Replace(n.signer.Verifier().String(), "a.example", "b.example", 1) + "\nquorum a\n",
	} {
		if p, err := seal.ReadPolicy([]byte(wrong)); err == nil {
			t.Errorf("it took %q as %+v", wrong, p)
		}
	}
}
