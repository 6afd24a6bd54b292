package journal

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/server/store"
)

// Tree is the log's Merkle tree as far as it is durable. It belongs to the View that it was made in.
type Tree struct {
	snap  store.Snapshot
	edge  proof.Edge
	tiles map[tlog.Tile][]byte // that were read, as wide as they are
}

// Tree runs fn over the log's tree.
func (j *Journal) Tree(ctx context.Context, fn func(*Tree) error) error {
	return j.view(ctx, func(snap store.Snapshot) error {
		t, err := newTree(snap)
		if err != nil {
			return err
		}
		return fn(t)
	})
}

func newTree(snap store.Snapshot) (*Tree, error) {
	value, err := snap.Get(tableMeta, keyStamp)
	if err != nil {
		return nil, err
	}
	stamp := &journalv1.Stamp{}
	if err := proto.Unmarshal(value, stamp); err != nil {
		return nil, fmt.Errorf("stamp: %w", err)
	}
	edge, err := proof.ReadEdge(stamp.GetPosition(), stamp.GetEdge())
	return &Tree{snap: snap, edge: edge, tiles: map[tlog.Tile][]byte{}}, err
}

// Log is the log's name and its keys, as they are at this size; nil before it was opened.
func (t *Tree) Log() (*pb.Log, error) { return readLog(t.snap) }

// Size is how many entries the log has.
func (t *Tree) Size() uint64 { return t.edge.Size() }

// Root is the root of the tree as it was when the log had size entries.
func (t *Tree) Root(size uint64) (tlog.Hash, error) {
	if size == t.edge.Size() {
		return t.edge.Root()
	}
	return tlog.TreeHash(int64(size), t)
}

// Entries is some of the log's entries, 65 bytes each, one behind the other: width of them from the first on.
func (t *Tree) Entries(first uint64, width int) ([]byte, error) {
	entries := make([]byte, 0, width*proof.EntrySize)
	for r, err := range t.snap.Scan(tableEvents, be64(first+1), be64(first+uint64(width)+1)) {
		if err != nil {
			return nil, err
		}
		if len(r.Value) < bodyAt {
			return nil, fmt.Errorf("journal: event %x has %d bytes", r.Key, len(r.Value))
		}
		entries = append(entries, r.Value[:proof.EntrySize]...)
	}
	if len(entries) != width*proof.EntrySize {
		return nil, fmt.Errorf("journal: the log has not %d entries from %d on", width, first)
	}
	return entries, nil
}

// Tile is the hashes of a tile, 32 bytes each, one behind the other: width of them from the first of the n-th tile of a level
// on. Level 0 has the hashes of the entries.
func (t *Tree) Tile(level int, n uint64, width int) ([]byte, error) {
	first := n << proof.TileHeight
	hashes := make([]byte, 0, width*proof.HashSize)
	if level == 0 {
		entries, err := t.Entries(first, width)
		if err != nil {
			return nil, err
		}
		for entry := range slices.Chunk(entries, proof.EntrySize) {
			hashes = append(hashes, proof.LeafHash(entry)...)
		}
		return hashes, nil
	}
	for r, err := range t.snap.Scan(tableTiles, tileKey(level, first), tileKey(level, first+uint64(width))) {
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, r.Value...)
	}
	if len(hashes) != width*proof.HashSize {
		return nil, fmt.Errorf("journal: tile %d of level %d has not %d hashes", n, level, width)
	}
	return hashes, nil
}

// ReadHashes implements tlog.HashReader for any hash of the tree.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(proof.TileHeight, index)
		data, err := t.widest(tile.L, tile.N)
		if err == nil && len(data) < tile.W*proof.HashSize {
			err = fmt.Errorf("journal: hash %d is not in the log yet", index)
		}
		if err == nil {
			hashes[i], err = tlog.HashFromTile(tile, data[:tile.W*proof.HashSize], index)
		}
		if err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// widest is a tile with all the hashes it has, read once.
func (t *Tree) widest(level int, n int64) ([]byte, error) {
	name := tlog.Tile{H: proof.TileHeight, L: level, N: n}
	if data, known := t.tiles[name]; known {
		return data, nil
	}
	has := int64(t.edge.Size()>>(level*proof.TileHeight)) - n<<proof.TileHeight
	if has <= 0 {
		return nil, nil
	}
	data, err := t.Tile(level, uint64(n), int(min(has, 1<<proof.TileHeight)))
	t.tiles[name] = data
	return data, err
}
