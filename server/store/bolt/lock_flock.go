//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/concordhq/concord/server/store"
)

// lockPoll is how often a lock held elsewhere is tried again; nobody notices less.
const lockPoll = 25 * time.Millisecond

// lock takes the lock of the whole directory, which the system takes back when the process ends,
// however it ends. bbolt locks each file as well; this lock is there before the files are.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for waited := time.Duration(0); ; waited += lockPoll {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || waited >= lockWait {
			break
		}
		time.Sleep(lockPoll)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w: stop that process, or give this one another directory", store.ErrLocked)
	}
	return nil, errors.Join(err, f.Close())
}
