package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client/keep"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
)

// Verification makes a Client check the history that it reads, in passing: ListEvents and GetEvent return only events that stand in
// the log, in a log that only ever grew since the last time. It remembers the last checkpoint it saw, so that a service
// which shows this caller another history than before, or than it signed for others, is found out. It costs a call for each
// page of an agreement's events, and, for the newest events, the second until they are signed.
//
// What it cannot check is what is not history: agreements, obligations and figures, and the words of a summary, are what the
// service says follows from it (an audit bundle shows that), and a text that is said to be erased is believed to be. Nor does it see what lies behind the last event of a list (a
// monitor does). Events of a watch are told before they are signed; read them to have them checked.
type Verification struct {
	// Policies are whose signatures a checkpoint needs, each a C2SP tlog-policy; with several, one of them is enough.
	Policies [][]byte
	// File is where the last checkpoint is remembered; it is made when there is none. Clients that share one share what they saw.
	File string
	// Load and Save remember the last checkpoint elsewhere than in a File: Load returns what Save was given last, or nothing.
	Load func() ([]byte, error)
	Save func(checkpoint []byte) error
}

// UntrueError says that the service told something that its log does not bear out. What was told is not returned.
type UntrueError struct{ What string }

// Error is what does not agree.
func (e *UntrueError) Error() string {
	return "the service's log does not bear out what it told: " + e.What
}

func untrue(format string, args ...any) error { return &UntrueError{fmt.Sprintf(format, args...)} }

const (
	// The newest events are signed within a second. Their proof is asked for again after each signingPause, signingLooks
	// times at most.
	signingPause = 250 * time.Millisecond
	signingLooks = 20
	// maxRemembered bounds a file that is taken for a checkpoint, in bytes.
	maxRemembered = 1 << 20
)

// verifier checks what one Client reads.
type verifier struct {
	Verification
	policies []torchwood.Policy
	wait     func(context.Context, time.Duration) error

	mu   sync.Mutex
	last torchwood.Checkpoint // the largest that was seen; its origin is empty if there is none
	ids  map[string]string    // the log id of each chain that was seen
}

// newVerifier recalls the last checkpoint. The error says what is wrong with the options.
func newVerifier(v Verification) (*verifier, error) {
	all := &verifier{Verification: v, ids: map[string]string{}, wait: pause}
	for _, text := range v.Policies {
		p, err := proof.ReadPolicy(text)
		if err != nil {
			return nil, fmt.Errorf("the policy to verify by: %w", err)
		}
		all.policies = append(all.policies, p)
	}
	switch {
	case len(v.Policies) == 0:
		return nil, errors.New("to verify needs a policy: whose signatures are trusted")
	case v.File != "" && (v.Load != nil || v.Save != nil), v.File == "" && (v.Load == nil || v.Save == nil):
		return nil, errors.New("to verify needs a place to remember the last checkpoint: a File, or Load and Save")
	case v.File != "":
		all.Load, all.Save = func() ([]byte, error) { return load(v.File) }, func(b []byte) error { return keep.File(v.File, b) }
	}
	return all, all.recall()
}

// recall takes over a checkpoint that was remembered, here or by another Client, if it is larger.
func (v *verifier) recall() error {
	signed, err := v.Load()
	if err != nil || len(signed) == 0 {
		return err
	}
	c, _, err := proof.OpenCheckpoint(signed, v.policies...)
	if err != nil {
		return fmt.Errorf("the checkpoint that was remembered is not one by this policy: %w", err)
	}
	if v.last.Origin == "" || c.N > v.last.N {
		v.last = c
	}
	return nil
}

// unary checks the answers that hold events.
func (v *verifier) unary(ctx context.Context, method string, req, res any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := call(ctx, method, req, res, conn, opts...); err != nil {
		return err
	}
	var events []*pb.RecordedEvent
	switch answer := res.(type) {
	case *pb.ListEventsResponse:
		events = answer.GetEvents()
		if err := gapless(req, events); err != nil {
			proto.Reset(answer)
			return err
		}
	case *pb.RecordedEvent:
		events = []*pb.RecordedEvent{answer}
	default:
		return nil
	}
	err := v.events(ctx, pb.NewLogServiceClient(conn), events)
	if err != nil {
		proto.Reset(res.(proto.Message)) // what is not borne out is not read by mistake
	}
	return err
}

