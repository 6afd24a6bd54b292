package journal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"

	"github.com/gofrs/uuid/v5"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// sortable is base 32 in an order that sorts like the bytes it stands for, in characters an id may have.
var sortable = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// newID draws prefix and a UUIDv7, so that ids sort by the time they were made.
func newID(prefix string) string {
	id := uuid.Must(uuid.NewV7())
	return prefix + sortable.EncodeToString(id.Bytes())
}

func random(b []byte) {
	rand.Read(b) // never fails: the runtime ends the process instead
}

// secretBytes is the length of a key's secret: too long to guess, so that a plain hash of it tells nothing.
const secretBytes = 32

// newSecret draws the secret of a key: what its holder sends, and the hash by which the service knows it again.
func (j *Journal) newSecret(keyID string) (secret string, hash []byte) {
	b := make([]byte, secretBytes)
	j.opts.Random(b)
	secret = SecretPrefix + keyID + "." + base64.RawURLEncoding.EncodeToString(b)
	return secret, SecretHash(secret)
}

// noLogKey is the answer of a service that signs no log.
func noLogKey(*pb.Log, string) (string, error) {
	return "", rules.Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, "This service keeps no keys for its log.")
}

// SecretPrefix starts every secret, so that a leaked one can be found by those who look for them. The key's id follows,
// then a dot and the random part.
const SecretPrefix = "concord."

// SecretHash is what the service keeps of a secret.
func SecretHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
