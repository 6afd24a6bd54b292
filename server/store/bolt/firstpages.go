package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"github.com/concordhq/concord/server/store"
)

// The first two pages of a bbolt file, version 2, each end a commit, in turns. They begin with a
// page header; after it comes what the page says, and an FNV-1a checksum of that. Numbers are in
// the byte order of the machine.
const (
	pageHeaderBytes = 16
	pageSizeAt      = 8  // in what the page says: the size of a page, 4 bytes
	pageSaysBytes   = 56 // then 8 bytes of checksum

	// leastPage and mostPage bound what is believed of the size: bbolt uses that of the system.
	leastPage, mostPage = 512, 64 << 10
)

// checkFirstPages refuses a database of which either first page is damaged. bbolt would fall back
// on the other page and on the commit before: of the tail, that would be one acknowledged
// commit lost in silence. A power cut does not leave such a page: what counts on it is 80 bytes,
// and disks write sectors of 512 whole.
func checkFirstPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // openDatabase says what is wrong with it
	}
	defer f.Close()
	size, err := firstPage(f, 0)
	if err == nil {
		_, err = firstPage(f, size)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %v; the last commit may be lost with it; restore all files from one backup", store.ErrCorrupt, tailFile, err)
	}
	return nil
}

// firstPage checks the page at that offset and returns the size of pages that it names.
func firstPage(f io.ReaderAt, at int64) (size int64, err error) {
	var page [pageHeaderBytes + pageSaysBytes + 8]byte
	if _, err := f.ReadAt(page[:], at); err != nil {
		return 0, fmt.Errorf("read first pages: %w", err)
	}
	says, sum := page[pageHeaderBytes:][:pageSaysBytes], fnv.New64a()
	_, _ = sum.Write(says)
	size = int64(binary.NativeEndian.Uint32(says[pageSizeAt:]))
	if sum.Sum64() != binary.NativeEndian.Uint64(page[pageHeaderBytes+pageSaysBytes:]) || size < leastPage || size > mostPage {
		return 0, errors.New("one of the first two pages is damaged")
	}
	return size, nil
}
