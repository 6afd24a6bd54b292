package monitor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"filippo.io/torchwood"

	"github.com/concordhq/concord/client/keep"
)

// What a monitor keeps, in its directory:
//
//	checkpoints/<size>   every checkpoint that was seen and believed, as it was signed
//	refused/<size>-<the first 8 digits of its root>   one that was not
//	labels               the first 8 bytes of each entry's label, in the log's order
const (
	dirCheckpoints = "checkpoints"
	dirRefused     = "refused"
	fileLabels     = "labels"
)

// beginningSize is how much of a label is kept, in bytes. Two labels begin alike by chance about once in 2^64 pairs; then the
// log is asked for the whole of them.
const beginningSize = 8

// maxLabels bounds the log that a monitor can follow, since it holds the beginnings in memory: some 2 GB of them.
const maxLabels = 100_000_000

func beginning(label []byte) []byte { return label[:beginningSize] }

// records is what a monitor has kept.
type records struct {
	dir     string
	last    torchwood.Checkpoint // the largest; its origin is empty if there is none
	labels  *os.File
	known   map[uint64]struct{} // beginnings of labels
	read    int64               // entries whose labels are known
	pending []byte              // beginnings that are not in the file yet
}

// openRecords reads what was kept. A checkpoint that the policy does not believe (any more) is an error.
func openRecords(dir string, policy Policy) (_ *records, err error) {
	r := &records{dir: dir, known: map[uint64]struct{}{}}
	if err := os.MkdirAll(filepath.Join(dir, dirCheckpoints), 0o755); err != nil {
		return nil, fmt.Errorf("make a place for checkpoints: %w", err)
	}
	if err := r.readLast(policy); err != nil {
		return nil, err
	}
	if r.labels, err = os.OpenFile(filepath.Join(dir, fileLabels), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("open the labels: %w", err)
	}
	if err := r.readLabels(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *records) close() error { return r.labels.Close() }

// readLast finds the checkpoint that was kept last.
func (r *records) readLast(policy Policy) error {
	files, err := os.ReadDir(filepath.Join(r.dir, dirCheckpoints))
	if err != nil {
		return fmt.Errorf("read the checkpoints: %w", err)
	}
	largest := int64(-1)
	for _, f := range files {
		if size, err := strconv.ParseInt(f.Name(), 10, 64); err == nil {
			largest = max(largest, size)
		}
	}
	if largest < 0 {
		return nil
	}
	file := filepath.Join(r.dir, dirCheckpoints, strconv.FormatInt(largest, 10))
	signed, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the last checkpoint: %w", err)
	}
	if r.last, _, err = policy.open(signed); err != nil {
		return fmt.Errorf("the policy does not believe %s, which was kept before (is it the policy of another log, or without a key that was retired?): %w", file, err)
	}
	if r.last.N != largest {
		return fmt.Errorf("%s is a checkpoint of %d entries", file, r.last.N)
	}
	return nil
}

// readLabels reads the beginnings that were kept. What lies beyond the last checkpoint, or is no whole one, is read again.
func (r *records) readLabels() error {
	kept, err := os.ReadFile(r.labels.Name())
	if err != nil {
		return fmt.Errorf("read the labels: %w", err)
	}
	r.read = min(int64(len(kept)/beginningSize), r.last.N)
	kept = kept[:r.read*beginningSize]
	for b := range slices.Chunk(kept, beginningSize) {
		r.known[binary.BigEndian.Uint64(b)] = struct{}{}
	}
	if err := r.labels.Truncate(int64(len(kept))); err != nil {
		return fmt.Errorf("read the labels: %w", err)
	}
	return nil
}

// like are the entries whose labels begin like one.
func (r *records) like(label []byte) ([]int64, error) {
	if _, found := r.known[binary.BigEndian.Uint64(beginning(label))]; !found {
		return nil, nil
	}
	kept, err := os.ReadFile(r.labels.Name()) // once in a lifetime, unless the log is forked
	if err != nil {
		return nil, fmt.Errorf("read the labels: %w", err)
	}
	var at []int64
	for i, b := range slices.Collect(slices.Chunk(append(kept, r.pending...), beginningSize)) {
		if bytes.Equal(b, beginning(label)) {
			at = append(at, int64(i))
		}
	}
	return at, nil
}

// add takes the label of the next entry.
func (r *records) add(label []byte) {
	r.known[binary.BigEndian.Uint64(beginning(label))] = struct{}{}
	r.pending = append(r.pending, beginning(label)...)
	r.read++
}

// unsaved is how many labels were added since the last save.
func (r *records) unsaved() int64 { return int64(len(r.pending) / beginningSize) }

// save makes the labels that were added durable.
func (r *records) save() error {
	if len(r.pending) == 0 {
		return nil
	}
	at := r.read*beginningSize - int64(len(r.pending))
	if _, err := r.labels.WriteAt(r.pending, at); err != nil {
		return fmt.Errorf("keep labels: %w", err)
	}
	if err := r.labels.Sync(); err != nil {
		return fmt.Errorf("keep labels: %w", err)
	}
	r.pending = r.pending[:0]
	return nil
}

// keep keeps a checkpoint that is believed. One that is kept already stays as it is.
func (r *records) keep(c torchwood.Checkpoint, signed []byte) error {
	if c.N > maxLabels {
		return fmt.Errorf("the log has %d entries; a monitor can follow one of %d", c.N, maxLabels)
	}
	if err := r.write(filepath.Join(dirCheckpoints, strconv.FormatInt(c.N, 10)), signed); err != nil {
		return fmt.Errorf("keep the checkpoint: %w", err)
	}
	r.last = c
	return nil
}

// accuse keeps a checkpoint that is at odds with those kept before.
func (r *records) accuse(c torchwood.Checkpoint, signed []byte) error {
	if err := os.MkdirAll(filepath.Join(r.dir, dirRefused), 0o755); err != nil {
		return fmt.Errorf("keep the refused checkpoint: %w", err)
	}
	if err := r.write(filepath.Join(dirRefused, fmt.Sprintf("%d-%x", c.N, c.Hash[:4])), signed); err != nil {
		return fmt.Errorf("keep the refused checkpoint: %w", err)
	}
	return nil
}

// write writes a file that is there whole or not at all. One that is there stays.
func (r *records) write(name string, data []byte) error {
	file := filepath.Join(r.dir, name)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return keep.File(file, data)
}