// gapless holds that a page of one agreement's history, of which nothing was filtered out, leaves nothing out.
func gapless(req any, events []*pb.RecordedEvent) error {
	asked, ok := req.(*pb.ListEventsRequest)
	if !ok || len(events) == 0 {
		return nil
	}
	plain := &pb.ListEventsRequest{AgreementId: asked.GetAgreementId(), AfterVersion: asked.GetAfterVersion(), PageSize: asked.GetPageSize(), PageToken: asked.GetPageToken()}
	if asked.GetAgreementId() == "" || !proto.Equal(asked, plain) {
		return nil
	}
	next := asked.GetAfterVersion() + 1
	if asked.GetPageToken() != "" {
		next = events[0].GetEvent().GetVersion() // where the page before ended is not known here
	}
	for _, e := range events {
		if e.GetEvent().GetVersion() != next || e.GetEvent().GetAgreementId() != asked.GetAgreementId() {
			return untrue("version %d of %q is left out of a list of all", next, asked.GetAgreementId())
		}
		next++
	}
	return nil
}

// events checks events of any number of chains.
func (v *verifier) events(ctx context.Context, log pb.LogServiceClient, events []*pb.RecordedEvent) error {
	chains := map[string][]*told{}
	for _, e := range events {
		t, err := readTold(e)
		if err != nil {
			return err
		}
		chains[t.body.GetAgreementId()] = append(chains[t.body.GetAgreementId()], t)
	}
	for id, chain := range chains {
		slices.SortFunc(chain, func(a, b *told) int { return cmp.Compare(b.version(), a.version()) })
		if err := v.chain(ctx, log, id, chain); err != nil {
			return err
		}
	}
	return nil
}

// chain checks events of one chain, newest first. One that is proved names the one before it, which then needs no proof of
// its own.
func (v *verifier) chain(ctx context.Context, log pb.LogServiceClient, id string, newestFirst []*told) error {
	var key, named []byte
	var of, before uint64 // the version that is named, and where the one that names it stands
	for _, t := range newestFirst {
		leaf := []byte(nil)
		if key != nil {
			leaf = proof.LeafHash(proof.Entry(key, t.version(), t.GetSalt(), t.GetBody()))
		}
		switch {
		case key == nil || t.version() != of:
			in, err := v.included(ctx, log, t)
			if err != nil {
				return err
			}
			key = in.LogKey
			if err := v.identify(id, key); err != nil {
				return err
			}
			leaf = proof.LeafHash(proof.Entry(key, t.version(), t.GetSalt(), t.GetBody()))
		case !bytes.Equal(leaf, named):
			return untrue("version %d of %q is not the one that version %d follows", t.version(), id, of+1)
		case t.GetPosition() >= before:
			return untrue("version %d of %q is said to stand at %d, behind the one that follows it", t.version(), id, t.GetPosition())
		}
		if !bytes.Equal(t.GetEntryHash(), leaf) {
			return untrue("version %d of %q has another entry hash than it is told with", t.version(), id)
		}
		named, of, before = t.body.GetPreviousEntryHash(), t.version()-1, t.GetPosition()
	}
	return nil
}

// identify holds that a chain has the key that it had before.
func (v *verifier) identify(id string, key []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	logID := proof.LogID(key)
	if before, known := v.ids[id]; known && before != logID {
		return untrue("%q is the chain %s now, and was %s: there are two histories of it", id, logID, before)
	}
	v.ids[id] = logID
	return nil
}

// included has the service prove that an event stands in the log, in a checkpoint that continues the last one.
func (v *verifier) included(ctx context.Context, log pb.LogServiceClient, t *told) (*proof.Inclusion, error) {
	request := &pb.GetInclusionProofRequest{AgreementId: t.body.GetAgreementId(), Version: t.version()}
	answer, err := log.GetInclusionProof(ctx, request)
	for looks := 1; looks < signingLooks && status.Code(err) == codes.NotFound && v.wait(ctx, signingPause) == nil; looks++ {
		answer, err = log.GetInclusionProof(ctx, request)
	}
	if err != nil {
		return nil, fmt.Errorf("have version %d of %q proved: %w", t.version(), t.body.GetAgreementId(), err)
	}
	in, err := proof.CheckInclusion([]byte(answer.GetTlogProof()), t.GetBody(), v.policies...)
	switch {
	case err != nil:
		return nil, untrue("version %d of %q: %v", t.version(), t.body.GetAgreementId(), err)
	case in.Version != t.version() || uint64(in.Index)+1 != t.GetPosition():
		return nil, untrue("version %d of %q, at %d, is proved to be version %d at %d", t.version(), t.body.GetAgreementId(), t.GetPosition(), in.Version, in.Index+1)
	case !bytes.Equal(in.Salt, t.GetSalt()):
		return nil, untrue("version %d of %q has another salt in its proof", t.version(), t.body.GetAgreementId())
	}
	_, signed, _ := bytes.Cut([]byte(answer.GetTlogProof()), []byte("\n\n"))
	return in, v.continues(ctx, log, in.Checkpoint, signed)
}

