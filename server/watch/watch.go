// Package watch tells whoever asks what is recorded, as it is recorded.
//
// One Hub follows the log for all who watch. It reads every new event once, and only what is durable, finds those who
// asked for it and may see it, and puts it into their queues. Who begins further back, or does not keep up with a burst,
// reads the store by itself until it has caught up, at its own pace: that and the queue lead to the same sequence, so that
// nobody misses an event and nobody is told one twice. Every watch ends with the position to go on after: when its caller
// takes nothing for some seconds, when its key is revoked, when the service stops.
//
// A watch that has nothing to tell is one goroutine that waits, with a small stack: what tells is another one, which lives
// as long as there is something to say. So ten thousand of them can wait, and one that is stuck can be cut.
package watch

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// Bounds of watching.
const (
	// MaxWatches is how many there may be at a time: twice what one process is measured with, and half a gigabyte.
	MaxWatches = 20_000
	// MaxPerCaller is how many one key may have, and how many one connection: half the calls that a connection carries, so
	// that commands still find room on it.
	MaxPerCaller = 500
	// maxQueue is how many events wait for one watch. Who has more goes on from the store.
	maxQueue = 64
	// turnEvents and turnBytes bound what the hub reads at a time.
	turnEvents, turnBytes = 1024, 4 << 20
	// pageEvents and pageBytes bound what a watch that catches up holds at a time.
	pageEvents, pageBytes = 64, 16 << 10
	// maxReading is how many of them read the store at the same moment, so that a thousand that come back at once do not take
	// the processors from those who write.
	maxReading = 8

	// maxSenders is how many watches send at the same moment. Each takes a stack that is deep while it does; ten thousand at
	// once would take more memory than they need to wait.
	maxSenders = 256
	// senderPatience is how long one may take its place before the next may send too, so that those who are stuck hold up nobody.
	senderPatience = 20 * time.Millisecond

	// beat is how often the hub looks after its watches.
	beat = time.Second
	// slowBeats is how many beats a caller may take for one message before it is cut.
	slowBeats = 5
	// quietBeats is how many beats a watch is silent before it says where it stands: less than what proxies on the way take
	// for a dead connection.
	quietBeats = 15
	// retryPause is the wait after the store could not be read.
	retryPause = time.Second
	// lastWord is how long the end of a watch waits for a message that is on its way.
	lastWord = 100 * time.Millisecond
)

// Options is what a hub is made of.
type Options struct {
	// Journal is followed.
	Journal *journal.Journal
	// Log is told of faults.
	Log *slog.Logger
	// Observe is told of watches, if not nil.
	Observe Observer
}

// Observer is told what becomes of watches. Each field may be nil.
type Observer struct {
	// Watches is called when their number has changed.
	Watches func(change int)
	// Ended is called with the reason of every end that was not the caller's.
	Ended func(reason pb.ErrorReason)
}

// Hub tells events to all who watch.
type Hub struct {
	Options
	reading *semaphore.Weighted
	sending chan struct{} // has room for those who may send

	joined chan struct{} // has room for the word that there is somebody to tell

	mu      sync.Mutex
	at      uint64                           // told to every live watch
	all     map[*watcher]struct{}            //
	among   map[string]map[*watcher]struct{} // by what they are interested in; see interests
	holding map[string]int                   // watches by key and by connection
}

// New makes a hub. Run must be called for events to be told.
func New(o Options) *Hub {
	return &Hub{
		Options: o, reading: semaphore.NewWeighted(maxReading), sending: make(chan struct{}, maxSenders), joined: make(chan struct{}, 1), at: o.Journal.Position(),
		all: map[*watcher]struct{}{}, among: map[string]map[*watcher]struct{}{}, holding: map[string]int{},
	}
}

// Turn reads some of what was recorded since and queues it for those who watch, and says whether there may be more.
func (h *Hub) Turn(ctx context.Context) (more bool, err error) {
	h.mu.Lock()
	if len(h.all) == 0 {
		h.mu.Unlock()
		return false, nil
	}
	after := h.at
	h.mu.Unlock()
	if h.Journal.Position() == after {
		return false, nil
	}
	span, err := h.Journal.History(ctx, journal.Search{After: after, Events: turnEvents, Bytes: turnBytes})
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range span.Events {
		h.tell(e)
	}
	h.at = max(h.at, span.Position)
	return !span.Newest, nil
}

