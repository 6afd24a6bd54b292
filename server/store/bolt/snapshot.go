package bolt

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	bbolt "go.etcd.io/bbolt"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

// snapshot reads the overlays of one moment, newest first, over the pages of the same moment.
type snapshot struct {
	store  *Store
	head   uint64
	layers []*overlay.Layer
	array  [2]*overlay.Layer // where layers lie
	txs    [len(tablesFiles)]*bbolt.Tx
	pages  []pages // by number of table, found when first asked for
	ended  bool
}

// pages is what is flushed of a table; without a bucket there is none.
type pages struct {
	looked bool
	bucket *bbolt.Bucket
	cursor *bbolt.Cursor // of get
	at     []byte        // where the cursor is; nil if it is nowhere
}

// stride is how many keys a get steps over before it seeks anew. A step costs a small part of a search from the root.
const stride = 8

// get is the value of a key as it lies in the pages; nil if there is none. The cursor serves one get after the other, and
// goes on from where it is if the key is likely to be near.
func (p *pages) get(key []byte) []byte {
	if near(p.at, key) {
		for range stride {
			var value []byte
			p.at, value = p.cursor.Next()
			if c := bytes.Compare(p.at, key); p.at == nil || c > 0 {
				return nil
			} else if c == 0 {
				return value
			}
		}
	}
	var value []byte
	if p.at, value = p.cursor.Seek(key); bytes.Equal(p.at, key) {
		return value
	}
	return nil
}

// near says that a key is behind another and begins like it up to its first zero byte. That byte ends the name of what
// records belong to, which are few or read one behind the other; keys that begin with a number have no such name.
func near(at, key []byte) bool {
	named := bytes.IndexByte(at, 0) + 1
	return named > 1 && bytes.HasPrefix(key, at[:named]) && bytes.Compare(at, key) < 0
}

// snapshot takes overlays and pages that belong together: the pages hold every generation that the overlays do not, and
// none that is newer than they. It looks at the overlays first, and once more if the flusher got on meanwhile. No lock of
// ours is held while the pages are begun: that may have to wait for bbolt, which may be waiting for other readers.
func (s *Store) snapshot() (*snapshot, error) {
	for {
		s.mu.RLock()
		now := s.seen
		s.mu.RUnlock()
		if isClosed(s.closed) {
			return nil, store.ErrClosed
		}
		v := &snapshot{store: s, head: now.head}
		for i, tables := range s.files.tables {
			var err error
			if v.txs[i], err = tables.Begin(false); err != nil {
				v.end()
				if isClosed(s.closed) {
					return nil, store.ErrClosed
				}
				return nil, err
			}
		}
		s.mu.RLock()
		same := s.seen.shift == now.shift
		s.mu.RUnlock()
		if !same {
			v.end()
			continue
		}
		v.layers = append(v.array[:0], now.active)
		if now.behind != nil {
			v.layers = append(v.layers, now.behind)
		}
		return v, nil
	}
}

// end lets go of the pages, in the order that is the reverse of the one in which they were begun. Where a database must be mapped
// anew bbolt waits for its readers, new readers wait for bbolt, and an end waits for those. So whoever waits at the second file
// must be let through before anybody has to wait at the first.
func (v *snapshot) end() {
	v.ended = true
	for _, tx := range slices.Backward(v.txs[:]) {
		if tx != nil {
			tx.Rollback() //nolint:errcheck // a read transaction has nothing to lose
		}
	}
}

// table finds the number and the pages of a table; a table nothing was flushed to has no pages.
func (v *snapshot) table(t store.Table) (int, *pages, error) {
	if v.ended {
		return 0, nil, fmt.Errorf("%w: a snapshot was used after its View had returned", store.ErrInvalid)
	}
	n, ok := v.store.names.Number(t)
	if !ok {
		return 0, nil, store.UnknownTable(t)
	}
	if v.pages == nil {
		v.pages = make([]pages, len(v.store.names.Names()))
	}
	p := &v.pages[n]
	if !p.looked {
		p.looked, p.bucket = true, v.txs[v.store.fileOf(t)].Bucket([]byte(tablePrefix+string(t)))
		if p.bucket != nil {
			p.cursor = p.bucket.Cursor()
		}
	}
	return n, p, nil
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
	if pages.bucket == nil {
		return nil, nil
	}
	checked := pages.get(key)
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
		if pages.bucket != nil {
			sources = append(sources, pagesSource(t, pages.bucket, from))
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
