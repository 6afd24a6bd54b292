package proof

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// logIDPrefix keeps ids of chains apart from everything else that may be a hash of a log key.
const logIDPrefix = "concord-log-id/v1\n"

// LogID is the name of a chain that proves itself: base32 in lower case, without padding, of the first 16 bytes of
// SHA-256("concord-log-id/v1\n" ‖ logKey). Two histories of one agreement under two keys have two of them, and who
// compares the names finds that out.
func LogID(logKey []byte) string {
	hash := sha256.Sum256(append([]byte(logIDPrefix), logKey...))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash[:16]))
}
