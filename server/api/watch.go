package api

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/watch"
)

// WatchEvents tells what happens, until the caller has heard enough.
func (s history) WatchEvents(r *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	if err := check(r); err != nil {
		return err
	}
	ctx := stream.Context()
	return s.hub.Watch(ctx, watch.Request{
		WatchEventsRequest: r, Caller: auth.Caller(ctx), Connection: connection(ctx),
		Welcome: func() error { return auth.Again(ctx) }, Send: stream.Send,
	})
}

// connection names the connection that a call came by; empty for one from within the process.
func connection(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr.Network() == "tcp" {
		return p.Addr.String()
	}
	return ""
}
