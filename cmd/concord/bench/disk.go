package bench

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	// diskBlock is what is overwritten: the page of most disks and file systems.
	diskBlock = 4096
	// diskRounds is how often it is: well under a second on any disk worth running a service on, and enough for a p99.
	diskRounds = 200
	// diskPatience ends it earlier on a disk that is so slow, or so busy, that they would take longer than this.
	diskPatience = 2 * time.Second
)

// Disk is what a durable write costs: overwriting diskBlock bytes of a file that has them already, and syncing.
type Disk struct {
	Dir string `json:"dir"`
	// Call is the system call that made it durable.
	Call string `json:"call"`
	P50  int64  `json:"p50Micros"`
	P99  int64  `json:"p99Micros"`
}

// MeasureDisk measures in a directory; "" is that of temporary files, which may be memory and then tells nothing.
func MeasureDisk(dir string) (d Disk, err error) {
	dir = cmp.Or(dir, os.TempDir())
	f, err := os.CreateTemp(dir, "concord-bench-*")
	if err != nil {
		return Disk{}, fmt.Errorf("measure the disk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, diskBlock)
	if _, err := f.WriteAt(block, 0); err != nil {
		return Disk{}, fmt.Errorf("measure the disk: %w", err)
	}
	if err := f.Sync(); err != nil {
		return Disk{}, fmt.Errorf("measure the disk: %w", err)
	}
	var took []int64
	for begun := time.Now(); len(took) < diskRounds && time.Since(begun) < diskPatience; {
		block[0]++
		started := time.Now()
		if _, err := f.WriteAt(block, 0); err != nil {
			return Disk{}, fmt.Errorf("measure the disk: %w", err)
		}
		if err := syncData(f); err != nil {
			return Disk{}, fmt.Errorf("measure the disk: %w", err)
		}
		took = append(took, time.Since(started).Microseconds())
	}
	slices.Sort(took)
	return Disk{Dir: dir, Call: syncCall, P50: took[len(took)/2], P99: took[len(took)*99/100]}, nil
}
