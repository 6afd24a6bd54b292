package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// ReadPolicy reads whose signatures a checkpoint needs, a C2SP tlog-policy of one log key. Without one, witnesses would vouch for
// any log; of several the format asks for any one, and programs ask for all: a log that changed its key has one policy for each.
func ReadPolicy(text []byte) (torchwood.Policy, error) {
	p, err := torchwood.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("proof: policy: %w", err)
	}
	keys := 0
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 0 && words[0] == "log" {
			keys++
		}
	}
	if keys != 1 {
		return nil, fmt.Errorf("proof: policy: it names %d keys of the log, and must name one; where the log changed its key, give one policy for each", keys)
	}
	return p, nil
}

// OpenCheckpoint opens a signed checkpoint (C2SP tlog-checkpoint) with the first of the policies that it satisfies, and
// returns it with the note's verified signatures. Several policies are several keys of one log, of which one is enough.
// Beside what the policy asks for, every line must be written in the one way that it can be: base64 has bits that are
// ignored, and a checkpoint in which they were changed is another one than was signed.
func OpenCheckpoint(signed []byte, policies ...torchwood.Policy) (torchwood.Checkpoint, *note.Note, error) {
	if len(policies) == 0 {
		return torchwood.Checkpoint{}, nil, errors.New("proof: no policy says whose signature a checkpoint needs")
	}
	var why []error
	for _, p := range policies {
		c, n, err := torchwood.VerifyCheckpoint(signed, p)
		if err == nil {
			return c, n, strict(signed, c)
		}
		why = append(why, err)
	}
	return torchwood.Checkpoint{}, nil, errors.Join(why...)
}

// shortest is the shortest signature there is: the hash of its key, and Ed25519.
const shortest = 4 + ed25519.SignatureSize

// strict refuses a checkpoint that is not written in the one way that it can be. Signatures of keys that nobody knows here
// are none of our business, as long as they can be signatures.
func strict(signed []byte, c torchwood.Checkpoint) error {
	text, signatures, _ := strings.Cut(string(signed), "\n\n")
	if text+"\n" != c.String() || c.Extension != "" {
		return errors.New("proof: the checkpoint is not written as one is")
	}
	keys := map[string]bool{}
	for line := range strings.Lines(signatures) {
		name, encoded, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "— "), " ")
		signature, err := decode(encoded)
		if err != nil || len(signature) < shortest {
			return fmt.Errorf("proof: a signature is not written as one is: %q", line)
		}
		key := name + string(signature[:4])
		if keys[key] {
			return fmt.Errorf("proof: %s signed twice with one key", name)
		}
		keys[key] = true
	}
	return nil
}

// decode reads base64 of which every bit counts.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("proof: base64 is written in one line")
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
