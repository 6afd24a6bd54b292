// Package keep puts what must not be lost into files: a checkpoint that was seen, a key. Such a file is there whole or not at
// all, whatever happens while it is written.
package keep

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// File replaces a file, or makes it: after it, and after a power cut at any time, there is the old or the new one, whole. Its
// owner alone may read it. A directory that cannot be synced is an error, though the file is there.
func File(name string, content []byte) error {
	dir := filepath.Dir(name)
	part, err := os.CreateTemp(dir, filepath.Base(name)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = part.Write(content)
	err = errors.Join(err, part.Sync(), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name())) // what is left of it says nothing
	}
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
