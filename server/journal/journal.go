// Package journal is the only writer of Concord, and the only package that knows what lies where in the store.
//
// A command waits in a queue. One goroutine takes everything that waits, lets the rules decide one command after the
// other, and has what follows committed as one Change with one sync; then, and only then, the waiting callers are answered
// and followers wake. Nobody sets a timer for this: while one batch is being made durable the next one gathers and is
// decided, so that batches grow with the load and a lone caller never waits for company. A refused command wrote nothing.
//
// What a commit left unknown cannot be guessed: the journal then answers "outcome unknown", takes no more commands, and
// its Run ends. A retry with the same request_id learns the truth after the restart.
//
// Reads look at the store and so see only what is durable. Every key on disk is described in layout.go.
package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Limits of the one writer.
const (
	// MaxQueue is how many commands may wait. More than a few thousand would wait for longer than their callers do.
	MaxQueue = 8192
	// MaxBatch is how many commands one commit takes, so that the first of them does not wait for too many others.
	MaxBatch = 1024
	// MaxBatchBytes ends a batch early, well below what a store takes in one Change.
	MaxBatchBytes = 8 << 20
	// ReceiptRetention is how long an answer is kept for a repeated request_id. It is a floor: receipts are swept as
	// later commands pass by.
	ReceiptRetention = 24 * time.Hour
)

// Options is what a journal is made of. A nil function means the real thing.
type Options struct {
	// Store holds the records. The journal does not close it.
	Store store.Store
	// Now is the wall clock.
	Now func() time.Time
	// NewID draws a sortable id behind a prefix.
	NewID func(prefix string) string
	// Random fills b with random bytes: salts, keys and secrets.
	Random func(b []byte)
	// LogKey is rules.Stamp's: the keys that the service signs its log with are not the journal's. Nil: it has none.
	LogKey func(l *pb.Log, asked string) (string, error)
	// Log takes what an operator should know.
	Log *slog.Logger
	// Observe is told of every batch.
	Observe Observer
}

// Observer is told what the writer does. Each field may be nil.
type Observer struct {
	// Batch is called after every turn that took commands.
	Batch func(ctx context.Context, b Batch)
	// Start is called before a turn and returns what is called after it, for tracing.
	Start func(ctx context.Context) (context.Context, func())
}

// Batch is one turn of the writer.
type Batch struct {
	// Commands is how many it took, Events how many events followed.
	Commands, Events int
	// Waiting is how many commands waited behind it.
	Waiting int
	// Decide and Commit are how long deciding and making durable took.
	Decide, Commit time.Duration
}

// Journal is the one writer, and the way to read.
type Journal struct {
	opts  Options
	queue chan *item

	head     uint64     // of the store; owned by who writes
	edge     proof.Edge // of the log: its size is the position of the newest event; owned by who writes, and read while nobody does
	sweeping sweeping   // owned by who decides
	settled  time.Time  // nothing is recorded before; owned by who decides. See settle

	position    atomic.Uint64 // of the newest durable event
	lastMicro   atomic.Int64  // the newest record time
	serviceSeen atomic.Uint64 // the version of the service's own chain: parties and keys
	pageKey     []byte        // seals page tokens; drawn once, kept in the store
	replays     chan struct{} // has room for as many as there may be at a time

	mu      sync.Mutex
	changed chan struct{} // closed by the next commit
	alarmed chan struct{} // closed by the next commit that sets an alarm
	closed  bool          // no more commands are taken
	failed  error         // why, if a commit failed
}

// item is one command that waits.
type item struct {
	ctx    context.Context
	caller rules.Caller
	cmd    proto.Message
	id     string         // request_id
	hash   []byte         // of the request, where there is a request_id
	dry    bool           // validate_only
	keep   *pb.Checkpoint // instead of a command
	until  time.Time      // instead of a command: what is decided behind it is recorded later than this

	settled bool          // answered by what is durable already: the commit's outcome makes no difference
	answer  proto.Message // as it is stored
	at      time.Time     // of the answer
	err     error
	done    chan struct{}
}

