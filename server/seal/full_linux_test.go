package seal_test

import (
	"os"
	"syscall"
	"testing"
)

// A disk without room for another head file keeps nobody from reading: the start goes on, and signs once there is room. The
// system refuses the write: a real error, on the path of every signature.
func TestAFullDiskDoesNotPreventAStart(t *testing.T) {
	d := newDesk(t, "")
	was := d.head()
	d.grow(3)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skip(err)
	}
	low := limit
	low.Cur = 1 // no file may be written beyond its first byte: EFBIG
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		t.Skip(err)
	}
	err := d.open()
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); e != nil {
		t.Fatal(e)
	}
	if err != nil {
		t.Fatal(err)
	}
	if is := d.head(); is != was {
		t.Fatalf("without room the head file became\n%s", is)
	}
	if _, err := d.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := d.head(); is == was {
		t.Error("with room again, nothing was signed")
	}
	if left, _ := os.ReadDir(d.dir); len(left) != 2 {
		t.Errorf("files that are left: %v", left)
	}
}
