package overlay

import (
	"bytes"
	"encoding/binary"

	"github.com/concordhq/concord/server/store"
)

// width is how many keys a node holds. A change copies each node on its way down, so a wide one costs commits; a narrow
// one costs reads.
const width = 24

// tree is an ordered set of records, a B+tree: records lie in the leaves, and what is above them only parts their keys.
// A tree that was handed out never changes: the next edition of it copies each node before the first change to it.
//
// Keys are compared by eight bytes that lie in the node itself, which spares most looks at keys elsewhere in memory. Those
// bytes are the first that can differ: all keys below a node lie between two keys above it, and begin with what those two
// have in common.
type tree struct {
	root  *node
	count int
	gone  int // deleted since the tree was made; their leaves stay, however empty
}

type node struct {
	edition uint64 // of the tree, that may change it
	n       int
	skip    int // how many bytes are the same in all keys that may lie here
	heads   [width]uint64
	records [width]*store.Record // of an inner node: without values, each the least key of the child after it
	kids    *[width + 1]*node    // nil in a leaf
}

// headOf is what a node that skips so many bytes holds of a key.
func headOf(key []byte, skip int) uint64 {
	if len(key) >= skip+8 {
		return binary.BigEndian.Uint64(key[skip:])
	}
	var b [8]byte
	if skip < len(key) {
		copy(b[:], key[skip:])
	}
	return binary.BigEndian.Uint64(b[:])
}

// find returns how many keys of the node are below key, and whether the next one is key.
func (n *node) find(key []byte) (i int, found bool) {
	head := headOf(key, n.skip)
	low, high := 0, n.n
	for low < high {
		at := (low + high) / 2
		if h := n.heads[at]; h < head || h == head && bytes.Compare(n.records[at].Key, key) < 0 {
			low = at + 1
		} else {
			high = at
		}
	}
	return low, low < n.n && n.heads[low] == head && bytes.Equal(n.records[low].Key, key)
}

// kid returns the number of the child where key belongs.
func (n *node) kid(key []byte) int {
	i, found := n.find(key)
	if found {
		i++
	}
	return i
}

func (t *tree) get(key []byte) *store.Record {
	n := t.root
	for n.kids != nil {
		n = n.kids[n.kid(key)]
	}
	if i, found := n.find(key); found {
		return n.records[i]
	}
	return nil
}

// owned returns the node, or a copy of it, for this edition to change.
func (n *node) owned(edition uint64) *node {
	if n.edition == edition {
		return n
	}
	c := *n
	c.edition = edition
	if n.kids != nil {
		kids := *n.kids
		c.kids = &kids
	}
	return &c
}

// put puts a record in and returns the one it replaces, if there is one.
func (t *tree) put(r *store.Record, edition uint64) (old *store.Record) {
	n := t.root.owned(edition)
	if n.n == width {
		above := &node{edition: edition, kids: &[width + 1]*node{n}}
		above.split(0, nil, nil)
		n = above
	}
	t.root = n
	var from, to []byte // between which the keys of n lie; nil is no bound
	for n.kids != nil {
		i := n.kid(r.Key)
		if i > 0 {
			from = n.records[i-1].Key
		}
		if i < n.n {
			to = n.records[i].Key
		}
		below := n.kids[i].owned(edition)
		n.kids[i] = below
		if below.n == width {
			if middle := n.split(i, from, to); bytes.Compare(r.Key, middle) >= 0 {
				from, below = middle, n.kids[i+1]
			} else {
				to = middle
			}
		}
		n = below
	}
	i, found := n.find(r.Key)
	if found {
		old, n.records[i] = n.records[i], r
		return old
	}
	n.insert(i, r)
	t.count++
	return nil
}

// insert makes r the i-th record of the node.
func (n *node) insert(i int, r *store.Record) {
	copy(n.heads[i+1:n.n+1], n.heads[i:n.n])
	copy(n.records[i+1:n.n+1], n.records[i:n.n])
	n.heads[i], n.records[i] = headOf(r.Key, n.skip), r
	n.n++
}

// split parts the i-th child, which is full, belongs to the edition, and whose keys lie between from and to. It returns the
// key that parts the two.
func (n *node) split(i int, from, to []byte) []byte {
	left := n.kids[i]
	at := width / 2
	if to == nil {
		at = width - 1 // most often keys are appended there, and the left one will not grow any more
	}
	right := &node{edition: left.edition, skip: left.skip}
	middle, rest := left.records[at], at+1
	if left.kids == nil {
		middle, rest = &store.Record{Key: middle.Key}, at
	} else {
		right.kids = new([width + 1]*node)
		copy(right.kids[:], left.kids[rest:])
		clear(left.kids[rest:])
	}
	right.n = copy(right.records[:], left.records[rest:])
	copy(right.heads[:], left.heads[rest:])
	clear(left.records[at:])
	left.n = at
	left.fit(from, middle.Key)
	right.fit(middle.Key, to)
	copy(n.kids[i+2:n.n+2], n.kids[i+1:n.n+1])
	n.kids[i+1] = right
	n.insert(i, middle)
	return middle.Key
}

// fit makes the node skip what all keys between from and to have in common.
func (n *node) fit(from, to []byte) {
	skip := 0
	for skip < min(len(from), len(to)) && from[skip] == to[skip] {
		skip++
	}
	if skip == n.skip {
		return
	}
	n.skip = skip
	for i, r := range n.records[:n.n] {
		n.heads[i] = headOf(r.Key, skip)
	}
}

// delete takes a record out and returns it, if it is there. When more are gone than are left the tree is made anew.
func (t *tree) delete(key []byte, edition uint64) (old *store.Record) {
	if t.get(key) == nil {
		return nil
	}
	n := t.root.owned(edition)
	t.root = n
	for n.kids != nil {
		i := n.kid(key)
		n.kids[i] = n.kids[i].owned(edition)
		n = n.kids[i]
	}
	i, _ := n.find(key)
	old = n.records[i]
	copy(n.heads[i:], n.heads[i+1:n.n])
	copy(n.records[i:], n.records[i+1:n.n])
	n.n--
	n.records[n.n] = nil
	t.count, t.gone = t.count-1, t.gone+1
	if t.gone <= t.count+width {
		return old
	}
	fresh := tree{root: &node{edition: edition}}
	for next := t.from(nil); ; {
		r := next()
		if r == nil {
			*t = fresh
			return old
		}
		fresh.put(r, edition)
	}
}

// from steps through the records from the first key ≥ key; nil is the end.
func (t *tree) from(key []byte) func() *store.Record {
	type place struct {
		n *node
		i int // of the next record, or the next child
	}
	path := make([]place, 0, 8)
	for n := t.root; ; {
		if n.kids == nil {
			i, _ := n.find(key)
			path = append(path, place{n, i})
			break
		}
		i := n.kid(key)
		path = append(path, place{n, i + 1})
		n = n.kids[i]
	}
	return func() *store.Record {
		for len(path) > 0 {
			at := &path[len(path)-1]
			at.i++
			switch {
			case at.n.kids == nil && at.i <= at.n.n:
				return at.n.records[at.i-1]
			case at.n.kids != nil && at.i <= at.n.n+1:
				path = append(path, place{at.n.kids[at.i-1], 0})
			default:
				path = path[:len(path)-1]
			}
		}
		return nil
	}
}
