package bench

import (
	"context"
	"sync"
	"sync/atomic"
)

// spread does n pieces of work with as many workers as there are callers, each taking the next piece when it is done with
// the last. The first error ends it, and is returned.
func spread(ctx context.Context, workers, n int, do func(ctx context.Context, worker, piece int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var done sync.WaitGroup
	for worker := range min(workers, n) {
		done.Go(func() {
			for ctx.Err() == nil {
				piece := int(next.Add(1)) - 1
				if piece >= n {
					return
				}
				if err := do(ctx, worker, piece); err != nil {
					cancel(err)
				}
			}
		})
	}
	done.Wait()
	return context.Cause(ctx)
}
