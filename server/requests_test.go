package server_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// Every call that changes something can be asked again: over gRPC with its request_id, over REST with an Idempotency-Key.
// It is done once and answered alike; another request under the same id is refused.
func TestARepeatedRequestIsDoneOnce(t *testing.T) {
	stand := setStage(t, servertest.Options{})
	for i, rpc := range servertest.RPCs() {
		if !rpc.Writes() || rpc.Streams() {
			continue // the rows of a stream are repeated elsewhere
		}
		t.Run(string(rpc.Name()), func(t *testing.T) {
			s := stand
			switch rpc.Parent().Name() {
			case "AgreementService", "ProposalService", "ObligationService":
				s = setStage(t, servertest.Options{}) // several verbs want the same thing
			}
			req := s.readyFor(t, rpc)
			who, id := s.maker(rpc), fmt.Sprintf("Ask:%d.again_and-again", i)
			before := s.Written(t)
			bare := proto.Clone(req)
			set(req, "request_id", id)
			first := s.GRPC().Must(t, who, req)
			done := s.Written(t)
			if done == before+1 {
				t.Fatal("nothing was done")
			}
			set(first, "secret", "") // told once
			for name, again := range map[string]proto.Message{
				"gRPC": s.GRPC().Must(t, who, req), "gRPC by metadata": s.GRPC().Must(t, who.With("idempotency-key", id), bare),
				"REST": s.REST().Must(t, who, req), "REST by header": s.REST().Must(t, who.With("idempotency-key", `"`+id+`"`), bare),
			} {
				if !proto.Equal(first, again) {
					t.Errorf("over %s the second answer was\n%v\nand the first\n%v", name, again, first)
				}
			}
			set(req, "validate_only", true) // another request
			for _, face := range s.Faces() {
				_, refusal := face.Call(t, who, req)
				refused(t, face.Name(), refusal, "REQUEST_ID_REUSED")
				_, refusal = face.Call(t, who.With("idempotency-key", "another"), req)
				refused(t, face.Name()+" with two ids", refusal, "INVALID_FIELDS")
			}
			if after := s.Written(t); after != done+1 {
				t.Errorf("asking again wrote %d events", after-done-1)
			}
		})
	}
}

// readyFor is the ready request of one RPC.
func (s *stage) readyFor(t *testing.T, rpc servertest.RPC) proto.Message {
	t.Helper()
	for _, req := range s.ready(t) {
		if req.ProtoReflect().Descriptor() == rpc.Input() {
			return req
		}
	}
	t.Fatalf("no request stands ready for %s", rpc.Name())
	return nil
}

// A request_id is its caller's own: another caller may use the same.
func TestRequestIDsAreEachCallersOwn(t *testing.T) {
	s := setStage(t, servertest.Options{})
	other := s.Key(t, &pb.Principal{Role: operator})
	req := &pb.CreatePartyRequest{Party: &pb.Party{DisplayName: "One of two"}, RequestId: "the-same"}
	mine := s.GRPC().Must(t, s.operator, req).(*pb.Party)
	theirs := s.REST().Must(t, other, req).(*pb.Party)
	if mine.GetPartyId() == theirs.GetPartyId() {
		t.Errorf("two callers were given one party: %v", mine)
	}
}

// What changed since it was read is not changed unseen, whether the etag comes in a field or as If-Match.
func TestAStaleEtagIsRefused(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		bare, who := proto.Clone(ready), s.maker(rpc)
		ifMatch := who.With("if-match", "999999")
		if face.Name() == "REST" {
			ifMatch = who.With("if-match", `"999999"`)
		}
		if !set(ready, "etag", "999999") {
			if face.Name() == "REST" && rpc.Writes() {
				_, refusal := face.Call(t, ifMatch, bare)
				refused(t, "If-Match where it means nothing", refusal, "MALFORMED_REQUEST")
			}
			return
		}
		_, refusal := face.Call(t, who, ready)
		if refused(t, "in a field", refusal, "ETAG_MISMATCH") && refusal.Metadata["etag"] == "" {
			t.Error("does not tell the etag there is")
		}
		current := refusal.Metadata["etag"]
		_, refusal = face.Call(t, ifMatch, bare)
		refused(t, "as If-Match", refusal, "ETAG_MISMATCH")
		set(ready, "etag", current)
		_, refusal = face.Call(t, ifMatch, ready)
		if refused(t, "in both, differing", refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), []string{"etag"}) {
			t.Errorf("told of %v", refusal.Fields())
		}
		if face.Name() == "REST" {
			for _, odd := range []string{`W/"1"`, `"1", "2"`, "1", `""`, `"`} {
				_, refusal = face.Call(t, who.With("if-match", odd), bare)
				refused(t, "If-Match: "+odd, refusal, "MALFORMED_REQUEST")
			}
		}
		set(ready, "validate_only", true)
		if _, refusal = face.Call(t, who, ready); refusal != nil {
			t.Errorf("the etag there is: %v", refusal)
		}
	})
}

