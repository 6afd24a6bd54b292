package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/server"
)

// The demonstration's calendar: it begins before the agreement does, lives through half a year of it in a moment, and
// then goes on at the pace of real time.
var (
	demoBegins = time.Date(2025, time.December, 10, 9, 0, 0, 0, time.UTC)
	demoEnds   = time.Date(2026, time.July, 10, 9, 0, 0, 0, time.UTC)
)

// demoTimeout bounds the half year.
const demoTimeout = 2 * time.Minute

// demoClock is real time, moved by an offset.
type demoClock struct{ offset atomic.Int64 }

func (c *demoClock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *demoClock) set(t time.Time) { c.offset.Store(int64(time.Until(t))) }

func demoCommand(config *server.Config) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Serve a throw-away store in which two companies have already worked together for half a year",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return demo(cmd.Context(), *config) },
	}
}

func demo(ctx context.Context, config server.Config) error {
	clock := &demoClock{}
	clock.set(demoBegins)
	config.Store, config.Now = server.StoreMemory, clock.now
	if config.LogLevel == server.Default().LogLevel {
		config.LogLevel = "warn"
	}
	s, err := server.New(ctx, config, os.Stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lived := make(chan error, 1)
	began := false
	err = s.Run(ctx, func(started server.Started) {
		began = true
		go func() {
			err := live(ctx, s, clock, started)
			if err != nil {
				cancel()
			}
			lived <- err
		}()
	})
	if !began {
		return err
	}
	return errors.Join(err, <-lived)
}

// live negotiates the agreement and lives its first half year, all of it through the public API, and then tells what to
// type.
func live(ctx context.Context, s *server.Server, clock *demoClock, started server.Started) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	c, err := client.Dial(ctx, started.GRPCAddr, client.Options{Key: started.FirstKey})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer c.Close()
	story := &demoStory{client: c, settle: s.Settle, clock: clock}
	if err := story.negotiate(ctx); err != nil {
		return fmt.Errorf("demo: negotiate: %w", err)
	}
	if err := story.workTogether(ctx); err != nil {
		return fmt.Errorf("demo: work together: %w", err)
	}
	story.tell(os.Stdout, started)
	return nil
}
