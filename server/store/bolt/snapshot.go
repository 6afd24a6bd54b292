package bolt

import (
	"fmt"
	"iter"

	bbolt "go.etcd.io/bbolt"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

// snapshot reads the overlays of one moment, newest first, over the pages of the same moment.
type snapshot struct {
	names  *overlay.Tables
	head   uint64
	layers []*overlay.Layer
	array  [2]*overlay.Layer // where layers lie
	tx     *bbolt.Tx
	pages  []*bbolt.Bucket // by number of table, found when first asked for
	looked []bool
	ended  bool
}

// snapshot takes overlays and pages together. The flusher drops a generation from the overlays
// under the lock that is shared here, so pages begun under it hold every generation that the
// overlays do not, and none that is newer than they.
func (s *Store) snapshot() (*snapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if isClosed(s.closed) {
		return nil, store.ErrClosed
	}
	tx, err := s.files.tables.Begin(false)
	if err != nil {
		return nil, err
	}
	v := &snapshot{names: s.names, head: s.seen.head, tx: tx}
	v.layers = append(v.array[:0], s.seen.active)
	if s.seen.behind != nil {
		v.layers = append(v.layers, s.seen.behind)
	}
	return v, nil
}

func (v *snapshot) end() {
	v.ended = true
	v.tx.Rollback() //nolint:errcheck // a read transaction has nothing to lose
}

// table finds the number and the pages of a table; a table nothing was flushed to has no pages.
func (v *snapshot) table(t store.Table) (int, *bbolt.Bucket, error) {
	if v.ended {
		return 0, nil, fmt.Errorf("%w: a snapshot was used after its View had returned", store.ErrInvalid)
	}
	n, ok := v.names.Number(t)
	if !ok {
		return 0, nil, store.UnknownTable(t)
	}
	if v.pages == nil {
		v.pages = make([]*bbolt.Bucket, len(v.names.Names()))
		v.looked = make([]bool, len(v.names.Names()))
	}
	if !v.looked[n] {
		v.pages[n], v.looked[n] = v.tx.Bucket([]byte(tablePrefix+string(t))), true
	}
	return n, v.pages[n], nil
}

func (v *snapshot) Head() uint64 { return v.head }

func (v *snapshot) Get(t store.Table, key []byte) ([]byte, error) {
	n, pages, err := v.table(t)
	if err != nil {
		return nil, fmt.Errorf("bolt: get: %w", err)
	}
	for _, layer := range v.layers {
		if value, found := layer.Get(n, key); found {
			return value, nil
		}
	}
	if pages == nil {
		return nil, nil
	}
	checked := pages.Get(key)
	if checked == nil {
		return nil, nil
	}
	value, err := checkedValue(key, checked)
	if err != nil {
		return nil, fmt.Errorf("bolt: get %x from table %q: %w", key, t, err)
	}
	return value, nil
}

func (v *snapshot) Scan(t store.Table, from, to []byte) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		n, pages, err := v.table(t)
		if err != nil {
			yield(store.Record{}, fmt.Errorf("bolt: scan: %w", err))
			return
		}
		sources := make([]overlay.Source, 0, len(v.array)+1)
		for _, layer := range v.layers {
			sources = append(sources, layer.Source(n, from))
		}
		if pages != nil {
			sources = append(sources, pagesSource(t, pages, from))
		}
		overlay.Merge(to, sources...)(yield)
	}
}

// pagesSource steps through the pages of a table from the first key ≥ from.
func pagesSource(t store.Table, pages *bbolt.Bucket, from []byte) overlay.Source {
	cursor := pages.Cursor()
	begun := false
	return func() (store.Record, error) {
		var key, checked []byte
		if begun {
			key, checked = cursor.Next()
		} else {
			begun = true
			key, checked = cursor.Seek(from)
		}
		if key == nil {
			return store.Record{}, nil
		}
		value, err := checkedValue(key, checked)
		if err != nil {
			return store.Record{}, fmt.Errorf("bolt: scan %x in table %q: %w", key, t, err)
		}
		return store.Record{Key: key, Value: value}, nil
	}
}
