package bolt

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	bbolt "go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/concordhq/concord/server/store"
)

// The files of a store. The name in store-id stands in each of them too, so that one
// that was lost, emptied or exchanged is noticed and never taken for a new one.
const (
	lockFile = "lock"
	idFile   = "store-id"

	// newSuffix marks files of a store that is still being made.
	newSuffix = ".new"

	// idPrefix begins the line in store-id; the number is the version of the whole directory.
	idPrefix = "concord-store 7 "
)

// tailFiles are the two files of the tail.
var tailFiles = [2]string{"tail.0", "tail.1"}

// tablesFiles are the two databases of the tables; Options.Apart says which table lies in which.
var tablesFiles = [2]string{"tables.0", "tables.1"}

// Bucket and keys of what the tables say about themselves.
var (
	metaBucket = []byte("meta")
	idKey      = []byte("id")
	headKey    = []byte("head")   // up to which changes were carried there
	closedKey  = []byte("closed") // the head of the store when it was last closed; in the first of the files
)

const (
	// lockWait is how long Open waits for another process to let go of the store: long enough for
	// one that is just ending, short enough to be told of a mistake at once.
	lockWait = time.Second

	// tablesMapBytes is the address space reserved for each file of the tables. Growing beyond what is mapped
	// makes bbolt wait for every running View, and new Views wait with it; address space costs
	// nothing. Where it is rationed (ulimit -v), Open halves it until it fits.
	tablesMapBytes = 64 << 30

	// leastMapBytes is where the halving ends and bbolt chooses by itself.
	leastMapBytes = 64 << 20
)

// Is says whether a store was made in a directory.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, idFile))
	return err == nil
}

// Owns says of the name of a file in a store's directory whether it is the store's own; what else lies there is others'.
func Owns(name string) bool {
	return slices.Contains(append(parts(), idFile, lockFile), strings.TrimSuffix(name, newSuffix))
}

type files struct {
	id     []byte // the line in store-id
	lock   *os.File
	tail   [len(tailFiles)]*tailFile // opened by restore
	tables [len(tablesFiles)]*bbolt.DB
}

// openFiles locks dir, makes the store if there is none, and opens its databases.
func openFiles(dir string, mapBytes int) (f *files, err error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	f = &files{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.lock, err = lock(filepath.Join(dir, lockFile)); err != nil {
		return f, err
	}
	id, err := os.ReadFile(filepath.Join(dir, idFile))
	if errors.Is(err, fs.ErrNotExist) {
		id, err = create(dir)
	}
	if err != nil {
		return f, err
	}
	if !bytes.HasPrefix(id, []byte(idPrefix)) {
		return f, fmt.Errorf("%w: %s is not of this version: %q", store.ErrCorrupt, idFile, id)
	}
	if err := finishCreate(dir); err != nil {
		return f, err
	}
	f.id = id
	for i, name := range tablesFiles {
		if f.tables[i], err = openTables(dir, name, id, mapBytes); err != nil {
			return f, err
		}
	}
	return f, nil
}

func openTables(dir, name string, id []byte, mapBytes int) (*bbolt.DB, error) {
	for size := mapBytes; ; size /= 2 {
		if size < leastMapBytes || runtime.GOOS == "windows" { // Windows would make the file as large
			size = 0
		}
		opts := &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType, InitialMmapSize: size}
		db, err := openDatabase(dir, name, id, opts)
		if size > 0 && errors.Is(err, syscall.ENOMEM) {
			continue
		}
		return db, err
	}
}

// openDatabase opens one file of the store. bbolt takes an empty file for a new database and
// panics, or faults, on some that are damaged; both are refused here.
func openDatabase(dir, name string, id []byte, opts *bbolt.Options) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %v", store.ErrCorrupt, name, p)
		}
		if err != nil && db != nil {
			err, db = errors.Join(err, db.Close()), nil
		}
	}()
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s is missing beside %s; put it back, or restore all files from one backup", store.ErrCorrupt, name, idFile)
	case err != nil:
		return nil, err
	case info.Size() == 0:
		return nil, fmt.Errorf("%w: %s is empty; restore all files from one backup", store.ErrCorrupt, name)
	}
	db, err = bbolt.Open(path, 0o600, opts)
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s", store.ErrLocked, name)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum), errors.Is(err, bbolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %s: %v", store.ErrCorrupt, name, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err = db.Sync(); err != nil { // what a killed process had written and not yet synced is believed from here on
		return db, fmt.Errorf("%s: %w", name, err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil || !bytes.Equal(meta.Get(idKey), slices.Concat(id, []byte(name))) {
			return fmt.Errorf("%w: %s is not that file of the store that %s names; restore all files from one backup", store.ErrCorrupt, name, idFile)
		}
		return nil
	})
	return db, err
}

// create makes a new store in dir. Whatever moment a power cut chooses, the next Open finds
// either no store-id, and begins again, or all there is, and gives the files their names.
func create(dir string) ([]byte, error) {
	for _, name := range parts() {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s is there but %s is missing; put it back, or restore all files from one backup", store.ErrCorrupt, name, idFile)
		}
	}
	id := []byte(idPrefix + strings.ToLower(rand.Text()) + "\n")
	for _, name := range tailFiles {
		if err := createTail(filepath.Join(dir, name+newSuffix), id); err != nil {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
	}
	for _, name := range tablesFiles {
		if err := createTables(dir, name, id); err != nil {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return id, writeFile(dir, idFile, id)
}

// parts are the files that make a store.
func parts() []string { return append(tailFiles[:], tablesFiles[:]...) }

// createTables makes a database without tables, which knows its name.
func createTables(dir, name string, id []byte) error {
	path := filepath.Join(dir, name+newSuffix)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket(metaBucket)
		if err != nil {
			return err
		}
		return meta.Put(idKey, slices.Concat(id, []byte(name)))
	})
	return errors.Join(err, db.Close())
}

// finishCreate gives the files of a store just made their names.
func finishCreate(dir string) error {
	renamed := false
	for _, name := range parts() {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err := os.Rename(path+newSuffix, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // openDatabase says that it is missing
		}
		if err != nil {
			return err
		}
		renamed = true
	}
	if !renamed {
		return nil
	}
	return syncDir(dir)
}

// writeFile makes a file that is there whole or not at all.
func writeFile(dir, name string, content []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+newSuffix, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// isFull says of an error that the disk, or what the service may use of it, is full.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// makeDir makes dir and writes the names of what it made to disk.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir writes the names in a directory to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// close lets go of everything that was opened, the lock last. It waits for running Views.
func (f *files) close() (err error) {
	for _, t := range f.tables {
		if t != nil {
			err = errors.Join(err, t.Close())
		}
	}
	for _, t := range f.tail {
		if t != nil {
			err = errors.Join(err, t.f.Close())
		}
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}