// Open reads where the store stands. Run must be called for commands to be decided.
func Open(ctx context.Context, opts Options) (*Journal, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.NewID == nil {
		opts.NewID = newID
	}
	if opts.Random == nil {
		opts.Random = random
	}
	if opts.LogKey == nil {
		opts.LogKey = noLogKey
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	j := &Journal{opts: opts, queue: make(chan *item, MaxQueue), changed: make(chan struct{}), alarmed: make(chan struct{}), replays: make(chan struct{}, maxReplays)}
	return j, j.recall(ctx)
}

// Do has a command decided and made durable, and returns the answer. A refusal is a *rules.Error. If ctx ends while the
// command waits it is dropped; if it ends later nobody is told what came of it, and asking again with the same request_id
// tells.
func (j *Journal) Do(ctx context.Context, caller rules.Caller, cmd proto.Message) (proto.Message, error) {
	return j.ask(ctx, newItem(ctx, caller, cmd))
}

// ask has an item decided and made durable.
func (j *Journal) ask(ctx context.Context, it *item) (proto.Message, error) {
	if err := j.enqueue(it); err != nil {
		return nil, err
	}
	select {
	case <-it.done:
		return it.told()
	case <-ctx.Done():
	}
	select {
	case <-it.done: // at the same moment
		return it.told()
	default:
		return nil, ctx.Err()
	}
}

// told is the answer as the caller is told it, once it is done. Others may have the record that it is: a copy is filled in.
func (it *item) told() (proto.Message, error) {
	if it.answer == nil || it.err != nil {
		return nil, it.err
	}
	return rules.Present(proto.Clone(it.answer), it.at), nil
}

// DoAll has several commands decided, in order, in as few turns as possible, and returns each one's error.
func (j *Journal) DoAll(ctx context.Context, caller rules.Caller, cmds []proto.Message) []error {
	errs := make([]error, len(cmds))
	items := make([]*item, len(cmds))
	for i, cmd := range cmds {
		items[i] = newItem(ctx, caller, cmd)
		if errs[i] = j.enqueue(items[i]); errs[i] != nil {
			items[i] = nil
		}
	}
	for i, it := range items {
		if it != nil {
			<-it.done
			errs[i] = it.err
		}
	}
	return errs
}

func newItem(ctx context.Context, caller rules.Caller, cmd proto.Message) *item {
	it := &item{ctx: ctx, caller: caller, cmd: cmd, done: make(chan struct{})}
	if c, ok := cmd.(interface{ GetRequestId() string }); ok && c.GetRequestId() != "" {
		it.id = c.GetRequestId()
		it.hash = requestHash(caller, cmd)
	}
	if c, ok := cmd.(interface{ GetValidateOnly() bool }); ok {
		it.dry = c.GetValidateOnly()
	}
	return it
}

func (j *Journal) enqueue(it *item) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.failed != nil:
		return unknownOutcome()
	case j.closed:
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "The service is stopping. Try again in a moment.")
	}
	select {
	case j.queue <- it:
		return nil
	default:
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_OVERLOADED, "More than %d writes wait already. Try again in a moment.", MaxQueue)
	}
}

// Run turns until ctx ends, then decides what still waits and returns nil. It returns the error of a commit whose
// outcome is unknown; the process must then end.
//
// While one batch is made durable the next one is decided. Only a command without company is written by who decided it:
// nobody could make use of the time.
func (j *Journal) Run(ctx context.Context) error {
	var ahead *batch // decided, and being made durable
	for {
		var written chan error
		if ahead != nil {
			written = ahead.written
		}
		select {
		case it := <-j.queue:
			b := j.gather(ctx, it, ahead)
			err := ahead.wait()
			ahead = nil
			switch {
			case err != nil: // what was decided upon it is void
				b.void(err)
			case b != nil && len(b.items) == 1 && len(j.queue) == 0:
				err = j.write(b)
			case b != nil:
				b.ahead, ahead = nil, b
				go func() { b.written <- j.write(b) }()
			}
			if lost(err) {
				return j.fail(err)
			}
		case err := <-written:
			if ahead = nil; lost(err) {
				return j.fail(err)
			}
		case <-ctx.Done():
			if err := ahead.wait(); lost(err) {
				return j.fail(err)
			}
			return j.drain()
		}
	}
}

// Turn decides one batch of what waits and makes it durable, without waiting for more, and says whether there was any:
// for those who drive the journal themselves.
func (j *Journal) Turn(ctx context.Context) (bool, error) {
	select {
	case it := <-j.queue:
		if b := j.gather(ctx, it, nil); b != nil {
			if err := j.write(b); lost(err) {
				return true, j.fail(err)
			}
		}
		return true, nil
	default:
		return false, nil
	}
}

// drain closes the door and decides what had come in before.
func (j *Journal) drain() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	for {
		more, err := j.Turn(context.Background())
		if err != nil || !more {
			return err
		}
	}
}

// fail closes the door for good and answers those who wait.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	j.failed = err
	j.mu.Unlock()
	for {
		select {
		case it := <-j.queue:
			it.finish(nil, unknownOutcome())
		default:
			return err
		}
	}
}

func (it *item) finish(answer proto.Message, err error) {
	it.answer, it.err = answer, err
	close(it.done)
}

func unknownOutcome() *rules.Error {
	return rules.Refuse(pb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN, "The change could not be made durable and may or may not be found after the restart. Ask again with the same request_id.")
}

// Changed is closed by the next commit.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// Alarmed is closed by the next commit that sets an alarm: until then Due has no earlier one to tell of.
func (j *Journal) Alarmed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.alarmed
}

// Now is the wall clock, but never before the newest record time.
func (j *Journal) Now() time.Time {
	now := j.opts.Now().UTC()
	if last := time.UnixMicro(j.lastMicro.Load()).UTC(); now.Before(last) {
		return last
	}
	return now
}

// ServiceVersion is the version of the service's own chain. It moves when a party or a key does.
func (j *Journal) ServiceVersion() uint64 { return j.serviceSeen.Load() }

// refusedAs says whether err is a refusal with a reason.
func refusedAs(err error, reason pb.ErrorReason) bool {
	var refusal *rules.Error
	return errors.As(err, &refusal) && refusal.Reason == reason
}

// IsRefusal says whether err is a rule's refusal.
func IsRefusal(err error) bool {
	var refusal *rules.Error
	return errors.As(err, &refusal)
}
