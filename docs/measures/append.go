package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

const (
	// appendBytes is about what the log of a store takes for one command.
	appendBytes = 2_150
	// writtenBytes is how much space is written before; appends begin anew when it is used up.
	writtenBytes = 16 << 20
)

// appendLog is what the log of concordd's store comes to and nothing else: each append goes into space that was written
// before, and is synced.
type appendLog struct {
	mu     sync.Mutex
	f      *os.File
	at     int64
	record [appendBytes]byte
}

func newAppendLog(path string) (*appendLog, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	if _, err = f.Write(make([]byte, writtenBytes)); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a log: %w", err), f.Close())
	}
	return &appendLog{f: f}, nil
}

// append makes a record durable; a nil log takes none.
func (l *appendLog) append() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.f.WriteAt(l.record[:], l.at); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	l.at = (l.at + appendBytes) % (writtenBytes - appendBytes)
	return syncData(l.f)
}
