// Package seal signs the log. It follows the journal: at most a second after the log has grown it signs how the whole of it
// stands, a checkpoint, with every active key; it has witnesses cosign it; and it publishes it. So whoever holds a
// checkpoint can tell whether what they are shown later is the same history, continued.
//
// It never signs anything that does not continue what it signed before. To know that even when the store was replaced by
// an older copy, it keeps the last checkpoint that it signed in a file outside the store, and asks the witnesses, who
// remember it, too: the rollback guard. What it cannot continue it does not sign; the service then ends, or does not
// start, and says what happened.
package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/client/keep"
	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// Interval is the least time between checkpoints, and so the longest between an event and its checkpoint.
const Interval = time.Second

// retryPause is the wait after a Turn that failed.
const retryPause = 5 * time.Second

// maxHeadBytes is more than a checkpoint takes with all its signatures.
const maxHeadBytes = 64 << 10

// Options is what a Sealer is made of.
type Options struct {
	// Journal holds the log.
	Journal *journal.Journal
	// Keys sign it.
	Keys *Keys
	// Policy says who cosigns.
	Policy *Policy
	// Origin is the log's name, for its first start; later it must be the same, or empty.
	Origin string
	// HeadFile is where the last checkpoint that was signed is kept outside the store; empty: nowhere.
	HeadFile string
	// Now is the clock that witnesses are asked again by.
	Now func() time.Time
	// HTTP calls witnesses.
	HTTP *http.Client
	// Log is told of what did not succeed.
	Log *slog.Logger
	// Observe is told, if not nil, how things stand after each Turn.
	Observe func(Standing)
}

// Standing is how far the log is signed, cosigned and published.
type Standing struct {
	// Signed and Published are the sizes of the last checkpoints.
	Signed, Published uint64
	// Cosigned is how many witnesses have cosigned the last one.
	Cosigned int
	// PublishTime is when the newest checkpoint was published.
	PublishTime time.Time
	// Refused are the witnesses that were asked in this Turn and did not cosign.
	Refused []string
}

// Sealer signs the log. Its methods may be called from many goroutines; one Turn is made at a time.
type Sealer struct {
	Options

	mu        sync.Mutex
	head      *head // the last that was signed; nil: none yet
	filed     bool  // it is in the file
	witnesses []witnessed
	published uint64 // the size of the newest checkpoint that was published
	shown     int    // how many cosignatures it has

	publishTime time.Time
	rewound     *RewoundError // once found, for good
}

// head is a checkpoint that was signed.
type head struct {
	tree   tlog.Tree
	signed []byte           // by the log alone
	note   note.Note        // its text, with the log's signatures
	cosigs []note.Signature // of witnesses
}

func (h *head) size() uint64 {
	if h == nil {
		return 0
	}
	return uint64(h.tree.N)
}

// New reads how far the log is signed, and refuses a store that does not continue what was signed: the rollback guard. It
// writes nothing.
func New(ctx context.Context, o Options) (*Sealer, error) {
	s := &Sealer{Options: o, witnesses: make([]witnessed, len(o.Policy.witnesses))}
	l, err := o.Journal.Log(ctx)
	if err == nil {
		err = s.checkKeys(l)
	}
	if err == nil {
		s.head, err = s.recall(l)
		s.filed = s.head != nil
	}
	if err == nil {
		err = s.guard(ctx, s.head, "the file "+s.HeadFile)
	}
	if err == nil {
		err = s.recallPublished(ctx, l)
	}
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	for i := range s.witnesses {
		s.witnesses[i].size = s.head.size()
	}
	return s, nil
}

// checkKeys holds that the log, if it is open, is the one that the configuration means and can be signed.
func (s *Sealer) checkKeys(l *pb.Log) error {
	if l == nil {
		return nil
	}
	if s.Origin != "" && s.Origin != l.GetOrigin() {
		return fmt.Errorf("the log in the store is %q, not %q: its origin never changes; leave log-origin empty or as it was, or name the store that belongs to it", l.GetOrigin(), s.Origin)
	}
	_, err := s.Keys.signers(l)
	return err
}

