package bench

import (
	"os"
	"syscall"
)

const syncCall = "fdatasync"

func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
