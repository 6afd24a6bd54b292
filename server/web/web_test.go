package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/web"
)

// house stands in for the rest of the service: it answers the RPCs the tests need and remembers what
// it was called with.
type house struct {
	pb.UnimplementedAgreementServiceServer
	pb.UnimplementedObligationServiceServer
	pb.UnimplementedProposalServiceServer
	pb.UnimplementedPartyServiceServer
	pb.UnimplementedAdminServiceServer
	pb.UnimplementedCommitmentServiceServer
	pb.UnimplementedHistoryServiceServer
	pb.UnimplementedLogServiceServer

	mu       sync.Mutex
	request  proto.Message
	metadata metadata.MD
	deadline time.Time
	fail     error                 // what the next calls answer
	wait     func(context.Context) // what the next calls do first
}

func (h *house) enter(ctx context.Context, m proto.Message) error {
	h.mu.Lock()
	h.request = m
	h.metadata, _ = metadata.FromIncomingContext(ctx)
	h.deadline, _ = ctx.Deadline()
	fail, wait := h.fail, h.wait
	h.mu.Unlock()
	if wait != nil {
		wait(ctx)
		return ctx.Err()
	}
	return fail
}

func (h *house) last() (proto.Message, metadata.MD) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.request, h.metadata
}

func anAgreement(id string) *pb.Agreement {
	return &pb.Agreement{AgreementId: id, Title: "Cold chain", State: pb.AgreementState_AGREEMENT_STATE_ACTIVE,
		VendorPartyId: "polar", ClientPartyId: "harbour", CreateTime: timestamppb.New(time.Unix(1, 0)), Etag: "e1"}
}

func (h *house) GetAgreement(ctx context.Context, r *pb.GetAgreementRequest) (*pb.Agreement, error) {
	return anAgreement(r.GetAgreementId()), h.enter(ctx, r)
}

func (h *house) CreateAgreement(ctx context.Context, r *pb.CreateAgreementRequest) (*pb.Agreement, error) {
	return anAgreement("agr_1"), h.enter(ctx, r)
}

func (h *house) UpdateAgreement(ctx context.Context, r *pb.UpdateAgreementRequest) (*pb.Agreement, error) {
	return anAgreement(r.GetAgreementId()), h.enter(ctx, r)
}

func (h *house) ListAgreements(ctx context.Context, r *pb.ListAgreementsRequest) (*pb.ListAgreementsResponse, error) {
	return &pb.ListAgreementsResponse{}, h.enter(ctx, r)
}

func (h *house) GetRevision(ctx context.Context, r *pb.GetRevisionRequest) (*pb.Revision, error) {
	return &pb.Revision{}, h.enter(ctx, r)
}

func (h *house) GetObligation(ctx context.Context, r *pb.GetObligationRequest) (*pb.Obligation, error) {
	return &pb.Obligation{ObligationId: r.GetObligationId(), Etag: "o1", Overdue: true}, h.enter(ctx, r)
}

func (h *house) SubmitObligation(ctx context.Context, r *pb.SubmitObligationRequest) (*pb.Obligation, error) {
	return &pb.Obligation{}, h.enter(ctx, r)
}

func (h *house) AcknowledgeObligation(ctx context.Context, r *pb.AcknowledgeObligationRequest) (*pb.Obligation, error) {
	return &pb.Obligation{}, h.enter(ctx, r)
}

func (h *house) CreateProposal(ctx context.Context, r *pb.CreateProposalRequest) (*pb.Proposal, error) {
	return &pb.Proposal{ProposalId: "prp_1", Etag: "p1"}, h.enter(ctx, r)
}

func (h *house) CounterProposal(ctx context.Context, r *pb.CounterProposalRequest) (*pb.Proposal, error) {
	return &pb.Proposal{}, h.enter(ctx, r)
}

func (h *house) CreateApiKey(ctx context.Context, r *pb.CreateApiKeyRequest) (*pb.CreateApiKeyResponse, error) {
	return &pb.CreateApiKeyResponse{ApiKey: &pb.ApiKey{ApiKeyId: "key_1"}, Secret: "s"}, h.enter(ctx, r)
}

func (h *house) RevokeApiKey(ctx context.Context, r *pb.RevokeApiKeyRequest) (*pb.ApiKey, error) {
	return &pb.ApiKey{ApiKeyId: r.GetApiKeyId()}, h.enter(ctx, r)
}

func (h *house) ListEvents(ctx context.Context, r *pb.ListEventsRequest) (*pb.ListEventsResponse, error) {
	return &pb.ListEventsResponse{}, h.enter(ctx, r)
}

// open puts a house behind the handler under test, on a real port.
func open(t testing.TB, change ...func(*web.Config)) (*house, *httptest.Server) {
	t.Helper()
	h := &house{}
	s := httptest.NewServer(handler(t, h, change...))
	t.Cleanup(s.Close)
	return h, s
}

func handler(t testing.TB, h *house, change ...func(*web.Config)) http.Handler {
	t.Helper()
	var channel inprocgrpc.Channel
	pb.RegisterAgreementServiceServer(&channel, h)
	pb.RegisterObligationServiceServer(&channel, h)
	pb.RegisterProposalServiceServer(&channel, h)
	pb.RegisterPartyServiceServer(&channel, h)
	pb.RegisterAdminServiceServer(&channel, h)
	pb.RegisterCommitmentServiceServer(&channel, h)
	pb.RegisterHistoryServiceServer(&channel, h)
	pb.RegisterLogServiceServer(&channel, h)
	c := web.Config{Conn: &channel, OpenAPI: []byte(`{"openapi":"3.1.0"}`), Ready: func() error { return nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, f := range change {
		f(&c)
	}
	w, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// answer is what a client got.
type answer struct {
	*http.Response
	text string
}

// problem is what a problem holds, as a client reads it.
type problem struct {
	Type, Title, Detail, Reason, Domain, TraceID string
	Status                                       int
	Metadata                                     map[string]string
	Violations                                   []struct{ Field, Description string }
	Preconditions                                []struct{ Type, Subject, Description string }
}

func (a answer) problem(t testing.TB) problem {
	t.Helper()
	var p problem
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type %q of %d %s", got, a.StatusCode, a.text)
	}
	if err := json.Unmarshal([]byte(a.text), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != a.StatusCode || len(p.TraceID) != 32 || p.Domain != "concord" || p.Title == "" || !strings.HasPrefix(p.Type, "urn:concord:problem:") {
		t.Errorf("status %d and problem %+v", a.StatusCode, p)
	}
	return p
}

// fields are the fields a problem complains about.
func (p problem) fields() string {
	var names []string
	for _, v := range p.Violations {
		names = append(names, v.Field)
	}
	return strings.Join(names, " ")
}

// call sends a request; header holds names and values in turn. No redirect is followed.
func call(t testing.TB, s *httptest.Server, method, path, body string, header ...string) answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, s.URL, r)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = path // sent as it stands
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Content-Type" {
			req.Header.Del(header[i])
		}
		req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
	}
	resp, err := s.Client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(text)}
}
