package bolt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/concordhq/concord/server/store"
)

// The system refuses to write to the tail: a real error, on bbolt's own path.
func TestFailedWriteStopsTheStore(t *testing.T) {
	opts := tiny(t.TempDir())
	opts.generationBytes, opts.generationLogBytes = 1<<20, 1<<20 // the flusher rests: nothing else is written meanwhile, be it a log of the test's
	s := mustOpen(t, opts)
	mustPut(t, s, 1, 20)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skip(err)
	}
	low := limit
	low.Cur = 1 // no file may be written beyond its first byte: EFBIG
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		t.Skip(err)
	}
	err := put(context.Background(), s, 21, "21", []byte("x"))
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("the failing Commit: %v, want EFBIG", err)
	}
	if err := put(context.Background(), s, 21, "21", []byte("x")); !errors.Is(err, store.ErrFailed) {
		t.Fatalf("the Commit after: %v, want ErrFailed", err)
	}
	expect(t, s, 20)
	closeStore(t, s)
	expect(t, mustOpen(t, tiny(opts.Dir)), 20)
}

// BenchmarkSync is the ruler: one 4 KiB overwrite and fdatasync on the same disk.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}
