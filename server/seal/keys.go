package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/concordhq/concord/client/keep"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// Keys is the private halves of the log's keys: one C2SP signer key on each line of a file that its owner alone may read,
// or, for tests and a service that forgets, in memory. Lines that begin with "#" are remarks.
type Keys struct {
	file   string // "": in memory
	random io.Reader

	mu   sync.Mutex
	text []byte // of the file
	list []key
}

type key struct {
	origin, verifierKey string
	signer              note.Signer
}

// maxKeyFileBytes is far more than all keys of a long life take.
const maxKeyFileBytes = 1 << 20

// OpenKeys reads a key file; one that is missing has no keys yet. No file at all means keys in memory.
func OpenKeys(file string, random io.Reader) (*Keys, error) {
	k := &Keys{file: file, random: random}
	return k, k.read()
}

// read reads the file, which somebody may have added a key to.
func (k *Keys) read() error {
	if k.file == "" {
		return nil
	}
	text, err := readFile(k.file, maxKeyFileBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("log keys: %w", err)
	}
	list, err := readKeys(text)
	if err != nil {
		return fmt.Errorf("log keys: %s: %w", k.file, err)
	}
	k.text, k.list = text, list
	return nil
}

func readKeys(text []byte) (list []key, err error) {
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		one, err := readKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		list = append(list, one)
	}
	return list, nil
}

// readKey reads a signer key, "PRIVATE+KEY+<origin>+<id>+<base64>". Its errors never quote it.
func readKey(line string) (key, error) {
	signer, err := note.NewSigner(line)
	if err != nil {
		return key{}, errors.New("is no C2SP signer key (PRIVATE+KEY+<origin>+<id>+<base64>, Ed25519)")
	}
	parts := strings.SplitN(line, "+", 5) // it is one: base64 may have a "+", what stands before it not
	secret, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		return key{}, errors.New("is no C2SP signer key")
	}
	public := ed25519.NewKeyFromSeed(secret[1:]).Public().(ed25519.PublicKey) // behind the byte that says Ed25519
	verifierKey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return key{}, fmt.Errorf("the public half: %w", err)
	}
	return key{signer.Name(), verifierKey, signer}, nil
}

// make draws a key of a log and keeps it before anyone is told of it.
func (k *Keys) make(origin string) (key, error) {
	secret, _, err := note.GenerateKey(k.random, origin)
	if err != nil {
		return key{}, fmt.Errorf("log keys: %w", err)
	}
	made, err := readKey(secret)
	if err != nil {
		return key{}, fmt.Errorf("log keys: %w", err)
	}
	text := bytes.Clone(k.text)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(text, secret+"\n"...)
	if k.file != "" {
		if err := keep.File(k.file, text); err != nil {
			return key{}, fmt.Errorf("log keys: %w", err)
		}
	}
	k.text, k.list = text, append(k.list, made)
	return made, nil
}

// first is the key that a log is opened with, and so the log's origin: the one that is there, or one that is made for the
// origin.
func (k *Keys) first(origin string) (key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.list) == 0 {
		return k.make(origin)
	}
	return k.list[0], nil
}

// signers is what signs a log: one for each of its active keys, in their order. It is an error if a private half is missing.
func (k *Keys) signers(l *pb.Log) (signers []note.Signer, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, active := range rules.ActiveLogKeys(l) {
		i := slices.IndexFunc(k.list, func(one key) bool { return one.verifierKey == active.GetVerifierKey() })
		if i < 0 {
			return nil, fmt.Errorf("the log key file %s has no private half of the key %s, which signs the log %s: put the file back from where it is kept safe", k.file, active.GetLogKeyId(), l.GetOrigin())
		}
		signers = append(signers, k.list[i].signer)
	}
	return signers, nil
}

// For is what journal.Options asks for: the key that is asked for, if its private half is in the file, or for "" one that is
// not the log's yet. It makes one if there is none.
func (k *Keys) For(l *pb.Log, asked string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(); err != nil {
		return "", err
	}
	known := map[string]bool{}
	for _, of := range l.GetKeys() {
		known[of.GetVerifierKey()] = true
	}
	for _, one := range k.list {
		if one.verifierKey == asked || asked == "" && one.origin == l.GetOrigin() && !known[one.verifierKey] {
			return one.verifierKey, nil
		}
	}
	if asked != "" {
		return "", rules.Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, "The service has no private half of the key %s. Put its signer key into the log key file first, or name no key: the service then makes one.", asked)
	}
	made, err := k.make(l.GetOrigin())
	if err != nil {
		return "", rules.Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, "The service cannot keep a new key: %v. Put a signer key of the log into the log key file yourself.", err)
	}
	return made.verifierKey, nil
}
