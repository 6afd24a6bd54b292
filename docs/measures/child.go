package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startPatience is how long a child may take to say what it is waited for, stopPatience how long to end when it is asked.
	startPatience = 2 * time.Minute
	stopPatience  = time.Minute
	// maxLastWords is how much of what a child said on standard error is kept, for when it fails.
	maxLastWords = 4 << 10
)

// child is a process that this program started. No other process is ever ended.
type child struct {
	name  string
	cmd   *exec.Cmd
	begun time.Time
	lines chan string // of its standard output
	words *lastWords
	ended chan struct{}
	err   error // of the process; set once ended is closed
}

// launch starts a child. input, if not nil, is what it reads.
func (s *stage) launch(name, program string, input io.Reader, args ...string) (*child, error) {
	c := &child{name: name, cmd: exec.Command(program, args...), lines: make(chan string, 64), words: &lastWords{}, ended: make(chan struct{})}
	c.cmd.Dir, c.cmd.Stdin, c.cmd.Stderr = s.place, input, c.words
	// Settings of whoever runs this are no part of what is measured.
	c.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "CONCORD_") || strings.HasPrefix(v, "ETCD_") || strings.HasPrefix(v, "OTEL_")
	})
	bindToParent(c.cmd)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c.begun = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.children = append(s.children, c)
	go c.watch(out)
	return c, nil
}

func (c *child) watch(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		select {
		case c.lines <- lines.Text():
		default: // nobody listens any more
		}
	}
	c.err = c.cmd.Wait()
	close(c.ended)
}

// line is the next line of standard output.
func (c *child) line(ctx context.Context) (string, error) {
	timeout := time.NewTimer(startPatience)
	defer timeout.Stop()
	select {
	case l := <-c.lines:
		return l, nil
	case <-c.ended:
		return "", c.fault("ended early")
	case <-timeout.C:
		return "", c.fault("did not start")
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// stop asks the child to end, and waits until it has.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(stopPatience):
		c.kill()
		return c.fault("did not end")
	}
}

// running says whether the child has not ended.
func (c *child) running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// kill ends the child at once. One that has ended already stays so.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only if it has ended
	<-c.ended
}

func (c *child) fault(what string) error {
	return fmt.Errorf("%s %s; its last words: %s", c.name, what, c.words)
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	w.text = w.text[max(0, len(w.text)-maxLastWords):]
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(w.text))
}
