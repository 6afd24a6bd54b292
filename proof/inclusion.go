package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// extraSize is what a proof of inclusion holds beside the proof: salt ‖ log key ‖ be64(version).
const extraSize = KeySize + KeySize + 8

// Inclusion is what a proof of inclusion shows: that an event with just this body stands in the log.
type Inclusion struct {
	// Index is the place of the event's entry in the log, from 0.
	Index int64
	// Version is the event's number in its chain, from 1, and LogKey the chain's key.
	Version uint64
	LogKey  []byte
	// Salt is what the event's commitment is keyed with.
	Salt []byte
	// Checkpoint is the signed state of the log that the proof ends in.
	Checkpoint torchwood.Checkpoint
}

// FormatInclusion is a proof of inclusion in the form C2SP tlog-proof: salt, log key and version as its extra data, so that
// whoever has the body can make the entry again; the hashes; the signed checkpoint.
func FormatInclusion(index int64, salt, logKey []byte, version uint64, hashes tlog.RecordProof, checkpoint []byte) []byte {
	extra := make([]byte, 0, extraSize)
	extra = append(append(extra, salt...), logKey...)
	extra = binary.BigEndian.AppendUint64(extra, version)
	return torchwood.FormatProofWithExtraData(index, extra, hashes, checkpoint)
}

// CheckInclusion checks a proof of inclusion against an event's exact bytes. What it returns is proved: one of the policies
// is satisfied by the checkpoint, and the log has the event there. The error says what is wrong.
func CheckInclusion(tlogProof, body []byte, policies ...torchwood.Policy) (*Inclusion, error) {
	extra, err := torchwood.ProofExtraData(tlogProof)
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	if len(extra) != extraSize {
		return nil, fmt.Errorf("proof: the extra data are %d bytes and not salt, log key and version, which are %d", len(extra), extraSize)
	}
	head, checkpoint, _ := strings.Cut(string(tlogProof), "\n\n")
	index, err := readHead(head)
	if err != nil {
		return nil, err
	}
	in := &Inclusion{Index: index, Salt: extra[:KeySize], LogKey: extra[KeySize : 2*KeySize], Version: binary.BigEndian.Uint64(extra[2*KeySize:])}
	if in.Checkpoint, _, err = OpenCheckpoint([]byte(checkpoint), policies...); err != nil {
		return nil, err
	}
	leaf := tlog.RecordHash(Entry(in.LogKey, in.Version, in.Salt, body))
	var why []error
	for _, p := range policies {
		err := torchwood.VerifyProof(p, leaf, tlogProof)
		if err == nil {
			return in, nil
		}
		why = append(why, err)
	}
	return nil, fmt.Errorf("proof: the log does not show this event: %w", errors.Join(why...))
}

// readHead reads the index from the lines before the checkpoint, and refuses them if they are not written in the one way
// that they can be: whoever reads them after us must read the same.
func readHead(head string) (int64, error) {
	lines := strings.Split(head, "\n")
	const first = 3 // behind the name of the form, the extra data and the index come hashes
	if len(lines) < first {
		return 0, errors.New("proof: it ends too early")
	}
	word, number, _ := strings.Cut(lines[2], " ")
	index, err := strconv.ParseInt(number, 10, 64)
	if word != "index" || err != nil || strconv.FormatInt(index, 10) != number {
		return 0, errors.New("proof: the third line tells no index")
	}
	for _, text := range append(lines[first:], strings.TrimPrefix(lines[1], "extra ")) {
		if _, err := decode(text); err != nil {
			return 0, fmt.Errorf("proof: %q is not written as base64 is", text)
		}
	}
	return index, nil
}
