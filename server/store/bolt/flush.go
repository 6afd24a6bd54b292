package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	bbolt "go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

const (
	// tablePrefix begins the names of the tables' buckets and keeps them apart from metaBucket.
	tablePrefix = "t:"

	// runFill is how full pages are packed where the keys of a step come in runs with nothing of the
	// table between them, and growFill where their records will grow later, so that the first of them
	// to do so does not split its page. Elsewhere bbolt leaves its usual half.
	runFill, growFill = 0.95, 0.75

	// runSamples is in how many parts the keys of a step are looked at to tell; half of them must be
	// runs.
	runSamples = 8

	// yieldWrites is how many records are put between two moments in which whoever waits for a processor
	// goes first, as long as no commit waits for the flusher.
	yieldWrites = 16

	// starvedPause is how long the flusher waits for room on a full disk before it tries again.
	starvedPause = time.Second
)

// flush is the flusher: it carries each frozen generation into the tables until the store closes
// or fails.
func (s *Store) flush() {
	defer close(s.done)
	for {
		select {
		case <-s.closed:
			return
		case <-s.failed:
			return
		case <-s.wake:
		}
		s.mu.RLock()
		g := s.seen.behindGen
		s.mu.RUnlock()
		begun := time.Now()
		if !s.carry(g) {
			return
		}
		if s.opts.OnFlush != nil {
			s.opts.OnFlush(g.builder.Layer().Bytes(), time.Since(begun))
		}
	}
}

// carry takes one generation into the tables, both files at once. It reports whether it came to the end; the tail still
// has all of it where it did not.
func (s *Store) carry(g *generation) bool {
	whole := make(chan bool)
	for file := range s.files.tables {
		go func() {
			err := s.carryInto(file, g)
			if err != nil && !errors.Is(err, errStopped) {
				s.fail(fmt.Errorf("flush %s: %w", tablesFiles[file], err))
			}
			whole <- err == nil
		}()
	}
	all := true
	for range s.files.tables {
		all = <-whole && all
	}
	if all {
		s.moveOn(func(seen *seen) {
			seen.behind, seen.behindGen = nil, nil
			for i := range seen.tables {
				seen.tables[i].carried = 0
			}
			seen.shift++
		})
	}
	return all
}

// errStopped ends a carry that nobody waits for any more.
var errStopped = errors.New("the store is closing or has failed")

// carryInto takes what a generation has of the tables in one file there, step by step. A step cut short is no harm:
// carrying it again leaves the same.
func (s *Store) carryInto(file int, g *generation) error {
	layer := g.builder.Layer()
	step := &step{store: s, file: file}
	carried := 0
	for number, name := range s.names.Names() {
		if s.fileOf(name) != file {
			continue
		}
		next := layer.Source(number, nil)
		for {
			r, err := next()
			if err != nil {
				return err
			}
			if r.Key == nil {
				break
			}
			step.add(name, r)
			if step.bytes < s.opts.stepBytes {
				continue
			}
			if err := s.take(step); err != nil {
				return err
			}
			carried += step.bytes
			step.clear()
			s.moveOn(func(seen *seen) { seen.tables[file].carried = carried })
		}
	}
	step.head = g.head
	if err := s.take(step); err != nil {
		return err
	}
	carried += step.bytes
	s.moveOn(func(seen *seen) { seen.tables[file].carried = carried })
	return nil
}

// fileOf is which file of the tables a table lies in.
func (s *Store) fileOf(t store.Table) int {
	if slices.Contains(s.opts.Apart, t) {
		return 1
	}
	return 0
}

// moveOn changes what is seen and wakes whoever waits for that.
func (s *Store) moveOn(change func(*seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.seen)
	close(s.seen.moved)
	s.seen.moved = make(chan struct{})
}

// take writes a step, and tries again for as long as the disk is full. That a full disk refused
// the step is no reason to stop: the tail has it, and the next try writes all its pages anew.
func (s *Store) take(st *step) error {
	for {
		if isClosed(s.closed) || isClosed(s.failed) {
			return errStopped
		}
		size, err := st.write()
		if err == nil {
			s.moveOn(func(seen *seen) { seen.tables[st.file].starved, seen.tables[st.file].bytes = false, size })
			return nil
		}
		if !isFull(err) {
			return err
		}
		s.moveOn(func(seen *seen) { seen.tables[st.file].starved = true })
		select {
		case <-time.After(starvedPause):
		case <-s.closed:
		case <-s.failed:
		}
	}
}

// step is what one transaction carries into a file of the tables.
type step struct {
	store  *Store
	file   int
	writes []store.Write // sorted by table, then key
	bytes  int
	head   uint64 // the head reached with this step, 0 if it is not the last of its generation there
	values []byte // the values with their checksums; bbolt keeps them until the transaction ends
}

