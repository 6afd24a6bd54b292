package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/storetest"
)

// put commits one record under the next head.
func put(ctx context.Context, s *Store, head uint64, key string, value []byte) error {
	return s.Commit(ctx, store.Change{Base: head - 1, Head: head, Writes: []store.Write{
		{Table: storetest.Red, Key: []byte(key), Value: value}}})
}

func mustPut(t *testing.T, s *Store, from, to uint64) {
	t.Helper()
	for head := from; head <= to; head++ {
		if err := put(context.Background(), s, head, fmt.Sprint(head), bytes.Repeat([]byte{byte(head)}, 100)); err != nil {
			t.Fatalf("head %d: %v", head, err)
		}
	}
}

// disk gives the store one that is full when it is told to be.
func (o *Options) disk() (full *atomic.Bool) {
	full = &atomic.Bool{}
	o.faults.beforeAppend = func() error {
		if full.Load() {
			return fmt.Errorf("write: %w", syscall.ENOSPC)
		}
		return nil
	}
	return full
}

// look is what is seen at this moment.
func look(s *Store) seen {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.seen
}

// expect checks the head, and that all records up to it are there and no other.
func expect(t *testing.T, s *Store, head uint64) {
	t.Helper()
	err := s.View(context.Background(), func(v store.Snapshot) error {
		n := uint64(0)
		for _, err := range v.Scan(storetest.Red, nil, nil) {
			if err != nil {
				return err
			}
			n++
		}
		if v.Head() != head || n != head {
			t.Fatalf("%d records at head %d, want %d", n, v.Head(), head)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// sizes are numbers of writes that are laid into the overlay after the append, and beside it.
var sizes = []int{1, 2 * layAside}

// many puts that many records, from the number on.
func many(from, n int) (writes []store.Write) {
	for i := from; i < from+n; i++ {
		writes = append(writes, store.Write{Table: storetest.Red, Key: []byte(fmt.Sprint(i)), Value: []byte("x")})
	}
	return writes
}

// While an append is on its way to the disk nobody can see it.
func TestNothingIsVisibleBeforeItIsDurable(t *testing.T) {
	for _, n := range sizes {
		opts := tiny(t.TempDir())
		reached, release := make(chan struct{}), make(chan struct{})
		opts.faults.beforeAppend = func() error { reached <- struct{}{}; <-release; return nil }
		opts.faults.afterAppend = opts.faults.beforeAppend
		s := mustOpen(t, opts)
		committed := make(chan error)
		go func() { committed <- s.Commit(context.Background(), store.Change{Head: uint64(n), Writes: many(1, n)}) }()
		for range 2 {
			<-reached
			time.Sleep(10 * time.Millisecond) // for whoever would show it too early
			expect(t, s, 0)
			release <- struct{}{}
		}
		if err := <-committed; err != nil {
			t.Fatal(err)
		}
		expect(t, s, uint64(n))
	}
}

// A change that a full disk refused leaves nothing in memory: not in the next View, nor after later changes, nor in the
// tables or after the next opening.
func TestRefusedChangeLeavesNoTrace(t *testing.T) {
	for _, n := range sizes {
		opts := tiny(t.TempDir())
		full := opts.disk()
		s := mustOpen(t, opts)
		check := func(head uint64) {
			t.Helper()
			expect(t, s, head)
			if err := s.View(context.Background(), func(v store.Snapshot) error {
				for i := uint64(1); i <= head; i++ {
					if value, err := v.Get(storetest.Red, fmt.Append(nil, i)); err != nil || !bytes.Equal(value, bytes.Repeat([]byte{byte(i)}, 100)) {
						t.Errorf("record %d is %q, %v", i, value, err)
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		mustPut(t, s, 1, 10)
		size := s.active.builder.Layer().Bytes()
		full.Store(true)
		for range 3 {
			refused := append(many(10, n), store.Write{Table: storetest.Red, Key: []byte("9")})
			if err := s.Commit(context.Background(), store.Change{Base: 10, Head: 11, Writes: refused}); !errors.Is(err, store.ErrFull) {
				t.Fatalf("Commit: %v, want ErrFull", err)
			}
			check(10)
		}
		if now := s.active.builder.Layer().Bytes(); now != size {
			t.Errorf("%d bytes, were %d", now, size)
		}
		full.Store(false)
		mustPut(t, s, 11, 12)
		check(12)
		mustPut(t, s, 13, 200) // several generations
		check(200)
		closeStore(t, s)
		s = mustOpen(t, opts)
		check(200)
	}
}

// A sync that fails leaves the outcome unknown: the store reads on and writes no more, what was
// not acknowledged stays out of sight, and the next opening learns the truth.
func TestFailedSyncStopsTheStore(t *testing.T) {
	opts := tiny(t.TempDir())
	var failing atomic.Bool
	broken := errors.New("input/output error")
	opts.faults.afterAppend = func() error {
		if failing.Load() {
			return broken
		}
		return nil
	}
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 20)
	failing.Store(true)
	err := put(context.Background(), s, 21, "21", []byte("x"))
	if !errors.Is(err, broken) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrFailed) {
		t.Fatalf("the failing Commit: %v", err)
	}
	failing.Store(false)
	for _, head := range []uint64{21, 22} {
		if err := put(context.Background(), s, head, "x", nil); !errors.Is(err, store.ErrFailed) {
			t.Fatalf("the Commit after: %v, want ErrFailed", err)
		}
	}
	<-s.Failed()
	if !errors.Is(s.Err(), broken) {
		t.Errorf("Err: %v", s.Err())
	}
	expect(t, s, 20)
	closeStore(t, s)
	expect(t, mustOpen(t, tiny(opts.Dir)), 21) // here the append had reached the disk
}

func TestFailedFlushStopsTheStore(t *testing.T) {
	opts := tiny(t.TempDir())
	broken := errors.New("input/output error")
	opts.faults.afterStep = func() error { return broken }
	s := mustOpen(t, opts)
	head := uint64(0)
	for err := error(nil); err == nil; {
		if err = put(context.Background(), s, head+1, fmt.Sprint(head+1), make([]byte, 100)); err == nil {
			head++
		} else if !errors.Is(err, store.ErrFailed) || !errors.Is(err, broken) {
			t.Fatalf("Commit: %v, want ErrFailed", err)
		}
	}
	<-s.Failed()
	expect(t, s, head)
	closeStore(t, s)
	expect(t, mustOpen(t, tiny(opts.Dir)), head)
}

// A full disk under the tail refuses cleanly, and commits go on when there is room again.
func TestFullDiskUnderTheTail(t *testing.T) {
	opts := tiny(t.TempDir())
	full := opts.disk()
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 10)
	full.Store(true)
	for range 3 {
		if err := put(context.Background(), s, 11, "x", []byte("x")); !errors.Is(err, store.ErrFull) {
			t.Fatalf("Commit: %v, want ErrFull", err)
		}
	}
	expect(t, s, 10)
	full.Store(false)
	mustPut(t, s, 11, 100)
	expect(t, s, 100)
}

// A full disk under a file of the tables is ridden out: commits go on while there is room in memory, then
// are refused cleanly, and go on again when the flusher does.
func TestFullDiskUnderTheTables(t *testing.T) {
	for file, name := range tablesFiles {
		t.Run(name, func(t *testing.T) { fullDiskUnder(t, file) })
	}
}

func fullDiskUnder(t *testing.T, file int) {
	opts := tiny(t.TempDir())
	var full atomic.Bool
	full.Store(true)
	opts.faults.beforeStep = func(at int) error {
		if at == file && full.Load() {
			return fmt.Errorf("write: %w", syscall.ENOSPC)
		}
		return nil
	}
	s := mustOpen(t, opts)
	head := uint64(0)
	for err := error(nil); err == nil; {
		if err = put(context.Background(), s, head+1, fmt.Sprint(head+1), make([]byte, 100)); err == nil {
			head++
		} else if !errors.Is(err, store.ErrFull) {
			t.Fatalf("Commit: %v, want ErrFull", err)
		}
	}
	expect(t, s, head)
	full.Store(false)
	waitFor(t, s, func() bool { now := look(s); return !now.starved() })
	mustPut(t, s, head+1, head+200)
	expect(t, s, head+200)
}

func TestQuota(t *testing.T) {
	opts := tiny(t.TempDir())
	opts.MaxBytes = 512 << 10
	s := mustOpen(t, opts)
	head := uint64(0)
	for err := error(nil); err == nil; {
		if err = put(context.Background(), s, head+1, fmt.Sprint(head+1), make([]byte, 1000)); err == nil {
			head++
		} else if !errors.Is(err, store.ErrFull) {
			t.Fatalf("Commit: %v, want ErrFull", err)
		}
	}
	if size := int(head) * 1000; size < int(opts.MaxBytes)/4 || size > int(opts.MaxBytes) {
		t.Errorf("full at %d bytes of records, of %d", size, opts.MaxBytes)
	}
	expect(t, s, head)
	if err := put(context.Background(), s, head+1, "1", nil); err != nil {
		t.Errorf("a change that only deletes: %v", err)
	}
}

// While commits wait for the flusher a context that ends gets them out, with nothing written.
func TestWaitingHonoursContext(t *testing.T) {
	opts := tiny(t.TempDir())
	release := make(chan struct{})
	opts.faults.beforeStep = func(int) error { <-release; return nil }
	s := mustOpen(t, opts)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	head := uint64(0)
	for err := error(nil); err == nil; {
		if err = put(ctx, s, head+1, fmt.Sprint(head+1), make([]byte, 100)); err == nil {
			head++
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Commit: %v, want the deadline", err)
		}
	}
	if head < 10 || head > 200 {
		t.Errorf("%d commits before the bounds stopped them", head)
	}
	expect(t, s, head)
	close(release)
	mustPut(t, s, head+1, head+50)
	expect(t, s, head+50)
}

// Close does not wait for a whole generation, and wakes commits that wait.
func TestCloseWhileCommitsWait(t *testing.T) {
	opts := tiny(t.TempDir())
	stepping, release := make(chan struct{}, 1000), make(chan struct{})
	opts.faults.beforeStep = func(int) error { stepping <- struct{}{}; <-release; return nil }
	s := mustOpen(t, opts)
	result := make(chan error, 1)
	var head atomic.Uint64
	go func() {
		for {
			if err := put(context.Background(), s, head.Load()+1, fmt.Sprint(head.Load()+1), make([]byte, 100)); err != nil {
				result <- err
				return
			}
			head.Add(1)
		}
	}()
	<-stepping
	closing := make(chan error, 1)
	go func() { closing <- s.Close() }()
	if err := <-result; !errors.Is(err, store.ErrClosed) {
		t.Fatalf("Commit: %v, want ErrClosed", err)
	}
	close(release)
	if err := <-closing; err != nil {
		t.Fatal(err)
	}
	if n := len(stepping); n > 1 {
		t.Errorf("%d more steps after Close", n)
	}
	expect(t, mustOpen(t, tiny(opts.Dir)), head.Load())
}

func TestSnapshotEnds(t *testing.T) {
	s := mustOpen(t, tiny(t.TempDir()))
	var kept store.Snapshot
	if err := s.View(context.Background(), func(v store.Snapshot) error { kept = v; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Get(storetest.Red, []byte("a")); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Get: %v, want ErrInvalid", err)
	}
}

// Whatever is not the store that was written is refused by Open, with words that say so.
func TestDamageIsRefused(t *testing.T) {
	whole := t.TempDir()
	s := mustOpen(t, tiny(whole))
	mustPut(t, s, 1, 2)
	closeStore(t, s)
	early := t.TempDir()
	if err := os.CopyFS(early, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, tiny(whole))
	mustPut(t, s, 3, 500)
	closeStore(t, s)
	other := t.TempDir()
	closeStore(t, mustOpen(t, tiny(other)))

	for name, harm := range map[string]func(file func(string) string){
		"tables are missing":        func(file func(string) string) { remove(t, file(tablesFiles[0])) },
		"the others are missing":    func(file func(string) string) { remove(t, file(tablesFiles[1])) },
		"a tail is missing":         func(file func(string) string) { remove(t, file(tailFiles[0])) },
		"the other tail is missing": func(file func(string) string) { remove(t, file(tailFiles[1])) },
		"store-id is missing":       func(file func(string) string) { remove(t, file(idFile)) },
		"tables are empty":          func(file func(string) string) { write(t, file(tablesFiles[1]), nil) },
		"a tail is empty":           func(file func(string) string) { write(t, file(tailFiles[0]), nil) },
		"tails are all zeros":       func(file func(string) string) { zeroTails(t, file, tailHeaderBytes) },
		"tables of another store": func(file func(string) string) {
			write(t, file(tablesFiles[1]), read(t, filepath.Join(other, tablesFiles[1])))
		},
		"tables exchanged": func(file func(string) string) {
			first, second := read(t, file(tablesFiles[0])), read(t, file(tablesFiles[1]))
			write(t, file(tablesFiles[0]), second)
			write(t, file(tablesFiles[1]), first)
		},
		"tail of another store": func(file func(string) string) {
			write(t, file(tailFiles[0]), read(t, filepath.Join(other, tailFiles[0])))
		},
		"tables are no database": func(file func(string) string) { write(t, file(tablesFiles[0]), make([]byte, 64<<10)) },
		"store-id is strange":    func(file func(string) string) { write(t, file(idFile), []byte("concord-store 9 x\n")) },
		"tables older than the tail": func(file func(string) string) {
			write(t, file(tablesFiles[0]), read(t, filepath.Join(early, tablesFiles[0])))
		},
		"the others older than the tail": func(file func(string) string) {
			write(t, file(tablesFiles[1]), read(t, filepath.Join(early, tablesFiles[1])))
		},
		"tail older than the tables": func(file func(string) string) {
			for _, name := range tailFiles {
				write(t, file(name), read(t, filepath.Join(early, name)))
			}
		},
		"a first page of the tail": func(file func(string) string) { zero(t, file(tailFiles[0]), 0) },
		"the newest change":        func(file func(string) string) { flip(t, file, 500) },
		"a change before it":       func(file func(string) string) { flip(t, file, 499) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			harm(func(name string) string { return filepath.Join(dir, name) })
			s, err := Open(tiny(dir))
			if !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("Open: %v, want ErrCorrupt", err)
			}
			t.Log(err)
			if s != nil {
				t.Error("Open returned a store beside the error")
			}
		})
	}
}

// A page of the tables gone bad is noticed by whoever reads from it.
func TestDamagedTablesAreNoticed(t *testing.T) {
	opts := tiny(t.TempDir())
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 500)
	closeStore(t, s)
	path := filepath.Join(opts.Dir, tablesFiles[0])
	tables := read(t, path)
	value := bytes.Repeat([]byte{7}, 100) // the value of head 7
	for at := bytes.Index(tables, value); at >= 0; at = bytes.Index(tables, value) {
		tables[at+50] ^= 4
	}
	write(t, path, tables)
	s = mustOpen(t, opts)
	err := s.View(context.Background(), func(v store.Snapshot) error {
		if _, err := v.Get(storetest.Red, []byte("8")); err != nil {
			t.Errorf("Get of another record: %v", err)
		}
		if _, err := v.Get(storetest.Red, []byte("7")); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("Get: %v, want ErrCorrupt", err)
		}
		for _, err := range v.Scan(storetest.Red, []byte("7"), []byte("70")) {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("Scan: %v, want ErrCorrupt", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A making that was cut short, at whatever point, is taken up again.
func TestCreateCutShort(t *testing.T) {
	made := t.TempDir()
	closeStore(t, mustOpen(t, tiny(made)))
	for name, files := range map[string][]string{
		"at its first file": {lockFile, tailFiles[0] + newSuffix},
		"before store-id":   {lockFile, tailFiles[0] + newSuffix, tailFiles[1] + newSuffix, tablesFiles[0] + newSuffix, tablesFiles[1] + newSuffix, idFile + newSuffix},
		"after store-id":    {lockFile, tailFiles[0] + newSuffix, tailFiles[1] + newSuffix, tablesFiles[0] + newSuffix, tablesFiles[1] + newSuffix, idFile},
		"at its last name":  {lockFile, tailFiles[0], tailFiles[1], tablesFiles[0], tablesFiles[1] + newSuffix, idFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range files {
				write(t, filepath.Join(dir, file), read(t, filepath.Join(made, filepath.Base(trimNew(file)))))
			}
			s := mustOpen(t, tiny(dir))
			mustPut(t, s, 1, 3)
			closeStore(t, s)
			expect(t, mustOpen(t, tiny(dir)), 3)
		})
	}
}

// flip changes a bit in what the tail has of the value of a head.
func flip(t *testing.T, file func(string) string, head int) {
	t.Helper()
	for _, name := range tailFiles {
		tail := read(t, file(name))
		value := append([]byte(fmt.Sprint(head)), 101) // the key, and the length before the value
		at := bytes.Index(tail, append(value, bytes.Repeat([]byte{byte(head)}, 100)...))
		if at >= 0 {
			tail[at+50] ^= 4
			write(t, file(name), tail)
			return
		}
	}
	t.Fatalf("head %d is not in the tail", head)
}

// zeroTails leaves nothing of the tails but zeros from that offset on.
func zeroTails(t *testing.T, file func(string) string, from int) {
	t.Helper()
	for _, name := range tailFiles {
		tail := read(t, file(name))
		clear(tail[from:])
		write(t, file(name), tail)
	}
}

func zero(t *testing.T, path string, at int) {
	t.Helper()
	b := read(t, path)
	clear(b[at : at+os.Getpagesize()])
	write(t, path, b)
}

func trimNew(name string) string {
	return string(bytes.TrimSuffix([]byte(name), []byte(newSuffix)))
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, childChange(7)))
	f.Add(appendRecord(nil, store.Change{Base: 1, Head: 9, Writes: []store.Write{{Table: "a", Key: []byte("k")}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Past the checksum, which chance does not guess.
		if len(b) > checksumBytes {
			b = seal(b)
		}
		c, err := parseRecord(b)
		if err != nil {
			return
		}
		again, err := parseRecord(appendRecord(nil, c))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(c) {
			t.Fatalf("%v became %v, %v", c, again, err)
		}
	})
}
