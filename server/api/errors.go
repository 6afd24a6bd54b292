package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// Domain is the domain of every ErrorInfo.
const Domain = "concord"

// reasonCodes is the one table from the catalogue of refusals to gRPC codes.
var reasonCodes = map[pb.ErrorReason]codes.Code{
	pb.ErrorReason_ERROR_REASON_INVALID_FIELDS:        codes.InvalidArgument,
	pb.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN:    codes.InvalidArgument,
	pb.ErrorReason_ERROR_REASON_MALFORMED_REQUEST:     codes.InvalidArgument,
	pb.ErrorReason_ERROR_REASON_CREDENTIALS_MISSING:   codes.Unauthenticated,
	pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID:   codes.Unauthenticated,
	pb.ErrorReason_ERROR_REASON_ROLE_NOT_ALLOWED:      codes.PermissionDenied,
	pb.ErrorReason_ERROR_REASON_WRONG_SIDE:            codes.PermissionDenied,
	pb.ErrorReason_ERROR_REASON_ACTING_PARTY_REQUIRED: codes.InvalidArgument,
	pb.ErrorReason_ERROR_REASON_NOT_FOUND:             codes.NotFound,
	pb.ErrorReason_ERROR_REASON_ALREADY_EXISTS:        codes.AlreadyExists,
	pb.ErrorReason_ERROR_REASON_WRONG_STATE:           codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN:         codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_DIGEST_MISMATCH:       codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_ETAG_MISMATCH:         codes.Aborted,
	pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:     codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED:        codes.ResourceExhausted,
	pb.ErrorReason_ERROR_REASON_STORE_FULL:            codes.ResourceExhausted,
	pb.ErrorReason_ERROR_REASON_OVERLOADED:            codes.Unavailable,
	pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN:         codes.Unavailable,
	pb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN:       codes.Unavailable,
	pb.ErrorReason_ERROR_REASON_NOT_SUPPORTED:         codes.Unimplemented,
	pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD:        codes.Unimplemented,
	pb.ErrorReason_ERROR_REASON_CALL_ENDED:            codes.DeadlineExceeded,
	pb.ErrorReason_ERROR_REASON_INTERNAL:              codes.Internal,
	pb.ErrorReason_ERROR_REASON_RULE_REFUSED:          codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_TOO_EARLY:             codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_TOO_LATE:              codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_WRONG_KIND:            codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_CURE_PERIOD_RUNS:      codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_STALE_BASE:            codes.FailedPrecondition,
	pb.ErrorReason_ERROR_REASON_TOO_SLOW:              codes.Unavailable,
}

// Status makes any error a status with details. What is no refusal is a fault of ours: the caller learns that there was
// one, the log learns which.
func Status(ctx context.Context, log *slog.Logger, method string, err error) error {
	var refusal *rules.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
	case errors.Is(err, context.DeadlineExceeded):
		return plain(codes.DeadlineExceeded, pb.ErrorReason_ERROR_REASON_CALL_ENDED, "The call's deadline passed. If it was a change, ask again with the same request_id.")
	case errors.Is(err, context.Canceled):
		return plain(codes.Canceled, pb.ErrorReason_ERROR_REASON_CALL_ENDED, "The call was cancelled. If it was a change, ask again with the same request_id.")
	default:
		if _, ok := status.FromError(err); ok {
			return err // from gRPC itself, or made already
		}
		trace := metadata.ValueFromIncomingContext(ctx, "traceparent") // REST names the trace it told its caller, also where nothing is traced
		log.ErrorContext(ctx, "a call failed by a fault of the service", "method", method, "error", err, "traceparent", strings.Join(trace, ""))
		return plain(codes.Internal, pb.ErrorReason_ERROR_REASON_INTERNAL, "The service failed to answer. It is recorded; try again, with the same request_id.")
	}
	return refused(refusal)
}

func plain(code codes.Code, reason pb.ErrorReason, message string) error {
	return with(code, message, &errdetails.ErrorInfo{Reason: reasonWord(reason), Domain: Domain})
}

func refused(e *rules.Error) error {
	code, ok := reasonCodes[e.Reason]
	if !ok {
		code = codes.Internal
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reasonWord(e.Reason), Domain: Domain, Metadata: e.Metadata}}
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.Violations[:min(len(e.Violations), maxViolations)] {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: short(v.Description)})
		}
		details = append(details, bad)
	}
	if e.Rule != "" {
		details = append(details, &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: e.Rule, Subject: e.Subject, Description: e.Message},
		}})
	}
	return with(code, e.Message, details...)
}

// Bounds of a refusal's details. They travel in the trailers of a gRPC call, and many clients take little there.
const (
	// maxViolations is how many fields are listed; the message says how many there are.
	maxViolations = 100
	// maxDescription is how many bytes one of them takes: a description may quote what the caller wrote.
	maxDescription = 500
)

func short(description string) string {
	if len(description) <= maxDescription {
		return description
	}
	return strings.ToValidUTF8(description[:maxDescription], "") + "…"
}

func with(code codes.Code, message string, details ...protoadapt.MessageV1) error {
	s, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		return status.Error(code, message) // details that do not serialize are left out
	}
	return s.Err()
}

func reasonWord(r pb.ErrorReason) string { return strings.TrimPrefix(r.String(), "ERROR_REASON_") }

// Refusals is the outermost of our interceptors: every error leaves as a status with details.
type Refusals struct{ Log *slog.Logger }

// Unary is the interceptor for RPCs with one answer.
func (r Refusals) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	answer, err := func() (answer any, err error) {
		defer recovered(&err)
		return next(ctx, req)
	}()
	return answer, Status(ctx, r.Log, info.FullMethod, err)
}

// Stream is the interceptor for RPCs with many.
func (r Refusals) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	err := func() (err error) {
		defer recovered(&err)
		return next(srv, stream)
	}()
	return Status(stream.Context(), r.Log, info.FullMethod, err)
}

// recovered makes a panic of a handler a fault of one call, not of the process. It is to be deferred.
func recovered(err *error) {
	if fault := recover(); fault != nil {
		*err = fmt.Errorf("api: panic: %v\n%s", fault, debug.Stack())
	}
}
