// Package storetest is the suite every engine of package store must pass. It tells the contract
// as a list of small stories; what an engine promises beyond the contract it tests itself.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/concordhq/concord/server/store"
)

// The tables a store under test must be opened with.
const (
	Red  store.Table = "red"
	Blue store.Table = "blue"
)

// Tables lists them.
var Tables = []store.Table{Red, Blue}

// Run tells all stories. open returns an empty store with the Tables. reopen closes the store and
// returns it opened again; an engine that keeps nothing may return the store as it is. The suite
// closes what open and reopen return.
func Run(t *testing.T, open func(*testing.T) store.Store, reopen func(*testing.T, store.Store) store.Store) {
	stories := []struct {
		name string
		tell func(*testing.T, *subject)
	}{
		{"a new store is empty", newIsEmpty},
		{"a change is visible whole", changeIsWhole},
		{"an empty value is a value", emptyIsAValue},
		{"the last write of a key counts", lastWriteCounts},
		{"a change may move nothing but the head", headOnly},
		{"a conflict leaves no trace", conflict},
		{"of eight racing commits one wins", race},
		{"a snapshot is undisturbed", snapshot},
		{"gets follow each other in any order", getsInAnyOrder},
		{"scans keep their bounds", scanBounds},
		{"scans stop when told", scanStops},
		{"invalid changes are refused", invalid},
		{"an unknown table is an error", unknownTable},
		{"an error of the reader comes back", readerError},
		{"an ended context writes nothing", endedContext},
		{"a closed store refuses", closed},
		{"many random changes", random},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			s := &subject{t: t, Store: open(t), reopen: reopen}
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			story.tell(t, s)
		})
	}
}

// subject is the store under test, with what makes the stories short.
type subject struct {
	store.Store
	t      *testing.T
	reopen func(*testing.T, store.Store) store.Store
	head   uint64
}

func set(t store.Table, key, value string) store.Write {
	return store.Write{Table: t, Key: []byte(key), Value: append([]byte{}, value...)}
}

func del(t store.Table, key string) store.Write { return store.Write{Table: t, Key: []byte(key)} }

// must commits writes as the next change.
func (s *subject) must(writes ...store.Write) {
	s.t.Helper()
	if err := s.Commit(context.Background(), store.Change{Base: s.head, Head: s.head + 1, Writes: writes}); err != nil {
		s.t.Fatalf("Commit at head %d: %v", s.head, err)
	}
	s.head++
}

// refused commits a change and expects an error that is want.
func (s *subject) refused(want error, c store.Change) {
	s.t.Helper()
	if err := s.Commit(context.Background(), c); !errors.Is(err, want) {
		s.t.Fatalf("Commit: %v, want %v", err, want)
	}
}

// look runs fn on a snapshot.
func (s *subject) look(fn func(store.Snapshot)) {
	s.t.Helper()
	if err := s.View(context.Background(), func(v store.Snapshot) error { fn(v); return nil }); err != nil {
		s.t.Fatalf("View: %v", err)
	}
}

// holds expects the head and the whole content of both tables, as "red/a=1 blue/b=2".
func (s *subject) holds(want string) {
	s.t.Helper()
	s.look(func(v store.Snapshot) {
		s.t.Helper()
		if v.Head() != s.head {
			s.t.Fatalf("head %d, want %d", v.Head(), s.head)
		}
		if got := content(s.t, v); got != want {
			s.t.Fatalf("the store holds %q, want %q", got, want)
		}
	})
}