// recall reads the last checkpoint that was signed. An empty file says: none, or none that is still known.
func (s *Sealer) recall(l *pb.Log) (*head, error) {
	if s.HeadFile == "" {
		return nil, nil
	}
	signed, err := readFile(s.HeadFile, maxHeadBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist) && l == nil:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the file %s is missing: it holds the last checkpoint that was signed, without which nobody can tell whether the store is the newest copy. Put it back. If it is lost for good, make an empty file there: the service then believes the store", s.HeadFile)
	case err != nil:
		return nil, err
	case len(signed) == 0:
		return nil, nil
	case l == nil:
		return nil, fmt.Errorf("the store has no log, but the file %s holds a checkpoint of one: is this the right store? For a new one, name another file in log-head-file, or remove this one", s.HeadFile)
	}
	h, err := readHead(signed, l)
	if err != nil {
		err = fmt.Errorf("the file %s: %w; the store may be another one, or an older copy from before its keys changed", s.HeadFile, err)
	}
	return h, err
}

// readHead reads a checkpoint that a key of the log signed, also one that is retired by now. Other signatures it leaves out.
func readHead(signed []byte, l *pb.Log) (*head, error) {
	var known []note.Verifier
	for _, k := range l.GetKeys() {
		v, err := note.NewVerifier(k.GetVerifierKey())
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.GetLogKeyId(), err)
		}
		known = append(known, v)
	}
	opened, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return nil, fmt.Errorf("it is no checkpoint that a known key of the log %s signed: %w", l.GetOrigin(), err)
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil || checkpoint.Origin != l.GetOrigin() {
		return nil, fmt.Errorf("it is no checkpoint of the log %s", l.GetOrigin())
	}
	own := note.Note{Text: opened.Text, Sigs: opened.Sigs}
	if signed, err = note.Sign(&own); err != nil {
		return nil, err
	}
	return &head{tree: checkpoint.Tree, signed: signed, note: own}, nil
}

// recallPublished reads the newest checkpoint in the store. It is the head, if none is known that is newer.
func (s *Sealer) recallPublished(ctx context.Context, l *pb.Log) error {
	newest, err := s.Journal.Checkpoint(ctx, 0)
	if journal.IsRefusal(err) {
		return nil // there is none
	}
	if err != nil {
		return err
	}
	h, err := readHead([]byte(newest.GetNote()), l)
	if err != nil {
		return fmt.Errorf("the newest checkpoint in the store: %w", err)
	}
	if err := s.guard(ctx, h, "its own newest checkpoint"); err != nil {
		return err
	}
	var known []note.Verifier
	for _, w := range s.Policy.witnesses {
		known = append(known, w.verifier)
	}
	if opened, err := note.Open([]byte(newest.GetNote()), note.VerifierList(known...)); err == nil { // else nobody cosigned it
		h.cosigs = opened.Sigs
	}
	s.published, s.shown, s.publishTime = h.size(), len(h.cosigs), newest.GetPublishTime().AsTime()
	if s.head.size() <= h.size() {
		s.filed = s.head.size() == h.size()
		s.head = h
	}
	return nil
}

// guard holds that the store continues a head, if there is one.
func (s *Sealer) guard(ctx context.Context, h *head, who string) error {
	if h == nil {
		return nil
	}
	var wrong error // kept apart from what reading can fail with
	err := s.Journal.Tree(ctx, func(t *journal.Tree) error {
		wrong = continues(t, h, who)
		return nil
	})
	return errors.Join(wrong, err)
}

// continues holds that a tree continues a head.
func continues(t *journal.Tree, h *head, who string) error {
	rewound := &RewoundError{Who: who, Have: t.Size(), Theirs: h.size()}
	if t.Size() < h.size() {
		return rewound
	}
	root, err := t.Root(h.size())
	if err != nil {
		return fmt.Errorf("root of %d entries: %w", h.size(), err)
	}
	if root != h.tree.Hash {
		return rewound
	}
	return nil
}

