package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// answerPatience is how long beyond the end of a turn the last answers may take.
const answerPatience = 30 * time.Second

// Latencies are kept from a microsecond to ten minutes, to three digits, as concord bench keeps them.
const longestLatency = int64(10 * time.Minute / time.Microsecond)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longestLatency, 3) }

// tally counts the calls of the callers that share a connection.
type tally struct {
	mu     sync.Mutex
	took   *hdrhistogram.Histogram
	errors int64
}

func (t *tally) add(took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.errors++
		return
	}
	_ = t.took.RecordValue(min(max(took.Microseconds(), 1), longestLatency)) // within the bounds
}

// loop is the closed loop of concord bench for what does not speak Concord: each caller makes its next call when it has
// the answer to the last. call is told which caller makes it, and its own source of chance.
func loop(ctx context.Context, p plan, call func(ctx context.Context, caller int, chance *rand.Rand) error) (Turn, error) {
	begin := time.Now().Add(p.warmup)
	finish := begin.Add(p.duration)
	ctx, cancel := context.WithDeadlineCause(ctx, finish.Add(answerPatience), fmt.Errorf("no answer for %s", answerPatience))
	defer cancel()
	tallies := make([]*tally, connections)
	for i := range tallies {
		tallies[i] = &tally{took: newHistogram()}
	}
	var first atomic.Pointer[error]
	var done sync.WaitGroup
	for n := range callers {
		t, chance := tallies[n%connections], rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
		done.Go(func() {
			for ctx.Err() == nil && first.Load() == nil {
				started := time.Now()
				if !started.Before(finish) {
					return
				}
				err := call(ctx, n, chance)
				ended := time.Now()
				if err != nil {
					first.CompareAndSwap(nil, &err)
				}
				if !started.Before(begin) && !ended.After(finish) {
					t.add(ended.Sub(started), err)
				}
			}
		})
	}
	done.Wait()
	if err := first.Load(); err != nil {
		return Turn{}, *err
	}
	if ctx.Err() != nil {
		return Turn{}, context.Cause(ctx)
	}
	sum := newHistogram()
	for _, t := range tallies {
		sum.Merge(t.took)
	}
	return turnOf(sum, p.duration), nil
}

// turnOf reads a turn off what its calls took.
func turnOf(h *hdrhistogram.Histogram, counted time.Duration) Turn {
	return Turn{PerSecond: float64(h.TotalCount()) / counted.Seconds(), P50: h.ValueAtQuantile(50), P99: h.ValueAtQuantile(99)}
}
