package others

import (
	"fmt"
	"path/filepath"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// handmade is a log made by hand: what an operator could publish who does not use concordd, or has written another history
// than the true one.
type handmade struct {
	origin  string
	signers []note.Signer
	entries [][]byte
	hashes  []tlog.Hash // as tlog stores them
}

// makeLog makes a log of entries.
func makeLog(t *testing.T, origin string, signer note.Signer, entries ...[]byte) *handmade {
	t.Helper()
	h := &handmade{origin: origin, signers: []note.Signer{signer}}
	for _, e := range entries {
		h.add(t, e)
	}
	return h
}

func (h *handmade) add(t *testing.T, entry []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(int64(len(h.entries)), entry, h)
	if err != nil {
		t.Fatal(err)
	}
	h.entries, h.hashes = append(h.entries, entry), append(h.hashes, hashes...)
}

// ReadHashes implements tlog.HashReader.
func (h *handmade) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(h.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = h.hashes[index]
	}
	return found, nil
}

// checkpoint is the signed note of the log as it was when it had size entries.
func (h *handmade) checkpoint(t *testing.T, size int64) string {
	t.Helper()
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		t.Fatal(err)
	}
	c := torchwood.Checkpoint{Origin: h.origin, Tree: tlog.Tree{N: size, Hash: root}}
	signed, err := note.Sign(&note.Note{Text: c.String()}, h.signers...)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// publish writes the log into files as tlog-tiles lays them out, and says where, as a URL.
func (h *handmade) publish(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	size := int64(len(h.entries))
	write(t, filepath.Join(dir, "checkpoint"), h.checkpoint(t, size))
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, h)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, torchwood.TilePath(tile)), string(data))
	}
	for first := int64(0); first < size; first += torchwood.TileWidth {
		tile := tlog.Tile{H: torchwood.TileHeight, L: -1, N: first / torchwood.TileWidth, W: int(min(torchwood.TileWidth, size-first))}
		var bundle []byte
		for _, entry := range h.entries[first : first+int64(tile.W)] {
			var err error
			if bundle, err = torchwood.AppendTileEntry(bundle, entry); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(dir, torchwood.TilePath(tile)), string(bundle))
	}
	return dir
}

// newKey is a key of somebody's.
func newKey(t *testing.T, name string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

// numbered are n entries that tell each other apart.
func numbered(n int) [][]byte {
	entries := make([][]byte, n)
	for i := range entries {
		entries[i] = fmt.Appendf(nil, "entry %d", i)
	}
	return entries
}
