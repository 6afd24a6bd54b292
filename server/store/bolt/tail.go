package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	bbolt "go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

// In the tail, each generation is a bucket named generationPrefix and its number, and each change
// in it a key, its head. Both are 8 bytes, big endian, so that they sort as they came.
const generationPrefix = 'g'

// tailFill is how full the tail's pages are packed: keys only come at the end, so none needs room.
const tailFill = 1.0

// replayWrites is how many writes are laid into an overlay together when the tail is read back.
const replayWrites = 4096

func generationName(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{generationPrefix}, number)
}

// appendTail writes one encoded change to the tail, and drops the generations no longer needed. When
// it returns nil the change is durable. clean says of an error that nothing was written, for
// certain, because the disk is full.
func (s *Store) appendTail(number, head uint64, record []byte, drop []uint64) (clean bool, err error) {
	if err := inject(s.opts.faults.beforeAppend); err != nil {
		return errors.Is(err, syscall.ENOSPC), err
	}
	tx, err := s.files.tail.Begin(true)
	if err != nil {
		return false, err
	}
	before := tx.ID()
	if err = fill(tx, number, head, record, drop); err == nil {
		err = tx.Commit()
	}
	if err == nil {
		return false, inject(s.opts.faults.afterAppend)
	}
	// Not every failed Commit of bbolt lets go of its transaction.
	if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, bbolterrors.ErrTxClosed) {
		err = errors.Join(err, rollback)
	}
	return errors.Is(err, syscall.ENOSPC) && s.unwritten(before), err
}

func fill(tx *bbolt.Tx, number, head uint64, record []byte, drop []uint64) error {
	bucket, err := tx.CreateBucketIfNotExists(generationName(number))
	if err != nil {
		return err
	}
	bucket.FillPercent = tailFill
	if err := bucket.Put(binary.BigEndian.AppendUint64(nil, head), record); err != nil {
		return err
	}
	for _, n := range drop {
		if err := tx.DeleteBucket(generationName(n)); err != nil {
			return err
		}
	}
	return nil
}

// unwritten reports whether the write transaction id left no trace. The page that makes it count
// is written last, and only after all others were synced; as long as that page is the old one, even
// in the system's cache, the transaction never happened.
func (s *Store) unwritten(id int) bool {
	tx, err := s.files.tail.Begin(false)
	if err != nil {
		return false
	}
	defer tx.Rollback() //nolint:errcheck // a read transaction has nothing to lose
	return tx.ID() < id
}

// restore reads the tail into overlays, up to two generations, and checks on the way that it is
// whole: every change there, each following the one before, and reaching to what the tables have.
func (s *Store) restore() error {
	flushed, size, err := s.readTables()
	if err != nil {
		return err
	}
	var gens []*generation // not in the tables yet
	var last *generation
	s.seen = seen{tableBytes: size, moved: make(chan struct{})}
	err = s.files.tail.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if len(name) != 9 || name[0] != generationPrefix || b == nil {
				return nil
			}
			g, err := s.readGeneration(binary.BigEndian.Uint64(name[1:]), b, last, flushed)
			if err != nil {
				return err
			}
			last = g
			if g.head <= flushed {
				s.seen.flushed = append(s.seen.flushed, g.number)
			} else {
				gens = append(gens, g)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	switch {
	case last == nil && flushed > 0:
		return fmt.Errorf("%w: the tail is empty, but the tables were written up to head %d", store.ErrCorrupt, flushed)
	case last != nil && last.head < flushed:
		return fmt.Errorf("%w: the tail ends at head %d, but the tables were written up to %d", store.ErrCorrupt, last.head, flushed)
	case len(gens) > 2:
		return fmt.Errorf("%w: the tail has %d generations that are not in the tables, at most 2 were ever written", store.ErrCorrupt, len(gens))
	}
	s.arrange(gens, last)
	return nil
}

// arrange makes the newest of the generations the active one, and hands the other to the flusher.
func (s *Store) arrange(gens []*generation, last *generation) {
	if len(gens) == 2 {
		s.freeze(gens[0])
		gens = gens[1:]
	}
	switch {
	case len(gens) == 1:
		s.active = gens[0]
	case last != nil:
		s.active = s.newGeneration(last.number+1, last.head)
	default:
		s.active = s.newGeneration(1, 0)
	}
	s.seen.head, s.seen.active = s.active.head, s.active.builder.Layer()
}

// readGeneration reads one bucket of the tail. What the tables have is checked but not kept.
func (s *Store) readGeneration(number uint64, b *bbolt.Bucket, before *generation, flushed uint64) (*generation, error) {
	g := s.newGeneration(number, 0)
	if before != nil {
		g.head = before.head
	}
	first := before == nil
	var waiting []store.Write
	err := b.ForEach(func(k, v []byte) error {
		// Pages are used again; what stays in memory must be a copy.
		c, err := parseRecord(append([]byte(nil), v...))
		if err != nil {
			return err
		}
		switch {
		case len(k) != 8 || binary.BigEndian.Uint64(k) != c.Head:
			return fmt.Errorf("%w: a change in the tail lies under the wrong key", store.ErrCorrupt)
		case first && c.Base > flushed:
			return fmt.Errorf("%w: the tables were written up to head %d, but the tail begins at %d", store.ErrCorrupt, flushed, c.Base)
		case !first && c.Base != g.head:
			return fmt.Errorf("%w: changes between heads %d and %d are missing from the tail", store.ErrCorrupt, g.head, c.Base)
		}
		for _, w := range c.Writes {
			if !s.names.Known(w.Table) {
				return fmt.Errorf("the tail holds changes of a table: %w", store.UnknownTable(w.Table))
			}
		}
		first = false
		g.head = c.Head
		g.logged += len(v)
		// Each Apply begins new nodes wherever it goes; applied together they are made once.
		if waiting = append(waiting, c.Writes...); len(waiting) >= replayWrites {
			g.builder.Apply(waiting)
			waiting = waiting[:0]
		}
		return nil
	})
	g.builder.Apply(waiting)
	return g, err
}

func (s *Store) newGeneration(number, head uint64) *generation {
	return &generation{number: number, head: head, builder: overlay.NewBuilder(s.names, true)}
}
