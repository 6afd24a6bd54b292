package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// records is a service that keeps just enough for the bench: whose key it is, and where each obligation stands. An
// obligation comes up on the second time of asking, as with a clock that takes a moment.
type records struct {
	pb.UnimplementedPartyServiceServer
	pb.UnimplementedAdminServiceServer
	pb.UnimplementedAgreementServiceServer
	pb.UnimplementedProposalServiceServer
	pb.UnimplementedObligationServiceServer
	mu       sync.Mutex
	roles    map[string]pb.Role
	things   map[string]*pb.Obligation
	asked    map[string]int
	requests map[string]bool // ids of commands
	version  int
	revoked  int
	broken   atomic.Bool
}

func newRecords() *records {
	return &records{roles: map[string]pb.Role{"root": pb.Role_ROLE_OPERATOR}, things: map[string]*pb.Obligation{}, asked: map[string]int{}, requests: map[string]bool{}}
}

func refuse(code codes.Code, reason string) error {
	s, err := status.New(code, "no").WithDetails(&errdetails.ErrorInfo{Domain: client.Domain, Reason: reason})
	return errors.Join(err, s.Err())
}

func (r *records) role(ctx context.Context) pb.Role {
	headers, _ := metadata.FromIncomingContext(ctx)
	return r.roles[strings.TrimPrefix(strings.Join(headers.Get("authorization"), ""), "Bearer ")]
}

func (r *records) CreateParty(context.Context, *pb.CreatePartyRequest) (*pb.Party, error) {
	return nil, refuse(codes.AlreadyExists, "ALREADY_EXISTS")
}

func (r *records) CreateApiKey(_ context.Context, q *pb.CreateApiKeyRequest) (*pb.CreateApiKeyResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	secret := strconv.Itoa(len(r.roles))
	r.roles[secret] = q.GetApiKey().GetPrincipal().GetRole()
	return &pb.CreateApiKeyResponse{ApiKey: q.GetApiKey(), Secret: secret}, nil
}

func (r *records) RevokeApiKey(context.Context, *pb.RevokeApiKeyRequest) (*pb.ApiKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked++
	return &pb.ApiKey{}, nil
}

func (r *records) GetCaller(ctx context.Context, _ *pb.GetCallerRequest) (*pb.Principal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &pb.Principal{Role: r.role(ctx)}, nil
}

func (r *records) CreateAgreement(context.Context, *pb.CreateAgreementRequest) (*pb.Agreement, error) {
	return &pb.Agreement{}, nil
}

func (r *records) CreateProposal(context.Context, *pb.CreateProposalRequest) (*pb.Proposal, error) {
	return &pb.Proposal{State: pb.ProposalState_PROPOSAL_STATE_OPEN, Revision: 1}, nil
}

func (r *records) AcceptProposal(_ context.Context, q *pb.AcceptProposalRequest) (*pb.Proposal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.things[q.GetAgreementId()] = &pb.Obligation{AgreementId: q.GetAgreementId(), ObligationId: obligationID,
		State: pb.ObligationState_OBLIGATION_STATE_SCHEDULED, Etag: "1"}
	return &pb.Proposal{}, nil
}

func (r *records) GetObligation(_ context.Context, q *pb.GetObligationRequest) (*pb.Obligation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.things[q.GetAgreementId()]
	if !ok {
		return nil, refuse(codes.NotFound, "NOT_FOUND")
	}
	if r.asked[q.GetAgreementId()]++; r.asked[q.GetAgreementId()] == 2 {
		return r.move(q.GetAgreementId(), pb.ObligationState_OBLIGATION_STATE_DUE), nil
	}
	return o, nil
}

func (r *records) move(id string, to pb.ObligationState) *pb.Obligation {
	r.version++
	r.things[id] = &pb.Obligation{AgreementId: id, ObligationId: obligationID, State: to, Etag: strconv.Itoa(r.version + 10)}
	return r.things[id]
}

func (r *records) command(id, request string, from, to pb.ObligationState) (*pb.Obligation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken.Load() {
		return nil, status.Error(codes.Unavailable, "gone")
	}
	if _, err := uuid.FromString(request); err != nil || r.requests[request] {
		return nil, refuse(codes.FailedPrecondition, "REQUEST_ID_REUSED")
	}
	r.requests[request] = true
	if r.things[id].GetState() != from {
		return nil, refuse(codes.FailedPrecondition, "WRONG_STATE")
	}
	return r.move(id, to), nil
}

