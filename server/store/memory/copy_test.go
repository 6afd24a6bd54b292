package memory_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/memory"
)

// A copy has every record of every table, however many changes that takes, and what was deleted is not in it.
func TestCopy(t *testing.T) {
	tables := []store.Table{"a", "b"}
	open := func() *memory.Store {
		s, err := memory.Open(tables...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	from, to := open(), open()
	const large, records = 1 << 20, 20
	for i := range records {
		err := from.Commit(t.Context(), store.Change{Base: uint64(i), Head: uint64(i + 1), Writes: []store.Write{
			{Table: tables[i%2], Key: fmt.Appendf(nil, "%02d", i), Value: bytes.Repeat([]byte{byte(i)}, large)},
			{Table: "a", Key: fmt.Appendf(nil, "empty %d", i), Value: []byte{}}, {Table: "b", Key: []byte("gone")},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Copy(t.Context(), from, to, tables); err != nil {
		t.Fatal(err)
	}
	if err := store.Copy(t.Context(), from, to, tables); !errors.Is(err, store.ErrConflict) {
		t.Errorf("into a store that is not new: %v", err)
	}
	n := 0
	err := to.View(t.Context(), func(copied store.Snapshot) error {
		if copied.Head() < 3 {
			t.Errorf("%d MiB in %d changes", records, copied.Head())
		}
		return from.View(t.Context(), func(was store.Snapshot) error {
			for _, table := range tables {
				for r, err := range was.Scan(table, nil, nil) {
					value, e := copied.Get(table, r.Key)
					if err = errors.Join(err, e); err != nil {
						return err
					}
					if value == nil || !bytes.Equal(value, r.Value) {
						t.Errorf("%s %q is not the same", table, r.Key)
					}
					n++
				}
				for range copied.Scan(table, nil, nil) {
					n--
				}
			}
			return nil
		})
	})
	if err != nil || n != 0 {
		t.Errorf("%v, %d records more than copied", err, n)
	}
}
