package proof

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// whole computes the root of a tree from its leaves, by the definition in RFC 6962 section 2.1.
func whole(leaves [][]byte) [HashSize]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return [HashSize]byte(leaves[0])
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := whole(leaves[:k]), whole(leaves[k:])
	return sha256.Sum256(append(append([]byte{0x01}, left[:]...), right[:]...))
}

// TestTheEdgeGrowsIntoTheTree holds at many sizes that the edge has the tree's root, survives being written down, and yields
// the hash of every whole tile once.
func TestTheEdgeGrowsIntoTheTree(t *testing.T) {
	var e Edge
	var leaves [][]byte
	tiles := map[string][]byte{}
	for n := range 3*256 + 5 {
		if n < 40 || n%101 == 0 || n%256 < 2 {
			root, err := e.Root()
			if err != nil || root != tlog.Hash(whole(leaves)) {
				t.Fatalf("%d entries: root %v, %v", n, root, err)
			}
			again, err := ReadEdge(e.Size(), e.Bytes())
			if err != nil || again.Size() != e.Size() || string(again.Bytes()) != string(e.Bytes()) {
				t.Fatalf("%d entries: the edge is not what was written down: %v", n, err)
			}
			e = again
		}
		leaf := LeafHash(fmt.Append(nil, "entry ", n))
		leaves = append(leaves, leaf)
		err := e.Append(leaf, func(level int, n uint64, hash []byte) { tiles[fmt.Sprint(level, n)] = append([]byte(nil), hash...) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(tiles) != 3 {
		t.Errorf("%d whole tiles", len(tiles))
	}
	for n := range 3 {
		want := whole(leaves[n*256 : (n+1)*256])
		if got := tiles[fmt.Sprint(1, n)]; string(got) != string(want[:]) {
			t.Errorf("tile %d is %x, not %x", n, got, want)
		}
	}
}

func TestAnEdgeOfAnotherLengthIsRefused(t *testing.T) {
	for size, length := range map[uint64]int{0: 32, 1: 0, 3: 32, 4: 64, 5: 63} {
		if _, err := ReadEdge(size, make([]byte, length)); err == nil {
			t.Errorf("%d entries, %d bytes", size, length)
		}
	}
}
