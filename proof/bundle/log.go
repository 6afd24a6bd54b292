package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

// wholeLog makes the tree again from the entries, holds that it is the one that was signed and that every tile is what
// follows from it, and notes the label of each entry.
func (v *verifier) wholeLog() {
	if room := v.tree.N; room > int64(len(v.files))<<proof.TileHeight {
		v.found.add(Incomplete, CheckLog, dirLog, "The log has %d entries, and the bundle has not room for them.", room)
		return
	}
	expected := tiles(v.tree.N)
	if !v.onlyTiles(expected) {
		return
	}
	var edge proof.Edge
	above := make([][]byte, 8) // the hashes of the levels from 1 on
	v.grownTo(&edge)
	for _, t := range expected {
		if t.L >= 0 {
			break // the entries come first
		}
		if !v.entries(t, &edge, above) {
			return
		}
	}
	if root, err := edge.Root(); err != nil || root != v.tree.Hash {
		v.found.add(Tampered, CheckLog, dirLog, "The entries make the root %v, and the checkpoint is signed over %v: entries were changed, moved, added or taken out.", root, v.tree.Hash)
		return
	}
	for _, t := range expected {
		if t.L < 1 {
			continue
		}
		data, err := v.tile(t)
		from := t.N << proof.TileHeight * proof.HashSize
		if err != nil || !bytes.Equal(data, above[t.L][from:from+int64(len(data))]) {
			v.found.add(Tampered, CheckLog, tilePath(t), "Its hashes do not follow from the entries.")
			return
		}
	}
}

// entries reads a bundle of entries: each makes the hash that the tile beside it has.
func (v *verifier) entries(t tlog.Tile, edge *proof.Edge, above [][]byte) bool {
	rest, err := v.tile(t)
	hashes, err2 := v.tile(tlog.Tile{H: t.H, L: 0, N: t.N, W: t.W})
	if err := errors.Join(err, err2); err != nil {
		v.found.add(Incomplete, CheckLog, tilePath(t), "It cannot be read: %v.", err)
		return false
	}
	for i := range t.W {
		index := t.N<<proof.TileHeight + int64(i)
		var entry []byte
		if entry, rest, err = torchwood.ReadTileEntry(rest); err != nil || len(entry) != proof.EntrySize || !proof.IsEntry(entry) {
			v.found.add(Tampered, CheckLog, tilePath(t), "Entry %d is not an entry.", index)
			return false
		}
		leaf := proof.LeafHash(entry)
		if !bytes.Equal(leaf, hashes[i*proof.HashSize:(i+1)*proof.HashSize]) {
			v.found.add(Tampered, CheckLog, tilePath(t), "Entry %d was changed: its hash is not the one in the tree.", index)
			return false
		}
		v.labels = append(v.labels, labelPrefix(entry))
		err := edge.Append(leaf, func(level int, _ uint64, hash []byte) { above[level] = append(above[level], hash...) })
		if err != nil {
			v.found.add(Tampered, CheckLog, tilePath(t), "Entry %d does not fit the tree: %v.", index, err)
			return false
		}
		v.grownTo(edge)
	}
	return true
}

// grownTo compares the tree with the earlier checkpoint, once it is as large.
func (v *verifier) grownTo(edge *proof.Edge) {
	if v.since == nil || int64(edge.Size()) != v.since.N {
		return
	}
	if root, err := edge.Root(); err != nil || root != v.since.Hash {
		v.rewritten(root)
	}
}

func (v *verifier) rewritten(root tlog.Hash) {
	v.found.add(Tampered, CheckConsistency, dirLog, "History was rewritten: the first %d entries make the root %v, and when there were so many it was signed as %v.", v.since.N, root, v.since.Hash)
}

// labelPrefix is the beginning of an entry's label: enough to find those that may be the same.
func labelPrefix(entry []byte) uint64 { return binary.BigEndian.Uint64(entry[1:]) }

// provingTiles holds that the tiles are those of the tree that was signed. Where the log is not there as a whole that says
// of no entry but those that were exported that it is there.
func (v *verifier) provingTiles() {
	p := newProving(v.tree, v.tile)
	var lowest []int64
	for name := range v.files {
		if t, _, err := tileAt(name); strings.HasPrefix(name, dirLog) && err == nil && t.L == 0 {
			lowest = append(lowest, t.N)
		}
	}
	slices.Sort(lowest)
	for _, n := range lowest {
		if n > (v.tree.N-1)>>proof.TileHeight {
			v.found.add(Tampered, CheckLog, dirLog, "There is tile %d of the entries' hashes, and the log is not so long.", n)
			return
		}
		if err := p.prove(n); err != nil {
			v.unproved(tilePath(hashTile(n<<proof.TileHeight, v.tree.N)), err)
			return
		}
	}
	if v.since != nil {
		v.consistent(p)
	}
	v.onlyTiles(slices.SortedFunc(func(yield func(tlog.Tile) bool) {
		for t := range p.used {
			if !yield(t) {
				return
			}
		}
	}, inOrder))
}

