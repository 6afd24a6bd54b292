package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// crashes is how often the server is killed; -short kills it less often.
const (
	crashes      = 20
	crashesShort = 4
)

// TestKillLosesNothingAcknowledged kills the server in the middle of a benchmark, again and again, and asks the one that
// is started after it for every command that was acknowledged.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	rounds := crashes
	if testing.Short() {
		rounds = crashesShort
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	args := []string{"--data-dir", filepath.Join(dir, "data"), "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
	p := start(t, lastLine, args...)
	first := p.key
	if first == "" {
		t.Fatalf("the first start told no key:\n%s", p.said)
	}
	if out, err := p.concord(t, first, "bench", "--prefix", "crash", "--agreements", "200", "--callers", "32", "--prepare-only"); err != nil {
		t.Fatalf("prepare: %v\n%s", err, out)
	}
	total := 0
	for round := range rounds {
		acks := filepath.Join(dir, fmt.Sprintf("acks-%d", round))
		done := make(chan string, 1)
		go func(p *process) {
			out, _ := p.concord(t, first, "bench", "--prefix", "crash", "--agreements", "200", "--callers", "64",
				"--warmup", "0s", "--duration", "20s", "--timeout", "2s", "--max-errors", "1", "--ack-log", acks)
			done <- out
		}(p)
		until(t, acks, int64(1000+random.IntN(60_000)), done)
		p.kill()
		out := <-done
		p = start(t, lastLine, args...)
		body, err := os.ReadFile(acks)
		if err != nil || len(body) == 0 {
			t.Fatalf("round %d: nothing was acknowledged before the end: %v\n%s", round, err, out)
		}
		total += strings.Count(string(body), "\n")
		if out, err := p.concord(t, first, "bench", "verify", "--ack-log", acks); err != nil {
			t.Fatalf("round %d of seed %d: %v\n%s", round, seed, err, out)
		}
	}
	t.Logf("%d commands were acknowledged over %d kills, and none is missing", total, rounds)
}

// until waits for a file to have a size, or for the work to end early.
func until(t *testing.T, name string, size int64, done chan string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if info, err := os.Stat(name); err == nil && info.Size() >= size {
			return
		}
		select {
		case out := <-done:
			t.Fatalf("the benchmark ended by itself:\n%s", out)
		default:
		}
	}
	t.Fatalf("%s did not grow to %d bytes within a minute", name, size)
}