func content(t *testing.T, v store.Snapshot) string {
	t.Helper()
	var b bytes.Buffer
	for _, table := range Tables {
		b.WriteString(list(t, table, v.Scan(table, nil, nil)))
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func list(t *testing.T, table store.Table, records iter.Seq2[store.Record, error]) string {
	t.Helper()
	var b bytes.Buffer
	for r, err := range records {
		if err != nil {
			t.Fatalf("Scan: %v", err)
		}
		fmt.Fprintf(&b, "%s/%s=%s ", table, r.Key, r.Value)
	}
	return b.String()
}

func newIsEmpty(_ *testing.T, s *subject) {
	s.holds("")
	s.Store = s.reopen(s.t, s.Store)
	s.holds("")
}

func changeIsWhole(t *testing.T, s *subject) {
	s.must(set(Red, "a", "1"), set(Blue, "b", "2"), set(Red, "c", "3"))
	s.holds("red/a=1 red/c=3 blue/b=2")
	s.must(del(Red, "a"), set(Red, "c", "4"), del(Red, "never"))
	s.holds("red/c=4 blue/b=2")
	s.Store = s.reopen(t, s.Store)
	s.holds("red/c=4 blue/b=2")
	s.look(func(v store.Snapshot) {
		for key, want := range map[string][]byte{"a": nil, "b": nil, "c": []byte("4")} {
			if got, err := v.Get(Red, []byte(key)); err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Fatalf("Get red/%s: %q, %v; want %q", key, got, err, want)
			}
		}
	})
}

func emptyIsAValue(t *testing.T, s *subject) {
	s.must(set(Red, "empty", ""))
	for range 2 {
		s.look(func(v store.Snapshot) {
			if got, err := v.Get(Red, []byte("empty")); err != nil || got == nil || len(got) != 0 {
				t.Fatalf("Get: %v, %v; want an empty value", got, err)
			}
		})
		s.holds("red/empty=")
		s.Store = s.reopen(t, s.Store)
	}
}

func lastWriteCounts(_ *testing.T, s *subject) {
	s.must(set(Red, "a", "1"), set(Red, "a", "2"), set(Red, "b", "1"), del(Red, "b"), del(Red, "c"), set(Red, "c", "3"))
	s.holds("red/a=2 red/c=3")
}

func headOnly(t *testing.T, s *subject) {
	s.must()
	if err := s.Commit(context.Background(), store.Change{Base: 1, Head: 1000}); err != nil {
		t.Fatal(err)
	}
	s.head = 1000
	s.Store = s.reopen(t, s.Store)
	s.holds("")
}

func conflict(t *testing.T, s *subject) {
	s.must(set(Red, "a", "1"))
	s.must(set(Red, "a", "2"))
	for _, base := range []uint64{0, 1, 3} {
		s.refused(store.ErrConflict, store.Change{Base: base, Head: base + 1, Writes: []store.Write{set(Red, "a", "x"), set(Blue, "x", "x")}})
	}
	s.holds("red/a=2")
	s.Store = s.reopen(t, s.Store)
	s.holds("red/a=2")
}

func race(t *testing.T, s *subject) {
	const racers = 8
	for round := range 20 {
		var wg sync.WaitGroup
		errs := make([]error, racers)
		for i := range racers {
			wg.Go(func() {
				name := fmt.Sprintf("%d-%d", round, i)
				errs[i] = s.Commit(context.Background(), store.Change{Base: s.head, Head: s.head + 1,
					Writes: []store.Write{set(Red, "winner", name), set(Blue, name, "")}})
			})
		}
		wg.Wait()
		s.head++
		winner := -1
		for i, err := range errs {
			if err == nil && winner < 0 {
				winner = i
			} else if !errors.Is(err, store.ErrConflict) {
				t.Fatalf("round %d: racer %d got %v beside winner %d", round, i, err, winner)
			}
		}
		s.look(func(v store.Snapshot) {
			want := fmt.Sprintf("%d-%d", round, winner)
			if got, _ := v.Get(Red, []byte("winner")); string(got) != want {
				t.Fatalf("winner %q, want %q", got, want)
			}
		})
	}
}

func snapshot(t *testing.T, s *subject) {
	s.must(set(Red, "a", "1"), set(Red, "b", "1"))
	s.look(func(v store.Snapshot) {
		before := content(t, v)
		for i := range 200 {
			s.must(set(Red, "a", fmt.Sprint(i)), del(Red, "b"), set(Blue, fmt.Sprint(i), "new"))
			if got := content(t, v); got != before || v.Head() != 1 {
				t.Fatalf("after %d commits the snapshot of head 1 is at %d and holds %q, want %q", i+1, v.Head(), got, before)
			}
		}
	})
}

// getsInAnyOrder asks one snapshot for neighbours, for what is far away, and for what is not there: forwards, backwards and
// at random.
func getsInAnyOrder(t *testing.T, s *subject) {
	var keys []string
	for n := range 400 {
		keys = append(keys, fmt.Sprintf("agreement-%03d\x00%c", n/8, 'a'+n%8))
	}
	for _, key := range keys {
		s.must(set(Red, key, key))
	}
	for n, key := range keys {
		if n%3 == 0 {
			s.must(del(Red, key))
		}
	}
	orders := [][]int{{}, {}, rand.New(rand.NewPCG(1, 2)).Perm(len(keys))}
	for n := range keys {
		orders[0], orders[1] = append(orders[0], n), append(orders[1], len(keys)-1-n)
	}
	s.look(func(v store.Snapshot) {
		for _, order := range orders {
			for _, n := range order {
				got, err := v.Get(Red, []byte(keys[n]))
				if want := n%3 > 0; err != nil || (got != nil) != want || want && string(got) != keys[n] {
					t.Fatalf("%s is %q, %v", keys[n], got, err)
				}
			}
		}
	})
}

func scanBounds(t *testing.T, s *subject) {
	s.must(set(Red, "b", "2"), set(Red, "a", "1"), set(Red, "d", "4"), set(Red, "bb", "3"), set(Blue, "c", "x"))
	for range 2 {
		s.look(func(v store.Snapshot) {
			for _, c := range []struct {
				from, to []byte
				want     string
			}{
				{nil, nil, "red/a=1 red/b=2 red/bb=3 red/d=4 "},
				{[]byte("b"), []byte("d"), "red/b=2 red/bb=3 "},
				{[]byte("b\x00"), nil, "red/bb=3 red/d=4 "},
				{nil, []byte("b"), "red/a=1 "},
				{[]byte("d"), []byte("b"), ""},
				{[]byte("b"), []byte("b"), ""},
				{nil, []byte{}, ""},
				{[]byte("e"), nil, ""},
			} {
				records := v.Scan(Red, c.from, c.to)
				for range 2 { // a scan may be ranged over again
					if got := list(t, Red, records); got != c.want {
						t.Errorf("Scan(%q, %q): %q, want %q", c.from, c.to, got, c.want)
					}
				}
			}
		})
		s.Store = s.reopen(t, s.Store)
	}
}

func scanStops(t *testing.T, s *subject) {
	s.must(set(Red, "a", "1"), set(Red, "b", "2"))
	s.look(func(v store.Snapshot) {
		n := 0
		for range v.Scan(Red, nil, nil) {
			n++
			break
		}
		if n != 1 {
			t.Fatalf("%d records after a break", n)
		}
	})
}

func invalid(_ *testing.T, s *subject) {
	s.must(set(Red, "a", "1"))
	long := string(make([]byte, store.MaxKeyBytes+1))
	for _, c := range []store.Change{
		{Base: 1, Head: 1},
		{Base: 1, Head: 0},
		{Base: 1, Head: 2, Writes: []store.Write{set(Red, "x", ""), set(Red, "", "")}},
		{Base: 1, Head: 2, Writes: []store.Write{set(Red, long, "")}},
		{Base: 1, Head: 2, Writes: []store.Write{set(Red, "x", ""), set("green", "x", "")}},
		{Base: 1, Head: 2, Writes: []store.Write{{Table: Red, Key: []byte("x"), Value: make([]byte, store.MaxChangeBytes)}}},
	} {
		s.refused(store.ErrInvalid, c)
	}
	s.holds("red/a=1")
	s.must(set(Red, long[1:], "the longest key"), del(Red, "a"))
}

func unknownTable(t *testing.T, s *subject) {
	s.look(func(v store.Snapshot) {
		if _, err := v.Get("green", []byte("a")); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Get: %v", err)
		}
		n := 0
		for _, err := range v.Scan("green", nil, nil) {
			if n++; !errors.Is(err, store.ErrInvalid) {
				t.Errorf("Scan: %v", err)
			}
		}
		if n != 1 {
			t.Errorf("Scan yielded %d times", n)
		}
	})
}

func readerError(t *testing.T, s *subject) {
	mine := errors.New("mine")
	if err := s.View(context.Background(), func(store.Snapshot) error { return mine }); err != mine {
		t.Fatalf("View: %v, want the reader's own error", err)
	}
}

func endedContext(t *testing.T, s *subject) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Commit(ctx, store.Change{Head: 1, Writes: []store.Write{set(Red, "a", "1")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v", err)
	}
	if err := s.View(ctx, func(store.Snapshot) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View: %v", err)
	}
	s.holds("")
}

func closed(t *testing.T, s *subject) {
	s.must(set(Red, "a", "1"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	s.refused(store.ErrClosed, store.Change{Base: 1, Head: 2})
	if err := s.View(context.Background(), func(store.Snapshot) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("View: %v", err)
	}
}
