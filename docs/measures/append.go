package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// appendBytes is about what the log of a store takes for one command.
	appendBytes = 1_000
	// writtenBytes is how much space is written before; appends begin anew when it is used up.
	writtenBytes = 16 << 20
)

// appends is a turn of one caller who does nothing but what the log of concordd's store does to make a command durable: it
// appends into space that was written before, and syncs. It tells how far the sync that is reckoned for that is from what it
// comes to.
func (s *stage) appends(ctx context.Context) (t Turn, err error) {
	f, err := os.Create(filepath.Join(s.place, "appends"))
	if err != nil {
		return Turn{}, fmt.Errorf("append: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err = f.Write(make([]byte, writtenBytes)); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return Turn{}, fmt.Errorf("append: %w", err)
	}
	took, record := newHistogram(), make([]byte, appendBytes)
	begin := time.Now().Add(s.warmup)
	finish := begin.Add(s.duration)
	for at := int64(0); ; at = (at + appendBytes) % (writtenBytes - appendBytes) {
		started := time.Now()
		if !started.Before(finish) || ctx.Err() != nil {
			return turnOf(took, s.duration), context.Cause(ctx)
		}
		if _, err = f.WriteAt(record, at); err == nil {
			err = syncData(f)
		}
		if err != nil {
			return Turn{}, fmt.Errorf("append: %w", err)
		}
		if !started.Before(begin) {
			_ = took.RecordValue(min(max(time.Since(started).Microseconds(), 1), longestLatency)) // within the bounds
		}
	}
}