// Begin opens the log if this is its first start, and makes the first Turn, so that witnesses who know better are heard
// before anyone is served. The journal must run.
func (s *Sealer) Begin(ctx context.Context, draw func() string) error {
	l, err := s.Journal.Log(ctx)
	if err == nil && l == nil {
		err = s.open(ctx, draw)
	}
	if err == nil {
		err = s.hear(ctx)
	}
	if err == nil {
		_, err = s.Turn(ctx)
	}
	switch {
	case err == nil:
		return nil
	case l != nil && (journal.IsRefusal(err) || noRoom(err)): // who has no room left still answers questions
		s.Log.ErrorContext(ctx, "the log could not be sealed; that will be tried again", "error", err)
		return nil
	}
	return fmt.Errorf("seal: %w", err)
}

// noRoom says of an error that a file could not grow.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || errors.Is(err, syscall.EDQUOT)
}

// hear asks the witnesses for what was signed before this start, before anything else is signed.
func (s *Sealer) hear(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head == nil {
		return nil
	}
	_, err := s.cosign(ctx)
	errors.As(err, &s.rewound)
	return err
}

// open gives the log its name and its first key. Both are kept before they are recorded.
func (s *Sealer) open(ctx context.Context, draw func() string) error {
	origin := s.Origin
	if origin == "" {
		origin = "concord.invalid/" + draw()
	}
	first, err := s.Keys.first(origin)
	if err != nil {
		return err
	}
	if s.Origin != "" && s.Origin != first.origin {
		return fmt.Errorf("the first key in the log key file is one of the log %q, not of %q: keys are named after their log", first.origin, s.Origin)
	}
	if err := s.file(nil); err != nil {
		return err
	}
	_, err = s.Journal.Do(ctx, rules.Service(), &journalv1.OpenLog{Origin: first.origin, VerifierKey: first.verifierKey})
	return err
}

// Turn signs the log if it has grown, asks the witnesses whose cosignature is missing and whose time has come, and publishes
// what may be published. It returns when to look again if nothing changes: zero for not before. A *RewoundError is for
// good; what else fails is worth another Turn.
func (s *Sealer) Turn(ctx context.Context) (next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rewound != nil {
		return time.Time{}, s.rewound
	}
	var refused []string
	if err = s.sign(ctx); err == nil && s.head != nil { // an empty log has nothing to sign
		if refused, err = s.cosign(ctx); err == nil {
			err = s.publish(ctx)
		}
	}
	errors.As(err, &s.rewound)
	if s.head == nil {
		return time.Time{}, err
	}
	if s.Observe != nil {
		s.Observe(Standing{Signed: s.head.size(), Published: s.published, Cosigned: len(s.head.cosigs), PublishTime: s.publishTime, Refused: refused})
	}
	return s.next(), err
}

// sign signs the log as it is, if it has grown, and keeps what was signed before anyone is shown it. A file that says less than
// the store does not stay so: an empty one is believed once.
func (s *Sealer) sign(ctx context.Context) error {
	if s.head != nil && !s.filed {
		if err := s.file(s.head.signed); err != nil {
			return err
		}
	}
	var l *pb.Log
	var tree tlog.Tree
	err := s.Journal.Tree(ctx, func(t *journal.Tree) (err error) {
		if s.head != nil && t.Size() == s.head.size() {
			return nil
		}
		if s.head != nil {
			if err := continues(t, s.head, "the service itself"); err != nil {
				return err
			}
		}
		if l, err = t.Log(); err != nil {
			return err
		}
		tree.N = int64(t.Size())
		tree.Hash, err = t.Root(t.Size())
		return err
	})
	if err != nil || l == nil {
		return err
	}
	signers, err := s.Keys.signers(l)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: l.GetOrigin(), Tree: tree}.String()}, signers...)
	if err != nil {
		return err
	}
	h, err := readHead(signed, l) // what was signed can be checked, or is not shown
	if err != nil {
		return err
	}
	if err := s.file(signed); err != nil {
		return err
	}
	s.head = h
	return nil
}

// file keeps what was signed outside the store.
func (s *Sealer) file(signed []byte) error {
	if s.HeadFile != "" {
		if err := keep.File(s.HeadFile, signed); err != nil {
			return fmt.Errorf("log head file: %w", err)
		}
	}
	s.filed = true
	return nil
}