func (r *records) SubmitObligation(_ context.Context, q *pb.SubmitObligationRequest) (*pb.Obligation, error) {
	return r.command(q.GetAgreementId(), q.GetRequestId(), pb.ObligationState_OBLIGATION_STATE_DUE, pb.ObligationState_OBLIGATION_STATE_SUBMITTED)
}

func (r *records) ReturnObligation(_ context.Context, q *pb.ReturnObligationRequest) (*pb.Obligation, error) {
	return r.command(q.GetAgreementId(), q.GetRequestId(), pb.ObligationState_OBLIGATION_STATE_SUBMITTED, pb.ObligationState_OBLIGATION_STATE_DUE)
}

// serve starts the records and returns settings for a short run against them.
func serve(t *testing.T, r *records) Settings {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterPartyServiceServer(server, r)
	pb.RegisterAdminServiceServer(server, r)
	pb.RegisterAgreementServiceServer(server, r)
	pb.RegisterProposalServiceServer(server, r)
	pb.RegisterObligationServiceServer(server, r)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return Settings{
		Addr: lis.Addr().String(), Options: client.Options{Key: "root"}, Verb: Submit, Callers: 4, Connections: 2,
		Agreements: 10, Duration: 200 * time.Millisecond, FsyncDir: t.TempDir(),
	}
}

