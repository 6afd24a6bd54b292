package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// services is what a server says it serves.
func services(names ...string) map[string]grpc.ServiceInfo {
	all := map[string]grpc.ServiceInfo{}
	for _, name := range names {
		all[name] = grpc.ServiceInfo{}
	}
	return all
}

// house is a journal with a door to it.
type house struct {
	*auth.Door
	t *testing.T
	j *journal.Journal
}

var chief = rules.Caller{PrincipalID: "chief", Role: pb.Role_ROLE_OPERATOR}

func build(t *testing.T) *house {
	t.Helper()
	s, err := memory.Open(journal.Tables()...)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = s.Close()
	})
	h := &house{auth.New(j), t, j}
	if err := h.Read(services("concord.v1.PartyService", "concord.v1.AgreementService", "concord.v1.AdminService", "concord.v1.CalendarService", "grpc.health.v1.Health")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"acme", "globex"} {
		h.do(&pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	return h
}

func (h *house) do(cmd proto.Message) proto.Message {
	h.t.Helper()
	answer, err := h.j.Do(h.t.Context(), chief, cmd)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer
}

func (h *house) key(p *pb.Principal) (id, secret string) {
	h.t.Helper()
	made := h.do(&pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "k", Principal: p}}).(*pb.CreateApiKeyResponse)
	return made.GetApiKey().GetApiKeyId(), made.GetSecret()
}

// knock calls a method with metadata in pairs.
func (h *house) knock(method string, pairs ...string) (rules.Caller, string) {
	ctx, err := h.Enter(metadata.NewIncomingContext(h.t.Context(), metadata.Pairs(pairs...)), method)
	if err == nil {
		return auth.Caller(ctx), ""
	}
	var refusal *rules.Error
	if !errors.As(err, &refusal) {
		h.t.Fatal(err)
	}
	return rules.Caller{}, strings.TrimPrefix(refusal.Reason.String(), "ERROR_REASON_")
}

const read = "/concord.v1.AgreementService/GetAgreement"

func TestAKeySaysWhoCalls(t *testing.T) {
	h := build(t)
	id, secret := h.key(&pb.Principal{Role: pb.Role_ROLE_SERVICE, ServicePartyIds: []string{"acme", "globex"}})
	for range 2 { // the second time it is remembered
		c, refusal := h.knock(read, "authorization", "bEaReR "+secret, "concord-party", "globex")
		if refusal != "" || c.PrincipalID != id || c.Role != pb.Role_ROLE_SERVICE || c.PartyID != "globex" {
			t.Errorf("%+v %s", c, refusal)
		}
	}
	_, named := h.key(&pb.Principal{Role: pb.Role_ROLE_AUDITOR, AgreementIds: []string{"a", "b"}})
	if c, _ := h.knock(read, "authorization", "Bearer "+named); c.PartyID != "" || len(c.AgreementIDs) != 2 {
		t.Errorf("%+v", c)
	}
	if _, refusal := h.knock("/concord.v1.PartyService/CreateParty", "authorization", "Bearer "+secret); refusal != "ROLE_NOT_ALLOWED" {
		t.Error(refusal)
	}
	if _, refusal := h.knock("/concord.v1.PartyService/NoSuchCall", "authorization", "Bearer "+secret); refusal != "ROLE_NOT_ALLOWED" {
		t.Errorf("a method nobody wrote a rule for: %q", refusal)
	}
}

// What is remembered of a key holds until a party or a key changes; a revoked one is closed, and stays closed.
func TestARevokedKeyIsForgotten(t *testing.T) {
	h := build(t)
	id, secret := h.key(&pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: "acme"})
	_, other := h.key(&pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: "acme"})
	for range 2 {
		if _, refusal := h.knock(read, "authorization", "Bearer "+secret); refusal != "" {
			t.Fatal(refusal)
		}
	}
	h.do(&pb.RevokeApiKeyRequest{ApiKeyId: id})
	for range 2 {
		if _, refusal := h.knock(read, "authorization", "Bearer "+secret); refusal != "CREDENTIALS_INVALID" {
			t.Errorf("the revoked key: %q", refusal)
		}
		if _, refusal := h.knock(read, "authorization", "Bearer "+other); refusal != "" {
			t.Errorf("the other key: %q", refusal)
		}
	}
	fresh := auth.New(h.j)
	if err := fresh.Read(services("concord.v1.AgreementService")); err != nil {
		t.Fatal(err)
	}
	h.Door = fresh
	if _, refusal := h.knock(read, "authorization", "Bearer "+secret); refusal != "CREDENTIALS_INVALID" {
		t.Errorf("the revoked key at another door: %q", refusal)
	}
}

