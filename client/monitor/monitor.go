// Package monitor follows a log from outside, as an auditor, a party or anybody else does who wants to know that its history
// is only ever added to. A monitor needs no key of any agreement, and trusts nobody but the policy it is given.
//
// Each Turn asks for the newest checkpoint, demands that the policy's signatures stand under it and that it is consistent with
// the one before, keeps it in a directory, and reads the entries that came: each must be part of the tree and have the form
// of one, and no label may occur twice. What was kept is evidence, and where the next Turn goes on, in another process too.
// A Turn reads a bounded number of entries; Run makes one Turn after another.
//
// What is wrong with the log is a *Tampered. Every other error says that the log could not be looked at.
package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

const (
	// MaxEntriesPerTurn bounds what one Turn reads: some 7 MB of the log, some seconds of work.
	MaxEntriesPerTurn = 400 * torchwood.TileWidth
	// turnTimeout bounds a Turn, its repetitions of failed requests included.
	turnTimeout = 2 * time.Minute
	// maxFailures is how many Turns in a row may not see the log before Run gives up: a restart of the service, or of the
	// network between, is over by then.
	maxFailures = 10
)

// Policy is whose signatures a checkpoint needs: one of several C2SP tlog-policies, where a log has changed its key.
type Policy []torchwood.Policy

// open opens a signed checkpoint that satisfies the policy; the error says which signatures are not there.
func (p Policy) open(signed []byte) (torchwood.Checkpoint, *note.Note, error) {
	return proof.OpenCheckpoint(signed, p...)
}

// Tampered says what is wrong with a log: its operator, or whoever broke in, shows a history that cannot be the true one.
type Tampered struct {
	// What is wrong, in words.
	What string
	// Evidence is the checkpoint that is at odds with those that were kept before, as it was signed; nil if it is not one
	// that convicts.
	Evidence []byte
}

// Error is what is wrong.
func (t *Tampered) Error() string { return t.What }

func tampered(format string, args ...any) error { return &Tampered{What: fmt.Sprintf(format, args...)} }

// Seen is what a Turn saw.
type Seen struct {
	// Size is how many entries the log has, and Root the root of its tree (base64).
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Before is the size of the last checkpoint that was kept; 0 if this is the first.
	Before int64 `json:"before"`
	// Read is how many of the log's entries have been read so far, all in all. It is less than Size while the monitor has
	// more to read than a Turn may.
	Read int64 `json:"read"`
	// Signers are the names under the checkpoint whose signatures were checked.
	Signers []string `json:"signers"`
}

// Monitor follows one log. It belongs to one goroutine.
type Monitor struct {
	policy Policy
	log    torchwood.TileReader
	kept   *records
	most   int64                                      // entries to read in a Turn
	wait   func(context.Context, time.Duration) error // between Turns
}

// Open makes a Monitor of a log, which goes on where an earlier one left off in the directory. The directory is made if there
// is none; one log and one Monitor at a time may use it.
func Open(dir string, log torchwood.TileReader, policy Policy) (*Monitor, error) {
	kept, err := openRecords(dir, policy)
	if err != nil {
		return nil, err
	}
	return &Monitor{policy: policy, log: log, kept: kept, most: MaxEntriesPerTurn, wait: sleep}, nil
}

// Close lets go of the directory.
func (m *Monitor) Close() error { return m.kept.close() }

// Turn looks at the log once. The error is a *Tampered, or says why the log could not be looked at.
func (m *Monitor) Turn(ctx context.Context) (Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	signed, err := m.log.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return Seen{}, fmt.Errorf("read the checkpoint: %w", err)
	}
	now, signatures, err := m.policy.open(signed)
	if err != nil && !isNote(signed) { // somebody else answered, on the way
		return Seen{}, fmt.Errorf("read the checkpoint: what came is no signed note: %w", err)
	}
	if err != nil {
		return Seen{}, tampered("the newest checkpoint has not the signatures that the policy asks for: %v", err)
	}
	seen := Seen{Size: now.N, Root: now.Hash.String(), Before: m.kept.last.N}
	for _, s := range signatures.Sigs {
		seen.Signers = append(seen.Signers, s.Name)
	}
	if err := m.follows(ctx, now); err != nil {
		var t *Tampered
		if errors.As(err, &t) {
			t.Evidence = signed
			err = errors.Join(t, m.kept.accuse(now, signed))
		}
		return seen, err
	}
	if err := m.kept.keep(now, signed); err != nil {
		return seen, err
	}
	err = m.read(ctx, now.Tree)
	seen.Read = m.kept.read
	return seen, err
}

// isNote says of bytes whether they have the form of a signed note, whoever signed it.
func isNote(signed []byte) bool {
	unverified := (*note.UnverifiedNoteError)(nil)
	_, err := note.Open(signed, note.VerifierList())
	return errors.As(err, &unverified)
}

