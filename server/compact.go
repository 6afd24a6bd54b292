package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/bolt"
)

// unfinished ends the name of a directory that is being filled.
const unfinished = ".unfinished"

// Compact copies the data directory of a server that does not run into a new one: what its store holds, and nothing that was
// written over or erased and is still in its files; and what else lies there. The new directory has its name once it is whole
// and on disk. The old one is left as it is, for its owner to destroy.
func Compact(ctx context.Context, from, into string) (err error) {
	for dir, there := range map[string]bool{from: true, into: false, into + unfinished: false} {
		if _, err := os.Lstat(dir); (err == nil) != there {
			return fmt.Errorf("compact: %s must be there, and %s and %s%s must not", from, into, into, unfinished)
		}
	}
	if !bolt.Is(from) {
		return fmt.Errorf("compact: %s is no data directory", from)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("compact: %w", errors.Join(err, os.RemoveAll(into+unfinished)))
		}
	}()
	if err := copyStore(ctx, from, into+unfinished); err != nil {
		return err
	}
	if err := copyOthers(from, into+unfinished); err != nil {
		return err
	}
	if err := os.Rename(into+unfinished, into); err != nil {
		return err
	}
	return syncName(filepath.Dir(into))
}

// copyStore copies what a store holds into a new one.
func copyStore(ctx context.Context, from, into string) (err error) {
	var stores [2]*bolt.Store
	for i, dir := range []string{from, into} {
		if stores[i], err = bolt.Open(boltIn(dir)); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stores[i].Close()) }()
	}
	return store.Copy(ctx, stores[0], stores[1], journal.Tables())
}

// copyOthers copies the files of a data directory that are not the store's.
func copyOthers(from, into string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if bolt.Owns(e.Name()) {
			continue
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("%s is no file: move it away first", filepath.Join(from, e.Name()))
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(into, e.Name())); err != nil {
			return err
		}
	}
	return syncName(into)
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()&fs.ModePerm)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

// syncName writes the names in a directory to disk.
func syncName(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
