package client_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// liar stands between a client and a real service, and twists its answers.
type liar struct {
	pb.UnimplementedHistoryServiceServer
	pb.UnimplementedLogServiceServer
	history pb.HistoryServiceClient
	log     pb.LogServiceClient
	twist   func(answer proto.Message)
}

// told asks the service as whoever asked the liar, and twists what it says.
func told[Req any, Res proto.Message](l *liar, ctx context.Context, ask func(context.Context, Req, ...grpc.CallOption) (Res, error), req Req) (Res, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	res, err := ask(metadata.NewOutgoingContext(ctx, metadata.MD{"authorization": headers.Get("authorization")}), req)
	if err == nil && l.twist != nil {
		l.twist(res)
	}
	return res, err
}

func (l *liar) ListEvents(ctx context.Context, r *pb.ListEventsRequest) (*pb.ListEventsResponse, error) {
	return told(l, ctx, l.history.ListEvents, r)
}

func (l *liar) GetInclusionProof(ctx context.Context, r *pb.GetInclusionProofRequest) (*pb.InclusionProof, error) {
	return told(l, ctx, l.log.GetInclusionProof, r)
}

func (l *liar) GetConsistencyProof(ctx context.Context, r *pb.GetConsistencyProofRequest) (*pb.ConsistencyProof, error) {
	return told(l, ctx, l.log.GetConsistencyProof, r)
}

// between puts a liar before a service, and says where.
func between(t *testing.T, s *servertest.Server) (*liar, string) {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{history: pb.NewHistoryServiceClient(s.Conn()), log: pb.NewLogServiceClient(s.Conn())}
	server := grpc.NewServer()
	pb.RegisterHistoryServiceServer(server, l)
	pb.RegisterLogServiceServer(server, l)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(port) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l, port.Addr().String()
}

