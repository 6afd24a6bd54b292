// Package bolt is the engine Concord runs on by default: one directory, no other service.
//
// It writes the log first and the pages behind it. A commit is one append to the tail, into space
// written before, and one sync; meanwhile it is laid into an overlay in memory, where everybody
// can read it once the sync is done. Random pages are what a database on pages pays for, and they
// are written later: a flusher carries a whole generation of changes into the tables, two bbolt
// databases, sorted and in steps, while the next generation fills. It carries into both at once,
// so that one is worked at while the other waits for the disk.
//
//	Commit ─→ tail.0 or tail.1 (append, sync) ─→ active overlay ──(full)──→ frozen overlay ─→ tables.0 and tables.1
//	View   ←── active, over frozen, over one read transaction of each
//
// At most two generations wait in memory and in the tail. When both are full, commits are slowed
// to the pace of the flusher. Opening reads the tail into overlays again, which takes well under
// a second; carrying a generation twice does no harm.
//
// Nothing is visible before its append is synced. A write whose outcome is unknown stops the
// engine: it goes on reading, and takes no more commits until it is opened anew.
package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

const (
	// generationBytes is the memory one overlay generation may take; two of them are what the
	// engine holds at most. Larger ones coalesce more writes of the same page, but cost memory and
	// time to read back at the start.
	generationBytes = 64 << 20

	// generationLogBytes bounds what one generation takes in the tail, which grows where the
	// overlay does not if the same keys are written over and over. It keeps the start short.
	generationLogBytes = 64 << 20

	// stepBytes is how much of a generation the flusher carries into the tables per transaction,
	// whose pages are in memory until then: one for each record, at worst. A commit that must wait
	// for the flusher waits for a step, and others wait for the processor and the disk that it takes, so
	// larger ones make the slowest commits slower; smaller ones write fewer pages with each of their two
	// syncs, and a disk takes pages from all over a file the faster the more of them it gets at once.
	stepBytes = 3 << 19
)

// Options says where a store is and how far it may grow.
type Options struct {
	// Dir is the store's directory, for this store alone; it is made if it is missing.
	Dir string
	// Tables are the tables of the store. New ones may be added from one opening to the next.
	// One that is left out keeps its records out of reach; Open refuses to leave it out while the
	// tail still has changes of it.
	Tables []store.Table
	// WrittenOnce are those of them whose records do not grow: their pages are packed.
	WrittenOnce []store.Table
	// Apart are those of them that lie in the second file of the tables: about half of what is written,
	// so that both files take the same time. A table stays where it was first written to.
	Apart []store.Table
	// MaxBytes is the size from which on commits are answered with store.ErrFull; 0 means as far
	// as the disk goes. It is reckoned from the pages in use and the records on their way to
	// them, so leave the disk some 512 MiB beyond it. Changes that only delete are let through.
	MaxBytes int64
	// OnCommit, if set, is told the bytes appended by each Commit and how long it took, waiting
	// included. It must return quickly and not call the store.
	OnCommit func(bytes int, took time.Duration)
	// OnFlush is told the same of each generation carried into the tables.
	OnFlush func(bytes int, took time.Duration)

	// Tests shrink the bounds and make writes fail.
	generationBytes, generationLogBytes, stepBytes int
	mapBytes                                       int
	faults                                         faults
}

// faults are called, where set, beside the writes they are named for; the error is taken for the
// write's own. Those of steps are called for both files at a time.
type faults struct {
	beforeAppend, afterAppend func() error
	beforeStep                func(file int) error
	afterStep                 func() error
}

func inject(fault func() error) error {
	if fault == nil {
		return nil
	}
	return fault()
}

// Store is an open store. Make one with Open.
type Store struct {
	opts   Options
	names  *overlay.Tables
	files  *files
	turn   chan struct{} // holds one token: whoever takes it is the one writer
	closed chan struct{}
	failed chan struct{}
	wake   chan struct{} // tells the flusher that there is a generation to carry
	done   chan struct{} // closed when the flusher has ended
	waited atomic.Bool   // a commit waits for the flusher

	// Only who holds the turn touches these.
	active *generation
	record []byte // the buffer changes are encoded in

	mu   sync.RWMutex // taken exclusively for moments only, never across a write to disk
	seen seen
	err  error
}