func TestAMeasuredRunAndItsProof(t *testing.T) {
	r := newRecords()
	s := serve(t, r)
	s.AckLog = filepath.Join(t.TempDir(), "acks")
	report, err := Run(t.Context(), s, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if report.Prepared != 10 || report.All.Calls < 10 || len(report.Calls) != 2 || len(report.Errors) != 0 || report.All.P99 == 0 || r.revoked != 2 {
		t.Errorf("%+v, %d keys revoked", report, r.revoked)
	}
	c, err := client.Dial(t.Context(), s.Addr, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	proof, err := Verify(t.Context(), c, s.AckLog)
	if err != nil || proof.Lost != 0 || proof.Acknowledged < report.All.Calls || proof.Obligations == 0 {
		t.Fatalf("%+v, %v", proof, err)
	}
	// A service that forgot one thing, and one that went back in time with another.
	var ids []string
	for id := range r.things {
		ids = append(ids, id)
	}
	delete(r.things, ids[0])
	r.things[ids[1]].Etag = "2"
	if proof, err = Verify(t.Context(), c, s.AckLog); err != nil || proof.Lost != 2 || len(proof.Missing) != 2 {
		t.Errorf("%+v, %v", proof, err)
	}
	if r.revoked != 4 || r.roles["4"] != pb.Role_ROLE_AUDITOR {
		t.Errorf("%d keys were revoked, and the last was %v", r.revoked, r.roles)
	}
}

func TestASecondRunUsesWhatTheFirstPrepared(t *testing.T) {
	s := serve(t, newRecords())
	s.Prefix, s.PrepareOnly = "again", true
	for _, want := range []int64{10, 0} {
		if report, err := Run(t.Context(), s, io.Discard); err != nil || report.Prepared != want || report.Seconds != 0 {
			t.Errorf("%+v, %v", report, err)
		}
	}
}

func TestFailuresAreCountedAndBounded(t *testing.T) {
	r := newRecords()
	s := serve(t, r)
	s.Prefix, s.PrepareOnly = "failing", true
	if _, err := Run(t.Context(), s, io.Discard); err != nil {
		t.Fatal(err)
	}
	r.broken.Store(true)
	s.PrepareOnly, s.MaxErrors, s.Duration = false, 3, time.Minute
	report, err := Run(t.Context(), s, io.Discard)
	if err != nil || report.All.Calls != 0 || report.Errors["UNAVAILABLE"] < 3 || report.Errors["UNAVAILABLE"] > 10 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestReadsByEitherFace(t *testing.T) {
	s := serve(t, newRecords())
	s.Verb = Get
	if report, err := Run(t.Context(), s, io.Discard); err != nil || report.All.Calls == 0 || report.Calls[0].Name != "get" {
		t.Errorf("%+v, %v", report, err)
	}
	s.Verb = Mixed
	if report, err := Run(t.Context(), s, io.Discard); err != nil || len(report.Calls) != 3 {
		t.Errorf("%+v, %v", report, err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !strings.HasSuffix(q.URL.Path, "/obligations/"+obligationID) || q.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer web.Close()
	s.Verb, s.HTTPAddr = RESTGet, web.URL
	if report, err := Run(t.Context(), s, io.Discard); err != nil || report.All.Calls == 0 || len(report.Errors) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// writer hears what is written.
type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

func TestAnInterruptedRunEndsWell(t *testing.T) {
	s := serve(t, newRecords())
	s.Duration = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := writer(func(text string) {
		if strings.Contains(text, "callers work") {
			time.AfterFunc(200*time.Millisecond, cancel)
		}
	})
	report, err := Run(ctx, s, said)
	if err != nil || report.Seconds > 30 || report.All.Calls == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestTheLogOfAcknowledgedCommands(t *testing.T) {
	acks, total, err := newest(strings.NewReader("a o-1 9 DUE\na o-1 10 SUBMITTED\na o-1 7 DUE\nb o-1 3 DUE\nb o-1 4 SUBM"))
	if err != nil || total != 4 || len(acks) != 2 || acks[[2]string{"a", "o-1"}].etag != "10" || acks[[2]string{"b", "o-1"}].etag != "3" {
		t.Errorf("%v, %d, %v", acks, total, err)
	}
	for _, broken := range []string{"a o-1 9\n", "a o-1 x DUE\n"} {
		if _, _, err := newest(strings.NewReader(broken)); err == nil {
			t.Errorf("%q was taken", broken)
		}
	}
}

func TestFiguresForPeople(t *testing.T) {
	r := &Report{Verb: Submit, Callers: 2, Connections: 1, Agreements: 2, Prefix: "p", Disk: Disk{Dir: "/data", Call: "fdatasync", P50: 160, P99: 2400}}
	one := newTally()
	for i := range 1000 {
		one.add(submittedIt, time.Duration(i+1)*time.Millisecond, nil)
	}
	one.add(returnedIt, 2*time.Second, nil)
	one.add(got, time.Second, status.Error(codes.Unavailable, "x"))
	one.add(got, time.Second, refuse(codes.FailedPrecondition, "WRONG_STATE"))
	r.count(10*time.Second, []*tally{one, newTally()})
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `2 agreements under the prefix p; 0 agreed in this run; ready after 0.0 s
a durable 4 KiB overwrite (fdatasync) in /data: p50 160 µs, p99 2.4 ms
submit: 2 callers on 1 connections, 10.0 s

    call  calls  per second       p50       p90       p99     max
  submit   1000         100  500.2 ms  900.1 ms  990.2 ms  1.00 s
  return      1           0    2.00 s    2.00 s    2.00 s  2.00 s
     all   1001         100  501.2 ms  901.1 ms  991.2 ms  2.00 s

errors
  1  UNAVAILABLE
  1  WRONG_STATE
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWorkIsSpreadAndTheFirstErrorEndsIt(t *testing.T) {
	var sum atomic.Int64
	if err := spread(t.Context(), 3, 100, func(_ context.Context, _, n int) error { sum.Add(int64(n)); return nil }); err != nil || sum.Load() != 4950 {
		t.Errorf("%d, %v", sum.Load(), err)
	}
	boom := errors.New("boom")
	var done atomic.Int64
	err := spread(t.Context(), 3, 100000, func(ctx context.Context, _, n int) error {
		if done.Add(1); n == 5 {
			return fmt.Errorf("at %d: %w", n, boom)
		}
		if n > 5 {
			<-ctx.Done() // whoever comes later waits for the error
		}
		return nil
	})
	if !errors.Is(err, boom) || done.Load() == 100000 {
		t.Errorf("%v after %d", err, done.Load())
	}
}

func TestSettingsSayEverythingThatIsWrong(t *testing.T) {
	err := Settings{Verb: "dance", Prefix: "Ä"}.Check()
	for _, word := range []string{"verb", "callers", "connections", "duration", "prefix"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s is not in: %v", word, err)
		}
	}
	if _, err := MeasureDisk(filepath.Join(os.TempDir(), "no", "such", "dir")); err == nil {
		t.Error("a directory that is not there was measured")
	}
}
