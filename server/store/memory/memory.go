// Package memory is the store that forgets: the overlay of the bolt engine without a file behind
// it. It serves tests, demonstrations and simulations, and it keeps the same contract as every
// other engine but for the one thing it cannot, which is to be there after a restart.
package memory

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

// Store keeps all tables in memory. Make one with Open.
type Store struct {
	tables *overlay.Tables

	mu      sync.RWMutex
	builder *overlay.Builder
	head    uint64
	closed  bool
	views   sync.WaitGroup
}

// Open returns an empty store with the given tables. The error wraps store.ErrInvalid if there
// are none, or one is named twice.
func Open(tables ...store.Table) (*Store, error) {
	t, err := overlay.NewTables(tables)
	if err != nil {
		return nil, fmt.Errorf("memory: open: %w", err)
	}
	return &Store{tables: t, builder: overlay.NewBuilder(t, false)}, nil
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory: view: %w", err)
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return fmt.Errorf("memory: view: %w", store.ErrClosed)
	}
	snap := &snapshot{tables: s.tables, layer: s.builder.Layer(), head: s.head}
	s.views.Add(1)
	s.mu.RUnlock()
	defer s.views.Done()
	return fn(snap)
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, c store.Change) error {
	if err := c.Check(s.tables.Known); err != nil {
		return fmt.Errorf("memory: commit: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("memory: commit: %w", store.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory: commit: %w", err)
	}
	if c.Base != s.head {
		return fmt.Errorf("memory: commit: base %d, head %d: %w", c.Base, s.head, store.ErrConflict)
	}
	s.builder.Apply(c.Writes)
	s.head = c.Head
	return nil
}

// Close implements store.Store. What was stored is gone.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.views.Wait()
	return nil
}

type snapshot struct {
	tables *overlay.Tables
	layer  *overlay.Layer
	head   uint64
}

func (v *snapshot) Head() uint64 { return v.head }

func (v *snapshot) Get(t store.Table, key []byte) ([]byte, error) {
	n, ok := v.tables.Number(t)
	if !ok {
		return nil, fmt.Errorf("memory: get: %w", store.UnknownTable(t))
	}
	value, _ := v.layer.Get(n, key)
	return value, nil
}

func (v *snapshot) Scan(t store.Table, from, to []byte) iter.Seq2[store.Record, error] {
	n, ok := v.tables.Number(t)
	if !ok {
		return func(yield func(store.Record, error) bool) {
			yield(store.Record{}, fmt.Errorf("memory: scan: %w", store.UnknownTable(t)))
		}
	}
	return func(yield func(store.Record, error) bool) { overlay.Merge(to, v.layer.Source(n, from))(yield) }
}
