package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/concordhq/concord/cmd/concord/bench"
)

// The load that all figures are given for.
const (
	callers     = 256
	connections = 8
)

// restPause lets a service that has just worked, and the disk under it, come to rest before the other one's turn.
const restPause = 2 * time.Second

// stage is where measures are taken: a directory on the disk to measure, and the processes that were started.
type stage struct {
	plan
	place    string // everything that is written lies below it
	binary   string // concordd
	progress io.Writer
	children []*child

	house *concordd // the service that measures share; nil until one needs it
}

// newStage makes the directory and builds concordd.
func newStage(ctx context.Context, p plan, progress io.Writer) (*stage, error) {
	place, err := os.MkdirTemp(p.dir, "concord-measures-*")
	if err != nil {
		return nil, fmt.Errorf("make a place for the data: %w", err)
	}
	s := &stage{plan: p, place: place, binary: filepath.Join(place, "concordd"), progress: progress}
	if err := s.build(ctx, s.binary, "./cmd/concordd"); err != nil {
		return nil, errors.Join(err, s.strike())
	}
	return s, nil
}

// build builds a program into a file, from the sources beside this module, as its users do or with more flags.
func (s *stage) build(ctx context.Context, to, program string, flags ...string) error {
	s.say("building %s", strings.Join(append([]string{filepath.Base(program)}, flags...), " "))
	found, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/concordhq/concord").Output()
	if err != nil {
		return fmt.Errorf("find the sources (is this run with go run -C docs/measures?): %w", err)
	}
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", to}, append(flags, program)...)...)
	build.Dir = strings.TrimSpace(string(found))
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, said)
	}
	return nil
}

// strike ends what was started and removes what was written.
func (s *stage) strike() error {
	var errs []error
	for _, c := range s.children {
		c.kill()
	}
	errs = append(errs, os.RemoveAll(s.place))
	return errors.Join(errs...)
}

func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.progress, time.Now().Format(time.TimeOnly)+"  "+format+"\n", args...)
}

// under makes a directory for one service's data.
func (s *stage) under(name string) (string, error) {
	dir := filepath.Join(s.place, name)
	return dir, os.MkdirAll(dir, 0o700)
}

// contestant is one of those compared: what it does in its turn.
type contestant struct {
	name string
	turn func(context.Context) (Turn, error)
}

// inTurns gives each of the contestants as many turns as there are rounds, A B A B, and measures the disk before each.
func (s *stage) inTurns(ctx context.Context, into *Measure, all ...contestant) error {
	lines := make([]*Contender, len(all))
	for i, c := range all {
		lines[i] = into.contender(c.name)
	}
	for round := range s.rounds {
		for i, c := range all {
			if err := sleep(ctx, restPause); err != nil {
				return err
			}
			disk, err := bench.MeasureDisk(s.place)
			if err != nil {
				return err
			}
			watch := s.watch()
			t, err := c.turn(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			t.Disk, t.Others = disk.P50, watch()
			lines[i].Turns = append(lines[i].Turns, t)
			s.say("%d/%d %s: %s", round+1, s.rounds, c.name, t)
		}
	}
	return nil
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// ticksPerSecond is in what Linux tells how long processors worked.
const ticksPerSecond = 100

// watch begins to watch what else goes on. The function it returns says how many processors others kept busy meanwhile: a
// turn in which that is far from 0 tells little. (What the system itself does to write our data counts as others' work.)
func (s *stage) watch() func() float64 {
	begun := time.Now()
	all, ours, _ := s.busy()
	return func() float64 {
		allNow, oursNow, ok := s.busy()
		if !ok || oursNow < ours { // a child has ended, and what it did is not known
			return 0
		}
		return max(0, float64(allNow-all-(oursNow-ours))/ticksPerSecond/time.Since(begun).Seconds())
	}
}
