package bolt

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/overlay"
)

// replayWrites is how many writes are laid into an overlay together when the tail is read back.
const replayWrites = 4096

// restore reads the tail into overlays, up to two generations, and checks on the way that it is whole: every change
// there, each following the one before, and reaching to what the tables have.
func (s *Store) restore(id []byte) error {
	heads, closed, sizes, err := s.readTables()
	if err != nil {
		return err
	}
	s.seen = seen{moved: make(chan struct{})}
	for i, size := range sizes {
		s.seen.tables[i].bytes = size
	}
	flushed := slices.Min(heads[:])
	var gens []*generation // not in the tables, or not wholly
	last, reached, stray := 0, uint64(0), uint64(0)
	for i, name := range tailFiles {
		t, content, err := openTail(s.opts.Dir, name, id)
		if err != nil {
			return err
		}
		s.files.tail[i] = t
		changes, at, err := t.changes(content)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		stray = max(stray, t.stray(content))
		if len(changes) == 0 {
			continue
		}
		if err := t.affirm(content, at); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if 2*t.end < int64(len(content)) { // the changes would keep all of it in memory
			if changes, _, err = t.changes(bytes.Clone(content[:t.end])); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		base, head := changes[0].Base, changes[len(changes)-1].Head
		if head > reached {
			last, reached = i, head
		}
		if head <= flushed {
			continue
		}
		g, err := s.replay(i, changes)
		if err != nil {
			return err
		}
		if g.base = base; len(gens) > 0 && base < gens[0].base {
			gens = []*generation{g, gens[0]}
		} else {
			gens = append(gens, g)
		}
	}
	if err := checkWhole(gens, heads[:], closed, reached, stray); err != nil {
		return err
	}
	s.arrange(gens, last, reached)
	return nil
}

// checkWhole says what is missing between the tables, whose files have all up to some heads and know at which the store was last
// closed, and the tail.
func checkWhole(gens []*generation, heads []uint64, closed, reached, stray uint64) error {
	flushed, most := slices.Min(heads), slices.Max(heads)
	switch {
	case reached < closed:
		return fmt.Errorf("%w: the tail ends at head %d, but the store was closed at %d; restore all files from one backup", store.ErrCorrupt, reached, closed)
	case reached < most:
		return fmt.Errorf("%w: the tail ends at head %d, but %s was written up to %d", store.ErrCorrupt, reached, tablesFiles[slices.Index(heads, most)], most)
	case stray > reached:
		return fmt.Errorf("%w: changes after head %d are missing from the tail, which has others up to head %d", store.ErrCorrupt, reached, stray)
	case len(gens) > 0 && gens[0].base > flushed:
		return fmt.Errorf("%w: %s was written up to head %d, but the tail begins at %d", store.ErrCorrupt, tablesFiles[slices.Index(heads, flushed)], flushed, gens[0].base)
	case len(gens) == 2 && gens[0].head != gens[1].base:
		return fmt.Errorf("%w: changes between heads %d and %d are missing from the tail", store.ErrCorrupt, gens[0].head, gens[1].base)
	}
	return nil
}

// arrange makes the newest of the generations the active one, and hands the other to the flusher. Where all are in the
// tables a new one begins, over the older of the two files.
func (s *Store) arrange(gens []*generation, last int, reached uint64) {
	switch len(gens) {
	case 0:
		s.active = s.newGeneration(1-last, reached)
	case 1:
		s.active = gens[0]
	case 2:
		s.freeze(gens[0])
		s.active = gens[1]
	}
	s.seen.head, s.seen.active = s.active.head, s.active.builder.Layer()
}

// replay lays the changes of a file of the tail into an overlay.
func (s *Store) replay(file int, changes []store.Change) (*generation, error) {
	t := s.files.tail[file]
	g := &generation{file: file, head: changes[len(changes)-1].Head, logged: int(t.end - tailHeaderBytes), builder: overlay.NewBuilder(s.names, true)}
	var waiting []store.Write
	for _, c := range changes {
		for _, w := range c.Writes {
			if !s.names.Known(w.Table) {
				return nil, fmt.Errorf("the tail holds changes of a table: %w", store.UnknownTable(w.Table))
			}
		}
		// Each Apply begins new nodes wherever it goes; applied together they are made once.
		if waiting = append(waiting, c.Writes...); len(waiting) >= replayWrites {
			g.builder.Apply(waiting)
			waiting = waiting[:0]
		}
	}
	g.builder.Apply(waiting)
	return g, nil
}

// newGeneration begins a generation after that head, over what the file of the tail held.
func (s *Store) newGeneration(file int, head uint64) *generation {
	s.files.tail[file].end = tailHeaderBytes
	return &generation{file: file, base: head, head: head, builder: overlay.NewBuilder(s.names, true)}
}
