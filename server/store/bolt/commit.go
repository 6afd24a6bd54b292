package bolt

import (
	"context"
	"fmt"
	"time"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

// recordKeep is the largest buffer kept from one commit to the next; few changes are larger, and
// those may make their own.
const recordKeep = 4 << 20

// layAside is from how many writes on a change is laid into the overlay by another goroutine.
const layAside = 64

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, c store.Change) error {
	begun := time.Now()
	if err := c.Check(s.names.Known); err != nil {
		return fmt.Errorf("bolt: commit: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bolt: commit: %w", err)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-s.closed:
		return fmt.Errorf("bolt: commit: %w", store.ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("bolt: commit: %w", ctx.Err())
	}
	n, err := s.commit(ctx, c)
	if err != nil {
		return fmt.Errorf("bolt: commit: %w", err)
	}
	if s.opts.OnCommit != nil {
		s.opts.OnCommit(n, time.Since(begun))
	}
	return nil
}

// commit is Commit for the one whose turn it is. It returns the bytes it appended.
func (s *Store) commit(ctx context.Context, c store.Change) (int, error) {
	if err := s.usable(); err != nil {
		return 0, err
	}
	if c.Base != s.active.head {
		return 0, fmt.Errorf("base %d, head %d: %w", c.Base, s.active.head, store.ErrConflict)
	}
	if err := s.room(ctx, c); err != nil {
		return 0, err
	}
	s.record = appendRecord(s.record, c)
	n, g := len(s.record), s.active
	before := g.builder.Layer()
	layer := s.lay(c.Writes)
	clean, err := s.appendTail(s.record)
	after := layer() // also if there was an error: the builder must be at rest
	if err != nil {
		g.builder.Back(before)
	}
	switch {
	case err != nil && clean:
		return 0, fmt.Errorf("append: %w: %w", store.ErrFull, err)
	case err != nil:
		err = fmt.Errorf("append: outcome unknown: %w", err)
		s.fail(err)
		return 0, err
	}
	if cap(s.record) > recordKeep {
		s.record = nil
	}
	g.head, g.logged = c.Head, g.logged+n
	s.mu.Lock()
	s.seen.head, s.seen.active = c.Head, after
	s.mu.Unlock()
	s.rotate()
	return n, nil
}

// lay puts writes into the active generation, and gives the layer that has them, which nobody may see before they are
// durable. Many are laid while they are appended, and few when it is asked for the layer: for those another goroutine
// takes longer than it saves.
func (s *Store) lay(writes []store.Write) (layer func() *overlay.Layer) {
	b := s.active.builder
	if len(writes) < layAside {
		return func() *overlay.Layer { return b.Apply(writes) }
	}
	laid := make(chan *overlay.Layer, 1)
	go func() { laid <- b.Apply(writes) }()
	return func() *overlay.Layer { return <-laid }
}

// appendTail makes a record durable. clean says of an error that nothing was written, for certain, because the disk is
// full.
func (s *Store) appendTail(record []byte) (clean bool, err error) {
	if err := inject(s.opts.faults.beforeAppend); err != nil {
		return isFull(err), err
	}
	if clean, err := s.files.tail[s.active.file].append(record); err != nil {
		return clean, err
	}
	return false, inject(s.opts.faults.afterAppend)
}

// room waits until the active generation may take c, and answers ErrFull where waiting would not
// help.
//
// While a generation is being flushed, the active one may grow beyond its first part only as fast
// as the flusher gets on. So the pace is that of the flusher, in small steps, instead of full speed
// and then a long stop.
func (s *Store) room(ctx context.Context, c store.Change) error {
	for {
		now := s.rotate()
		if err := s.usable(); err != nil {
			return err
		}
		switch {
		case s.overQuota(now, c):
			return store.ErrFull
		case s.fits(now):
			return nil
		case now.starved():
			return fmt.Errorf("%w: no room on the disk", store.ErrFull)
		}
		s.waited.Store(true)
		select {
		case <-now.moved:
		case <-s.failed:
		case <-s.closed:
		case <-ctx.Done():
		}
		s.waited.Store(false)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// usable is the error of a store that takes no more commits.
func (s *Store) usable() error {
	if isClosed(s.closed) {
		return store.ErrClosed
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrFailed, err)
	}
	return nil
}

// fits reports whether the active generation may grow now. The last change that fits may go over
// the bound, by store.MaxChangeBytes at most.
func (s *Store) fits(now seen) bool {
	part := 1.0
	if now.behind != nil {
		part = headStart + (1-headStart)*min(1, float64(now.carried())/float64(now.behind.Bytes()+1))
	}
	return float64(now.active.Bytes()) < part*float64(s.opts.generationBytes) &&
		float64(s.active.logged) < part*float64(s.opts.generationLogBytes)
}

// headStart is the part of a generation that may fill at full speed while the one before is
// flushed. A larger part leaves less to slow down in: with half of it, the slowest commits took
// a quarter longer.
const headStart = 0.25

// overQuota reports whether c would take the store beyond MaxBytes. A change that only deletes
// makes room in the end.
func (s *Store) overQuota(now seen, c store.Change) bool {
	if s.opts.MaxBytes == 0 {
		return false
	}
	total := now.tableBytes() + int64(now.active.Bytes()) + int64(c.Bytes())
	if now.behind != nil {
		total += int64(now.behind.Bytes())
	}
	if total <= s.opts.MaxBytes {
		return false
	}
	for _, w := range c.Writes {
		if w.Value != nil {
			return true
		}
	}
	return false
}

// rotate freezes the active generation if it is full and the flusher is free, and returns what is seen then. Both in one moment:
// a flusher that came to its end between them would wake nobody who begins to wait after it.
func (s *Store) rotate() seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.active
	full := g.builder.Layer().Bytes() >= s.opts.generationBytes || g.logged >= s.opts.generationLogBytes
	if full && s.seen.behind == nil {
		s.freeze(g)
		s.active = s.newGeneration(1-g.file, g.head)
		s.seen.active = s.active.builder.Layer()
	}
	return s.seen
}

// freeze hands a generation to the flusher. Store.mu must be held, or the store not yet shared.
func (s *Store) freeze(g *generation) {
	s.seen.behind, s.seen.behindGen = g.builder.Layer(), g
	s.seen.shift++
	s.wake <- struct{}{} // has room: there is one frozen generation at most
}
