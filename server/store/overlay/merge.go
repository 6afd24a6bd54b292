package overlay

import (
	"bytes"
	"iter"

	"github.com/concordhq/concord/server/store"
)

// Source steps through records in ascending order of keys and returns the next one; a nil Key is
// the end. A Value of nil is a tombstone.
type Source func() (store.Record, error)

// Source steps through the table of that number from the first key ≥ from, tombstones included.
func (l *Layer) Source(table int, from []byte) Source {
	next := l.trees[table].from(from)
	return func() (store.Record, error) {
		if r := next(); r != nil {
			return *r, nil
		}
		return store.Record{}, nil
	}
}

// Merge reads several sources as one, up to but without the key to (nil: to their ends). Of a key
// that several have, the record of the source named first counts; tombstones are left out with
// all they hide. It reads no further than it is asked to, and can be ranged over once.
func Merge(to []byte, sources ...Source) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		heads := make([]store.Record, len(sources))
		for i, next := range sources {
			var err error
			if heads[i], err = next(); err != nil {
				yield(store.Record{}, err)
				return
			}
		}
		for {
			least := -1
			for i := range heads {
				if heads[i].Key != nil && (least < 0 || bytes.Compare(heads[i].Key, heads[least].Key) < 0) {
					least = i
				}
			}
			if least < 0 || to != nil && bytes.Compare(heads[least].Key, to) >= 0 {
				return
			}
			found := heads[least]
			if found.Value != nil && !yield(found, nil) {
				return
			}
			if err := advance(heads, sources, found.Key); err != nil {
				yield(store.Record{}, err)
				return
			}
		}
	}
}

// advance steps every source that stands at key.
func advance(heads []store.Record, sources []Source, key []byte) (err error) {
	for i := range heads {
		if heads[i].Key != nil && bytes.Equal(heads[i].Key, key) {
			if heads[i], err = sources[i](); err != nil {
				return err
			}
		}
	}
	return nil
}
