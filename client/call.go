package client

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/gofrs/uuid/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// DefaultAttempts is how often a call is made before "unavailable" is believed. With the pauses below that is about a
	// second and a half: longer than a service takes to start again, shorter than a caller's patience.
	DefaultAttempts = 6

	// The pause before the second attempt, and the factor and bound by which the pauses grow. Half of each is drawn at
	// random, so that callers who were turned away together do not come back together.
	retryFirst  = 50 * time.Millisecond
	retryFactor = 2
	retryMax    = 2 * time.Second
	retryJitter = 0.5

	// requestIDField is what a command's request calls the id that makes it safe to repeat.
	requestIDField = "request_id"
)

// deadline gives a call that has none a deadline. It is the outermost layer: all attempts share it.
func deadline(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, res any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if _, set := ctx.Deadline(); !set {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		return call(ctx, method, req, res, conn, opts...)
	}
}

// identify gives a command that has none a request_id. It must lie outside of again, so that all attempts carry the same.
func identify(ctx context.Context, method string, req, res any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	request, ok := req.(proto.Message)
	if !ok {
		return call(ctx, method, req, res, conn, opts...)
	}
	request, err := withRequestID(request)
	if err != nil {
		return err
	}
	return call(ctx, method, request, res, conn, opts...)
}

// withRequestID returns the request itself if it is a read or has an id, else a copy with a new one. It is a copy because
// the message is the caller's: sent a second time, it must be a second command and not an echo of the first.
func withRequestID(request proto.Message) (proto.Message, error) {
	from := request.ProtoReflect()
	field := from.Descriptor().Fields().ByName(requestIDField)
	if field == nil || from.Get(field).String() != "" {
		return request, nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make a request id: %w", err)
	}
	// Shallow: what lies beneath is only read from here on.
	to := from.New()
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(f, v)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	to.Set(field, protoreflect.ValueOfString(id.String()))
	return to.Interface(), nil
}

// again makes a call that found the service unavailable once more, up to a number of attempts and within the deadline.
func again(attempts uint) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, res any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := call(ctx, method, req, res, conn, opts...)
		if attempts == 1 || status.Code(err) != codes.Unavailable || !repeatable(method, req) {
			return err
		}
		pauses := &backoff.ExponentialBackOff{
			InitialInterval: retryFirst, Multiplier: retryFactor, MaxInterval: retryMax, RandomizationFactor: retryJitter,
		}
		pauses.Reset()
		for attempt := uint(1); attempt < attempts && status.Code(err) == codes.Unavailable; attempt++ {
			pause := time.NewTimer(pauses.NextBackOff())
			select {
			case <-ctx.Done():
				pause.Stop()
				// What the service said tells more than that time ran out while waiting.
				return err
			case <-pause.C:
			}
			err = call(ctx, method, req, res, conn, opts...)
		}
		return err
	}
}

// repeatable says whether making a call twice can do no harm: it only reads, or the service will know it again.
func repeatable(method string, req any) bool {
	if request, ok := req.(proto.Message); ok {
		message := request.ProtoReflect()
		if field := message.Descriptor().Fields().ByName(requestIDField); field != nil {
			return message.Get(field).String() != ""
		}
	}
	verb := path.Base(method)
	return strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List")
}
