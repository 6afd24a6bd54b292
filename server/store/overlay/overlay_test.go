package overlay

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/concordhq/concord/server/store"
)

// keys of several kinds: short and long, of zeros, with much in common and with nothing, at the end and anywhere.
func (r *ring) key() string {
	switch r.rnd.IntN(6) {
	case 0:
		return strings.Repeat("\x00", 1+r.rnd.IntN(20))
	case 1:
		return "common to many keys and longer than a head " + strings.Repeat("z", r.rnd.IntN(12)) + fmt.Sprint(r.rnd.IntN(300))
	case 2:
		r.last++
		return string(binary.BigEndian.AppendUint64(nil, r.last))
	case 3:
		return fmt.Sprint(r.rnd.IntN(3000))
	case 4:
		return fmt.Sprintf("agr_%02d\x00%c%d", r.rnd.IntN(50), 'A'+r.rnd.IntN(3), r.rnd.IntN(20))
	}
	return string(binary.BigEndian.AppendUint64(nil, r.rnd.Uint64N(r.last+1)))
}

type ring struct {
	rnd  *rand.Rand
	last uint64
}

var onlyRed, _ = NewTables([]store.Table{"red"})

// A layer has what was put in up to it and nothing that came later, however the builder went on: forward, or one step back.
func TestLayersAgainstMaps(t *testing.T) {
	for _, tombstones := range []bool{false, true} {
		for seed := range uint64(2) {
			r := &ring{rnd: rand.New(rand.NewPCG(seed, 7))}
			b := NewBuilder(onlyRed, tombstones)
			now := map[string]string{}
			type version struct {
				layer *Layer
				want  map[string]string
			}
			var kept []version
			for round := range 300 {
				before, was := b.Layer(), maps.Clone(now)
				var writes []store.Write
				deletes := 1 + 8*(round/50%2) // of ten: the tree grows and shrinks
				for range r.rnd.IntN(60) {
					w := store.Write{Table: "red", Key: []byte(r.key())}
					if r.rnd.IntN(10) >= deletes {
						w.Value = fmt.Append([]byte{}, round)
					} else if keys := slices.Collect(maps.Keys(now)); len(keys) > 0 {
						w.Key = []byte(keys[r.rnd.IntN(len(keys))])
					}
					writes = append(writes, w)
					if w.Value != nil || tombstones {
						now[string(w.Key)] = string(w.Value)
					} else {
						delete(now, string(w.Key))
					}
				}
				if layer := b.Apply(writes); layer != b.Layer() {
					t.Fatal("Layer is not what Apply returned")
				}
				if r.rnd.IntN(4) == 0 {
					b.Back(before)
					now = was
				}
				if r.rnd.IntN(20) == 0 {
					kept = append(kept, version{b.Layer(), maps.Clone(now)})
				}
			}
			for _, v := range append(kept, version{b.Layer(), now}) {
				expect(t, r, v.layer, v.want)
			}
		}
	}
}

func expect(t *testing.T, r *ring, l *Layer, want map[string]string) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(want))
	bytes := 0
	for _, key := range keys {
		if value, found := l.Get(0, []byte(key)); !found || string(value) != want[key] {
			t.Fatalf("Get of %q is %q, %v; want %q", key, value, found, want[key])
		}
		bytes += len(key) + len(want[key]) + RecordOverhead
	}
	if l.Bytes() != bytes {
		t.Errorf("Bytes: %d, want %d", l.Bytes(), bytes)
	}
	for i := range 100 {
		from := r.key()
		if i == 0 {
			from = ""
		}
		if _, there := want[from]; !there {
			if value, found := l.Get(0, []byte(from)); found {
				t.Fatalf("Get of %q, which is not there: %q", from, value)
			}
		}
		at, _ := slices.BinarySearch(keys, from)
		next := l.Source(0, []byte(from))
		for _, key := range keys[at:] {
			got, err := next()
			if err != nil || string(got.Key) != key || string(got.Value) != want[key] {
				t.Fatalf("from %q: %q, %v; want %q", from, got.Key, err, key)
			}
		}
		for range 2 {
			if got, err := next(); got.Key != nil || err != nil {
				t.Fatalf("from %q: %q after the end, %v", from, got.Key, err)
			}
		}
	}
}

// A tree that much went through keeps no more nodes than what is left needs, and stays as quick to read.
func TestDeletedRecordsAreLetGo(t *testing.T) {
	const left = 100 // more than a leaf holds
	b := NewBuilder(onlyRed, false)
	for i := range uint64(10_000) {
		key := func(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }
		b.Apply([]store.Write{{Table: "red", Key: key(i), Value: []byte{}}, {Table: "red", Key: key(i - left)}})
	}
	if n := leaves(b.Layer().trees[0].root); n > left/5 {
		t.Errorf("%d leaves for %d records", n, left)
	}
}

func leaves(n *node) (sum int) {
	if n.kids == nil {
		return 1
	}
	for _, kid := range n.kids[:n.n+1] {
		sum += leaves(kid)
	}
	return sum
}

// batches makes changes like those of the service under load: of each command an event at the end of one table, records and
// index keys under one agreement of many in another, and a receipt.
type batches struct {
	rnd  *rand.Rand
	head uint64
}

const agreements = 20_000

func (b *batches) next(commands int) (writes []store.Write) {
	for range commands {
		b.head++
		id := fmt.Sprintf("agr_%016x\x00", uint64(b.rnd.IntN(agreements))*0x9E3779B97F4A7C15)
		put := func(table store.Table, key string, value []byte) {
			writes = append(writes, store.Write{Table: table, Key: []byte(key), Value: value})
		}
		at := string(binary.BigEndian.AppendUint64(nil, b.head))
		put("events", at, make([]byte, 460))
		for _, kind := range []string{"\x01", "\x03c-1", "\x04c-1-1"} {
			put("records", id+kind, make([]byte, 250))
		}
		put("records", id+"C"+at, []byte{})
		put("records", id+"Lo\x01"+at[4:], nil)
		put("records", id+"Lo\x02"+at[4:], []byte{})
		put("receipts", fmt.Sprintf("principal-%d\x00%016x", b.rnd.IntN(100), b.rnd.Uint64()), make([]byte, 80))
	}
	return writes
}

var benchTables, _ = NewTables([]store.Table{"events", "records", "texts", "index", "receipts"})

// filling is how many commands a generation of the bolt engine takes.
const filling = 25_000

func BenchmarkApply(b *testing.B) {
	for _, commands := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("commands=%d", commands), func(b *testing.B) {
			b.ReportAllocs()
			l := &batches{rnd: rand.New(rand.NewPCG(1, 1))}
			t := NewBuilder(benchTables, true)
			for n, in := 0, 0; n < b.N; n, in = n+1, in+commands {
				b.StopTimer()
				if in >= filling {
					t, in = NewBuilder(benchTables, true), 0
				}
				writes := l.next(commands)
				b.StartTimer()
				t.Apply(writes)
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	l := &batches{rnd: rand.New(rand.NewPCG(1, 1))}
	t := NewBuilder(benchTables, true)
	for range filling / 50 {
		t.Apply(l.next(50))
	}
	keys := make([][]byte, 1<<14)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "agr_%016x\x00\x03c-1", uint64(l.rnd.IntN(agreements))*0x9E3779B97F4A7C15)
	}
	layer := t.Layer()
	b.ResetTimer()
	for n := range b.N {
		layer.Get(2, keys[n%len(keys)])
	}
}