// isList says whether an RPC answers in pages.
func isList(rpc servertest.RPC) bool { return rpc.Input().Fields().ByName("page_token") != nil }

func TestPagesAreAskedForWithinBounds(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		if !isList(rpc) {
			return
		}
		who := s.maker(rpc)
		for _, size := range []int32{math.MaxInt32, 1001, 0} {
			set(ready, "page_size", size)
			if _, refusal := face.Call(t, who, ready); refusal != nil {
				t.Errorf("a page of %d: %v", size, refusal)
			}
		}
		for _, size := range []int32{-1, math.MinInt32} {
			set(ready, "page_size", size)
			_, refusal := face.Call(t, who, ready)
			refused(t, fmt.Sprintf("a page of %d", size), refusal, "INVALID_FIELDS")
		}
		set(ready, "page_size", int32(1))
		for _, token := range []string{"x", "!", "AAAA", "1", "../../etc/passwd", strings.Repeat("A", 1024), "\x00", "Grün"} {
			set(ready, "page_token", token)
			_, refusal := face.Call(t, who, ready)
			refused(t, fmt.Sprintf("token %.20q", token), refusal, "INVALID_PAGE_TOKEN")
		}
	})
}

// A page token fits the list it came from, with its filters and for its caller, over either face, and nothing else.
func TestAPageTokenFitsOnlyItsList(t *testing.T) {
	s := setStage(t, servertest.Options{})
	whos := map[string]servertest.Caller{"acme": s.acme, "globex": s.globex, "operator": s.operator}
	tokens := map[string]string{}
	lists := []proto.Message{
		&pb.ListPartiesRequest{}, &pb.ListAgreementsRequest{}, &pb.ListAgreementsRequest{Side: vendor},
		&pb.ListCommitmentsRequest{AgreementId: "running"}, &pb.ListCommitmentsRequest{AgreementId: "running", Obligor: client},
		&pb.ListObligationsRequest{AgreementId: "running"}, &pb.ListObligationsRequest{AgreementId: "running", DueFrom: "2026-01-06"},
		&pb.ListEventsRequest{AgreementId: "running"}, &pb.ListEventsRequest{AgreementId: "running", AfterVersion: 1}, &pb.ListEventsRequest{AgreementId: "asked"},
		&pb.ListApiKeysRequest{}, &pb.ListFeedsRequest{},
	}
	for i, list := range lists {
		for name, who := range whos {
			set(list, "page_size", int32(1))
			answer, refusal := s.GRPC().Call(t, who, list)
			if refusal != nil {
				continue // not for this role
			}
			m := answer.ProtoReflect()
			if token := m.Get(m.Descriptor().Fields().ByName("next_page_token")).String(); token != "" {
				tokens[fmt.Sprint(i, " of ", name)] = token
			}
		}
	}
	if len(tokens) < 20 {
		t.Fatalf("few lists have a second page: %v", tokens)
	}
	for i, list := range lists {
		for name, who := range whos {
			own := fmt.Sprint(i, " of ", name)
			if tokens[own] == "" {
				continue
			}
			for from, token := range tokens {
				set(list, "page_token", token)
				for _, face := range s.Faces() {
					_, refusal := face.Call(t, who, list)
					if from != own {
						refused(t, fmt.Sprintf("%s token %s in list %s", face.Name(), from, own), refusal, "INVALID_PAGE_TOKEN")
					} else if refusal != nil {
						t.Errorf("%s does not take its own token: %v", own, refusal)
					}
				}
			}
			// The seal holds whichever bit is turned.
			sealed, _ := base64.RawURLEncoding.DecodeString(tokens[own])
			for bit := i % 3; bit < len(sealed)*8 && name != "globex"; bit += 3 {
				forged := slices.Clone(sealed)
				forged[bit/8] ^= 1 << (bit % 8)
				set(list, "page_token", base64.RawURLEncoding.EncodeToString(forged))
				if _, refusal := s.GRPC().Call(t, who, list); refusal == nil || refusal.Reason != "INVALID_PAGE_TOKEN" {
					t.Fatalf("list %s took a token with bit %d turned: %v", own, bit, refusal)
				}
			}
			list.ProtoReflect().Clear(list.ProtoReflect().Descriptor().Fields().ByName("page_token"))
		}
	}
}

