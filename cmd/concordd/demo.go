package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/server"
)

// The demonstration begins before the agreement does, lives through half a year of it in a moment, and then goes on at the
// pace of real time from the evening of demoEnds.
var (
	demoBegins = time.Date(2025, time.December, 10, 9, 0, 0, 0, time.UTC)
	demoEnds   = time.Date(2026, time.July, 10, 16, 0, 0, 0, time.UTC)
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
	story := &demoStory{
		call: func(ctx context.Context, key string, req proto.Message) (proto.Message, error) {
			return invoke(client.WithKey(ctx, key), c.Conn(), req)
		},
		at: func(ctx context.Context, t time.Time) error {
			clock.set(t)
			return s.Settle(ctx)
		},
		keys: map[string]string{"operator": started.FirstKey},
	}
	if err := story.play(ctx); err != nil {
		return err
	}
	if err := story.at(ctx, demoEnds); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	tell(os.Stdout, started, story.keys)
	return nil
}

// invoke makes the call that takes req, whichever it is.
func invoke(ctx context.Context, conn grpc.ClientConnInterface, req proto.Message) (proto.Message, error) {
	var method protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				if m := f.Services().Get(i).Methods().Get(j); m.Input() == req.ProtoReflect().Descriptor() {
					method = m
				}
			}
		}
		return method == nil
	})
	if method == nil {
		return nil, fmt.Errorf("no call takes %T", req)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		return nil, err
	}
	answer := kind.New().Interface()
	return answer, conn.Invoke(ctx, "/"+string(method.Parent().FullName())+"/"+string(method.Name()), req, answer)
}