// cosign asks all witnesses at once who are due, and returns those that did not cosign.
func (s *Sealer) cosign(ctx context.Context) (refused []string, err error) {
	type answer struct {
		sigs []note.Signature
		size uint64
		err  error
	}
	answers := make([]*answer, len(s.witnesses))
	var asked sync.WaitGroup
	now := s.Now()
	for i, w := range s.Policy.witnesses {
		if !s.wanted(i) || now.Before(s.witnesses[i].next) {
			continue
		}
		a := &answer{}
		answers[i] = a
		asked.Go(func() { a.sigs, a.size, a.err = s.ask(ctx, w, s.witnesses[i].size, s.head) })
	}
	asked.Wait()
	for i, a := range answers {
		if a == nil {
			continue
		}
		name, standing := s.Policy.witnesses[i].name, &s.witnesses[i]
		standing.size = a.size
		if a.err == nil {
			s.head.add(a.sigs)
			standing.heard, standing.pause = true, 0
			continue
		}
		if rewound := (*RewoundError)(nil); errors.As(a.err, &rewound) {
			err = a.err
		} else if ctx.Err() == nil {
			standing.refused(s.Now())
			refused = append(refused, name)
			s.Log.WarnContext(ctx, "a witness did not cosign and will be asked again", "witness", name, "after", standing.pause, "error", a.err)
		}
	}
	return refused, err
}

// wanted says whether a witness is to be asked: for its cosignature, or for the first time since the start.
func (s *Sealer) wanted(i int) bool {
	w := s.Policy.witnesses[i]
	return w.url != "" && (!s.witnesses[i].heard || !s.head.has(w))
}

// add takes cosignatures in, each in place of an earlier one by the same key.
func (h *head) add(sigs []note.Signature) {
	for _, sig := range sigs {
		h.cosigs = slices.DeleteFunc(h.cosigs, func(old note.Signature) bool { return old.Name == sig.Name && old.Hash == sig.Hash })
		h.cosigs = append(h.cosigs, sig)
	}
}

// has says whether a witness has cosigned.
func (h *head) has(w witness) bool {
	for _, sig := range h.cosigs {
		if sig.Name == w.verifier.Name() && sig.Hash == w.verifier.KeyHash() {
			return true
		}
	}
	return false
}

// publish publishes the head, if it may be and if it is news.
func (s *Sealer) publish(ctx context.Context) error {
	h := s.head
	news := h.size() > s.published || len(h.cosigs) > s.shown
	if !news || !s.Policy.FailOpen && !s.Policy.met(h.cosigs) {
		return nil
	}
	text, err := note.Sign(&note.Note{Text: h.note.Text, Sigs: append(h.note.Sigs[:len(h.note.Sigs):len(h.note.Sigs)], h.cosigs...)})
	if err == nil {
		err = s.Journal.KeepCheckpoint(ctx, &pb.Checkpoint{Size: h.size(), RootHash: h.tree.Hash[:], Note: string(text)})
	}
	if err != nil {
		return fmt.Errorf("publish a checkpoint: %w", err)
	}
	s.published, s.shown, s.publishTime = h.size(), len(h.cosigs), s.Now()
	return nil
}

// next is when the first witness is to be asked again; zero if none is.
func (s *Sealer) next() (first time.Time) {
	for i := range s.witnesses {
		if at := s.witnesses[i].next; s.wanted(i) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// pause is how long a Turn is not followed by another.
func pause(err error) time.Duration {
	if err != nil {
		return retryPause
	}
	return Interval
}

// Run turns until ctx ends, or until somebody is found to hold another history.
func (s *Sealer) Run(ctx context.Context) error {
	defer s.HTTP.CloseIdleConnections()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := s.Journal.Changed() // before the Turn looks, so that nothing is missed
		next, err := s.Turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if rewound := (*RewoundError)(nil); errors.As(err, &rewound) {
			return fmt.Errorf("seal: %w", err)
		}
		if err != nil {
			s.Log.ErrorContext(ctx, "the log could not be sealed; that will be tried again", "error", err)
			changed, next = nil, s.Now()
		}
		timer.Reset(pause(err))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		var again <-chan time.Time
		if !next.IsZero() {
			timer.Reset(max(0, next.Sub(s.Now())))
			again = timer.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-again:
		}
	}
}