// In a URL only the secret of a calendar feed opens the door, also when the key is known to be good otherwise.
func TestOnlyAFeedStandsInAURL(t *testing.T) {
	h := build(t)
	const calendar = "/concord.v1.CalendarService/GetCalendar"
	_, key := h.key(&pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: "acme"})
	viewer := rules.Caller{PrincipalID: "v", Role: pb.Role_ROLE_VIEWER, PartyID: "acme"}
	made, err := h.j.Do(t.Context(), viewer, &pb.CreateFeedRequest{FeedId: "f", Feed: &pb.Feed{DisplayName: "f"}})
	if err != nil {
		t.Fatal(err)
	}
	secret := made.(*pb.CreateFeedResponse).GetSecret()
	for range 2 { // the second time they are remembered
		for _, c := range []struct{ credential, method, refusal string }{
			{"Feed " + secret, calendar, ""}, {"Bearer " + secret, calendar, ""}, {"Bearer " + key, calendar, ""},
			{"Feed " + key, calendar, "CREDENTIALS_INVALID"}, {"Feed " + secret + "x", calendar, "CREDENTIALS_INVALID"},
			{"Bearer " + secret, read, "ROLE_NOT_ALLOWED"}, {"Feed " + secret, read, "ROLE_NOT_ALLOWED"}, {"Basic " + secret, calendar, "CREDENTIALS_INVALID"},
		} {
			caller, refusal := h.knock(c.method, "authorization", c.credential)
			if refusal != c.refusal {
				t.Errorf("%.6s for %s: %q, wanted %q", c.credential, c.method, refusal, c.refusal)
			}
			if refusal == "" && caller.PartyID != "acme" {
				t.Errorf("%.6s: %+v", c.credential, caller)
			}
		}
	}
	if _, err := h.j.Do(t.Context(), viewer, &pb.RevokeFeedRequest{FeedId: "f"}); err != nil {
		t.Fatal(err)
	}
	if _, refusal := h.knock(calendar, "authorization", "Feed "+secret); refusal != "CREDENTIALS_INVALID" {
		t.Errorf("a revoked feed: %q", refusal)
	}
}

// A failing store is a fault of the service, and never a reason to let somebody in or to call a key bad.
func TestAStoreThatFailsLetsNobodyIn(t *testing.T) {
	h := build(t)
	_, secret := h.key(&pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: "acme"})
	ctx, gone := context.WithCancel(t.Context())
	gone()
	ctx, err := h.Enter(metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+secret)), read)
	if ctx != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", ctx, err)
	}
}

// Every RPC of the API has a rule, and a server with one that has none does not start.
func TestEveryRPCHasARule(t *testing.T) {
	var ours []string
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			ours = append(ours, string(f.Services().Get(i).FullName()))
		}
		return true
	})
	if err := auth.New(nil).Read(services(ours...)); err != nil || len(ours) < 7 {
		t.Errorf("%d services: %v", len(ours), err)
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("nobody/v1/nobody.proto"), Package: proto.String("nobody.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Nothing")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("NobodyService"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("AskNobody"), InputType: proto.String(".nobody.v1.Nothing"), OutputType: proto.String(".nobody.v1.Nothing")},
		}}},
	}
	built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	if err := protoregistry.GlobalFiles.RegisterFile(built); err != nil {
		t.Fatal(err)
	}
	err = auth.New(nil).Read(services(append(ours, "nobody.v1.NobodyService")...))
	if err == nil || !strings.Contains(err.Error(), "/nobody.v1.NobodyService/AskNobody") {
		t.Errorf("an RPC without a rule: %v", err)
	}
	if err := auth.New(nil).Read(services("nobody.v2.Unheard")); err == nil {
		t.Error("a service without a descriptor was taken")
	}
}

// What is open without a key is the health check and reflection, and nothing that only looks like them.
func TestWhatIsOpen(t *testing.T) {
	h := build(t)
	for method, open := range map[string]bool{
		"/grpc.health.v1.Health/Check": true, "/grpc.health.v1.Health/Watch": true,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": true, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": true,
		"/grpc.health.v1.Health": false, "/grpc.health.v1.HealthX/Check": false, "/concord.v1.AdminService/CreateApiKey": false,
		"grpc.health.v1.Health/Check": false, "//grpc.health.v1.Health/Check": false, "/concord.v1.AdminService/CreateApiKey/grpc.health.v1.Health/Check": false, "": false,
	} {
		if auth.Open(method) != open {
			t.Errorf("%q is open: %t", method, !open)
		}
		if _, refusal := h.knock(method); (refusal == "") != open {
			t.Errorf("%q without a key: %q", method, refusal)
		}
	}
}

// stream is a stream of which only the context matters.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func (s stream) RecvMsg(any) error { return nil }

func TestStreamsAreGuarded(t *testing.T) {
	h := build(t)
	id, secret := h.key(&pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: "acme"})
	in := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+secret))
	let := 0
	handler := func(_ any, s grpc.ServerStream) error {
		let++
		if auth.Caller(s.Context()).PartyID != "acme" || auth.Principal(s.Context()).GetRole() != pb.Role_ROLE_VIEWER {
			t.Error("the stream does not know its caller")
		}
		return nil
	}
	info := &grpc.StreamServerInfo{FullMethod: read}
	if err := h.Stream(nil, stream{ctx: in}, info, handler); err != nil {
		t.Error(err)
	}
	err := h.Stream(nil, stream{ctx: in}, info, func(_ any, s grpc.ServerStream) error {
		if err := s.RecvMsg(nil); err != nil {
			t.Errorf("a message of a caller who is welcome: %v", err)
		}
		h.do(&pb.RevokeApiKeyRequest{ApiKeyId: id})
		return s.RecvMsg(nil)
	})
	var refusal *rules.Error
	if !errors.As(err, &refusal) || refusal.Reason != pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID {
		t.Errorf("a message after the key was revoked: %v", err)
	}
	if err := h.Stream(nil, stream{ctx: t.Context()}, info, handler); err == nil || let != 1 {
		t.Errorf("without a key: %v, %d let in", err, let)
	}
}