// unproved tells a tile that is missing from one that is wrong.
func (v *verifier) unproved(where string, err error) {
	var missing missingError
	if errors.As(err, &missing) {
		v.found.add(Incomplete, CheckLog, string(missing), "It is missing, and proves others.")
		return
	}
	v.found.add(Tampered, CheckLog, where, "It, or what it is proved with, is not of the tree that was signed: %v.", err)
}

// consistent proves, from the tiles that there are, that the log grew from the earlier checkpoint.
func (v *verifier) consistent(p *proving) {
	if v.since.N == 0 {
		return // every log has grown from nothing
	}
	hashes, err := tlog.ProveTree(v.tree.N, v.since.N, p)
	if err != nil {
		v.found.add(Incomplete, CheckConsistency, dirLog, "The bundle has not the tiles that show how the log grew from %d entries. Ask for one with the whole log.", v.since.N)
		return
	}
	if err := tlog.CheckTree(hashes, v.tree.N, v.tree.Hash, v.since.N, v.since.Hash); err != nil {
		v.found.add(Tampered, CheckConsistency, dirLog, "History was rewritten: the log did not grow from the %d entries that were signed as %v.", v.since.N, v.since.Hash)
	}
}

// onlyTiles holds that just these tiles are there, in this order.
func (v *verifier) onlyTiles(expected []tlog.Tile) bool {
	for _, t := range expected {
		if _, ok := v.files[tilePath(t)]; !ok {
			v.found.add(Incomplete, CheckLog, tilePath(t), "It is missing.")
			return false
		}
	}
	n := 0
	for name := range v.files {
		if strings.HasPrefix(name, dirLog) && name != fileLogCheckpoint {
			n++
		}
	}
	if n != len(expected) {
		v.found.add(Tampered, CheckLog, dirLog, "There are %d tiles that do not belong to the log.", n-len(expected))
		return false
	}
	return true
}

// places holds that no place in a chain was taken twice, and that no chain goes on in the log where it ends in the bundle.
func (v *verifier) places() {
	if v.made.ProofsOnly {
		v.found.add(Incomplete, CheckLabels, dirLog, "The log is not there as a whole, so nothing tells whether a chain goes on behind its newest event, or was told otherwise to others.")
		return
	}
	if int64(len(v.labels)) != v.tree.N {
		return // the log is wrong, and it was said
	}
	sorted := slices.Sorted(slices.Values(v.labels))
	suspects := map[uint64]bool{} // beginnings of labels that occur twice, or should not occur
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			suspects[sorted[i]] = true
		}
	}
	for _, c := range v.chains {
		if c.next == nil {
			continue
		}
		if _, there := slices.BinarySearch(sorted, labelPrefix(c.next)); there {
			suspects[labelPrefix(c.next)] = true
		}
	}
	if len(suspects) > 0 {
		v.judge(suspects)
	}
}

// judge looks at suspects again, by whole labels.
func (v *verifier) judge(suspects map[uint64]bool) {
	const end = 1 + proof.HashSize // of the label in an entry
	at := map[string][]int64{}
	for index, prefix := range v.labels {
		if !suspects[prefix] {
			continue
		}
		t := hashTile(int64(index), v.tree.N)
		t.L = -1
		data, err := v.tile(t)
		if err != nil {
			continue // it was read before
		}
		from := index % torchwood.TileWidth * entryWidth
		label := string(data[from+2+1 : from+2+end])
		at[label] = append(at[label], int64(index))
	}
	for _, c := range v.chains {
		if c.next == nil {
			continue
		}
		if index := at[string(c.next[1:end])]; len(index) > 0 {
			v.found.add(Tampered, CheckLabels, c.at+fileEvents, "The chain goes on: its version %d stands in the log at %d, and the bundle leaves it out.", c.report.Version+1, index[0])
		}
	}
	for label, indexes := range at {
		if len(indexes) > 1 {
			where, which := v.owner(label)
			v.found.add(Tampered, CheckLabels, where, "History was forked: %s was recorded %d times, at %d and %d of the log.", which, len(indexes), indexes[0], indexes[1])
		}
	}
}

// owner says which place of which chain a label is, if it is one of the bundle's.
func (v *verifier) owner(label string) (where, which string) {
	for _, c := range v.chains {
		for n := range c.report.Version {
			if string(proof.Entry(c.logKey, n+1, nil, nil)[1:1+proof.HashSize]) == label {
				return c.at + fileEvents, "version " + number(n+1)
			}
		}
	}
	return dirLog, "one place in a chain that the bundle does not hold"
}
