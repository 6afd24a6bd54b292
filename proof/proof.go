// Package proof says what Concord commits to its log, and how anyone checks it. It is pure: keys, salts and bytes come
// in, hashes come out.
//
// Every event becomes one entry of 65 bytes: a version byte, a label and a commitment. The label is the event's place in
// its agreement's chain, hidden under the agreement's key; the commitment is the event's exact bytes, hidden under a salt
// of its own. So the entries can be shown to anyone without telling what was agreed, and whoever holds a body, its salt
// and the key can show that just this was recorded, at just this place. What people wrote, as opposed to what happened, is cut
// out of the body first and committed to by it, so that it can be withheld, or erased, and all the rest still verifies
// (private.go). An event names the leaf hash of the one before
// it, so that a chain cannot be cut or mended without a trace.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"
)

// Sizes in bytes.
const (
	// EntrySize is one entry: version byte, label, commitment.
	EntrySize = 1 + sha256.Size + sha256.Size
	// KeySize is an agreement's log key, and an event's salt.
	KeySize = 32
	// HashSize is a leaf hash.
	HashSize = sha256.Size
)

// entryVersion is the first byte of every entry of this form.
const entryVersion = 0x01

// labelPrefix keeps labels apart from everything else that may be keyed with a log key.
const labelPrefix = "label/v1\n"

// Entry is what the log holds of an event: 0x01 ‖ HMAC-SHA256(logKey, "label/v1\n" ‖ be64(version)) ‖
// HMAC-SHA256(salt, body).
func Entry(logKey []byte, version uint64, salt, body []byte) []byte {
	entry := make([]byte, 1, EntrySize)
	entry[0] = entryVersion
	label := hmac.New(sha256.New, logKey)
	label.Write(binary.BigEndian.AppendUint64([]byte(labelPrefix), version))
	entry = label.Sum(entry)
	commitment := hmac.New(sha256.New, salt)
	commitment.Write(body)
	return commitment.Sum(entry)
}

// LeafHash is the RFC 6962 hash of an entry as a leaf of the log.
func LeafHash(entry []byte) []byte {
	hash := tlog.RecordHash(entry)
	return hash[:]
}

// IsEntry says whether some bytes have the form of an entry: its length and its version.
func IsEntry(entry []byte) bool { return len(entry) == EntrySize && entry[0] == entryVersion }
