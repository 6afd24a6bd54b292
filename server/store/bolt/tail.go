package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concordhq/concord/server/store"
)

// The tail is two files that generations take in turns: the next one overwrites the file of the last but one, which is
// in the tables by then. Space that was written before is overwritten with one sync and no change of the file's own data,
// which takes a third of the time of an append that makes a file grow.
//
// A file begins with a page that names the store. Frames follow it without a gap, each
//
//	mark     8 bytes, the same in every frame of a store and of no other
//	length   4 bytes, big endian: of the record
//	record   a change, see record.go
//
// and end where a frame does not parse or does not follow the head of the one before. What lies beyond is left over from
// an earlier generation, or is zeros, or was being written when the power went. A frame there with a head that was never
// reached says that what should stand before it was damaged, and Open refuses the store; so it does if the tables know
// that the store was closed at a later head. Only the last change of a store that was not closed cannot be told from one
// that was being written.
const (
	tailHeaderBytes = 4 << 10
	markBytes       = 8
	frameBytes      = markBytes + 4

	// tailGrowth is how much is written, in zeros, when a file must grow.
	tailGrowth = 1 << 20
)

// tailFile is one of the two files, open to append to.
type tailFile struct {
	f     *os.File
	mark  []byte
	end   int64 // where the next frame goes
	space int64 // how far the file was written before
	buf   []byte
}

// tailMark is what frames of the store of that name begin with.
func tailMark(id []byte) []byte {
	sum := sha256.Sum256(id)
	return sum[:markBytes]
}

// createTail makes a file of the tail without frames.
func createTail(path string, id []byte) error {
	header := make([]byte, tailHeaderBytes)
	copy(header, id)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(header)
	return errors.Join(err, f.Sync(), f.Close())
}

// openTail opens a file of the tail and returns what is in it.
func openTail(dir, name string, id []byte) (t *tailFile, content []byte, err error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %s is missing beside %s; put it back, or restore all files from one backup", store.ErrCorrupt, name, idFile)
	}
	if err != nil {
		return nil, nil, err
	}
	t = &tailFile{f: f, mark: tailMark(id), end: tailHeaderBytes}
	if err = syncData(f); err == nil { // what a killed process had written and not yet synced is read below
		content, err = readWhole(f)
	}
	t.space = int64(len(content))
	header := make([]byte, tailHeaderBytes)
	copy(header, id)
	if err == nil && !bytes.HasPrefix(content, header) {
		err = fmt.Errorf("%w: %s does not begin as a file of the store that %s names; restore all files from one backup", store.ErrCorrupt, name, idFile)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return t, content, nil
}

func readWhole(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	content := make([]byte, info.Size())
	_, err = io.ReadFull(f, content)
	return content, err
}

// append writes a record behind the last one and syncs it. clean says of an error that nothing was written, for certain,
// because the disk is full.
func (t *tailFile) append(record []byte) (clean bool, err error) {
	t.buf = append(t.buf[:0], t.mark...)
	t.buf = binary.BigEndian.AppendUint32(t.buf, uint32(len(record)))
	t.buf = append(t.buf, record...)
	end := t.end + int64(len(t.buf))
	if err := t.grow(end); err != nil {
		return isFull(err), err
	}
	if _, err := t.f.WriteAt(t.buf, t.end); err != nil {
		// A frame that was cut short might be whole by what lay there before. Without its mark it is none.
		_, e := t.f.WriteAt(make([]byte, markBytes), t.end)
		return isFull(err) && e == nil, err
	}
	if err := syncData(t.f); err != nil {
		return false, err
	}
	t.end = end
	if cap(t.buf) > recordKeep {
		t.buf = nil
	}
	return false, nil
}

// grow writes space up to end and somewhat further.
func (t *tailFile) grow(end int64) error {
	if end <= t.space {
		return nil
	}
	zeros := make([]byte, tailGrowth)
	for t.space < end {
		n, err := t.f.WriteAt(zeros, t.space)
		if err != nil {
			return err
		}
		t.space += int64(n)
	}
	return t.f.Sync()
}

// frameAt returns the record of the frame that b begins with; nil if there is none.
func (t *tailFile) frameAt(b []byte) []byte {
	if len(b) < frameBytes || !bytes.HasPrefix(b, t.mark) {
		return nil
	}
	n := binary.BigEndian.Uint32(b[markBytes:])
	if b = b[frameBytes:]; uint64(n) > uint64(len(b)) {
		return nil
	}
	return b[:n:n]
}

// changes reads the frames from the beginning of the file to the first that is none or does not follow, and notes there
// where the next one goes. last is where the last of them lies. The changes share the bytes of content.
func (t *tailFile) changes(content []byte) (found []store.Change, last int64, err error) {
	for t.end = tailHeaderBytes; ; {
		record := t.frameAt(content[t.end:])
		c, err := parseRecord(record)
		if errors.Is(err, errUnknownFormat) {
			return nil, 0, err
		}
		if err != nil || len(found) > 0 && c.Base != found[len(found)-1].Head {
			return found, last, nil
		}
		found, last = append(found, c), t.end
		t.end += int64(frameBytes + len(record))
	}
}

// stray is the highest head of a frame anywhere beyond those that changes has read; 0 if there is none.
func (t *tailFile) stray(content []byte) (head uint64) {
	for rest := content[t.end:]; ; rest = rest[1:] {
		at := bytes.Index(rest, t.mark)
		if at < 0 {
			return head
		}
		rest = rest[at:]
		record := t.frameAt(rest)
		if c, err := parseRecord(record); err == nil {
			head = max(head, c.Head)
			rest = rest[frameBytes+len(record)-1:]
		}
	}
}

// affirm writes the last of the changes once more and syncs it. Where a sync failed the system may take for written what is
// not on the disk; a change that is believed must be there.
func (t *tailFile) affirm(content []byte, last int64) error {
	if _, err := t.f.WriteAt(content[last:t.end], last); err != nil {
		return err
	}
	return syncData(t.f)
}
