// Package store says what Concord asks of a database, and nothing more: a few named tables of
// ordered bytes, changed all at once or not at all.
//
// A store has a head, a number that only grows. A Change moves the store from one head to the
// next and is refused if somebody else moved it first, so whoever decides can be sure that what
// it read is still true when it writes. A View looks at one head and goes on seeing exactly that,
// however long it takes and whatever is written meanwhile. And a View never shows what a power
// cut could still take back: what can be read is durable.
//
// The engines (memory, bolt and others) know nothing of agreements. They all pass the one suite
// in storetest.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Table names one ordered space of keys. The names are the caller's and are told to an engine
// when it is opened; an engine knows nothing of what they hold.
type Table string

// Write sets Key to Value in Table. A nil Value deletes the key; an empty Value that is not nil
// is a value like any other.
type Write struct {
	Table      Table
	Key, Value []byte
}

// Change moves the store from head Base to head Head, with all of its Writes or with none. Of
// several writes to one key the last one counts. A Change without Writes still moves the head.
type Change struct {
	Base, Head uint64
	Writes     []Write
}

// Record is one key of a table with its value.
type Record struct{ Key, Value []byte }

// Store is a set of tables with one head. All methods may be called from many goroutines.
type Store interface {
	// View calls fn with the store as it stood at one moment: consistent, and durable. The
	// Snapshot and every byte it gave are invalid once fn has returned. View returns fn's error
	// as it is, ErrClosed after Close, and ctx's error if ctx ended before the View began. A long
	// View keeps old pages and memory alive; whoever reads much should read in pages.
	View(ctx context.Context, fn func(Snapshot) error) error

	// Commit makes c durable and then visible, and returns nil once it is both. The engine keeps
	// the slices of c.Writes: neither the list nor the bytes may be changed afterwards, whatever
	// Commit returned.
	//
	// ErrConflict (the head was not c.Base), ErrFull, ErrInvalid and an error of ctx mean that
	// nothing was written. ErrFailed and ErrClosed mean the same of this Change, and that no later one
	// can succeed. After any other error nobody knows whether c will be found when the store is
	// opened again; from then on the store refuses every Commit with ErrFailed. A ctx that ends
	// is honoured while Commit waits for its turn or for room, never once writing has begun.
	Commit(ctx context.Context, c Change) error

	// Close waits for running Views and for a running Commit, and releases what the store holds.
	// Closing twice is harmless.
	Close() error
}

// Snapshot is the store at one head. It belongs to the goroutine that runs the View.
type Snapshot interface {
	// Head is the head the snapshot stands at: 0 for a store that nothing was committed to.
	Head() uint64

	// Get returns the value of key, or nil and no error if there is none. The bytes must not be
	// changed.
	Get(t Table, key []byte) ([]byte, error)

	// Scan yields the records with from ≤ key < to in ascending order of their bytes. A nil from
	// begins at the first key of the table, a nil to goes on to its end. A non-nil error is the
	// last thing it yields. The bytes must not be changed.
	Scan(t Table, from, to []byte) iter.Seq2[Record, error]
}

// What a store can answer besides success; test with errors.Is.
var (
	// ErrConflict: the head is not the Base of the Change. Nothing was written; read again.
	ErrConflict = errors.New("the store has moved on")
	// ErrFull: there is no room for the Change. Nothing was written, reads go on, and commits
	// succeed again once there is room.
	ErrFull = errors.New("the store is full")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("the store is in use by another process")
	// ErrFailed: an earlier write had an unknown outcome, or what is on disk cannot be written
	// any more; the store takes no more commits until it is opened again.
	ErrFailed = errors.New("the store has failed and takes no more commits")
	// ErrCorrupt: what is on disk is not what was written there.
	ErrCorrupt = errors.New("the store is damaged")
	// ErrInvalid: the caller broke the contract, for example by naming a table the store was not
	// opened with. Nothing was written.
	ErrInvalid = errors.New("invalid use of the store")
)

// Bounds of one Change. They are the same for every engine, so that what one accepts all accept.
const (
	// MaxKeyBytes is the longest key. PostgreSQL indexes keys of up to 2,704 bytes and bbolt
	// slows down when few keys fit a page; Concord's own stay below 200.
	MaxKeyBytes = 1024
	// MaxChangeBytes bounds the keys and values of one Change, and with it the memory and the
	// time of one write to disk. The largest batch of the largest requests stays well below.
	MaxChangeBytes = 32 << 20
)

// Bytes returns the length of all keys and values of c together.
func (c Change) Bytes() int {
	n := 0
	for _, w := range c.Writes {
		n += len(w.Key) + len(w.Value)
	}
	return n
}

// Check returns an error wrapping ErrInvalid if no engine could take c: a head that does not
// grow, an empty or overlong key, too many bytes, a table that is not known.
func (c Change) Check(known func(Table) bool) error {
	if c.Head <= c.Base {
		return fmt.Errorf("%w: head %d does not follow base %d", ErrInvalid, c.Head, c.Base)
	}
	for _, w := range c.Writes {
		if len(w.Key) == 0 || len(w.Key) > MaxKeyBytes {
			return fmt.Errorf("%w: a key of %d bytes in table %q, of at most %d", ErrInvalid, len(w.Key), w.Table, MaxKeyBytes)
		}
		if !known(w.Table) {
			return UnknownTable(w.Table)
		}
	}
	if n := c.Bytes(); n > MaxChangeBytes {
		return fmt.Errorf("%w: a change of %d bytes, of at most %d", ErrInvalid, n, MaxChangeBytes)
	}
	return nil
}

// UnknownTable is what engines answer, as an ErrInvalid, to a table they were not opened with.
func UnknownTable(t Table) error {
	return fmt.Errorf("%w: unknown table %q", ErrInvalid, t)
}