// tell queues an event for those who asked for it.
func (h *Hub) tell(e journal.Recorded) {
	m := &pb.WatchEventsResponse{Told: &pb.WatchEventsResponse_Event{Event: rules.Tell(e.RecordedEvent)}} // one for all
	for _, interest := range interests(e.Agreement) {
		for w := range h.among[interest] {
			if w.wants(e) {
				w.queue(m, e.GetPosition())
			}
		}
	}
	if revoked := e.GetEvent().GetApiKeyRevoked(); revoked != nil {
		for w := range h.all {
			if w.caller.PrincipalID == revoked.GetApiKeyId() {
				w.end(rules.Refuse(pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID, "The API key was revoked."))
			}
		}
	}
}

// Beat looks after every watch: it cuts those whose callers take nothing, and lets those that were long silent say where
// they stand.
func (h *Hub) Beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.all {
		w.beat()
	}
}

// Run turns and beats until ctx ends. Watches end by their own contexts.
func (h *Hub) Run(ctx context.Context) error {
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		changed := h.Journal.Changed() // before the Turn looks, so that nothing is missed
		more, err := h.Turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var again <-chan time.Time
		if err != nil {
			h.Log.ErrorContext(ctx, "watches cannot be told what happens; it will be tried again", "error", err)
			changed, again = nil, time.After(retryPause)
		} else if h.alone() {
			changed = nil // nobody is told of it
		}
		for waiting := !more || err != nil; waiting; {
			select {
			case <-ctx.Done():
				return nil
			case <-beats.C:
				h.Beat()
				continue
			case <-h.joined:
			case <-changed:
			case <-again:
			}
			waiting = false
		}
	}
}

// alone says that nobody watches.
func (h *Hub) alone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all) == 0
}

// join takes a watch in. It begins behind, and so in the store.
func (h *Hub) join(w *watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) >= MaxWatches {
		return limit("watches", "The service has %d watches, and takes no more. Try again later.", MaxWatches)
	}
	for _, holder := range w.holders {
		if h.holding[holder] >= MaxPerCaller {
			return limit("watches of a caller", "One key, and one connection, may have %d watches at a time. End others first, or let one of them tell of several agreements.", MaxPerCaller)
		}
	}
	if w.fromNow {
		w.at = h.Journal.Position()
	} else if newest := h.Journal.Position(); w.at > newest {
		return rules.Invalid(rules.Violation{Field: "after_position", Description: "was never written: the newest is " + strconv.FormatUint(newest, 10)})
	}
	if len(h.all) == 0 {
		h.at = h.Journal.Position() // what it asks for of what was before, it reads from the store
		select {
		case h.joined <- struct{}{}:
		default: // the word is out
		}
	}
	w.told, w.joined = w.at, true
	for _, holder := range w.holders {
		h.holding[holder]++
	}
	h.all[w] = struct{}{}
	for _, interest := range w.interests() {
		if h.among[interest] == nil {
			h.among[interest] = map[*watcher]struct{}{}
		}
		h.among[interest][w] = struct{}{}
	}
	h.watches(1)
	return nil
}

// leave lets a watch go.
func (h *Hub) leave(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, w)
	for _, holder := range w.holders {
		if h.holding[holder]--; h.holding[holder] == 0 {
			delete(h.holding, holder)
		}
	}
	for _, interest := range w.interests() {
		if delete(h.among[interest], w); len(h.among[interest]) == 0 {
			delete(h.among, interest)
		}
	}
	h.watches(-1)
}

func (h *Hub) watches(change int) {
	if h.Observe.Watches != nil {
		h.Observe.Watches(change)
	}
}

// limit is the refusal of one watch too many.
func limit(which, format string, n int) error {
	e := rules.Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, format, n)
	e.Metadata = map[string]string{"limit": which, "max": strconv.Itoa(n)}
	return e
}