// drafts has an agreement of some versions drafted, and says who may read it.
func drafts(t *testing.T, s *servertest.Server, id string, versions int) servertest.Caller {
	t.Helper()
	face := s.GRPC()
	if _, refusal := face.Call(t, s.Operator, &pb.GetPartyRequest{PartyId: "acme"}); refusal != nil {
		s.Party(t, "acme")
		s.Party(t, "globex")
	}
	vendor := s.Member(t, pb.Role_ROLE_SIGNATORY, "acme")
	face.Must(t, vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	for n := 2; n <= versions; n++ {
		edit(t, s, vendor, id, strings.Repeat("again ", n))
	}
	return vendor
}

func edit(t *testing.T, s *servertest.Server, vendor servertest.Caller, id, title string) {
	t.Helper()
	s.GRPC().Must(t, vendor, &pb.UpdateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{DraftTerms: &pb.Terms{Title: title}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms.title"}}})
}

// verifying is a client that checks what it reads, by the policy that the service tells.
func verifying(t *testing.T, s *servertest.Server, addr string, who servertest.Caller, file string) *client.Client {
	t.Helper()
	policy := s.GRPC().Must(t, who, &pb.GetLogPolicyRequest{}).(*pb.LogPolicy)
	c, err := client.Dial(t.Context(), addr, client.Options{Key: who.Key, Verify: &client.Verification{Policies: [][]byte{[]byte(policy.GetTexts()[0])}, File: file}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestVerifiedInPassing reads what is true, in several processes one after the other, page by page and from the midst.
func TestVerifiedInPassing(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	vendor := drafts(t, s, "help", 7)
	file := filepath.Join(t.TempDir(), "last")
	var before int64
	for _, addr := range []string{s.GRPCAddr, s.GRPCAddr} {
		c := verifying(t, s, addr, vendor, file)
		var versions []uint64
		for e, err := range client.Pages(t.Context(), c.History.ListEvents, &pb.ListEventsRequest{AgreementId: "help", PageSize: 3}, (*pb.ListEventsResponse).GetEvents) {
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, e.GetEvent().GetVersion())
		}
		if len(versions) != 7 || versions[6] != 7 {
			t.Errorf("versions %v were read", versions)
		}
		page, err := c.History.ListEvents(t.Context(), &pb.ListEventsRequest{AgreementId: "help", AfterVersion: 5})
		if err != nil || len(page.GetEvents()) != 2 {
			t.Errorf("%v %v", page, err)
		}
		if e, err := c.History.GetEvent(t.Context(), &pb.GetEventRequest{AgreementId: "help", Version: 3}); err != nil || e.GetEvent().GetVersion() != 3 {
			t.Errorf("one event: %v %v", e, err)
		}
		all, err := c.History.ListEvents(t.Context(), &pb.ListEventsRequest{PageSize: 1000})
		if err != nil || len(all.GetEvents()) < 7 {
			t.Errorf("all that a party sees: %d events, %v", len(all.GetEvents()), err)
		}
		auditor := client.WithKey(t.Context(), s.Key(t, &pb.Principal{Role: pb.Role_ROLE_AUDITOR}).Key)
		if all, err = c.History.ListEvents(auditor, &pb.ListEventsRequest{}); err != nil || len(all.GetEvents()) < 5 {
			t.Errorf("the service's own chain: %d events, %v", len(all.GetEvents()), err)
		}
		kept, err := os.Stat(file)
		if err != nil || kept.Size() < before {
			t.Errorf("the checkpoint is not remembered: %v", err)
		}
		before = kept.Size()
		edit(t, s, vendor, "other-"+drafted(t, s, vendor), "more")
		if page, err = c.History.ListEvents(t.Context(), &pb.ListEventsRequest{AgreementId: "help"}); err != nil || len(page.GetEvents()) != 7 {
			t.Errorf("after the log grew: %v %v", page, err)
		}
	}
}

// drafted drafts one more agreement and returns the end of its id.
func drafted(t *testing.T, s *servertest.Server, vendor servertest.Caller) string {
	t.Helper()
	end := strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(vendor.Key[len(vendor.Key)-6:]))
	if _, refusal := s.GRPC().Call(t, vendor, &pb.GetAgreementRequest{AgreementId: "other-" + end}); refusal != nil {
		s.GRPC().Must(t, vendor, &pb.CreateAgreementRequest{AgreementId: "other-" + end, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	}
	return end
}

// TestAStoreThatWasPutBackIsFound has an old copy of a store served again, by an operator who says that it is the newest one.
func TestAStoreThatWasPutBackIsFound(t *testing.T) {
	place := t.TempDir()
	dir, old, file := filepath.Join(place, "data"), filepath.Join(place, "old"), filepath.Join(place, "last")
	s := servertest.Start(t, servertest.Options{Dir: dir})
	vendor := drafts(t, s, "help", 2)
	s.Stop(t)
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	read := func(s *servertest.Server) error {
		_, err := verifying(t, s, s.GRPCAddr, vendor, file).History.ListEvents(t.Context(), &pb.ListEventsRequest{AgreementId: "help"})
		return err
	}
	s = s.Restart(t)
	for range 3 {
		edit(t, s, vendor, "help", "what was agreed with you")
	}
	if err := read(s); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(old)), os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = s.Restart(t)
	var lie *client.UntrueError
	if err := read(s); !errors.As(err, &lie) || !strings.Contains(lie.What, "has not so many now") {
		t.Errorf("an old copy is served, and the client says: %v", err)
	}
	for n := range 4 {
		edit(t, s, vendor, "help", strings.Repeat("what was never agreed ", n+1))
	}
	if err := read(s); !errors.As(err, &lie) || !strings.Contains(lie.What, "the history was rewritten") {
		t.Errorf("another history is told, and the client says: %v", err)
	}
}

// foreign is what the same service tells truly, of another agreement.
type foreign struct {
	events []*pb.RecordedEvent
	proof  string // of its version 5
}

// page is a lie about a page of five events.
func page(lie func(events []*pb.RecordedEvent, r *pb.ListEventsResponse, next foreign)) func(proto.Message, foreign) {
	return func(answer proto.Message, next foreign) {
		if r, ok := answer.(*pb.ListEventsResponse); ok {
			lie(r.GetEvents(), r, next)
		}
	}
}

func flip(b []byte) { b[len(b)/2] ^= 1 }

// lies is what a service, or whoever stands before it, could tell, and what the client says of it.
var lies = map[string]struct {
	twist func(answer proto.Message, next foreign)
	says  string
}{
	"a body is another":          {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { flip(e[2].Body) }), ""},
	"a salt is another":          {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { flip(e[2].Salt) }), "not the one that version 4 follows"},
	"the newest salt is another": {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { flip(e[4].Salt) }), "another salt"},
	"an entry hash is another":   {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { flip(e[1].EntryHash) }), "another entry hash"},
	"a text is another":          {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { flip(e[1].Private) }), "not those that were recorded"},
	"a text is kept back": {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) {
		e[1].Private, e[1].PrivateSalt = nil, nil
	}), "neither erased nor withheld"},
	"it is told otherwise": {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) {
		e[1].Event.GetDraftRewritten().Terms.Title = "Otherwise"
	}), "told otherwise"},
	"who did it is told otherwise": {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) {
		e[3].Event.Actor.PrincipalId = "somebody"
	}), "told otherwise"},
	"one is left out": {page(func(_ []*pb.RecordedEvent, r *pb.ListEventsResponse, next foreign) {
		r.Events = append(r.Events[:2], r.Events[3:]...)
	}), "version 3 of \"help\" is left out"},
	"the first is left out":          {page(func(_ []*pb.RecordedEvent, r *pb.ListEventsResponse, next foreign) { r.Events = r.Events[1:] }), "version 1 of \"help\" is left out"},
	"another agreement's are told":   {page(func(_ []*pb.RecordedEvent, r *pb.ListEventsResponse, next foreign) { r.Events = next.events }), "left out"},
	"one is of another agreement":    {page(func(_ []*pb.RecordedEvent, r *pb.ListEventsResponse, next foreign) { r.Events[4] = next.events[4] }), "left out"},
	"it stands elsewhere in the log": {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { e[4].Position++ }), "is proved to be version 5 at"},
	"they stand in another order":    {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { e[0].Position = e[1].Position }), "behind the one that follows it"},
	"a body is none":                 {page(func(e []*pb.RecordedEvent, _ *pb.ListEventsResponse, _ foreign) { e[0].Body = []byte{0xff} }), "is no event"},
	"the proof is another event's": {func(answer proto.Message, next foreign) {
		if p, ok := answer.(*pb.InclusionProof); ok {
			p.TlogProof = next.proof
		}
	}, "version 5"},
	"the proof has a bit changed": {func(answer proto.Message, next foreign) {
		if p, ok := answer.(*pb.InclusionProof); ok {
			p.TlogProof = strings.Replace(p.TlogProof, "\nindex ", "\nindex 1", 1)
		}
	}, "version 5"},
	"nobody has signed": {func(answer proto.Message, next foreign) {
		if p, ok := answer.(*pb.InclusionProof); ok {
			p.TlogProof = p.TlogProof[:strings.LastIndex(p.TlogProof, "— ")]
		}
	}, "version 5"},
	"the log did not grow from the one that was seen": {func(answer proto.Message, next foreign) {
		if p, ok := answer.(*pb.ConsistencyProof); ok {
			flip(p.Hashes[0])
		}
	}, "the history was rewritten"},
	"a proof of growth has no form": {func(answer proto.Message, next foreign) {
		if p, ok := answer.(*pb.ConsistencyProof); ok {
			p.Hashes[0] = p.Hashes[0][1:]
		}
	}, "hash of 31 bytes"},
}

