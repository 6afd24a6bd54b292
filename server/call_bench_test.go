package server

import (
	"context"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
)

// BenchmarkCall is what a call costs between the network and its handler: all interceptors, and a handler that does nothing.
func BenchmarkCall(b *testing.B) {
	config := Default()
	config.Store, config.GRPCAddr, config.HTTPAddr = StoreMemory, "127.0.0.1:0", "127.0.0.1:0"
	s, err := New(b.Context(), config, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.journal.Run(ctx) }()
	defer func() { stop(); <-done }()
	if _, err := s.journal.Do(ctx, rules.Service(), &pb.CreatePartyRequest{PartyId: "vendor", Party: &pb.Party{DisplayName: "v"}}); err != nil {
		b.Fatal(err)
	}
	key, err := s.journal.Do(ctx, rules.Service(), &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{
		DisplayName: "v", Principal: &pb.Principal{Role: pb.Role_ROLE_SIGNATORY, PartyId: "vendor"},
	}})
	if err != nil {
		b.Fatal(err)
	}
	door := auth.New(s.journal)
	if err := door.Read(s.grpc.GetServiceInfo()); err != nil {
		b.Fatal(err)
	}
	unary, _ := s.interceptors(door)
	headers := metadata.Pairs(":authority", "127.0.0.1:9400", "content-type", "application/grpc", "user-agent", "bench", "grpc-accept-encoding", "gzip",
		"authorization", "Bearer "+key.(*pb.CreateApiKeyResponse).GetSecret())
	nothing := func(context.Context, any) (any, error) { return nil, nil }
	for name, req := range map[string]proto.Message{
		"GetObligation": &pb.GetObligationRequest{AgreementId: "bench-0190-0000001", ObligationId: "deliver-1"},
		"SubmitObligation": &pb.SubmitObligationRequest{
			AgreementId: "bench-0190-0000001", ObligationId: "deliver-1", Note: strings.Repeat("Delivered as agreed; see the report. ", 3),
			RequestId: "0190cafe-0000-7000-8000-000000000001", Evidence: []*pb.Evidence{{
				Title: "Delivery report", Uri: "https://files.example/reports/2026/delivery-report.pdf", MediaType: "application/pdf",
				Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			}},
		},
		"ReturnObligation": &pb.ReturnObligationRequest{
			AgreementId: "bench-0190-0000001", ObligationId: "deliver-1", Reason: strings.Repeat("The second page is missing; please add it. ", 3),
			RequestId: "0190cafe-0000-7000-8000-000000000001",
		},
	} {
		b.Run(name, func(b *testing.B) {
			call, cancel := context.WithTimeout(metadata.NewIncomingContext(ctx, headers), defaultDeadline)
			defer cancel()
			info := &grpc.UnaryServerInfo{FullMethod: "/concord.v1.ObligationService/" + name}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := unary(call, req, info, nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
