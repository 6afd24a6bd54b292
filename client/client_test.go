package client_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// call is what the service saw of one call.
type call struct {
	key, party, requestID string
	deadline              time.Duration
}

// desk is a service that only keeps parties. It turns callers away as often as it is told to.
type desk struct {
	pb.UnimplementedPartyServiceServer
	pb.UnimplementedAgreementServiceServer
	history pb.HistoryServiceServer // nil: none

	mu    sync.Mutex
	calls []call
	away  []error
	names []string
}

func (d *desk) note(ctx context.Context, requestID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	headers, _ := metadata.FromIncomingContext(ctx)
	until, _ := ctx.Deadline()
	one := func(name string) string { return fmt.Sprintf("%q", headers.Get(name)) }
	d.calls = append(d.calls, call{one("authorization"), one("concord-party"), requestID, time.Until(until)})
	if len(d.away) > 0 {
		err := d.away[0]
		d.away = d.away[1:]
		return err
	}
	return nil
}

func (d *desk) CreateParty(ctx context.Context, r *pb.CreatePartyRequest) (*pb.Party, error) {
	return r.GetParty(), d.note(ctx, r.GetRequestId())
}

func (d *desk) ListParties(ctx context.Context, r *pb.ListPartiesRequest) (*pb.ListPartiesResponse, error) {
	if err := d.note(ctx, ""); err != nil {
		return nil, err
	}
	if r.GetPageToken() == "loop" {
		return &pb.ListPartiesResponse{NextPageToken: "loop"}, nil
	}
	start := max(slices.Index(d.names, r.GetPageToken()), 0)
	page := &pb.ListPartiesResponse{}
	for i := start; i < min(start+2, len(d.names)); i++ {
		page.Parties = append(page.Parties, &pb.Party{PartyId: d.names[i]})
	}
	if start+2 < len(d.names) {
		page.NextPageToken = d.names[start+2]
	}
	return page, nil
}

