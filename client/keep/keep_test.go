package keep

import (
	"os"
	"path/filepath"
	"testing"
)

// A file is made, and replaced, and what fails leaves the old one and nothing beside it.
func TestAFileIsThereWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "checkpoint")
	for _, content := range []string{"first", "", "second"} {
		if err := File(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if is, err := os.ReadFile(name); err != nil || string(is) != content {
			t.Fatalf("%q is there, not %q: %v", is, content, err)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "by a directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := File(taken, []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	if err := File(filepath.Join(dir, "nowhere", "x"), nil); err == nil {
		t.Error("a file was made where there is no directory")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left are %v, %v", left, err)
	}
}