// TestLiesAreFound has each lie told to a client that knows the log as it was a moment ago.
func TestLiesAreFound(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	vendor := drafts(t, s, "help", 5)
	drafts(t, s, "next", 5)
	l, addr := between(t, s)
	read := func(file string) error {
		page, err := verifying(t, s, addr, vendor, file).History.ListEvents(t.Context(), &pb.ListEventsRequest{AgreementId: "help"})
		if err != nil && len(page.GetEvents()) > 0 {
			t.Error("what is not borne out was returned")
		}
		return err
	}
	known := filepath.Join(t.TempDir(), "known")
	if err := read(known); err != nil {
		t.Fatal(err)
	}
	edit(t, s, vendor, "next", "the log grows")
	next := foreign{
		s.GRPC().Must(t, vendor, &pb.ListEventsRequest{AgreementId: "next"}).(*pb.ListEventsResponse).GetEvents(),
		s.GRPC().Must(t, vendor, &pb.GetInclusionProofRequest{AgreementId: "next", Version: 5}).(*pb.InclusionProof).GetTlogProof(),
	}
	servertest.Eventually(t, "the log's growth is signed", func() bool {
		return s.GRPC().Must(t, vendor, &pb.GetCheckpointRequest{}).(*pb.Checkpoint).GetSize() >= next.events[len(next.events)-1].GetPosition()
	})

	for name, c := range lies {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "last")
			before, err := os.ReadFile(known)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, before, 0o600); err != nil {
				t.Fatal(err)
			}
			l.twist = func(answer proto.Message) { c.twist(answer, next) }
			var lie *client.UntrueError
			if err := read(file); !errors.As(err, &lie) || !strings.Contains(lie.What, c.says) {
				t.Errorf("the client says: %v", err)
			}
		})
	}
}
