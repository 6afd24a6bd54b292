// Package overlay holds tables in memory, as ordered trees of which every version stays readable.
//
// A Builder grows. After each change it hands out a Layer: the tables as they are at that moment,
// never to change again, sharing with earlier Layers all that did not change. Making one costs
// what the change touched. The memory engine is a Builder and nothing else; the bolt engine lays
// Layers over its pages, newest on top, and reads through them with Merge. Where there are pages
// behind, a deleted key is remembered as a tombstone, so that it hides what lies below.
package overlay

import (
	"bytes"
	"fmt"

	"github.com/tidwall/btree"

	"github.com/concordhq/concord/server/store"
)

// degree is the width of the trees' nodes. A change copies each node on its way down, so a wide
// node costs commits, and a narrow one costs reads; measured on commits of one command and of
// 256, all from 8 to 64 are within a tenth of each other, and small ones make less garbage.
const degree = 16

// RecordOverhead is what a record is reckoned to cost in memory beyond its key and its value:
// its slot in a node (two slice headers, with nodes half full) and the rounding of its bytes.
const RecordOverhead = 128

type tree = btree.BTreeG[store.Record]

// Tables numbers the tables of a store. It never changes once made.
type Tables struct {
	names  []store.Table
	number map[store.Table]int
}

// NewTables numbers the given tables; there must be at least one, none unnamed and none twice.
func NewTables(names []store.Table) (*Tables, error) {
	t := &Tables{names: append([]store.Table(nil), names...), number: make(map[store.Table]int, len(names))}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: a store without tables", store.ErrInvalid)
	}
	for i, name := range names {
		if _, twice := t.number[name]; twice || name == "" {
			return nil, fmt.Errorf("%w: table %q is named twice or not at all", store.ErrInvalid, name)
		}
		t.number[name] = i
	}
	return t, nil
}

// Names lists the tables in the order of their numbers. The list must not be changed.
func (t *Tables) Names() []store.Table { return t.names }

// Number returns the number of a table, and whether there is such a table.
func (t *Tables) Number(name store.Table) (int, bool) {
	n, ok := t.number[name]
	return n, ok
}

// Known reports whether there is such a table.
func (t *Tables) Known(name store.Table) bool {
	_, ok := t.number[name]
	return ok
}

// Layer is one version of all tables. It never changes and may be read by many goroutines.
type Layer struct {
	trees []*tree
	bytes int
}

// Builder owns the growing version. Only one goroutine at a time may use it.
type Builder struct {
	tables     *Tables
	tombstones bool
	trees      []*tree
	touched    []bool
	last       *Layer
	bytes      int
}

// NewBuilder begins with empty tables. With tombstones, a deleted key is remembered as a record
// without a value; without, it is gone.
func NewBuilder(tables *Tables, tombstones bool) *Builder {
	n := len(tables.names)
	b := &Builder{tables: tables, tombstones: tombstones, trees: make([]*tree, n), touched: make([]bool, n)}
	b.last = &Layer{trees: make([]*tree, n)}
	for i := range b.trees {
		b.trees[i] = btree.NewBTreeGOptions(less, btree.Options{Degree: degree, NoLocks: true})
		b.last.trees[i] = b.trees[i].Copy()
	}
	return b
}

func less(a, b store.Record) bool { return bytes.Compare(a.Key, b.Key) < 0 }

// Layer returns the version after the latest Apply.
func (b *Builder) Layer() *Layer { return b.last }

// Apply puts the writes in and returns the version that has them. The tables must be known; the
// slices are kept.
func (b *Builder) Apply(writes []store.Write) *Layer {
	for _, w := range writes {
		i := b.tables.number[w.Table]
		b.touched[i] = true
		b.put(b.trees[i], store.Record{Key: w.Key, Value: w.Value})
	}
	next := &Layer{trees: append([]*tree(nil), b.last.trees...), bytes: b.bytes}
	for i, touched := range b.touched {
		if touched {
			// The tree itself stays with the builder and only copies are given away: copying marks
			// the tree it copies, which would race with a reader of that same tree.
			next.trees[i] = b.trees[i].Copy()
			b.touched[i] = false
		}
	}
	b.last = next
	return next
}

func (b *Builder) put(t *tree, r store.Record) {
	var old store.Record
	var had bool
	if r.Value == nil && !b.tombstones {
		if old, had = t.Delete(r); had {
			b.bytes -= size(old)
		}
		return
	}
	if old, had = t.Set(r); had {
		b.bytes -= size(old)
	}
	b.bytes += size(r)
}

func size(r store.Record) int { return len(r.Key) + len(r.Value) + RecordOverhead }

// Bytes estimates the memory the layer's records take.
func (l *Layer) Bytes() int { return l.bytes }

// Get looks key up in the table of that number. found with a nil value is a tombstone.
func (l *Layer) Get(table int, key []byte) (value []byte, found bool) {
	r, ok := l.trees[table].Get(store.Record{Key: key})
	return r.Value, ok
}