// open starts the service on a loopback port and a client of it.
func open(t *testing.T, d *desk, o client.Options) *client.Client {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterPartyServiceServer(server, d)
	pb.RegisterAgreementServiceServer(server, d)
	if d.history != nil {
		pb.RegisterHistoryServiceServer(server, d.history)
	}
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	o.Wait = true
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, lis.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestACallSaysWhoCallsAndEndsInTime(t *testing.T) {
	d := &desk{}
	c := open(t, d, client.Options{Key: "k1", Party: "acme", Timeout: time.Minute})
	if _, err := c.Parties.ListParties(t.Context(), &pb.ListPartiesRequest{}); err != nil {
		t.Fatal(err)
	}
	other := client.WithParty(client.WithKey(t.Context(), "k2"), "globex")
	other, cancel := context.WithTimeout(other, 5*time.Second)
	defer cancel()
	if _, err := c.Parties.ListParties(other, &pb.ListPartiesRequest{}); err != nil {
		t.Fatal(err)
	}
	first, second := d.calls[0], d.calls[1]
	if first.key != `["Bearer k1"]` || first.party != `["acme"]` || first.deadline < 50*time.Second {
		t.Errorf("the first call said %+v", first)
	}
	if second.key != `["Bearer k2"]` || second.party != `["globex"]` || second.deadline > 5*time.Second {
		t.Errorf("the second call said %+v", second)
	}
}

// What a context says stands in for the Client's own, each by itself; what it says is nothing is not said.
func TestAContextSaysWhoCalls(t *testing.T) {
	d := &desk{}
	whole, bare := open(t, d, client.Options{Key: "k1", Party: "acme"}), open(t, d, client.Options{})
	key, party := client.WithKey(t.Context(), "k2"), client.WithParty(t.Context(), "globex")
	for _, tc := range []struct {
		c          *client.Client
		ctx        context.Context
		key, party string
	}{
		{whole, t.Context(), `["Bearer k1"]`, `["acme"]`},
		{whole, key, `["Bearer k2"]`, `["acme"]`},
		{whole, party, `["Bearer k1"]`, `["globex"]`},
		{whole, client.WithKey(client.WithKey(party, "k0"), "k2"), `["Bearer k2"]`, `["globex"]`},
		{whole, client.WithKey(t.Context(), ""), "[]", `["acme"]`},
		{whole, client.WithParty(key, ""), `["Bearer k2"]`, "[]"},
		{bare, t.Context(), "[]", "[]"},
		{bare, key, `["Bearer k2"]`, "[]"},
		{bare, client.WithParty(key, ""), `["Bearer k2"]`, "[]"},
		{bare, client.WithKey(party, "k2"), `["Bearer k2"]`, `["globex"]`},
		{bare, key, `["Bearer k2"]`, "[]"}, // calls leave the context as it was
	} {
		if _, err := tc.c.Parties.ListParties(tc.ctx, &pb.ListPartiesRequest{}); err != nil {
			t.Fatal(err)
		}
		if said := d.calls[len(d.calls)-1]; said.key != tc.key || said.party != tc.party {
			t.Errorf("key %s and party %s were said, not %s and %s", said.key, said.party, tc.key, tc.party)
		}
	}
}

func TestACommandIsRepeatedUnderTheSameID(t *testing.T) {
	d := &desk{away: []error{status.Error(codes.Unavailable, "full"), status.Error(codes.Unavailable, "full")}}
	c := open(t, d, client.Options{})
	request := &pb.CreatePartyRequest{Party: &pb.Party{DisplayName: "Acme"}}
	party, err := c.Parties.CreateParty(t.Context(), request)
	if err != nil || party.GetDisplayName() != "Acme" {
		t.Fatalf("CreateParty = %v, %v", party, err)
	}
	if len(d.calls) != 3 || d.calls[0].requestID == "" || d.calls[0].requestID != d.calls[2].requestID {
		t.Errorf("three calls with one id wanted, got %+v", d.calls)
	}
	if request.GetRequestId() != "" {
		t.Error("the caller's message was written to; sent again it would be taken for the same command")
	}
	if _, err := c.Parties.CreateParty(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if d.calls[3].requestID == d.calls[0].requestID {
		t.Error("a second command went under the id of the first")
	}
	request.RequestId = "mine"
	if _, err := c.Parties.CreateParty(t.Context(), request); err != nil || d.calls[4].requestID != "mine" {
		t.Errorf("the caller's own id was not kept: %+v, %v", d.calls[4], err)
	}
}

func TestRefusalsAndTheLastAttemptAreFinal(t *testing.T) {
	refused := status.Error(codes.FailedPrecondition, "no")
	d := &desk{away: []error{refused}}
	c := open(t, d, client.Options{Attempts: 2})
	if _, err := c.Parties.CreateParty(t.Context(), &pb.CreatePartyRequest{}); status.Code(err) != codes.FailedPrecondition || len(d.calls) != 1 {
		t.Errorf("after %d calls: %v", len(d.calls), err)
	}
	busy := status.Error(codes.Unavailable, "busy")
	d.calls, d.away = nil, []error{busy, busy, busy}
	if _, err := c.Parties.ListParties(t.Context(), &pb.ListPartiesRequest{}); status.Code(err) != codes.Unavailable || len(d.calls) != 2 {
		t.Errorf("after %d calls: %v", len(d.calls), err)
	}
	d.calls, d.away = nil, []error{busy, busy}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Parties.ListParties(ctx, &pb.ListPartiesRequest{}); status.Code(err) != codes.Unavailable || len(d.calls) != 1 {
		t.Errorf("with no time left, after %d calls: %v", len(d.calls), err)
	}
}

func TestPagesWalksAListToItsEnd(t *testing.T) {
	d := &desk{names: []string{"a", "b", "c", "d", "e"}}
	c := open(t, d, client.Options{})
	walk := func(request *pb.ListPartiesRequest, stop string) (got []string, failed error) {
		for party, err := range client.Pages(t.Context(), c.Parties.ListParties, request, (*pb.ListPartiesResponse).GetParties) {
			if err != nil {
				return got, err
			}
			if got = append(got, party.GetPartyId()); party.GetPartyId() == stop {
				break
			}
		}
		return got, nil
	}
	if got, err := walk(&pb.ListPartiesRequest{}, ""); err != nil || !slices.Equal(got, d.names) {
		t.Errorf("the whole list: %v, %v", got, err)
	}
	if got, err := walk(&pb.ListPartiesRequest{}, "b"); err != nil || len(got) != 2 || len(d.calls) != 4 {
		t.Errorf("a walk that stops early: %v, %v after %d calls", got, err, len(d.calls))
	}
	if got, err := walk(&pb.ListPartiesRequest{PageToken: "c"}, ""); err != nil || len(got) != 3 {
		t.Errorf("a walk from the middle: %v, %v", got, err)
	}
	if got, err := walk(&pb.ListPartiesRequest{PageToken: "loop"}, ""); err == nil {
		t.Errorf("a list without an end ended well: %v", got)
	}
	d.away = []error{status.Error(codes.PermissionDenied, "no")}
	if _, err := walk(&pb.ListPartiesRequest{}, ""); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a refused page: %v", err)
	}
}

func TestARefusalTellsWhy(t *testing.T) {
	s, err := status.New(codes.InvalidArgument, "two fields are wrong").WithDetails(
		&errdetails.ErrorInfo{Reason: "OTHER", Domain: "a-proxy"},
		&errdetails.ErrorInfo{Reason: "INVALID_FIELDS", Domain: client.Domain, Metadata: map[string]string{"limit": "20"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "party.display_name", Description: "is required", Reason: "REQUIRED"}, {Field: "party_id", Description: "is malformed"},
		}},
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: "WRONG_STATE", Subject: "o-1", Description: "is FULFILLED"},
		}})
	if err != nil {
		t.Fatal(err)
	}
	refusal := fmt.Errorf("create: %w", s.Err())
	if got := client.Reason(refusal); got != "INVALID_FIELDS" {
		t.Errorf("Reason = %q", got)
	}
	if got := client.Details(refusal)["limit"]; got != "20" {
		t.Errorf("Details = %q", got)
	}
	want := []client.Violation{
		{"party.display_name", "REQUIRED", "is required"}, {"party_id", "", "is malformed"}, {"o-1", "WRONG_STATE", "is FULFILLED"},
	}
	if got := client.Violations(refusal); !slices.Equal(got, want) {
		t.Errorf("Violations = %+v", got)
	}
	for _, err := range []error{nil, context.Canceled} {
		if client.Reason(err) != "" || client.Violations(err) != nil || client.Details(err) != nil {
			t.Errorf("%v is no refusal of the service", err)
		}
	}
}

func TestNothingLeavesThisMachineInTheClear(t *testing.T) {
	for addr, plain := range map[string]bool{
		"127.0.0.1:9400": true, "127.8.8.8:9400": true, "[::1]:9400": true, "localhost:9400": true, "dns:///localhost:9400": true,
		"unix:///run/concord.sock": true, "10.0.0.1:9400": false, "concord.example:443": false, "dns:///localhost.example:9400": false,
		"0.0.0.0:9400": false,
	} {
		if got := client.Plaintext(addr); got != plain {
			t.Errorf("in the clear to %s: %v", addr, got)
		}
	}
	if _, err := client.Dial(t.Context(), "127.0.0.1:1", client.Options{CAFile: "no-such-file"}); err == nil {
		t.Error("a missing CA file was taken")
	}
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Dial(t.Context(), "127.0.0.1:1", client.Options{CAFile: empty}); err == nil {
		t.Error("a CA file without certificates was taken")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := client.Dial(ctx, "127.0.0.1:1", client.Options{Wait: true}); err == nil {
		t.Error("Dial waited for nobody and was content")
	}
}
