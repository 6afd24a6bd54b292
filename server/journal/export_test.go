package journal

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Waiting is how many commands wait.
func (j *Journal) Waiting() int { return len(j.queue) }

// Behind decides commands as a batch that is not made durable, and lets look see the records as one behind it does.
func (j *Journal) Behind(ctx context.Context, commands []Command, look func(*rules.State)) error {
	return j.opts.Store.View(ctx, func(snap store.Snapshot) error {
		ahead := j.newBatch(ctx, nil)
		ahead.snap = snap
		for _, c := range commands {
			it := newItem(ctx, c.By, c.Do)
			if ahead.decide(it); it.err != nil {
				return it.err
			}
		}
		if err := ahead.close(); err != nil {
			return err
		}
		ahead.snap = nil
		behind := j.newBatch(ctx, ahead)
		behind.snap = snap
		look(behind.state)
		return behind.state.Err()
	})
}

// Command is something somebody commands.
type Command struct {
	By rules.Caller
	Do proto.Message
}