// seen is what readers may see and what the flusher has reached. It changes under Store.mu.
type seen struct {
	shift          uint64 // grows whenever a generation is handed to the flusher or comes back from it
	head           uint64
	active, behind *overlay.Layer // behind is nil while no generation is being flushed
	behindGen      *generation
	tables         [len(tablesFiles)]progress
	moved          chan struct{} // closed and replaced when the flusher gets on
}

// progress is how far the flusher is with one file of the tables.
type progress struct {
	carried int   // bytes of the generation behind that are in it already
	bytes   int64 // of its pages in use
	starved bool  // there is no room for more on the disk
}

func (s *seen) carried() (bytes int) {
	for _, t := range s.tables {
		bytes += t.carried
	}
	return bytes
}

func (s *seen) tableBytes() (bytes int64) {
	for _, t := range s.tables {
		bytes += t.bytes
	}
	return bytes
}

func (s *seen) starved() bool {
	return slices.ContainsFunc(s.tables[:], func(t progress) bool { return t.starved })
}

// generation is one filling of the overlay, and the file of the tail that holds the same.
type generation struct {
	file       int // of the tail
	builder    *overlay.Builder
	base, head uint64 // before its first change and after its last
	logged     int    // bytes it takes in the tail
}

// Open opens the store in opts.Dir, and makes it if the directory is empty. It refuses a
// directory in use (store.ErrLocked), and one where a file is missing, empty, damaged or not of
// the same store (store.ErrCorrupt).
func Open(opts Options) (*Store, error) {
	names, err := overlay.NewTables(opts.Tables)
	if err != nil {
		return nil, fmt.Errorf("bolt: open: %w", err)
	}
	for _, t := range opts.Apart {
		if !names.Known(t) {
			return nil, fmt.Errorf("bolt: open: apart: %w", store.UnknownTable(t))
		}
	}
	if opts.generationBytes == 0 {
		opts.generationBytes, opts.generationLogBytes, opts.stepBytes = generationBytes, generationLogBytes, stepBytes
	}
	if opts.mapBytes == 0 {
		opts.mapBytes = tablesMapBytes
	}
	f, err := openFiles(opts.Dir, opts.mapBytes)
	if err != nil {
		return nil, fmt.Errorf("bolt: open %s: %w", opts.Dir, err)
	}
	s := &Store{
		opts: opts, names: names, files: f,
		turn: make(chan struct{}, 1), closed: make(chan struct{}), failed: make(chan struct{}),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if err := s.restore(f.id); err != nil {
		return nil, errors.Join(fmt.Errorf("bolt: open %s: %w", opts.Dir, err), f.close())
	}
	go s.flush()
	return s, nil
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bolt: view: %w", err)
	}
	v, err := s.snapshot()
	if err != nil {
		return fmt.Errorf("bolt: view: %w", err)
	}
	defer v.end()
	return fn(v)
}

// Failed is closed when the store takes no more commits because a write went wrong.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err says what went wrong once Failed is closed, and is nil before.
func (s *Store) Err() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.err
}

// fail stops the store for good; the first reason is kept.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.failed)
	}
}

// Close implements store.Store. It ends the flusher after the step it is at; what is not in the
// tables yet is in the tail, and is read from there by the next Open.
func (s *Store) Close() error {
	s.mu.Lock()
	select {
	case <-s.closed:
		s.mu.Unlock()
		<-s.done
		return nil
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	s.turn <- struct{}{} // taken and kept: no commit is running, and none will
	<-s.done
	if err := errors.Join(s.end(), s.files.close()); err != nil {
		return fmt.Errorf("bolt: close: %w", err)
	}
	return nil
}

// end notes in the tables how far the store came, so that the next Open misses what is lost at the end of the tail.
func (s *Store) end() error {
	if s.Err() != nil {
		return nil
	}
	err := s.files.tables[0].Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(closedKey, binary.BigEndian.AppendUint64(nil, s.active.head))
	})
	if isFull(err) {
		return nil // the store is whole without it
	}
	return err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
