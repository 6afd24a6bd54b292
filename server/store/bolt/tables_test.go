package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/storetest"
)

// both commits changes that write to both files of the tables, until it is told to stop, and returns the last head.
func both(t *testing.T, s *Store, from uint64, until func() bool) (head uint64) {
	t.Helper()
	for head = from; !until(); head++ {
		if err := s.Commit(t.Context(), childChange(head+1)); err != nil {
			t.Fatalf("head %d: %v", head+1, err)
		}
	}
	return head
}

// expectBoth checks that all that both has written is there, whichever file it is in.
func expectBoth(t *testing.T, s *Store, head uint64) {
	t.Helper()
	expect(t, s, head)
	err := s.View(t.Context(), func(v store.Snapshot) error {
		for last := head; last > 0 && last+50 > head; last-- {
			got, err := v.Get(storetest.Blue, []byte{byte(last % 50)})
			if err != nil || binary.BigEndian.Uint64(got) != last {
				t.Errorf("slot %d holds %x, %v; want %d", last%50, got, err, last)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hold makes the steps of one file wait, until they are released.
func (o *Options) hold(file int) (release func()) {
	held := make(chan struct{})
	o.faults.beforeStep = func(at int) error {
		if at == file {
			<-held
		}
		return nil
	}
	return sync.OnceFunc(func() { close(held) })
}

// One file may have all of a generation and the other nothing of it, when the power goes too, in which the next generation has
// begun or has not.
func TestOneFileIsAheadOfTheOther(t *testing.T) {
	for behind, name := range tablesFiles {
		for _, more := range []uint64{0, 3} {
			t.Run(fmt.Sprintf("%s, %d more", name, more), func(t *testing.T) {
				opts := tiny(t.TempDir())
				release := opts.hold(behind)
				defer release()
				s := mustOpen(t, opts)
				frozen := both(t, s, 0, func() bool { return look(s).behind != nil })
				waitFor(t, s, func() bool {
					heads, _, _, err := s.readTables()
					if err != nil || heads[behind] != 0 {
						t.Fatalf("%s was written up to %d, %v", name, heads[behind], err)
					}
					return heads[1-behind] == frozen
				})
				last := frozen + more
				head := both(t, s, frozen, func() bool { return look(s).head == last })
				expectBoth(t, s, head)
				image := copied(t, opts.Dir)
				release()
				head = both(t, s, head, func() bool { return look(s).shift > 8 })
				expectBoth(t, s, head)

				again := mustOpen(t, tiny(image))
				expectBoth(t, again, last)
				head = both(t, again, last, func() bool { return look(again).shift > 8 })
				expectBoth(t, again, head)
			})
		}
	}
}

// A failure in one file stops the flusher in the other, be it at work or waiting for room, and the generation stays.
func TestAFailureInOneFileStopsBoth(t *testing.T) {
	broken := errors.New("input/output error")
	for name, other := range map[string]error{"at work": nil, "waiting for room": fmt.Errorf("write: %w", syscall.ENOSPC)} {
		t.Run(name, func(t *testing.T) {
			opts := tiny(t.TempDir())
			var failed atomic.Bool
			var after atomic.Int32
			began := make(chan struct{}, 1000)
			opts.faults.beforeStep = func(file int) error {
				if file == 0 {
					<-began
					failed.Store(true)
					return broken
				}
				if failed.Load() {
					after.Add(1)
				}
				began <- struct{}{}
				return other
			}
			s := mustOpen(t, opts)
			head := uint64(0)
			for err := error(nil); err == nil; {
				if err = s.Commit(t.Context(), childChange(head+1)); err == nil {
					head++
				} else if !errors.Is(err, broken) && !errors.Is(err, store.ErrFull) {
					t.Fatalf("Commit: %v", err)
				}
			}
			<-s.Failed()
			<-s.done
			if n := after.Load(); n > 1 {
				t.Errorf("%d steps in the other file after the failure", n)
			}
			if look(s).behind == nil {
				t.Error("the generation gave way")
			}
			expectBoth(t, s, head)
			closeStore(t, s)
			expectBoth(t, mustOpen(t, tiny(opts.Dir)), head)
		})
	}
}

// While both files must be mapped anew one View ends, one has begun in the first of them, and one is about to: none waits for ever.
func TestViewsEndWhileBothFilesAreMappedAnew(t *testing.T) {
	opts := tiny(t.TempDir())
	opts.mapBytes = 1 // too little: bbolt begins with 32 KiB, and doubles
	opts.generationBytes, opts.generationLogBytes = 1<<20, 1<<20
	release := opts.hold(0)
	defer release()
	s := mustOpen(t, opts)
	readers := make(chan error, 100)
	view := func(fn func(store.Snapshot) error) { readers <- s.View(context.Background(), fn) }
	nothing := func(store.Snapshot) error { return nil }
	reading, goOn := make(chan struct{}), make(chan struct{})
	go view(func(store.Snapshot) error { close(reading); <-goOn; return nil })
	<-reading
	large := func(head uint64) store.Change {
		c := store.Change{Base: head - 1, Head: head}
		for _, table := range storetest.Tables {
			c.Writes = append(c.Writes, store.Write{Table: table, Key: []byte(fmt.Sprint(head)), Value: make([]byte, 1000)})
		}
		return c
	}
	head := uint64(0)
	for ; look(s).behind == nil; head++ {
		if err := s.Commit(t.Context(), large(head+1)); err != nil {
			t.Fatal(err)
		}
	}
	const moment = 20 * time.Millisecond // for bbolt to come to where it waits, which nobody can see
	begun := 1
	for ; s.files.tables[0].Stats().OpenTxN < 2; begun++ { // one that waits at the second file
		go view(nothing)
		time.Sleep(moment)
	}
	release()
	time.Sleep(moment)
	go view(nothing)
	time.Sleep(moment)
	close(goOn)
	for range begun + 1 {
		select {
		case err := <-readers:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a View waits for ever")
		}
	}
	for more := head + 3000; head < more; head++ {
		if err := s.Commit(t.Context(), large(head+1)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, head)
}

// A table is looked for in one file only: a program that had it in the other has written what would be missed.
func TestATableInTheOtherFileIsRefused(t *testing.T) {
	opts := tiny(t.TempDir())
	s := mustOpen(t, opts)
	both(t, s, 0, func() bool { return look(s).shift > 2 })
	closeStore(t, s)
	for name, apart := range map[string][]store.Table{"none apart": nil, "the other apart": {storetest.Red}} {
		opts := opts
		opts.Apart = apart
		if _, err := Open(opts); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	unknown := opts
	unknown.Apart = []store.Table{"green"}
	if _, err := Open(unknown); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("an unknown table apart: %v, want ErrInvalid", err)
	}
	mustOpen(t, opts)
}

// A table that is left out keeps its records, whichever file they are in.
func TestATableLeftOutKeepsItsRecords(t *testing.T) {
	opts := tiny(t.TempDir())
	s := mustOpen(t, opts)
	head := both(t, s, 0, func() bool { return look(s).head == 10 })
	mustPut(t, s, head+1, 500)
	closeStore(t, s)
	less := opts
	less.Tables, less.Apart = []store.Table{storetest.Red}, nil
	closeStore(t, mustOpen(t, less))
	s = mustOpen(t, opts)
	err := s.View(t.Context(), func(v store.Snapshot) error {
		if got, err := v.Get(storetest.Blue, []byte{10}); err != nil || binary.BigEndian.Uint64(got) != 10 {
			t.Errorf("%x, %v", got, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
