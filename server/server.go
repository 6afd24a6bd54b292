// Package server is Concord as one Go value: everything is built in New, from the ground up, and goes on in Run until
// its context ends. Tests and the binary start the same thing.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/concordhq/concord/gen/openapi"
	"github.com/concordhq/concord/server/api"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/deadline"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/bolt"
	"github.com/concordhq/concord/server/store/memory"
	"github.com/concordhq/concord/server/watch"
	"github.com/concordhq/concord/server/web"
)

// Server is a Concord that is ready to run.
type Server struct {
	config     Config
	log        *slog.Logger
	telemetry  *telemetry
	store      store.Store
	storeEnds  <-chan struct{} // closed when the engine can write no more; nil for one that always can
	journal    *journal.Journal
	clock      *deadline.Worker
	policy     *seal.Policy
	sealer     *seal.Sealer
	hub        *watch.Hub
	grpc       *grpc.Server
	health     *health.Server
	http       *http.Server
	draining   context.Context // ends when calls are to end
	endStreams context.CancelFunc
	grpcPort   net.Listener
	httpPort   net.Listener
}

// Started is what there is to tell once a server takes calls.
type Started struct {
	// GRPCAddr and HTTPAddr are what it listens on.
	GRPCAddr, HTTPAddr string
	// TLS says whether both speak TLS.
	TLS bool
	// FirstKey is the operator's secret, told on the very first start and never again.
	FirstKey string
}

// New builds a server. It holds the store and both ports until Run has ended, or Close.
func New(ctx context.Context, config Config, logTo io.Writer) (*Server, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	s := &Server{config: config, log: newLog(config, logTo)}
	if err := s.build(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// build makes the floors one upon the other. What it made when it fails, Close lets go of.
func (s *Server) build(ctx context.Context) (err error) {
	config := s.config
	if s.telemetry, err = newTelemetry(ctx, config); err != nil {
		return err
	}
	if err = s.openStore(); err != nil {
		return err
	}
	s.draining, s.endStreams = context.WithCancel(context.Background())
	keys, err := config.openKeys()
	if err != nil {
		return err
	}
	if s.policy, err = config.readPolicy(); err != nil {
		return err
	}
	if s.journal, err = journal.Open(ctx, journal.Options{Store: s.store, Now: config.Now, LogKey: keys.For, Log: s.log, Observe: s.telemetry.journal()}); err != nil {
		return err
	}
	if err = s.buildSealer(ctx, keys); err != nil {
		return err
	}
	s.clock = &deadline.Worker{Journal: s.journal, Log: s.log, Observe: s.telemetry.clock()}
	s.hub = watch.New(watch.Options{Journal: s.journal, Log: s.log, Observe: s.telemetry.watches()})

	tls, err := serverTLS(config)
	if err != nil {
		return err
	}
	inside := newInside()
	if err := s.buildGRPC(inside, grpcCreds(tls)); err != nil {
		return err
	}
	handler, err := web.New(web.Config{
		Conn: inside, OpenAPI: openapi.Document, Ready: s.ready, Metrics: s.telemetry.handler(), Log: s.log, MaxBody: maxMessageBytes, Timeout: defaultDeadline,
	})
	if err != nil {
		return err
	}
	s.http = newHTTP(handler, s.log)
	if s.grpcPort, err = net.Listen("tcp", config.GRPCAddr); err != nil {
		return fmt.Errorf("listen for gRPC: %w", err)
	}
	if s.httpPort, err = listenHTTP(config.HTTPAddr, tls); err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	return nil
}

func (s *Server) openStore() error {
	if s.config.Store == StoreMemory {
		engine, err := memory.Open(journal.Tables()...)
		if err == nil {
			s.store = engine // not in one step: an engine that is nil is not a Store that is nil
		}
		return err
	}
	options := boltIn(s.config.DataDir)
	options.MaxBytes, options.OnCommit, options.OnFlush = s.config.MaxStoreBytes, s.telemetry.storeCommit, s.telemetry.storeFlush
	engine, err := bolt.Open(options)
	if err == nil {
		s.store, s.storeEnds = engine, engine.Failed()
	}
	return err
}

// boltIn is how the tables of the journal lie in a directory, for all who open it.
func boltIn(dir string) bolt.Options {
	return bolt.Options{Dir: dir, Tables: journal.Tables(), WrittenOnce: journal.WrittenOnce(), Apart: journal.Apart()}
}

// buildGRPC makes the gRPC server and its twin inside the process, over which REST comes in. Both run the same
// interceptors, once.
func (s *Server) buildGRPC(inside *inside, creds grpc.ServerOption) error {
	s.health = health.NewServer()
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	door := auth.New(s.journal, s.config.openMethods()...)
	unary, stream := s.interceptors(door)
	s.grpc = grpc.NewServer(append(grpcOptions(), creds, s.telemetry.grpcOption(), grpc.UnaryInterceptor(unary), grpc.StreamInterceptor(stream))...)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	registerReflection(s.grpc)
	api.Register(s.grpc, s.journal, s.policy, s.hub)

	inside.unary, inside.traced = unary, s.telemetry.tracing
	inside.WithServerUnaryInterceptor(unary).WithServerStreamInterceptor(stream)
	s.telemetry.inside(inside.Channel)
	api.Register(inside, s.journal, s.policy, s.hub)
	return door.Read(s.grpc.GetServiceInfo())
}

// interceptors are what every call passes, each as one.
func (s *Server) interceptors(door *auth.Door) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	refusals := api.Refusals{Log: s.log}
	return chainUnary(s.telemetry.unary, refusals.Unary, bounded, door.Unary, api.Prepare),
		chainStream(s.telemetry.stream, refusals.Stream, s.untilDrain, door.Stream)
}

// Run serves until ctx ends or something fails that cannot be mended, then stops in order: first new calls and the clock,
// then the calls that run, then the journal, then the store. started is called once calls are taken.
func (s *Server) Run(ctx context.Context, started func(Started)) error {
	defer s.Close()
	journalCtx, stopJournal := context.WithCancel(context.WithoutCancel(ctx))
	journalDone := make(chan error, 1)
	go func() { journalDone <- s.journal.Run(journalCtx) }()

	err := s.serve(ctx, journalDone, started)
	stopJournal()
	if failed := <-journalDone; err == nil {
		err = failed
	}
	return errors.Join(err, s.telemetry.shutdown())
}

func (s *Server) serve(ctx context.Context, journalDone chan error, started func(Started)) error {
	var firstKey string
	err := s.beginSealer(ctx)
	if err == nil {
		firstKey, err = s.firstKey(ctx) // last: it is told once, by a start that succeeds
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before it began
	case err != nil:
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.clock.Run(ctx) })
	group.Go(func() error { return s.seals(ctx) })
	group.Go(func() error { return s.hub.Run(ctx) })
	group.Go(func() error {
		if err := s.grpc.Serve(s.grpcPort); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped: before it began
			return fmt.Errorf("serve gRPC: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		if err := s.http.Serve(s.httpPort); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case err := <-journalDone: // a commit failed: the process must end
			journalDone <- err
			s.drain()
			return err
		case <-s.storeEnds: // what was written can no longer be carried: nobody may wait for the next write to learn it
			s.drain()
			return errors.New("the store has failed: see its error in the log, mend the disk and start again")
		}
		s.drain()
		return nil
	})
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	started(Started{GRPCAddr: s.grpcPort.Addr().String(), HTTPAddr: s.httpPort.Addr().String(), TLS: s.config.TLSCertFile != "", FirstKey: firstKey})
	return group.Wait()
}

