// Package servertest runs a whole Concord for the length of a test: a real server on free loopback ports, with a store
// that goes when the test goes, and a clock that stands still until the test moves it. It hands out keys, and two faces
// by which the same call goes over gRPC or over REST. A server stops by itself when its test ends, and the test fails if
// it did not stop well.
package servertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
)

// Patience bounds every wait of a test, so that a fault is a failure and not a hang.
const Patience = 20 * time.Second

// Options say what differs from a server in memory whose clock stands at Morning.
type Options struct {
	// Dir keeps the data in this directory; empty: in memory.
	Dir string
	// Clock is the clock to go by; nil: a new one that stands at Morning.
	Clock *Clock
	// OperatorKey is the operator's secret, for a Dir that was used before.
	OperatorKey string
	// TLS is what clients speak TLS with, where Configure names a certificate; nil: they speak in the clear.
	TLS *tls.Config
	// Configure changes the configuration, if not nil.
	Configure func(*server.Config)
}

// Morning is when a clock stands at first: a Monday, nine o'clock.
var Morning = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// Server is a Concord that runs.
type Server struct {
	// Clock is the time it goes by.
	Clock *Clock
	// Operator is the operator of the first start.
	Operator Caller
	// GRPCAddr and HTTPAddr are where it listens.
	GRPCAddr, HTTPAddr string

	options Options
	built   *server.Server
	conn    *grpc.ClientConn
	http    *http.Client
	log     *logbook
	stop    context.CancelFunc
	ended   chan struct{}
	err     error // of Run; set once ended is closed

	bellOnce sync.Once
	bell     Caller
	rung     int
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Clock == nil {
		o.Clock = NewClock(Morning)
	}
	config := server.Default()
	config.GRPCAddr, config.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	config.Store, config.DataDir = server.StoreMemory, o.Dir
	if o.Dir != "" {
		config.Store = server.StoreBolt
	}
	config.Now = o.Clock.Now
	if o.Configure != nil {
		o.Configure(&config)
	}
	s := &Server{Clock: o.Clock, options: o, log: &logbook{}, ended: make(chan struct{})}
	built, err := server.New(t.Context(), config, s.log)
	if err != nil {
		t.Fatalf("build the server: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.built, s.stop = built, stop
	started := make(chan server.Started, 1)
	go func() {
		defer close(s.ended)
		s.err = built.Run(ctx, func(is server.Started) { started <- is })
	}()
	t.Cleanup(func() { s.close(t) })
	select {
	case is := <-started:
		s.connect(t, is)
	case <-s.ended:
		t.Fatalf("the server did not start: %v", s.err)
	case <-time.After(Patience):
		t.Fatal("the server took too long to start")
	}
	return s
}

func (s *Server) connect(t testing.TB, is server.Started) {
	t.Helper()
	s.GRPCAddr, s.HTTPAddr = is.GRPCAddr, is.HTTPAddr
	s.Operator = Caller{Key: s.options.OperatorKey}
	if is.FirstKey != "" {
		s.Operator.Key = is.FirstKey
	}
	creds := insecure.NewCredentials()
	if s.options.TLS != nil {
		creds = credentials.NewTLS(s.options.TLS)
	}
	conn, err := grpc.NewClient(is.GRPCAddr, grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	s.conn = conn
	s.http = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: s.options.TLS, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       Patience,
	}
}

// Stop ends the server as SIGTERM does, and waits until it has ended.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.stop()
	if err := s.Ended(t); err != nil {
		t.Errorf("the server did not end well: %v", err)
	}
}

// Begin lets the server begin to end, as SIGTERM does, without waiting for it.
func (s *Server) Begin() { s.stop() }

// Ended waits until the server has ended and returns what its Run returned.
func (s *Server) Ended(t testing.TB) error {
	t.Helper()
	select {
	case <-s.ended:
		return s.err
	case <-time.After(Patience):
		t.Fatal("the server does not end")
		return nil
	}
}

// Restart stops the server and starts another one on the same directory, with the same clock and operator.
func (s *Server) Restart(t testing.TB) *Server {
	t.Helper()
	s.close(t)
	o := s.options
	o.OperatorKey = s.Operator.Key
	return Start(t, o)
}

func (s *Server) close(t testing.TB) {
	s.stop()
	select {
	case <-s.ended:
	case <-time.After(Patience):
		t.Errorf("the server does not end")
		return
	}
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
		s.http.CloseIdleConnections()
		if s.err != nil {
			t.Errorf("the server did not end well: %v", s.err)
		}
	}
	if t.Failed() {
		t.Logf("what the server logged:\n%s", s.Log())
	}
}

// Conn is a connection to the gRPC face, without credentials of its own.
func (s *Server) Conn() *grpc.ClientConn { return s.conn }

// HTTP is a client for the REST face.
func (s *Server) HTTP() *http.Client { return s.http }

// URL is where a path of the REST face is.
func (s *Server) URL(path string) string {
	if s.options.TLS != nil {
		return "https://" + s.HTTPAddr + path
	}
	return "http://" + s.HTTPAddr + path
}

// Log is what the server logged so far.
func (s *Server) Log() string { return s.log.String() }

// logbook keeps what is logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Party registers a party.
func (s *Server) Party(t testing.TB, id string) {
	t.Helper()
	s.GRPC().Must(t, s.Operator, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: "The people of " + id}})
}

// Key hands out a key for a principal.
func (s *Server) Key(t testing.TB, p *pb.Principal) Caller {
	t.Helper()
	answer := s.GRPC().Must(t, s.Operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: fmt.Sprint(p.GetRole()), Principal: p}})
	return Caller{Key: answer.(*pb.CreateApiKeyResponse).GetSecret()}
}

// Member hands out a key for a member of a party.
func (s *Server) Member(t testing.TB, role pb.Role, party string) Caller {
	t.Helper()
	return s.Key(t, &pb.Principal{Role: role, PartyId: party})
}
