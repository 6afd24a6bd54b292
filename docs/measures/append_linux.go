package main

import (
	"os"
	"syscall"
)

// syncData syncs what was written to f, as concordd's store does.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
