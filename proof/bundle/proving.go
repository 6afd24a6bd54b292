package bundle

import (
	"cmp"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

// proving reads tiles, checks them against a tree, and remembers which it needed for that. It implements tlog.TileReader.
type proving struct {
	tree tlog.Tree
	tile func(tlog.Tile) ([]byte, error)
	used map[tlog.Tile]bool
	kept map[tlog.Tile][]byte // of the levels from 1 on, which are few and asked for again and again
}

func newProving(tree tlog.Tree, tile func(tlog.Tile) ([]byte, error)) *proving {
	return &proving{tree: tree, tile: tile, used: map[tlog.Tile]bool{}, kept: map[tlog.Tile][]byte{}}
}

// prove checks the n-th tile of level 0, and all that it is checked with.
func (p *proving) prove(n int64) error {
	_, err := p.ReadHashes([]int64{tlog.StoredHashIndex(0, n<<proof.TileHeight)})
	return err
}

// ReadHashes implements tlog.HashReader: what it returns is in the tree.
func (p *proving) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return tlog.TileHashReader(p.tree, p).ReadHashes(indexes)
}

// Height implements tlog.TileReader.
func (p *proving) Height() int { return proof.TileHeight }

// ReadTiles implements tlog.TileReader.
func (p *proving) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, t := range wanted {
		data, known := p.kept[t]
		if !known {
			var err error
			if data, err = p.tile(t); err != nil {
				return nil, err
			}
			p.used[t] = true
			if t.L > 0 {
				p.kept[t] = data
			}
		}
		found[i] = data
	}
	return found, nil
}

// SaveTiles implements tlog.TileReader. The tiles were right; there is nothing to do.
func (p *proving) SaveTiles([]tlog.Tile, [][]byte) {}

// inOrder is the order in which tiles lie in a bundle.
func inOrder(a, b tlog.Tile) int { return cmp.Or(cmp.Compare(a.L, b.L), cmp.Compare(a.N, b.N)) }
