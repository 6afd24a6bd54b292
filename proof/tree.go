package proof

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the height of a tile: 256 hashes of a level make one hash of the next level of tiles.
const TileHeight = 8

// Edge is the right edge of the log's Merkle tree (RFC 6962): all that must be known for the tree to grow, and for its
// root. It holds the root of one whole subtree for each bit that is set in the size. The zero Edge is that of an empty log.
type Edge struct {
	size   int64
	hashes [64]tlog.Hash // by level, valid where the size has the bit
}

// ReadEdge is the edge of a log of a size, from what Bytes gave.
func ReadEdge(size uint64, b []byte) (Edge, error) {
	e := Edge{size: int64(size)}
	if len(b) != bits.OnesCount64(size)*HashSize {
		return e, fmt.Errorf("proof: the edge of a log of %d entries is not %d bytes long", size, len(b))
	}
	for level := range e.hashes {
		if size>>level&1 == 1 {
			b = b[copy(e.hashes[level][:], b):]
		}
	}
	return e, nil
}

// Bytes is the hashes of the edge, from the lowest level up.
func (e *Edge) Bytes() []byte {
	b := make([]byte, 0, bits.OnesCount64(uint64(e.size))*HashSize)
	for level := range e.hashes {
		if e.size>>level&1 == 1 {
			b = append(b, e.hashes[level][:]...)
		}
	}
	return b
}

// Size is how many entries the log has.
func (e *Edge) Size() uint64 { return uint64(e.size) }

// ReadHashes implements tlog.HashReader for hashes of the edge.
func (e *Edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		if e.size>>level&1 == 0 || n != e.size>>level-1 {
			return nil, fmt.Errorf("proof: hash %d of level %d is not on the edge of %d entries", n, level, e.size)
		}
		hashes[i] = e.hashes[level]
	}
	return hashes, nil
}

// Append grows the log by one entry, by its leaf hash, and yields the hashes of whole tiles that it completes: those of the
// levels 1, 2 … of tiles, of which the store keeps every one.
func (e *Edge) Append(leaf []byte, tile func(level int, n uint64, hash []byte)) error {
	hashes, err := tlog.StoredHashesForRecordHash(e.size, tlog.Hash(leaf), e)
	if err != nil {
		return fmt.Errorf("proof: grow the log: %w", err)
	}
	for level, hash := range hashes {
		if level > 0 && level%TileHeight == 0 {
			tile(level/TileHeight, uint64(e.size)>>level, hash[:])
		}
	}
	top := len(hashes) - 1
	e.hashes[top] = hashes[top]
	e.size++
	return nil
}

// Root is the root of the tree.
func (e *Edge) Root() (tlog.Hash, error) { return tlog.TreeHash(e.size, e) }
