package journal_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/server/journal"
)

// Every event is a leaf of the log's tree, in the order of their positions, through restarts and across tiles; and for any
// size that the log ever had there is a root, a proof of every entry and a proof that it only grew.
func TestTheTreeHoldsTheEvents(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	for n := range 300 {
		if n == 200 {
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			d = openDesk(t, d.store, d.clock)
			stop = d.run()
		}
		d.must(chief, party(fmt.Sprintf("party-%d", n)))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Tree(t.Context(), func(tree *journal.Tree) error {
		size := int64(tree.Size())
		if size != 300 {
			t.Errorf("%d entries", size)
		}
		entries, err := tree.Entries(0, int(size))
		must(err)
		root, err := tree.Root(uint64(size))
		must(err)
		for _, old := range []int64{1, 2, 199, 200, 255, 256, 257, 299} {
			was, err := tree.Root(uint64(old))
			must(err)
			grown, err := tlog.ProveTree(size, old, tree)
			must(err)
			must(tlog.CheckTree(grown, size, root, old, was))
			for _, n := range []int64{0, old / 2, old - 1} {
				entry := entries[n*proof.EntrySize : (n+1)*proof.EntrySize]
				held, err := tlog.ProveRecord(old, n, tree)
				must(err)
				must(tlog.CheckRecord(held, old, was, n, tlog.RecordHash(entry)))
			}
		}
		first, err := tree.Tile(1, 0, 1)
		must(err)
		if whole, _ := tree.Root(256); string(first) != string(whole[:]) {
			t.Error("the first whole tile does not hash to the root of its entries")
		}
		for _, missing := range []func() ([]byte, error){
			func() ([]byte, error) { return tree.Entries(299, 2) },
			func() ([]byte, error) { return tree.Tile(0, 1, 45) },
			func() ([]byte, error) { return tree.Tile(1, 0, 2) },
		} {
			if _, err := missing(); err == nil {
				t.Error("more was read than the log has")
			}
		}
		return nil
	}))
}