// drain lets running calls end, for as long as the configuration allows.
func (s *Server) drain() {
	s.health.Shutdown() // tells load balancers first
	s.endStreams()      // streams that would go on for ever
	ctx, cancel := context.WithTimeout(context.Background(), s.config.ShutdownTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("HTTP calls were cut off by the end", "error", err)
		s.http.Close()
	}
	select {
	case <-done:
	case <-ctx.Done():
		s.log.Warn("gRPC calls were cut off by the end")
		s.grpc.Stop()
		<-done
	}
}

// Settle has the clock do everything its time has come for, before it returns. A clock that was set by hand needs it.
func (s *Server) Settle(ctx context.Context) error {
	for {
		if woken, _, err := s.clock.Turn(ctx); err != nil || woken == 0 {
			return err
		}
	}
}

// ready says why no calls can be done, for /readyz.
func (s *Server) ready() error {
	r, err := s.health.Check(context.Background(), &healthpb.HealthCheckRequest{})
	if err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return errors.New("starting or stopping")
	}
	return nil
}

// Close lets go of everything. Run calls it.
func (s *Server) Close() {
	if s.grpc != nil {
		s.grpc.Stop() // its workers wait from the moment it was made
	}
	if s.grpcPort != nil {
		s.grpcPort.Close()
	}
	if s.httpPort != nil {
		s.httpPort.Close()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("the store did not close well", "error", err)
		}
	}
}

// Limits of the faces. A stream or message beyond them is refused, so that one caller cannot take the memory of all.
const (
	// maxMessageBytes is the largest request: a text of rules.MaxTermsBytes with room to spare.
	maxMessageBytes = 4 << 20
	// maxStreams is how many calls one connection may have open.
	maxStreams = 1000
	// defaultDeadline ends calls whose caller set none.
	defaultDeadline = 30 * time.Second
	// maxHeaderBytes is the largest header block of a request.
	maxHeaderBytes = 64 << 10
)