func (st *step) add(t store.Table, r store.Record) {
	st.writes = append(st.writes, store.Write{Table: t, Key: r.Key, Value: r.Value})
	st.bytes += len(r.Key) + len(r.Value) + overlay.RecordOverhead
}

func (st *step) clear() {
	clear(st.writes)
	st.writes, st.bytes = st.writes[:0], 0
}

// write carries the step into its file and returns the bytes of pages that takes then.
func (st *step) write() (int64, error) {
	faults := st.store.opts.faults
	if faults.beforeStep != nil {
		if err := faults.beforeStep(st.file); err != nil {
			return 0, err
		}
	}
	tables := st.store.files.tables[st.file]
	tx, err := tables.Begin(true)
	if err != nil {
		return 0, err
	}
	if err = st.fill(tx); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, bbolterrors.ErrTxClosed) {
			err = errors.Join(err, rollback)
		}
		return 0, err
	}
	if err := inject(faults.afterStep); err != nil {
		return 0, err
	}
	return usedBytes(tables)
}

func (st *step) fill(tx *bbolt.Tx) error {
	var bucket *bbolt.Bucket
	var table store.Table
	st.values = st.values[:0]
	for i, w := range st.writes {
		if i%yieldWrites == 0 && !st.store.waited.Load() {
			runtime.Gosched()
		}
		if bucket == nil || w.Table != table {
			var err error
			if bucket, err = tx.CreateBucketIfNotExists([]byte(tablePrefix + string(w.Table))); err != nil {
				return err
			}
			table = w.Table
			if inRuns(bucket, st.writes[i:]) {
				bucket.FillPercent = growFill
				if slices.Contains(st.store.opts.WrittenOnce, table) {
					bucket.FillPercent = runFill
				}
			}
		}
		if w.Value == nil {
			if err := bucket.Delete(w.Key); err != nil {
				return err
			}
			continue
		}
		from := len(st.values)
		st.values = appendChecked(st.values, w.Key, w.Value)
		if err := bucket.Put(w.Key, st.values[from:len(st.values):len(st.values)]); err != nil {
			return err
		}
	}
	if st.head == 0 {
		return nil
	}
	return tx.Bucket(metaBucket).Put(headKey, binary.BigEndian.AppendUint64(nil, st.head))
}

// inRuns reports whether the keys of the first of the tables in writes, which are sorted, mostly lie between two
// neighbours that the table has already.
func inRuns(bucket *bbolt.Bucket, writes []store.Write) bool {
	table := writes[0].Table
	n := sort.Search(len(writes), func(i int) bool { return writes[i].Table != table })
	if n < 2*runSamples {
		return false // too few to tell
	}
	part := n / runSamples
	cursor, runs, parts := bucket.Cursor(), 0, 0
	for i := 0; i+part <= n; i += part {
		parts++
		next, _ := cursor.Seek(writes[i].Key)
		if next == nil || bytes.Compare(writes[i+part-1].Key, next) < 0 {
			runs++
		}
	}
	return 2*runs >= parts
}

// readTables returns the heads that the tables were written up to in each of their files, the head at which the store was last
// closed, and the bytes of pages in each.
func (s *Store) readTables() (heads [len(tablesFiles)]uint64, closed uint64, sizes [len(tablesFiles)]int64, err error) {
	for i, tables := range s.files.tables {
		err = tables.View(func(tx *bbolt.Tx) error {
			for key, into := range map[string]*uint64{string(headKey): &heads[i], string(closedKey): &closed} {
				switch b := tx.Bucket(metaBucket).Get([]byte(key)); len(b) {
				case 0:
				case 8:
					*into = binary.BigEndian.Uint64(b)
				default:
					return fmt.Errorf("%w: a head in %s does not parse", store.ErrCorrupt, tablesFiles[i])
				}
			}
			return s.checkPlaces(i, tx)
		})
		if err == nil {
			sizes[i], err = usedBytes(tables)
		}
		if err != nil {
			return heads, closed, sizes, err
		}
	}
	return heads, closed, sizes, nil
}

// checkPlaces refuses a table that was written to the other file, by a program that had it there.
func (s *Store) checkPlaces(file int, tx *bbolt.Tx) error {
	return tx.ForEach(func(bucket []byte, _ *bbolt.Bucket) error {
		name, isTable := strings.CutPrefix(string(bucket), tablePrefix)
		if t := store.Table(name); isTable && s.names.Known(t) && s.fileOf(t) != file {
			return fmt.Errorf("%w: table %q lies in %s, where this version of the program does not look for it", store.ErrCorrupt, name, tablesFiles[file])
		}
		return nil
	})
}

// usedBytes is the size of a database without its free pages.
func usedBytes(db *bbolt.DB) (int64, error) {
	var size int64
	err := db.View(func(tx *bbolt.Tx) error {
		stats := db.Stats()
		size = tx.Size() - int64(stats.FreePageN+stats.PendingPageN)*int64(db.Info().PageSize)
		return nil
	})
	return size, err
}
