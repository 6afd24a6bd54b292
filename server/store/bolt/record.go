package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/concordhq/concord/server/store"
)

// A change in the tail is, in this order:
//
//	checksum   4 bytes, big endian: CRC-32C of all that follows
//	format     1 byte: recordFormat
//	base, head each a uvarint
//	tables     their number, then each name with its length before it
//	writes     their number, then each: the table's place in the list, the key with its length
//	           before it, and the value with its length plus one before it; 0 there is a deletion
//
// Tables are named, not numbered for good, so that the list may change between two openings.
const recordFormat = 1

const checksumBytes = 4

// errUnknownFormat is what a whole record of another version of this program gives.
var errUnknownFormat = fmt.Errorf("%w: of another version", store.ErrCorrupt)

// castagnoli is the polynomial processors compute; it finds every error of up to three bits in
// records of our sizes and misses one in four billion of the others.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends c, encoded, to buf[:0].
func appendRecord(buf []byte, c store.Change) []byte {
	buf = append(buf[:0], 0, 0, 0, 0, recordFormat)
	buf = binary.AppendUvarint(buf, c.Base)
	buf = binary.AppendUvarint(buf, c.Head)
	var names []store.Table
	place := func(t store.Table) int {
		for i, name := range names {
			if name == t {
				return i
			}
		}
		names = append(names, t)
		return len(names) - 1
	}
	for _, w := range c.Writes {
		place(w.Table)
	}
	buf = binary.AppendUvarint(buf, uint64(len(names)))
	for _, name := range names {
		buf = binary.AppendUvarint(buf, uint64(len(name)))
		buf = append(buf, name...)
	}
	buf = binary.AppendUvarint(buf, uint64(len(c.Writes)))
	for _, w := range c.Writes {
		buf = binary.AppendUvarint(buf, uint64(place(w.Table)))
		buf = binary.AppendUvarint(buf, uint64(len(w.Key)))
		buf = append(buf, w.Key...)
		if w.Value == nil {
			buf = append(buf, 0)
			continue
		}
		buf = binary.AppendUvarint(buf, uint64(len(w.Value))+1)
		buf = append(buf, w.Value...)
	}
	return seal(buf)
}

// seal puts the checksum of an encoded change before it, in the place left for it.
func seal(record []byte) []byte {
	binary.BigEndian.PutUint32(record, crc32.Checksum(record[checksumBytes:], castagnoli))
	return record
}

// parseRecord reads a change back. The change shares the bytes of b.
func parseRecord(b []byte) (store.Change, error) {
	var c store.Change
	if len(b) <= checksumBytes || crc32.Checksum(b[checksumBytes:], castagnoli) != binary.BigEndian.Uint32(b) {
		return c, fmt.Errorf("%w: a change in the tail fails its checksum", store.ErrCorrupt)
	}
	if b[checksumBytes] != recordFormat {
		return c, fmt.Errorf("%w: a change in the tail has format %d, this program knows %d", errUnknownFormat, b[checksumBytes], recordFormat)
	}
	r := reader{rest: b[checksumBytes+1:]}
	c.Base, c.Head = r.uvarint(), r.uvarint()
	names := make([]store.Table, r.count())
	for i := range names {
		names[i] = store.Table(r.take(r.uvarint()))
	}
	c.Writes = make([]store.Write, r.count())
	for i := range c.Writes {
		table := r.uvarint()
		if table >= uint64(len(names)) {
			r.bad = true
			break
		}
		w := store.Write{Table: names[table], Key: r.take(r.uvarint())}
		if n := r.uvarint(); n > 0 {
			w.Value = r.take(n - 1)
		}
		c.Writes[i] = w
	}
	if r.bad || len(r.rest) > 0 {
		return store.Change{}, fmt.Errorf("%w: a change in the tail does not parse", store.ErrCorrupt)
	}
	return c, nil
}

// reader takes a record apart and remembers whether it ran out of bytes.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads the length of a list. An item takes at least one byte, so a longer list is a lie,
// and nothing is allocated for it.
func (r *reader) count() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return n
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

// appendChecked appends value and a checksum over key and value. Values lie in the tables in this
// form, so that a page gone bad is noticed when it is read.
func appendChecked(buf, key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return binary.BigEndian.AppendUint32(append(buf, value...), sum)
}

// checkedValue returns the value of what appendChecked made for key.
func checkedValue(key, checked []byte) ([]byte, error) {
	n := len(checked) - checksumBytes
	if n < 0 {
		return nil, fmt.Errorf("%w: a value in the tables is cut short", store.ErrCorrupt)
	}
	value := checked[:n:n]
	if crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value) != binary.BigEndian.Uint32(checked[n:]) {
		return nil, fmt.Errorf("%w: a value in the tables fails its checksum", store.ErrCorrupt)
	}
	return value, nil
}
