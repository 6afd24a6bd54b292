package store

import (
	"bytes"
	"context"
	"fmt"
)

// copyBytes is how much Copy puts into one Change, unless a single record is larger: few syncs, and little memory.
const copyBytes = 8 << 20

// Copy puts every record that from has in these tables into a store that is new. What from once had and has no more is not
// copied, whatever its files keep of it. It looks at one head of from. It fails with ErrConflict if the other store is not new,
// and what it copied before it failed stays there.
func Copy(ctx context.Context, from, to Store, tables []Table) error {
	return from.View(ctx, func(snap Snapshot) error {
		c := Change{Head: 1}
		size := 0
		commit := func() error {
			if err := to.Commit(ctx, c); err != nil {
				return fmt.Errorf("copy: %w", err)
			}
			c, size = Change{Base: c.Head, Head: c.Head + 1}, 0
			return nil
		}
		for _, table := range tables {
			for r, err := range snap.Scan(table, nil, nil) {
				if err != nil {
					return fmt.Errorf("copy: %w", err)
				}
				w := Write{Table: table, Key: bytes.Clone(r.Key), Value: append([]byte{}, r.Value...)}
				more := len(w.Key) + len(w.Value)
				if size > 0 && size+more > copyBytes {
					if err := commit(); err != nil {
						return err
					}
				}
				c.Writes, size = append(c.Writes, w), size+more
			}
		}
		return commit()
	})
}
