package bolt

import (
	"testing"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/storetest"
)

// tiny returns options under which a generation is full after a few commits, so that in every
// test the flusher is at work and commits wait for it.
func tiny(dir string) Options {
	return Options{Dir: dir, Tables: storetest.Tables, Apart: []store.Table{storetest.Blue}, generationBytes: 4 << 10, generationLogBytes: 8 << 10, stepBytes: 512}
}

func mustOpen(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	for name, opts := range map[string]Options{"bounds as shipped": {Tables: storetest.Tables}, "tiny bounds": tiny("")} {
		t.Run(name, func(t *testing.T) {
			open := func(t *testing.T) store.Store {
				opts := opts
				opts.Dir = t.TempDir()
				return mustOpen(t, opts)
			}
			reopen := func(t *testing.T, s store.Store) store.Store {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return mustOpen(t, s.(*Store).opts)
			}
			storetest.Run(t, open, reopen)
		})
	}
}
