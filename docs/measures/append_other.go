//go:build !linux

package main

import "os"

// syncData syncs what was written to f, as concordd's store does.
func syncData(f *os.File) error { return f.Sync() }
