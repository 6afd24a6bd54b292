package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// raw sends bytes as they are, as a program would that was not generated from the protos.
type raw struct{ encoding.CodecV2 }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (raw) Unmarshal(mem.BufferSlice, any) error { return nil }
func (raw) Name() string                         { return "proto" }

// sendRaw makes a gRPC call with bytes for a request.
func (s *stage) sendRaw(who servertest.Caller, method string, request []byte) *servertest.Refusal {
	ctx, cancel := context.WithTimeout(servertest.Outgoing(context.Background(), who), servertest.Patience)
	defer cancel()
	if err := s.Conn().Invoke(ctx, method, request, nil, grpc.ForceCodecV2(raw{}), grpc.MaxCallSendMsgSize(64<<20)); err != nil {
		return servertest.RefusalOf(err)
	}
	return nil
}

// What gRPC cannot decode it refuses itself, with a code of its own and without a reason, before anything of ours sees it.
// It must not get further than that.
func TestBytesThatAreNoRequestGetNowhere(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, _ proto.Message) {
		if face.Name() == "REST" {
			return
		}
		for name, bytes := range map[string][]byte{
			"cut off":        {0x0a, 0x7f, 'x'},
			"an end group":   {0x0c},
			"field number 0": {0x00, 0x01},
			"an endless tag": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		} {
			if s.sendRaw(s.maker(rpc), rpc.Path(), bytes) == nil {
				t.Errorf("%s was understood", name)
			}
		}
		if f := rpc.Input().Fields().ByNumber(1); f != nil && f.Message() == nil {
			latin1 := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "M\xfcnchen")
			if s.sendRaw(s.maker(rpc), rpc.Path(), latin1) == nil {
				t.Error("text that is not UTF-8 was taken")
			}
			number := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), 7)
			refused(t, "a number for a text", s.sendRaw(s.maker(rpc), rpc.Path(), number), "INVALID_FIELDS")
		}
	})
}

func TestTooLargeAMessageIsRefused(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, _ proto.Message) {
		if face.Name() == "REST" {
			return
		}
		large := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), strings.Repeat("x", 4<<20))
		// gRPC itself refuses it before anything of ours sees it, so it carries no reason.
		if refusal := s.sendRaw(s.maker(rpc), rpc.Path(), large); refusal == nil || refusal.Code != codes.ResourceExhausted {
			t.Errorf("%v", refusal)
		}
	})
}

func TestUnknownMethodsAreRefused(t *testing.T) {
	s := setStage(t, servertest.Options{})
	for _, method := range []string{"/concord.v1.PartyService/BurnParty", "/concord.v1.NoService/GetParty", "/concord.v2.PartyService/GetParty"} {
		for _, who := range []servertest.Caller{s.acme, {}} {
			// gRPC answers this itself, too.
			if refusal := s.sendRaw(who, method, nil); refusal == nil || refusal.Code != codes.Unimplemented {
				t.Errorf("%s: %v", method, refusal)
			}
		}
	}
}

// A request can be wrong in thousands of places, and what it says there can be long. The answer is short enough to reach
// its caller all the same, and says how much there is.
func TestManyViolationsMakeAShortAnswer(t *testing.T) {
	s := setStage(t, servertest.Options{})
	terms := text("Wrong everywhere")
	for i := range 2000 {
		terms.Commitments = append(terms.Commitments, &pb.CommitmentTerms{CommitmentId: fmt.Sprintf("UPPER-%d", i)})
	}
	counter := &pb.CounterProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 1, Terms: terms}
	rewrite := &pb.UpdateAgreementRequest{AgreementId: "draft", Agreement: &pb.Agreement{}, UpdateMask: mask(20_000)}
	shout := &pb.UpdateAgreementRequest{AgreementId: "draft", Agreement: &pb.Agreement{}, UpdateMask: mask(1)}
	shout.UpdateMask.Paths[0] = strings.Repeat("Ä", 1_000_000)
	for _, face := range s.Faces() {
		_, refusal := face.Call(t, s.acme, counter)
		if refused(t, face.Name(), refusal, "INVALID_FIELDS") && (len(refusal.Violations) != 100 || !strings.Contains(refusal.Message, "12000")) {
			t.Errorf("%s: %d violations, %q", face.Name(), len(refusal.Violations), refusal.Message)
		}
		if face.Name() == "REST" {
			continue // there a mask is part of the URL, which is never that long
		}
		_, refusal = face.Call(t, s.acme, rewrite)
		refused(t, face.Name(), refusal, "INVALID_FIELDS")
		_, refusal = face.Call(t, s.acme, shout)
		if refused(t, face.Name(), refusal, "INVALID_FIELDS") && len(refusal.Violations[0].Description) > 600 {
			t.Errorf("%s: a description of %d bytes", face.Name(), len(refusal.Violations[0].Description))
		}
	}
}
