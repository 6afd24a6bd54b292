package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concordhq/concord/server/store"
)

var agreements = flag.Int("store.agreements", 100_000, "agreements in the store that the benchmarks run on")

const (
	events   store.Table = "events"
	state    store.Table = "state"
	receipts store.Table = "receipts"
)

// load makes commands like those of the service: an event of 450 bytes at the end of one table,
// three records and four index keys under one agreement of many in another, and a receipt.
type load struct {
	rnd  *rand.Rand
	head uint64
}

func agreementID(n int) []byte {
	// A multiplication scatters the ids, so that neighbours in time are not neighbours on disk.
	return fmt.Appendf(nil, "agr_%016x", uint64(n)*0x9E3779B97F4A7C15)
}

func (l *load) bytes(n int) []byte {
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], l.rnd.Uint64())
	}
	return b
}

func (l *load) command(writes []store.Write) []store.Write {
	l.head++
	id := agreementID(l.rnd.IntN(*agreements))
	seq := binary.BigEndian.AppendUint64(nil, l.head)
	writes = append(writes, store.Write{Table: events, Key: seq, Value: l.bytes(450)})
	for i := range 3 {
		key := append(id[:len(id):len(id)], 'r', byte(i*2+l.rnd.IntN(2)))
		writes = append(writes, store.Write{Table: state, Key: key, Value: l.bytes(100 + l.rnd.IntN(300))})
	}
	for i := range 4 {
		key := append(id[:len(id):len(id)], 'x', byte(i), byte(l.rnd.IntN(8)))
		writes = append(writes, store.Write{Table: state, Key: key, Value: []byte{}})
	}
	return append(writes, store.Write{Table: receipts, Key: append(seq, 'r'), Value: l.bytes(64)})
}

// filled returns a store with the agreements in its tables, one for the whole run.
var filled = sync.OnceValues(func() (*Store, error) {
	dir, err := os.MkdirTemp("", "concord-bench")
	if err != nil {
		return nil, err
	}
	s, err := Open(Options{Dir: dir, Tables: []store.Table{events, state, receipts}, Apart: []store.Table{state}, OnFlush: flushes.note})
	if err != nil {
		return nil, err
	}
	ids := make([][]byte, *agreements)
	for i := range ids {
		ids[i] = agreementID(i)
	}
	slices.SortFunc(ids, slices.Compare)
	l := &load{rnd: rand.New(rand.NewPCG(1, 1))}
	head := uint64(0)
	for part := range slices.Chunk(ids, 2000) {
		var writes []store.Write
		for _, id := range part {
			for i := range 3 {
				writes = append(writes, store.Write{Table: state, Key: append(id[:20:20], 'r', byte(i*2)), Value: l.bytes(250)})
			}
		}
		if err := s.Commit(context.Background(), store.Change{Base: head, Head: head + 1, Writes: writes}); err != nil {
			return nil, err
		}
		head++
	}
	return s, nil
})

// flushes sums up what the flusher did.
var flushes flushLog

type flushLog struct {
	mu    sync.Mutex
	n     int
	bytes int
	took  time.Duration
}

func (f *flushLog) note(bytes int, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.bytes, f.took = f.n+1, f.bytes+bytes, f.took+took
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
		return
	}
	code := m.Run()
	code = max(code, leaks())
	if flag.Lookup("test.bench").Value.String() != "" {
		if s, err := filled(); err == nil {
			_ = s.Close()
			_ = os.RemoveAll(s.opts.Dir)
		}
	}
	os.Exit(code)
}