// One cannot tell an agreement of others, or a draft of the other side, from one that does not exist.
func TestForeignAndMissingAnswerAlike(t *testing.T) {
	s := setStage(t, servertest.Options{})
	strangers := map[string]servertest.Caller{"a stranger": s.initech, "a service of strangers": s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{initech}}),
		"an auditor of something else": s.Key(t, &pb.Principal{Role: auditor, AgreementIds: []string{"other"}})}
	before := s.Written(t)
	for _, req := range s.ready(t) {
		field := req.ProtoReflect().Descriptor().Fields().ByName("agreement_id")
		rpc := servertest.RPCOf(t, req)
		if field == nil || rpc.Name() == "CreateAgreement" || rpc.Name() == "ImportAgreements" {
			continue // these name what they make
		}
		foreign := req.ProtoReflect().Get(field).String()
		for name, who := range strangers {
			if !slices.Contains(rpc.Allow, roleOf(t, s, who)) {
				continue
			}
			alike(t, s, fmt.Sprintf("%s by %s", rpc.Name(), name), who, req, field, foreign)
		}
		if foreign == "draft" {
			alike(t, s, fmt.Sprintf("%s of the other side's draft", rpc.Name()), s.globex, req, field, foreign)
		}
	}
	party := &pb.GetPartyRequest{PartyId: hooli}
	alike(t, s, "GetParty", s.acme, party, party.ProtoReflect().Descriptor().Fields().ByName("party_id"), hooli)
	if after := s.Written(t); after != before+1 {
		t.Errorf("%d events were written", after-before-1)
	}
}

func roleOf(t *testing.T, s *stage, who servertest.Caller) pb.Role {
	t.Helper()
	return s.GRPC().Must(t, who, &pb.GetCallerRequest{}).(*pb.Principal).GetRole()
}

// alike compares the refusal for a foreign id with that for a missing one, to the byte.
func alike(t *testing.T, s *stage, what string, who servertest.Caller, req proto.Message, field protoreflect.FieldDescriptor, foreign string) {
	t.Helper()
	req = proto.Clone(req)
	missing := strings.Repeat("z", len(foreign))
	who = who.With("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	for _, face := range s.Faces() {
		if !face.Offers(servertest.RPCOf(t, req)) {
			continue
		}
		req.ProtoReflect().Set(field, protoreflect.ValueOfString(foreign))
		_, one := face.Call(t, who, req)
		req.ProtoReflect().Set(field, protoreflect.ValueOfString(missing))
		_, other := face.Call(t, who, req)
		if !refused(t, what+" over "+face.Name(), one, "NOT_FOUND") || !refused(t, what+" over "+face.Name(), other, "NOT_FOUND") {
			continue
		}
		if got := strings.ReplaceAll(string(one.Body), foreign, missing); got != string(other.Body) {
			t.Errorf("%s: foreign\n%s\nmissing\n%s", what, one.Body, other.Body)
		}
		one.Message = strings.ReplaceAll(one.Message, foreign, missing)
		for k, v := range one.Metadata {
			one.Metadata[k] = strings.ReplaceAll(v, foreign, missing)
		}
		one.Body, other.Body = nil, nil
		if !reflect.DeepEqual(one, other) {
			t.Errorf("%s: foreign\n%v\nmissing\n%v", what, one, other)
		}
	}
}
