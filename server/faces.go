package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// Times of the faces.
const (
	// headerTimeout cuts connections that send their headers drop by drop.
	headerTimeout = 5 * time.Second
	// readTimeout is how long a request body may take.
	readTimeout = time.Minute
	// writeTimeout is how long an answer may take to be read, so that who does not read it holds nothing for ever.
	writeTimeout = 2 * time.Minute
	// idleTimeout closes connections that nobody uses.
	idleTimeout = 2 * time.Minute
	// pingAfter is how long a gRPC connection is silent before it is asked whether it lives.
	pingAfter = time.Minute
	// pingTimeout is how long it may take to answer.
	pingTimeout = 20 * time.Second
	// minClientPing is how often a client may ask.
	minClientPing = 10 * time.Second
)

// streamWorkers is how many goroutines are kept for calls. A call that finds none gets a new one, whose stack has to
// grow first: that cost a tenth of the time of a busy server. Idle ones cost some KB each.
const streamWorkers = 512

// What a caller may send of one call, and of all on a connection, before the service has read it. Set by us they are bounds;
// left open, grpc-go tries out by pings how far it may raise them, which busy connections pay for.
const (
	streamWindow = 1 << 20
	connWindow   = 4 << 20
)

func grpcOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(headerTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
	}
}

func registerReflection(s *grpc.Server) { reflection.Register(s) }

func newHTTP(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		WriteTimeout: writeTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func listenHTTP(addr string, config *tls.Config) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil || config == nil {
		return l, err
	}
	return tls.NewListener(l, config), nil
}

func grpcCreds(config *tls.Config) grpc.ServerOption {
	if config == nil {
		return grpc.EmptyServerOption{}
	}
	return grpc.Creds(credentials.NewTLS(config))
}

// serverTLS is the TLS configuration of both faces; nil if there is none. The certificate is read again when its file
// has changed, so that a renewed one needs no restart.
func serverTLS(config Config) (*tls.Config, error) {
	if config.TLSCertFile == "" {
		return nil, nil
	}
	c := &certificate{certFile: config.TLSCertFile, keyFile: config.TLSKeyFile}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex
	read    time.Time // the file's time when it was read
	current *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.certFile)
	if err == nil && (c.current == nil || !info.ModTime().Equal(c.read)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.current, c.read = &pair, info.ModTime()
		}
	}
	if c.current != nil {
		return c.current, nil // one that is half written does not close the door: the last good one holds
	}
	return nil, err
}

// bounded gives a call without a deadline the default one.
func bounded(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	return next(ctx, req)
}

// untilDrain ends a stream when the server drains; a health watch would otherwise outlast every patience.
func (s *Server) untilDrain(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	return next(srv, &drained{stream, ctx})
}

// drained is a stream whose context ends with the server.
type drained struct {
	grpc.ServerStream
	ctx context.Context
}

// Context ends with the server.
func (d *drained) Context() context.Context { return d.ctx }

// chainUnary makes one interceptor of several; the first is the outermost. Each calls the next once at most.
func chainUnary(all ...grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, last grpc.UnaryHandler) (any, error) {
		done := 0
		var next grpc.UnaryHandler
		next = func(ctx context.Context, req any) (any, error) { // one for all: a function for each would be made for each call
			if done == len(all) {
				return last(ctx, req)
			}
			done++
			return all[done-1](ctx, req, info, next)
		}
		return next(ctx, req)
	}
}

// chainStream is chainUnary for streams.
func chainStream(all ...grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, last grpc.StreamHandler) error {
		next := last
		for i := len(all) - 1; i >= 0; i-- {
			intercept, inner := all[i], next
			next = func(srv any, stream grpc.ServerStream) error { return intercept(srv, stream, info, inner) }
		}
		return next(srv, stream)
	}
}

// firstKey makes the operator's key if the store has none yet, and tells its secret.
func (s *Server) firstKey(ctx context.Context) (string, error) {
	key, err := s.journal.Key(ctx, rules.FirstKeyID)
	if err != nil || key != nil {
		return "", err
	}
	answer, err := s.journal.Do(ctx, rules.Service(), &journalv1.FirstKey{})
	if err != nil {
		return "", fmt.Errorf("make the first key: %w", err)
	}
	return answer.(*pb.CreateApiKeyResponse).GetSecret(), nil
}
