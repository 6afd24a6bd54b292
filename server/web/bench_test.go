package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/web"
)

// bare answers as quickly as a service can.
type bare struct {
	pb.UnimplementedAgreementServiceServer
	pb.UnimplementedProposalServiceServer
	agreement *pb.Agreement
}

func (b bare) GetAgreement(context.Context, *pb.GetAgreementRequest) (*pb.Agreement, error) {
	return b.agreement, nil
}

func (b bare) CounterProposal(context.Context, *pb.CounterProposalRequest) (*pb.Proposal, error) {
	return &pb.Proposal{}, nil
}

// sink is a client's connection without its cost.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(b []byte) (int, error) { return len(b), nil }
func (s sink) WriteHeader(int)             {}

func drive(b *testing.B, h http.Handler, method, path, body string) {
	b.ReportAllocs()
	for b.Loop() {
		var r io.Reader
		if body != "" {
			r = strings.NewReader(body)
		}
		req, _ := http.NewRequest(method, path, r)
		req.Header = http.Header{"Authorization": {"Bearer cnc_0123456789abcdef0123456789abcdef"}, "Accept": {"application/json"}, "User-Agent": {"bench"},
			"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
		w := sink{http.Header{}}
		h.ServeHTTP(w, req)
	}
}

// BenchmarkREST is a call through this package beside its floors: the same RPC on the same channel, the
// generated gateway without the checks, and a plain net/http handler that answers the same JSON.
func BenchmarkREST(b *testing.B) {
	var channel inprocgrpc.Channel
	service := bare{agreement: anAgreement("a1")}
	pb.RegisterAgreementServiceServer(&channel, service)
	pb.RegisterProposalServiceServer(&channel, service)
	h, err := web.New(web.Config{Conn: &channel, OpenAPI: []byte("{}"), Ready: func() error { return nil }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("get/web", func(b *testing.B) { drive(b, h, "GET", "/v1/agreements/a1", "") })

	floor := runtime.NewServeMux()
	_ = pb.RegisterAgreementServiceHandlerClient(context.Background(), floor, pb.NewAgreementServiceClient(&channel))
	_ = pb.RegisterProposalServiceHandlerClient(context.Background(), floor, pb.NewProposalServiceClient(&channel))
	b.Run("get/gateway", func(b *testing.B) { drive(b, floor, "GET", "/v1/agreements/a1", "") })

	client := pb.NewAgreementServiceClient(&channel)
	b.Run("get/channel", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = client.GetAgreement(context.Background(), &pb.GetAgreementRequest{AgreementId: "a1"})
		}
	})

	plain := http.NewServeMux()
	plain.HandleFunc("GET /v1/agreements/{id}", func(w http.ResponseWriter, r *http.Request) {
		_ = r.PathValue("id")
		data, _ := protojson.Marshal(service.agreement)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
	})
	b.Run("get/net-http-protojson", func(b *testing.B) { drive(b, plain, "GET", "/v1/agreements/a1", "") })

	plain.HandleFunc("GET /v2/agreements/{id}", func(w http.ResponseWriter, r *http.Request) {
		_ = r.PathValue("id")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(proto.CloneOf(service.agreement))
	})
	b.Run("get/net-http-json", func(b *testing.B) { drive(b, plain, "GET", "/v2/agreements/a1", "") })

	body := `{"revision":3,"terms":{"title":"t","calendar":{"timeZone":"Europe/Lisbon"},"commitments":[` +
		strings.Repeat(`{"commitmentId":"c","title":"Deliver","obligor":"SIDE_VENDOR","weight":3,"oneOff":{"dueDate":"2026-01-01"}},`, 20) + `{}]}}`
	b.Run("post/web", func(b *testing.B) { drive(b, h, "POST", counter, body) })
	b.Run("post/gateway", func(b *testing.B) { drive(b, floor, "POST", counter, body) })
	b.Run("post/refused", func(b *testing.B) { drive(b, h, "POST", counter, strings.Replace(body, "obligor", "obligator", 3)) })
}

// BenchmarkRESTOverTCP is the same over a real connection each, with two callers per core.
func BenchmarkRESTOverTCP(b *testing.B) {
	service := bare{agreement: anAgreement("a1")}
	var channel inprocgrpc.Channel
	pb.RegisterAgreementServiceServer(&channel, service)
	h, err := web.New(web.Config{Conn: &channel, OpenAPI: []byte("{}"), Ready: func() error { return nil }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	plain := http.NewServeMux()
	plain.HandleFunc("GET /v1/agreements/{id}", func(w http.ResponseWriter, _ *http.Request) {
		data, _ := protojson.Marshal(service.agreement)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
	})
	for name, h := range map[string]http.Handler{"web": h, "net-http-protojson": plain} {
		b.Run(name, func(b *testing.B) { overTCP(b, h) })
	}
}

func overTCP(b *testing.B, h http.Handler) {
	s := httptest.NewServer(h)
	defer s.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	b.ReportAllocs()
	b.SetParallelism(2)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			req, _ := http.NewRequest("GET", s.URL+"/v1/agreements/a1", nil)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}
