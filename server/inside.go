package server

import (
	"context"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// inside is the way to the RPCs from within the process, over which REST comes in: no port, no bytes, and the same
// interceptors as for any other call.
//
// A unary call is made right where its caller stands. Streams, and calls that are traced, take the channel beneath, which
// has a goroutine for each (decision 0006).
type inside struct {
	*inprocgrpc.Channel
	unary  grpc.UnaryServerInterceptor
	traced bool
	calls  map[string]insideCall // by full method name
}

// insideCall is a unary RPC with what implements its service.
type insideCall struct {
	service any
	method  grpc.MethodDesc
}

func newInside() *inside {
	return &inside{Channel: &inprocgrpc.Channel{}, calls: map[string]insideCall{}}
}

// RegisterService implements grpc.ServiceRegistrar.
func (c *inside) RegisterService(d *grpc.ServiceDesc, service any) {
	c.Channel.RegisterService(d, service)
	for _, m := range d.Methods {
		c.calls["/"+d.ServiceName+"/"+m.MethodName] = insideCall{service, m}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (c *inside) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call, ok := c.calls[method]
	if !ok || c.traced {
		return c.Channel.Invoke(ctx, method, args, reply, opts...)
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	ctx = metadata.NewIncomingContext(bareContext{ctx}, md)
	take := func(into any) error { return hand(into, args) }
	answer, err := call.method.Handler(call.service, ctx, take, c.unary)
	if err != nil {
		return err
	}
	return hand(reply, answer)
}

// hand copies a message: who called and who answers share nothing that either of them may change.
func hand(into, from any) error {
	to, ok := into.(proto.Message)
	message, also := from.(proto.Message)
	if !ok || !also {
		return status.Errorf(codes.Internal, "%T cannot be handed over as %T", from, into)
	}
	proto.Merge(to, message)
	return nil
}

// bareContext ends when its parent does and has none of its values: what the caller keeps in its context is its own.
type bareContext struct{ context.Context }

// Value implements context.Context.
func (bareContext) Value(any) any { return nil }