// follows demands that a checkpoint tells the history of the last one that was kept, and perhaps more.
func (m *Monitor) follows(ctx context.Context, now torchwood.Checkpoint) error {
	last := m.kept.last
	switch {
	case last.Origin == "":
		return nil // the first
	case now.Origin != last.Origin:
		return tampered("the log calls itself %q now; it was %q", now.Origin, last.Origin)
	case now.N < last.N:
		return tampered("the log has shrunk: a checkpoint of %d entries was signed, and the newest is of %d", last.N, now.N)
	case now.N == last.N && now.Hash != last.Hash:
		return tampered("two checkpoints of %d entries have different roots, %s and %s: the history was rewritten", now.N, last.Hash, now.Hash)
	case now.N == last.N || last.N == 0:
		return nil
	}
	hashes, asked := m.hashes(ctx, now.Tree)
	root, err := tlog.TreeHash(last.N, hashes)
	switch {
	case asked.failed != nil:
		return asked.failed
	case err != nil:
		return tampered("a tile is not part of the tree of checkpoint %d: %v", now.N, err)
	case root != last.Hash:
		return tampered("checkpoint %d is not consistent with checkpoint %d: the first %[2]d entries have the root %s now, and had %s: the history was rewritten",
			now.N, last.N, root, last.Hash)
	}
	return nil
}

// hashes reads hashes of a tree, which are checked against its root.
func (m *Monitor) hashes(ctx context.Context, tree tlog.Tree) (tlog.HashReader, *asked) {
	a := &asked{TileReader: m.log}
	return torchwood.TileHashReaderWithContext(ctx, tree, a), a
}

// read reads entries that were not read yet, as many as a Turn may.
func (m *Monitor) read(ctx context.Context, tree tlog.Tree) error {
	if m.kept.read >= tree.N {
		return nil
	}
	a := &asked{TileReader: m.log}
	client, err := torchwood.NewClient(a)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	var wrong error
	for index, entry := range client.AllEntries(ctx, tree, m.kept.read) {
		if wrong = m.check(ctx, tree, index, entry); wrong != nil || m.kept.unsaved() >= m.most {
			break
		}
	}
	switch {
	case wrong != nil:
	case a.failed != nil:
		wrong = fmt.Errorf("read entries: %w", a.failed)
	case client.Err() != nil && ctx.Err() != nil:
		wrong = fmt.Errorf("read entries: %w", ctx.Err())
	case client.Err() != nil:
		wrong = tampered("an entry is not part of the tree of checkpoint %d: %v", tree.N, client.Err())
	}
	return errors.Join(wrong, m.kept.save())
}

// check takes an entry that is part of the tree.
func (m *Monitor) check(ctx context.Context, tree tlog.Tree, index int64, entry []byte) error {
	if !proof.IsEntry(entry) {
		return tampered("entry %d has not the form of one", index)
	}
	label := labelOf(entry)
	alike, err := m.kept.like(label)
	if err != nil {
		return err
	}
	for _, earlier := range alike {
		if same, err := m.same(ctx, tree, earlier, label); err != nil {
			return err
		} else if same {
			return tampered("entries %d and %d have one label: two events claim the same place of the same chain, and somebody was shown the one, somebody else the other",
				earlier, index)
		}
	}
	m.kept.add(label)
	return nil
}

// same says whether an earlier entry has a label. Only the beginnings of labels are kept, so the log is asked.
func (m *Monitor) same(ctx context.Context, tree tlog.Tree, earlier int64, label []byte) (bool, error) {
	a := &asked{TileReader: m.log}
	client, err := torchwood.NewClient(a)
	if err != nil {
		return false, fmt.Errorf("read entry %d: %w", earlier, err)
	}
	entry, _, err := client.Entry(ctx, tree, earlier)
	if err != nil {
		return false, fmt.Errorf("read entry %d again: %w", earlier, errors.Join(a.failed, err))
	}
	known := labelOf(entry) // its form was looked at when it was read first
	if !bytes.Equal(beginning(known), beginning(label)) {
		err = fmt.Errorf("entry %d has not the label that was kept: remove the file %q, and the log is read again", earlier, fileLabels)
	}
	return bytes.Equal(known, label), err
}

// labelOf is the label of an entry.
func labelOf(entry []byte) []byte { return entry[1 : 1+proof.HashSize] }

// Run makes one Turn after another, pausing in between unless there is more to read, and tells what each saw. It ends with
// the first *Tampered, with the last error of many in a row that could not look at the log, or with nil when ctx ends.
func (m *Monitor) Run(ctx context.Context, every time.Duration, tell func(Seen, error)) error {
	for failures := 0; ; {
		seen, err := m.Turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		tell(seen, err)
		var t *Tampered
		switch {
		case errors.As(err, &t):
			return err
		case err == nil:
			failures = 0
		default:
			if failures++; failures == maxFailures {
				return fmt.Errorf("the log could not be looked at %d times in a row: %w", failures, err)
			}
		}
		if err == nil && seen.Read < seen.Size {
			continue
		}
		if m.wait(ctx, every) != nil {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// asked is a log that remembers whether a request to it failed: a tile that did not come is not a tile that is wrong.
type asked struct {
	torchwood.TileReader
	failed error
}

// ReadTiles implements torchwood.TileReader.
func (a *asked) ReadTiles(ctx context.Context, tiles []tlog.Tile) ([][]byte, error) {
	data, err := a.TileReader.ReadTiles(ctx, tiles)
	if err != nil {
		a.failed = err
	}
	return data, err
}
