package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// said is what people wrote on the stage about the agreement "running", and who they are.
var said = []string{"Paid.", "The line is down.", "The bank is closed.", "A holiday.", "No rent.", "Cash.", "Two banks.", "The bill", "bill.pdf", "The people of", "We met.", "First weeks"}

// reads is the answers to all that can be read of "running", and of parties and keys, over both faces.
func (s *stage) reads(t *testing.T) (all []string) {
	t.Helper()
	auditing := s.Key(t, &pb.Principal{Role: auditor})
	requests := []proto.Message{
		&pb.GetObligationRequest{AgreementId: "running", ObligationId: "rent-1"}, &pb.GetObligationRequest{AgreementId: "running", ObligationId: "mail-1"},
		&pb.GetObligationRequest{AgreementId: "running", ObligationId: "bill-1"}, &pb.ListObligationsRequest{AgreementId: "running"},
		&pb.GetPartyRequest{PartyId: acme}, &pb.GetApiKeyRequest{ApiKeyId: "key_operator"}, &pb.ListApiKeysRequest{},
	}
	for _, req := range append(s.ready(t), requests...) {
		rpc := servertest.RPCOf(t, req)
		if rpc.Writes() || rpc.Streams() {
			continue
		}
		for _, face := range s.Faces() {
			for _, who := range []servertest.Caller{s.operator, s.acme, s.globex, auditing} {
				if !face.Offers(rpc) {
					continue
				}
				if answer, _ := face.Call(t, who, req); answer != nil {
					all = append(all, fmt.Sprint(answer))
				}
			}
		}
	}
	calendar := s.GRPC().Must(t, s.acme, &pb.GetCalendarRequest{PartyId: acme})
	return append(all, fmt.Sprint(calendar))
}

// What an operator had erased nobody reads any more, on whatever way, also after a restart; and who erased, and why, all who
// see the history do.
func TestNobodyReadsWhatWasErased(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	g := s.GRPC()
	g.Must(t, s.globex, &pb.DisputeObligationRequest{
		AgreementId: "running", ObligationId: "bill-1", Ground: pb.DisputeGround_DISPUTE_GROUND_OTHER, Reason: "Paid.",
		Evidence: []*pb.Evidence{{Title: "The bill", Uri: "https://example.com/bill.pdf"}},
	})
	before := strings.Join(s.reads(t), "\n")
	for _, words := range said {
		if !strings.Contains(before, words) {
			t.Fatalf("nobody read %q before it was erased", words)
		}
	}
	erase := func(agreement string, count int) uint64 {
		t.Helper()
		order := &pb.ErasePrivateDataRequest{AgreementId: agreement, Basis: "Article 17, request 7"}
		for v := range count {
			order.Versions = append(order.Versions, uint64(v+1))
		}
		return s.REST().Must(t, s.operator, order).(*pb.ErasePrivateDataResponse).GetVersion()
	}
	newest := erase("running", len(g.Must(t, s.acme, &pb.ListEventsRequest{AgreementId: "running", PageSize: 1000}).(*pb.ListEventsResponse).GetEvents()))
	own := 0
	for refusal := (*servertest.Refusal)(nil); refusal == nil; own++ {
		_, refusal = g.Call(t, s.operator, &pb.ErasePrivateDataRequest{Versions: []uint64{uint64(own + 2)}, Basis: "x", ValidateOnly: true})
	}
	erase("", own)
	check := func() {
		t.Helper()
		for _, read := range s.reads(t) {
			if i := slices.IndexFunc(said, func(words string) bool { return strings.Contains(read, words) }); i >= 0 {
				t.Errorf("%q is read in %s", said[i], read)
			}
		}
		for _, face := range s.Faces() {
			page := face.Must(t, s.globex, &pb.ListEventsRequest{AgreementId: "running", AfterVersion: newest - 1}).(*pb.ListEventsResponse)
			if len(page.GetEvents()) != 1 || !strings.HasSuffix(page.GetEvents()[0].GetSummary(), "was erased: Article 17, request 7") {
				t.Errorf("over %s the history ends with %v", face.Name(), page)
			}
		}
	}
	check()
	s.Server = s.Restart(t)
	check()
	s.GRPC().Must(t, s.acme, &pb.ObjectObligationRequest{AgreementId: "running", ObligationId: "rent-1", Interest: "Too late."})
}

// Who is no operator erases nothing, and whoever orders must say what, and why.
func TestOrdersToEraseThatAreRefused(t *testing.T) {
	s := setStage(t, servertest.Options{})
	good := func() *pb.ErasePrivateDataRequest {
		return &pb.ErasePrivateDataRequest{AgreementId: "running", Versions: []uint64{1}, Basis: "x"}
	}
	for _, face := range s.Faces() {
		for _, who := range []servertest.Caller{s.acme, s.globex, s.Key(t, &pb.Principal{Role: auditor}), s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{acme}})} {
			_, refusal := face.Call(t, who, good())
			refused(t, face.Name(), refusal, "ROLE_NOT_ALLOWED")
		}
		for reason, change := range map[string][]func(*pb.ErasePrivateDataRequest){
			"NOT_FOUND": {func(r *pb.ErasePrivateDataRequest) { r.AgreementId = "missing" }},
			"INVALID_FIELDS": {
				func(r *pb.ErasePrivateDataRequest) { r.Versions = nil }, func(r *pb.ErasePrivateDataRequest) { r.Versions = []uint64{0} },
				func(r *pb.ErasePrivateDataRequest) { r.Versions = []uint64{1, 1 << 63} }, func(r *pb.ErasePrivateDataRequest) { r.Versions = make([]uint64, 1001) },
				func(r *pb.ErasePrivateDataRequest) { r.Basis = "" }, func(r *pb.ErasePrivateDataRequest) { r.Basis = " \n" },
				func(r *pb.ErasePrivateDataRequest) { r.Basis = strings.Repeat("x", 501) }, func(r *pb.ErasePrivateDataRequest) { r.AgreementId = "Running!" },
			},
		} {
			for i, spoil := range change {
				order := good()
				spoil(order)
				_, refusal := face.Call(t, s.operator, order)
				refused(t, fmt.Sprintf("%s: %s %d", face.Name(), reason, i), refusal, reason)
			}
		}
	}
	page := s.GRPC().Must(t, s.acme, &pb.ListEventsRequest{AgreementId: "running", PageSize: 1000}).(*pb.ListEventsResponse)
	for _, r := range page.GetEvents() {
		if r.GetErased() || r.GetEvent().GetPrivateDataErased() != nil {
			t.Errorf("something was erased: %v", r)
		}
	}
}
