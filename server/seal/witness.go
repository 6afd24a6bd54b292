package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/server/journal"
)

// Bounds of asking a witness.
const (
	// WitnessTimeout is how long one may take to answer: it has a few hashes to compute, and the others wait.
	WitnessTimeout = 2 * time.Second
	// firstPause and longestPause are how long one is left alone that did not cosign: at first, and after many times.
	firstPause, longestPause = time.Second, time.Minute
	// maxAnswerBytes is more than a few signature lines, or a number.
	maxAnswerBytes = 16 << 10
)

// RewoundError says that somebody holds another history of this log than the store does: an older copy of the store was
// put in its place, or two services sign the same log, or somebody rewrote it. Nothing may be signed then.
type RewoundError struct {
	// Who holds the other history: a file, or a witness.
	Who string
	// Have and Theirs are how many entries the log has here and there. The same number: the entries differ.
	Have, Theirs uint64
}

// Error says what happened and what to do.
func (e *RewoundError) Error() string {
	differ := fmt.Sprintf("the store has %d entries, and %s holds a checkpoint of %d", e.Have, e.Who, e.Theirs)
	if e.Theirs <= e.Have {
		differ = fmt.Sprintf("of the first %d entries in the store, %s knows others than the store has", e.Theirs, e.Who)
	}
	return "the log was rolled back or rewritten: " + differ + ". Nothing more is signed. Put the newest copy of the store back. " +
		"If only one service runs and its store is the newest copy there is, see \"When the log was rolled back\" in docs/operations.md"
}

// witnessed is how one witness stands.
type witnessed struct {
	heard bool          // since the start: until then it may know of a history that this store has lost
	size  uint64        // of the checkpoint that it is believed to have seen last
	next  time.Time     // before that it is not asked
	pause time.Duration // after the next failure
}

// refused notes that a witness did not cosign at a time.
func (w *witnessed) refused(now time.Time) {
	w.pause = min(max(2*w.pause, firstPause), longestPause)
	w.next = now.Add(w.pause)
}

// ask has a witness cosign a head, and returns its signature: C2SP tlog-witness, add-checkpoint. A witness that saw another
// checkpoint last than was believed says so, and is asked once more from there.
func (s *Sealer) ask(ctx context.Context, w witness, old uint64, head *head) (sigs []note.Signature, size uint64, err error) {
	for range 2 {
		status, answer, err := s.addCheckpoint(ctx, w, old, head)
		if err != nil {
			return nil, old, err
		}
		switch status {
		case http.StatusOK:
			signed, err := note.Open(append([]byte(head.note.Text+"\n"), answer...), note.VerifierList(w.verifier))
			if err != nil {
				return nil, old, fmt.Errorf("what it answered is no cosignature of its key: %w", err)
			}
			return signed.Sigs, head.size(), nil
		case http.StatusConflict:
			theirs, err := strconv.ParseUint(strings.TrimSuffix(string(answer), "\n"), 10, 63)
			switch {
			case err != nil:
				return nil, old, errors.New("it knows another checkpoint, and does not say of which size")
			case !s.filed && head.size() < theirs && theirs <= s.Journal.Position(): // the file is lost, and with it what was signed last
				return nil, old, fmt.Errorf("it knows a checkpoint of %d, and will be asked with one that is as large", theirs)
			case theirs > head.size() || theirs == head.size() && old == theirs:
				return nil, old, &RewoundError{Who: "the witness " + w.name, Have: s.Journal.Position(), Theirs: theirs}
			case theirs == old:
				return nil, old, errors.New("it contradicts itself")
			}
			old = theirs
		case http.StatusUnprocessableEntity:
			return nil, old, &RewoundError{Who: "the witness " + w.name, Have: head.size(), Theirs: old}
		default:
			return nil, old, fmt.Errorf("it answered %d %s: %s", status, http.StatusText(status), strings.TrimSpace(strings.ToValidUTF8(string(answer), "?")))
		}
	}
	return nil, old, errors.New("it changes its mind")
}

// addCheckpoint makes one call.
func (s *Sealer) addCheckpoint(ctx context.Context, w witness, old uint64, head *head) (status int, answer []byte, err error) {
	body := fmt.Appendf(nil, "old %d\n", old)
	if 0 < old && old < head.size() {
		err = s.Journal.Tree(ctx, func(t *journal.Tree) error {
			proof, err := tlog.ProveTree(int64(head.size()), int64(old), t)
			for _, hash := range proof {
				body = append(body, hash.String()+"\n"...)
			}
			return err
		})
		if err != nil {
			return 0, nil, fmt.Errorf("prove that the log only grew: %w", err)
		}
	}
	body = append(append(body, '\n'), head.signed...)
	ctx, cancel := context.WithTimeout(ctx, WitnessTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := s.HTTP.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	return response.StatusCode, answer, err
}
