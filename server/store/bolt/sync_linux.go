package bolt

import (
	"os"
	"syscall"
)

// syncData makes what was written to f durable, and of what the system keeps about f only what is needed to read it.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
