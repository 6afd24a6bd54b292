package bolt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concordhq/concord/server/store"
)

// cut is a copy of the store in a moment in which the flusher is not writing: pages copied while they are written are of
// no moment at all.
func cut(t *testing.T, s *Store) (dir string) {
	t.Helper()
	waitFor(t, s, func() bool { return look(s).behind == nil || isClosed(s.closed) })
	return copied(t, s.opts.Dir)
}

// waitFor waits for something that the flusher does.
func waitFor(t *testing.T, s *Store, done func() bool) {
	t.Helper()
	for {
		moved := look(s).moved
		if done() {
			return
		}
		select {
		case <-moved:
		case <-s.Failed():
			t.Fatal(s.Err())
		}
	}
}

// copied is a copy of a directory.
func copied(t *testing.T, dir string) string {
	t.Helper()
	image := t.TempDir()
	if err := os.CopyFS(image, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return image
}

// sector is what a disk writes whole or not at all.
const sector = 512

// The power goes while the last change is being written: some of its sectors are new and some are as they were. Then that
// change never was, or is there whole, and all before it is; and the store goes on from there.
func TestTornAppend(t *testing.T) {
	opts := tiny(t.TempDir())
	opts.generationBytes, opts.generationLogBytes = 64<<10, 16<<10 // the file has been used before
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 300)
	before := cut(t, s)
	if err := put(context.Background(), s, 301, "301", make([]byte, 3000)); err != nil {
		t.Fatal(err)
	}
	name := tailFiles[s.active.file]
	was, is := read(t, filepath.Join(before, name)), read(t, filepath.Join(opts.Dir, name))
	rnd := rand.New(rand.NewPCG(1, 2))
	seen := map[uint64]int{}
	for range 60 {
		torn := append([]byte(nil), was...)
		for at := 0; at+sector <= len(is); at += sector {
			if rnd.IntN(3) > 0 && at+sector <= len(torn) {
				copy(torn[at:at+sector], is[at:])
			}
		}
		image := t.TempDir()
		if err := os.CopyFS(image, os.DirFS(before)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(image, name), torn)
		r := mustOpen(t, opts.in(image))
		head := r.seen.head
		if head != 300 && head != 301 {
			t.Fatalf("head %d", head)
		}
		seen[head]++
		mustPut(t, r, head+1, head+20)
		expect(t, r, head+20)
		closeStore(t, r)
		again := mustOpen(t, opts.in(image))
		expect(t, again, head+20)
		closeStore(t, again)
	}
	if seen[300] == 0 || seen[301] == 0 {
		t.Errorf("heads %v: want some of both", seen)
	}
}

// Any single bit of the tail may turn. Either Open says so, or all there is is there, but for the last change of a store
// that was not closed, which cannot be told from one that was being written.
func TestTurnedBitIsNoticed(t *testing.T) {
	opts := tiny(t.TempDir())
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 200)
	image := cut(t, s)
	rnd := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 80 {
		name := tailFiles[rnd.IntN(2)]
		path := filepath.Join(image, name)
		whole := read(t, path)
		used := min(len(whole), 16<<10)
		turned := append([]byte(nil), whole...)
		turned[rnd.IntN(used)] ^= 1 << rnd.IntN(8)
		write(t, path, turned)
		r, err := Open(opts.in(image))
		switch {
		case errors.Is(err, store.ErrCorrupt):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			if head := r.seen.head; head < 199 {
				t.Fatalf("head %d of 200", head)
			}
			expect(t, r, r.seen.head)
			closeStore(t, r)
			image = cut(t, s) // it may have flushed
			continue
		}
		write(t, path, whole)
	}
	if refused < 10 {
		t.Errorf("%d of 80 were refused", refused)
	}
}

func (o Options) in(dir string) Options {
	o.Dir = dir
	return o
}

