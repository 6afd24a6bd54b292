package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// appendBytes is about what the log of a store takes for one command.
const appendBytes = 2_200

// appends is a turn of one caller who does nothing but what the log of concordd's store does to make a command durable: it
// appends to a bbolt database. It tells how far the syncs that are reckoned for that are from what they come to.
func (s *stage) appends(ctx context.Context) (t Turn, err error) {
	path := filepath.Join(s.place, "appends.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return Turn{}, fmt.Errorf("append: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close(), os.Remove(path)) }()
	took, value := newHistogram(), make([]byte, appendBytes)
	begin := time.Now().Add(s.warmup)
	finish := begin.Add(s.duration)
	for n := uint64(1); ; n++ {
		started := time.Now()
		if !started.Before(finish) || ctx.Err() != nil {
			return turnOf(took, s.duration), context.Cause(ctx)
		}
		err := db.Update(func(tx *bbolt.Tx) error {
			log, err := tx.CreateBucketIfNotExists([]byte("log"))
			if err != nil {
				return err
			}
			log.FillPercent = 1
			return log.Put(binary.BigEndian.AppendUint64(nil, n), value)
		})
		if err != nil {
			return Turn{}, fmt.Errorf("append: %w", err)
		}
		if !started.Before(begin) {
			_ = took.RecordValue(min(max(time.Since(started).Microseconds(), 1), longestLatency)) // within the bounds
		}
	}
}