// leaks reports flushers that outlived their stores.
func leaks() int {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	if flag.Lookup("test.bench").Value.String() == "" && strings.Contains(b.String(), "(*Store).flush") {
		fmt.Println("a flusher is still running:\n", b.String())
		return 1
	}
	return 0
}

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := filled()
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s := benchStore(b)
			l := &load{rnd: rand.New(rand.NewPCG(2, uint64(batch))), head: 1 << 40}
			head := headOf(b, s)
			l.head += head << 10
			took := make([]time.Duration, 0, 1<<16)
			making := time.Duration(0)
			for b.Loop() {
				begun := time.Now()
				var writes []store.Write
				for range batch {
					writes = l.command(writes)
				}
				making += time.Since(begun)
				begun = time.Now()
				if err := s.Commit(context.Background(), store.Change{Base: head, Head: head + 1, Writes: writes}); err != nil {
					b.Fatal(err)
				}
				head++
				took = append(took, time.Since(begun))
			}
			total := time.Duration(0)
			for _, d := range took {
				total += d
			}
			slices.Sort(took)
			b.ReportMetric(float64(len(took))/total.Seconds(), "commits/s")
			b.ReportMetric(float64(len(took)*batch)/total.Seconds(), "commands/s")
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(took[len(took)*p/100].Microseconds()), fmt.Sprintf("p%d-µs", p))
			}
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
			b.ReportMetric(float64(making)/float64(b.N*batch), "making-ns/command")
		})
	}
	flushes.mu.Lock()
	defer flushes.mu.Unlock()
	if flushes.n > 0 {
		b.Logf("flushed %d generations, %.1f MiB/s", flushes.n, float64(flushes.bytes>>20)/flushes.took.Seconds())
	}
}

// BenchmarkOpen reads back a tail with two generations about as full as they get.
func BenchmarkOpen(b *testing.B) {
	opts := Options{Dir: b.TempDir(), Tables: []store.Table{events, state, receipts}, Apart: []store.Table{state}}
	held := make(chan struct{})
	opts.generationBytes, opts.generationLogBytes, opts.stepBytes = generationBytes, generationLogBytes, stepBytes
	opts.faults.beforeStep = func(int) error { <-held; return nil }
	s, err := Open(opts)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := &load{rnd: rand.New(rand.NewPCG(5, 5))}
	for head := uint64(0); ctx.Err() == nil; head++ {
		stuck := time.AfterFunc(time.Second, cancel)
		_ = s.Commit(ctx, store.Change{Base: head, Head: head + 1, Writes: l.command(nil)})
		stuck.Stop()
	}
	b.ReportMetric(float64(s.active.logged>>20), "MiB-of-newest")
	closing := make(chan error)
	go func() { closing <- s.Close() }()
	<-s.closed
	close(held)
	if err := <-closing; err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	for _, name := range tailFiles {
		tail, err := os.Stat(filepath.Join(opts.Dir, name))
		if err != nil {
			b.Fatal(err)
		}
		size += tail.Size()
	}
	opts.faults.beforeStep = func(int) error { return errStopped }
	for b.Loop() {
		s, err := Open(opts)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size>>20), "MiB-of-tail")
}

func headOf(b *testing.B, s *Store) (head uint64) {
	b.Helper()
	err := s.View(context.Background(), func(v store.Snapshot) error { head = v.Head(); return nil })
	if err != nil {
		b.Fatal(err)
	}
	return head
}

func BenchmarkGet(b *testing.B) {
	s := benchStore(b)
	rnd := rand.New(rand.NewPCG(3, 3))
	b.ReportAllocs()
	for b.Loop() {
		key := append(agreementID(rnd.IntN(*agreements)), 'r', 0)
		err := s.View(context.Background(), func(v store.Snapshot) error {
			_, err := v.Get(state, key)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan reads all records of one agreement.
func BenchmarkScan(b *testing.B) {
	s := benchStore(b)
	rnd := rand.New(rand.NewPCG(4, 4))
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		from := agreementID(rnd.IntN(*agreements))
		to := append(slices.Clone(from), 0xFF)
		err := s.View(context.Background(), func(v store.Snapshot) error {
			for _, err := range v.Scan(state, from, to) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/float64(b.N), "records/op")
}