// What is lost at the end of the tail is missed by the next Open, if the store had been closed.
func TestLostEndIsRefused(t *testing.T) {
	for name, opts := range map[string]Options{"nothing in the tables": {Tables: tiny("").Tables}, "most in the tables": tiny("")} {
		opts.Dir = t.TempDir()
		s := mustOpen(t, opts)
		mustPut(t, s, 1, 400)
		older := cut(t, s)
		mustPut(t, s, 401, 500)
		active, end := tailFiles[s.active.file], s.files.tail[s.active.file].end
		closeStore(t, s)
		for harm, do := range map[string]func(tail []byte) []byte{
			"cut in the middle":      func(tail []byte) []byte { return tail[:end/2] },
			"cut before its end":     func(tail []byte) []byte { return tail[:end-50] },
			"cut to its header":      func(tail []byte) []byte { return tail[:tailHeaderBytes] },
			"zeros":                  func(tail []byte) []byte { clear(tail[tailHeaderBytes:]); return tail },
			"a last sector of zeros": func(tail []byte) []byte { clear(tail[(end-1)/sector*sector:]); return tail },
			"from an older backup":   func([]byte) []byte { return read(t, filepath.Join(older, active)) },
		} {
			t.Run(name+", "+harm, func(t *testing.T) {
				image := cut(t, s)
				path := filepath.Join(image, active)
				write(t, path, do(read(t, path)))
				if _, err := Open(opts.in(image)); !errors.Is(err, store.ErrCorrupt) {
					t.Fatalf("Open: %v, want ErrCorrupt", err)
				}
			})
		}
		expect(t, mustOpen(t, opts.in(cut(t, s))), 500)
	}
}

// When the tables outgrow what is mapped of them bbolt waits for every View, and new Views wait for bbolt. Commits do not.
func TestCommitsGoOnWhileTheTablesAreMappedAnew(t *testing.T) {
	opts := tiny(t.TempDir())
	opts.mapBytes = 1 // too little: bbolt begins with 32 KiB, and doubles
	opts.generationBytes, opts.generationLogBytes = 1<<20, 1<<20
	s := mustOpen(t, opts)
	reading, goOn, readers := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	view := func(fn func(store.Snapshot) error) { readers <- s.View(context.Background(), fn) }
	go view(func(store.Snapshot) error { close(reading); <-goOn; return nil })
	<-reading
	head := uint64(0)
	commit := func(until func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for !until() {
			if err := put(ctx, s, head+1, fmt.Sprint(head+1), make([]byte, 1000)); err != nil {
				t.Fatalf("head %d: %v", head+1, err)
			}
			head++
		}
	}
	commit(func() bool {
		now := look(s)
		return now.carried() > 128<<10 || now.behind != nil && head > 1100
	})
	go view(func(v store.Snapshot) error { return nil }) // waits behind bbolt, or not: that is bbolt's affair
	more := head + 50
	commit(func() bool { return head == more })
	close(goOn)
	for range 2 {
		if err := <-readers; err != nil {
			t.Error(err)
		}
	}
	commit(func() bool { return head == 4000 })
	expect(t, s, 4000)
}

// A record of another version of this program is not taken for the end of the tail.
func TestUnknownFormatIsRefused(t *testing.T) {
	opts := tiny(t.TempDir())
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 1)
	record := appendRecord(nil, childChange(2))
	record[checksumBytes]++
	if _, err := s.files.tail[s.active.file].append(seal(record)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opts.in(cut(t, s))); !errors.Is(err, errUnknownFormat) {
		t.Fatalf("Open: %v", err)
	}
}

// Files of the tail are written over and over, and do not grow for it.
func TestTailIsUsedAgain(t *testing.T) {
	opts := tiny(t.TempDir())
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 2000)
	for _, name := range tailFiles {
		info, err := os.Stat(filepath.Join(opts.Dir, name))
		if err != nil || info.Size() > 2*tailGrowth {
			t.Errorf("%s takes %d bytes, %v", name, info.Size(), err)
		}
	}
}
