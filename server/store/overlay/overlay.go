// Package overlay holds tables in memory, as ordered trees of which every version stays readable.
//
// A Builder grows. After each change it hands out a Layer: the tables as they are at that moment,
// never to change again, sharing with earlier Layers all that did not change. Making one costs
// what the change touched. The memory engine is a Builder and nothing else; the bolt engine lays
// Layers over its pages, newest on top, and reads through them with Merge. Where there are pages
// behind, a deleted key is remembered as a tombstone, so that it hides what lies below.
package overlay

import (
	"fmt"
	"slices"

	"github.com/concordhq/concord/server/store"
)

// RecordOverhead is what a record is reckoned to cost in memory beyond its key and its value:
// two slice headers, its slot in a node that is not full, and that its bytes lie in somewhat
// larger buffers.
const RecordOverhead = 128

// Tables numbers the tables of a store. It never changes once made.
type Tables struct{ names []store.Table }

// NewTables numbers the given tables; there must be at least one, none unnamed and none twice.
func NewTables(names []store.Table) (*Tables, error) {
	t := &Tables{names: slices.Clone(names)}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: a store without tables", store.ErrInvalid)
	}
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%w: table %q is named twice or not at all", store.ErrInvalid, name)
		}
	}
	return t, nil
}

// Names lists the tables in the order of their numbers. The list must not be changed.
func (t *Tables) Names() []store.Table { return t.names }

// Number returns the number of a table, and whether there is such a table.
func (t *Tables) Number(name store.Table) (int, bool) {
	n := slices.Index(t.names, name) // they are few: a map takes longer
	return n, n >= 0
}

// Known reports whether there is such a table.
func (t *Tables) Known(name store.Table) bool { return slices.Contains(t.names, name) }

// Layer is one version of all tables. It never changes and may be read by many goroutines.
type Layer struct {
	trees []tree
	bytes int
}

// Builder owns the growing version. Only one goroutine at a time may use it.
type Builder struct {
	tables     *Tables
	tombstones bool
	edition    uint64
	last       *Layer
}

// NewBuilder begins with empty tables. With tombstones, a deleted key is remembered as a record
// without a value; without, it is gone.
func NewBuilder(tables *Tables, tombstones bool) *Builder {
	b := &Builder{tables: tables, tombstones: tombstones, last: &Layer{trees: make([]tree, len(tables.names))}}
	for i := range b.last.trees {
		b.last.trees[i].root = &node{}
	}
	return b
}

// Layer returns the version after the latest Apply.
func (b *Builder) Layer() *Layer { return b.last }

// Apply puts the writes in and returns the version that has them. The tables must be known; the
// slices are kept.
func (b *Builder) Apply(writes []store.Write) *Layer {
	b.edition++
	next := &Layer{trees: slices.Clone(b.last.trees), bytes: b.last.bytes}
	for _, w := range writes {
		number, _ := b.tables.Number(w.Table)
		t := &next.trees[number]
		var old *store.Record
		if w.Value == nil && !b.tombstones {
			old = t.delete(w.Key, b.edition)
		} else {
			r := &store.Record{Key: w.Key, Value: w.Value}
			old = t.put(r, b.edition)
			next.bytes += size(r)
		}
		if old != nil {
			next.bytes -= size(old)
		}
	}
	b.last = next
	return next
}

// Back undoes the latest Apply: l is what Layer returned before it.
func (b *Builder) Back(l *Layer) { b.last = l }

func size(r *store.Record) int { return len(r.Key) + len(r.Value) + RecordOverhead }

// Bytes estimates the memory the layer's records take.
func (l *Layer) Bytes() int { return l.bytes }

// Get looks key up in the table of that number. found with a nil value is a tombstone.
func (l *Layer) Get(table int, key []byte) (value []byte, found bool) {
	if r := l.trees[table].get(key); r != nil {
		return r.Value, true
	}
	return nil, false
}
