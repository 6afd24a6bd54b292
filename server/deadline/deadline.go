// Package deadline is the clock of Concord. It follows the timer index: when the time of a record has come, it asks the
// journal to wake that record, and the rules say what time brings. It decides nothing itself, and asking twice is
// harmless.
package deadline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// Bounds of the worker.
const (
	// TurnSize is how many records one Turn wakes, so that callers' commands get their place between Turns.
	TurnSize = 512
	// minPause is the least time between Turns that found nothing, so that a busy journal is not asked after each commit.
	minPause = 10 * time.Millisecond
	// retryPause is the wait after a Turn that got nowhere.
	retryPause = time.Second
	// maxPause is the longest wait: the wall clock may be set forward under us.
	maxPause = time.Second
)

// Worker wakes records when their time has come.
type Worker struct {
	// Journal is asked.
	Journal *journal.Journal
	// Log is told of what could not be woken.
	Log *slog.Logger
	// Observe is told, if not nil, after each Turn how many records were woken and how late the first of them was.
	Observe func(woken int, lag time.Duration)

	turning sync.Mutex // two Turns at a time would bring days of an agreement out of their order
}

// Turn wakes at most TurnSize records, in the order of their times. Of an agreement it wakes only those of its earliest
// instant: what time brings may set a timer that comes before the agreement's next one, and an agreement lives through
// its days in order however late the clock is. It returns how many it woke and when to look again: zero for not before
// something changes.
func (w *Worker) Turn(ctx context.Context) (woken int, next time.Time, err error) {
	w.turning.Lock()
	defer w.turning.Unlock()
	due, next, err := w.Journal.Due(ctx, TurnSize)
	if err != nil || len(due) == 0 {
		return 0, next, err
	}
	commands := make([]proto.Message, len(due))
	for i, d := range due {
		commands[i] = rules.WakeFor(d.Ref)
	}
	lag := w.Journal.Now().Sub(due[0].At)
	var first journal.Timer // that could not be woken
	for i, e := range w.Journal.DoAll(ctx, rules.Clock(), commands) {
		switch {
		case e == nil:
			woken++
		case err == nil:
			first, err = due[i], e
		}
	}
	if err != nil && ctx.Err() == nil { // one line for all: a full store refuses every one of them, every time
		w.Log.WarnContext(ctx, "records could not be woken and will be asked again", "records", len(due)-woken,
			"agreement", first.Ref.Agreement, "record", first.Ref.ID, "error", err)
	}
	if w.Observe != nil {
		w.Observe(woken, lag)
	}
	return woken, next, err
}

// Run turns until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed, alarmed := w.Journal.Changed(), w.Journal.Alarmed() // before the Turn looks, so that nothing is missed
		woken, next, err := w.Turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if woken > 0 && closed(changed) {
			continue // what was woken may have set earlier timers; callers' commands had their place in the queue
		}
		if woken > 0 && err == nil { // a fault of ours; turning on at once would be for ever
			err = errInVain
			w.Log.ErrorContext(ctx, "the time of records has come and brought nothing; they will be asked again", "records", woken)
		}
		timer.Reset(pause(next, err, w.Journal.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			continue
		case <-alarmed:
		}
		timer.Reset(minPause)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// errInVain says of a Turn that nothing came of what it woke.
var errInVain = errors.New("deadline: in vain")

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// pause is how long to wait when nothing changes.
func pause(next time.Time, err error, now time.Time) time.Duration {
	switch {
	case err != nil:
		return retryPause
	case next.IsZero() || next.Sub(now) > maxPause:
		return maxPause
	}
	return max(next.Sub(now), minPause)
}
