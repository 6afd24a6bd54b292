package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

// halfWay is a REST call whose body the server waits for.
func halfWay(t *testing.T, s *servertest.Server, body string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.HTTPAddr, servertest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(servertest.Patience))
	fmt.Fprintf(conn, "POST /v1/parties?partyId=over-rest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", s.Operator.Key, len(body))
	line, err := bufio.NewReader(io.LimitReader(conn, 25)).ReadString('\n') // the handler asks for the body: it runs
	if err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q, %v", line, err)
	}
	return conn
}

// begun is a gRPC call whose request the server waits for.
func begun(t *testing.T, s *servertest.Server) grpc.ClientStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(servertest.Outgoing(context.Background(), s.Operator), servertest.Patience)
	t.Cleanup(cancel)
	stream, err := s.Conn().NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, pb.PartyService_CreateParty_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	s.GRPC().Must(t, s.Operator, &pb.GetCallerRequest{}) // on the same connection: what came before it has arrived
	return stream
}

func refusesNewcomers(s *servertest.Server) bool {
	for _, addr := range []string{s.GRPCAddr, s.HTTPAddr} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return false
		}
	}
	return true
}

// A server that is told to stop takes no more calls, lets those that run come to their end, and only then ends itself.
// What they were told is there afterwards.
func TestStoppingLetsCallsFinish(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Dir: t.TempDir()})
	body := `{"displayName":"Over REST"}`
	rest, stream := halfWay(t, s, body), begun(t, s)
	s.Begin()
	servertest.Eventually(t, "newcomers are refused", func() bool { return refusesNewcomers(s) })

	if _, err := io.WriteString(rest, body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(rest), nil)
	if err != nil {
		t.Fatalf("the REST call was cut off: %v", err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Errorf("the REST call came to %s", res.Status)
	}
	if err := stream.SendMsg(&pb.CreatePartyRequest{PartyId: "over-grpc", Party: &pb.Party{DisplayName: "Over gRPC"}}); err != nil {
		t.Error(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	made := &pb.Party{}
	if err := stream.RecvMsg(made); err != nil || made.GetPartyId() != "over-grpc" {
		t.Errorf("the gRPC call was cut off: %v, %v", made, err)
	}
	if err := s.Ended(t); err != nil {
		t.Errorf("Run returned %v", err)
	}
	s = s.Restart(t)
	for _, id := range []string{"over-rest", "over-grpc"} {
		s.GRPC().Must(t, s.Operator, &pb.GetPartyRequest{PartyId: id})
	}
}

// A call that does not end is cut off once its time is over; the end comes all the same, and is a good one.
func TestStoppingDoesNotWaitForEver(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Configure: func(c *server.Config) { c.ShutdownTimeout = 50 * time.Millisecond }})
	rest, stream := halfWay(t, s, "never sent"), begun(t, s)
	s.Stop(t)
	if err := stream.RecvMsg(&pb.Party{}); err == nil {
		t.Error("the gRPC call was answered")
	}
	if _, err := http.ReadResponse(bufio.NewReader(rest), nil); err == nil {
		t.Error("the REST call was answered")
	}
	if log := s.Log(); !strings.Contains(log, "gRPC calls were cut off") || !strings.Contains(log, "HTTP calls were cut off") {
		t.Errorf("nobody is told: %s", log)
	}
}

// Told to stop the moment it starts, before its ports are taken care of, a server ends as well as ever.
func TestStoppingAtOnceIsNoFault(t *testing.T) {
	for range 10 {
		config := server.Default()
		config.GRPCAddr, config.HTTPAddr, config.Store = "127.0.0.1:0", "127.0.0.1:0", server.StoreMemory
		s, err := server.New(t.Context(), config, &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Run(ctx, func(server.Started) { cancel() }); err != nil {
			t.Fatalf("Run returned %v", err)
		}
		cancel()
	}
	// And before it has begun at all.
	config := server.Default()
	config.GRPCAddr, config.HTTPAddr, config.Store = "127.0.0.1:0", "127.0.0.1:0", server.StoreMemory
	s, err := server.New(t.Context(), config, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ended, func(server.Started) {}); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// A server that is not ready says so, to probes of either face.
func TestProbesKnowWhetherItServes(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	for _, path := range []string{"/healthz", "/readyz"} {
		res, err := s.HTTP().Get(s.URL(path))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s is %s", path, res.Status)
		}
	}
}

// A full store answers writes with the reason of the catalogue, over both faces, and reads go on.
func TestAFullStore(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Dir: t.TempDir(), Configure: func(c *server.Config) { c.MaxStoreBytes = 1 << 20 }})
	s.Party(t, acme)
	s.Party(t, globex)
	who := s.Member(t, signatory, acme)
	terms := text("Large")
	for i := range 90 {
		c := oneOff(fmt.Sprintf("c%d", i), vendor, "2026-02-02")
		c.Description = strings.Repeat("x", 4000)
		terms.Commitments = append(terms.Commitments, c)
	}
	write := &pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex, DraftTerms: terms}}
	for range 100 {
		if _, refusal := s.GRPC().Call(t, who, write); refusal != nil {
			break
		}
	}
	for _, face := range s.Faces() {
		_, refusal := face.Call(t, who, write)
		refused(t, face.Name(), refusal, "STORE_FULL")
		face.Must(t, who, &pb.ListAgreementsRequest{})
	}
}

// A health watch would go on for ever: it ends when the server drains, and does not use up the patience of the others.
func TestStoppingEndsWatches(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	watch, err := healthpb.NewHealthClient(s.Conn()).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", first, err)
	}
	s.Begin()
	for err == nil { // NOT_SERVING may be told first
		_, err = watch.Recv()
	}
	if err := s.Ended(t); err != nil {
		t.Error(err)
	}
}
