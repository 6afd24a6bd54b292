package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/api"
)

// answered is what a caller is told when a handler ends in a way, and what the log is told.
func answered(t *testing.T, handler grpc.UnaryHandler) (*status.Status, *errdetails.ErrorInfo, string) {
	t.Helper()
	var log bytes.Buffer
	r := api.Refusals{Log: slog.New(slog.NewTextHandler(&log, nil))}
	_, err := r.Unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/concord.v1.X/Y"}, handler)
	s := status.Convert(err)
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return s, info, log.String()
		}
	}
	return s, nil, log.String()
}

func failing(err error) grpc.UnaryHandler {
	return func(context.Context, any) (any, error) { return nil, err }
}

// Every reason has the code that the catalogue promises, and comes with its name and domain.
func TestReasonsHaveTheCodesOfTheCatalogue(t *testing.T) {
	source, err := os.ReadFile("../../proto/concord/v1/error.proto")
	if err != nil {
		t.Fatal(err)
	}
	for n, name := range pb.ErrorReason_name {
		if n == 0 {
			continue
		}
		before, _, ok := strings.Cut(string(source), "  "+name+" = ")
		if !ok {
			t.Fatalf("%s is not in error.proto", name)
		}
		before = before[strings.LastIndex(before, "ERROR_REASON_"):] // its comment
		s, info, log := answered(t, failing(fmt.Errorf("wrapped: %w", rules.Refuse(pb.ErrorReason(n), "No."))))
		if code := codeName(s.Code()); !strings.Contains(before, code+",") && !strings.Contains(before, code+" ") {
			t.Errorf("%s came as %s; the catalogue says:%s", name, code, before)
		}
		if info.GetDomain() != "concord" || "ERROR_REASON_"+info.GetReason() != name || s.Message() != "No." || log != "" {
			t.Errorf("%s: %v, log %q", name, s, log)
		}
	}
}

func codeName(c codes.Code) string {
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

func TestARefusalTellsAllItKnows(t *testing.T) {
	s, _, _ := answered(t, failing(&rules.Error{
		Reason: pb.ErrorReason_ERROR_REASON_WRONG_STATE, Message: "It is DUE.", Rule: "obligation accept", Subject: "agreements/a/obligations/o",
		Metadata: map[string]string{"state": "DUE"}, Violations: []rules.Violation{{Field: "a.b[0].c", Description: "is wrong"}},
	}))
	want := []proto.Message{
		&errdetails.ErrorInfo{Reason: "WRONG_STATE", Domain: "concord", Metadata: map[string]string{"state": "DUE"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "a.b[0].c", Description: "is wrong"}}},
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "obligation accept", Subject: "agreements/a/obligations/o", Description: "It is DUE."}}},
	}
	if len(s.Details()) != len(want) {
		t.Fatalf("%v", s.Details())
	}
	for i, d := range s.Details() {
		if !proto.Equal(d.(proto.Message), want[i]) {
			t.Errorf("detail %d is %v", i, d)
		}
	}
}

// Of a fault the caller learns that there was one, the log learns which; a panic is a fault, and not the end.
func TestAFaultIsToldToTheLogAlone(t *testing.T) {
	secret := errors.New("the password is swordfish")
	for name, handler := range map[string]grpc.UnaryHandler{
		"an error": failing(secret),
		"a panic":  func(context.Context, any) (any, error) { panic(secret) },
	} {
		s, info, log := answered(t, handler)
		if s.Code() != codes.Internal || info.GetReason() != "INTERNAL" || strings.Contains(s.String(), "swordfish") {
			t.Errorf("%s: the caller is told %v", name, s)
		}
		if !strings.Contains(log, "swordfish") || !strings.Contains(log, "/concord.v1.X/Y") {
			t.Errorf("%s: the log is told %q", name, log)
		}
	}
	var log bytes.Buffer
	r := api.Refusals{Log: slog.New(slog.NewTextHandler(&log, nil))}
	err := r.Stream(nil, stream{ctx: t.Context()}, &grpc.StreamServerInfo{FullMethod: "/concord.v1.X/Z"}, func(any, grpc.ServerStream) error { panic(secret) })
	if status.Code(err) != codes.Internal || !strings.Contains(log.String(), "swordfish") {
		t.Errorf("a stream: %v, %q", err, log.String())
	}
}

type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func TestTheEndOfACallIsNoFault(t *testing.T) {
	for err, code := range map[error]codes.Code{
		context.Canceled: codes.Canceled, context.DeadlineExceeded: codes.DeadlineExceeded,
	} {
		s, info, log := answered(t, failing(fmt.Errorf("read: %w", err)))
		if s.Code() != code || info.GetReason() != "CALL_ENDED" || log != "" {
			t.Errorf("%v: %v, log %q", err, s, log)
		}
	}
	s, info, log := answered(t, failing(status.Error(codes.ResourceExhausted, "too many pings")))
	if s.Code() != codes.ResourceExhausted || info != nil || log != "" {
		t.Errorf("what gRPC says itself: %v, log %q", s, log)
	}
	if s, _, _ := answered(t, failing(nil)); s.Code() != codes.OK {
		t.Errorf("%v", s)
	}
}
