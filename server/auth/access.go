package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Read reads the access rule of every RPC of the services that a server serves, and fails if one has none.
func (d *Door) Read(services map[string]grpc.ServiceInfo) (err error) {
	d.access, err = rulesOf(services)
	return err
}

func rulesOf(services map[string]grpc.ServiceInfo) (map[string][]pb.Role, error) {
	access := map[string][]pb.Role{}
	for name := range services {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("auth: service %s: %w", name, err)
		}
		methods := found.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			m := methods.Get(i)
			full := "/" + name + "/" + string(m.Name())
			if Open(full) {
				continue
			}
			rule, _ := proto.GetExtension(m.Options(), pb.E_Access).(*pb.AccessRule)
			if len(rule.GetAllow()) == 0 {
				return nil, fmt.Errorf("auth: %s has no access rule: write option (concord.v1.access) beside it", full)
			}
			access[full] = rule.GetAllow()
		}
	}
	return access, nil
}

// Open says whether a method is open to callers without a key: the health check, and reflection, which tells no more
// than the published protos. It is the whole list, but for what an operator opens (see New).
func Open(method string) bool {
	return strings.HasPrefix(method, "/grpc.health.v1.Health/") ||
		strings.HasPrefix(method, "/grpc.reflection.v1.ServerReflection/") ||
		strings.HasPrefix(method, "/grpc.reflection.v1alpha.ServerReflection/")
}

// Unary guards RPCs with one answer.
func (d *Door) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := d.Enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// Stream guards RPCs with many.
func (d *Door) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := d.Enter(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	g := &guarded{stream, nil, d, info.FullMethod}
	g.ctx = context.WithValue(ctx, guardedKey{}, g)
	return next(srv, g)
}

type guardedKey struct{}

// Again says whether the caller of a stream is still welcome: its key may have been revoked since it began.
func Again(ctx context.Context) error {
	g, ok := ctx.Value(guardedKey{}).(*guarded)
	if !ok {
		return errors.New("auth: the call is no stream that came through the door")
	}
	_, err := g.door.Enter(g.ctx, g.method)
	return err
}

// guarded is a stream whose context knows the caller, and whose caller must still be welcome with every message.
type guarded struct {
	grpc.ServerStream
	ctx    context.Context
	door   *Door
	method string
}

// Context knows the caller.
func (g *guarded) Context() context.Context { return g.ctx }

// RecvMsg takes nothing more from a caller whose key was revoked since: a stream can last longer than a key.
func (g *guarded) RecvMsg(m any) error {
	if err := g.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	_, err := g.door.Enter(g.ctx, g.method)
	return err
}
