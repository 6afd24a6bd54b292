//go:build !linux

package bench

import "os"

const syncCall = "fsync"

func syncData(f *os.File) error { return f.Sync() }
