package bolt

import (
	"fmt"
	"testing"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/storetest"
)

// Records that come in order are packed; where they may grow, what they grow by finds room on their pages.
func TestWhatGrowsFindsRoom(t *testing.T) {
	fill := func(name store.Table, writtenOnce []store.Table) (begun, grown int64) {
		opts := Options{Dir: t.TempDir(), Tables: storetest.Tables, WrittenOnce: writtenOnce, generationBytes: 1, generationLogBytes: 64 << 20, stepBytes: 64 << 10}
		s := mustOpen(t, opts)
		head := uint64(0)
		write := func(length int) int64 {
			const commits, records = 8, 512
			for c := range commits {
				var writes []store.Write
				for n := range records {
					writes = append(writes, store.Write{Table: name, Key: fmt.Appendf(nil, "%06d", c*records+n), Value: make([]byte, length)})
				}
				if err := s.Commit(t.Context(), store.Change{Base: head, Head: head + 1, Writes: writes}); err != nil {
					t.Fatal(err)
				}
				head++
			}
			if err := s.Commit(t.Context(), store.Change{Base: head, Head: head + 1}); err != nil { // waits for all of it to be on its way
				t.Fatal(err)
			}
			head++
			waitFor(t, s, func() bool { return look(s).behind == nil })
			now := look(s)
			return now.tableBytes()
		}
		return write(200), write(240)
	}
	packed, packedGrown := fill(storetest.Red, []store.Table{storetest.Red})
	roomy, roomyGrown := fill(storetest.Red, nil)
	if packed >= roomy || roomy >= 2*packed {
		t.Errorf("%d bytes packed, %d with room", packed, roomy)
	}
	if roomyGrown >= packedGrown {
		t.Errorf("%d bytes once packed ones have grown, %d where they had room", packedGrown, roomyGrown)
	}
}