// continues holds that a checkpoint is one of the log that was seen last, and remembers it if it is larger.
func (v *verifier) continues(ctx context.Context, log pb.LogServiceClient, now torchwood.Checkpoint, signed []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.recall(); err != nil { // others may have seen more
		return err
	}
	last := v.last
	if last.Origin != "" {
		if now.Origin != last.Origin {
			return untrue("the log calls itself %q now, and was %q", now.Origin, last.Origin)
		}
		older, newer := last.Tree, now.Tree
		if older.N > newer.N { // calls may overtake each other
			older, newer = newer, older
		}
		if err := v.grew(ctx, log, older, newer); err != nil {
			return err
		}
		if now.N <= last.N {
			return nil
		}
	}
	if err := v.Save(signed); err != nil {
		return fmt.Errorf("remember the checkpoint: %w", err)
	}
	v.last = now
	return nil
}

// grew has the service prove that a log has only grown.
func (v *verifier) grew(ctx context.Context, log pb.LogServiceClient, older, newer tlog.Tree) error {
	rewritten := untrue("checkpoint %d (root %s) is not consistent with checkpoint %d (root %s): the history was rewritten", newer.N, newer.Hash, older.N, older.Hash)
	if older.N == newer.N {
		if older.Hash != newer.Hash {
			return rewritten
		}
		return nil
	}
	if older.N == 0 {
		return nil // every log has grown from nothing
	}
	answer, err := log.GetConsistencyProof(ctx, &pb.GetConsistencyProofRequest{OldSize: uint64(older.N), NewSize: uint64(newer.N)})
	if status.Code(err) == codes.NotFound { // checkpoints of both sizes were published once
		return untrue("the log had %d entries when a checkpoint of it was signed, and has not so many now", newer.N)
	}
	if err != nil {
		return fmt.Errorf("have the log's growth from %d to %d entries proved: %w", older.N, newer.N, err)
	}
	var hashes tlog.TreeProof
	for _, h := range answer.GetHashes() {
		if len(h) != tlog.HashSize {
			return untrue("a proof of consistency has a hash of %d bytes", len(h))
		}
		hashes = append(hashes, tlog.Hash(h))
	}
	if tlog.CheckTree(hashes, newer.N, newer.Hash, older.N, older.Hash) != nil {
		return rewritten
	}
	return nil
}

// told is an event as the service told it, with what its body says by itself.
type told struct {
	*pb.RecordedEvent
	body *pb.Event
}

func (t *told) version() uint64 { return t.body.GetVersion() }

// readTold reads an event's body, and holds that the event which was told beside it is the one that it and its private part make.
func readTold(e *pb.RecordedEvent) (*told, error) {
	t := &told{e, &pb.Event{}}
	if err := proto.Unmarshal(e.GetBody(), t.body); err != nil {
		return nil, untrue("the body at position %d is no event: %v", e.GetPosition(), err)
	}
	whole, _ := proto.Clone(t.body).(*pb.Event)
	committed := t.body.GetPrivateCommitment()
	switch private := e.GetPrivate(); {
	case len(private) > 0 && !bytes.Equal(proof.PrivateCommitment(e.GetPrivateSalt(), private), committed):
		return nil, untrue("the texts of version %d of %q are not those that were recorded", t.version(), t.body.GetAgreementId())
	case len(private) > 0:
		if err := proof.Join(whole, private); err != nil {
			return nil, untrue("version %d of %q: %v", t.version(), t.body.GetAgreementId(), err)
		}
	case len(committed) > 0 && !e.GetErased() && !e.GetWithheld():
		return nil, untrue("version %d of %q is told without its texts, and they are neither erased nor withheld", t.version(), t.body.GetAgreementId())
	case e.GetWithheld() && t.body.GetAgreementDrafted() == nil && t.body.GetDraftRewritten() == nil && t.body.GetPulseAnswered() == nil:
		return nil, untrue("the texts of version %d of %q are withheld, and it is no draft of another's, nor an answer in a pulse", t.version(), t.body.GetAgreementId())
	}
	if !proto.Equal(whole, e.GetEvent()) {
		return nil, untrue("version %d of %q is told otherwise than it was recorded", t.version(), t.body.GetAgreementId())
	}
	return t, nil
}

// load reads a file that may not be there yet.
func load(file string) ([]byte, error) {
	f, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the checkpoint that was remembered: %w", err)
	case f.Size() > maxRemembered:
		return nil, fmt.Errorf("%s is no checkpoint: it has %d bytes", file, f.Size())
	}
	return os.ReadFile(file)
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
