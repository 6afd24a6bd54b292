package client_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// gallery is a service that only tells positions 1 to 9, as many at a time as its turns say, and then ends the stream
// with the error of that turn.
type gallery struct {
	pb.UnimplementedHistoryServiceServer
	turns []turn
	asked []string // after which position, turn by turn
}

type turn struct {
	events int
	ends   error
}

func (g *gallery) WatchEvents(r *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	g.asked = append(g.asked, fmt.Sprint(r.AfterPosition != nil, r.GetAfterPosition(), r.GetKinds()))
	headers, _ := metadata.FromIncomingContext(stream.Context())
	if fmt.Sprint(headers.Get("authorization")) != "[Bearer k]" {
		return status.Error(codes.Unauthenticated, "no key")
	}
	now := g.turns[0]
	g.turns = g.turns[1:]
	at := r.GetAfterPosition()
	if now.events >= 0 {
		if err := stream.Send(bookmark(at)); err != nil {
			return err
		}
	}
	for range now.events {
		at++
		if err := stream.Send(&pb.WatchEventsResponse{Told: &pb.WatchEventsResponse_Event{Event: &pb.RecordedEvent{Position: at}}}); err != nil {
			return err
		}
	}
	if now.events > 0 {
		if err := stream.Send(bookmark(at)); err != nil {
			return err
		}
	}
	return now.ends
}

func bookmark(at uint64) *pb.WatchEventsResponse {
	return &pb.WatchEventsResponse{Told: &pb.WatchEventsResponse_Bookmark{Bookmark: &pb.WatchBookmark{Position: at}}}
}

func TestAWatchGoesOnWhereItWas(t *testing.T) {
	away := status.Error(codes.Unavailable, "restarting")
	for name, c := range map[string]struct {
		turns []turn
		limit int // break off after so many events; 0: never
		told  []uint64
		asked []string
		ends  codes.Code
	}{
		"it is told without a break": {
			[]turn{{3, status.Error(codes.Unauthenticated, "revoked")}}, 0, []uint64{1, 2, 3}, []string{"false 0 [k]"}, codes.Unauthenticated,
		},
		"a restart, and another that nothing happened before": {
			[]turn{{2, away}, {0, away}, {2, status.Error(codes.NotFound, "")}}, 0, []uint64{1, 2, 3, 4},
			[]string{"false 0 [k]", "true 2 [k]", "true 2 [k]"}, codes.NotFound,
		},
		"nobody answers any more": {
			[]turn{{1, away}, {-1, away}, {-1, away}, {-1, away}}, 0, []uint64{1}, []string{"false 0 [k]", "true 1 [k]", "true 1 [k]"}, codes.Unavailable,
		},
		"it only ever begins": {
			[]turn{{0, away}, {0, away}, {0, away}, {0, away}}, 0, nil, []string{"false 0 [k]", "true 0 [k]", "true 0 [k]"}, codes.Unavailable,
		},
		"what comes to something counts anew": {
			[]turn{{-1, away}, {-1, away}, {1, away}, {-1, away}, {-1, away}}, 0, []uint64{1},
			[]string{"false 0 [k]", "false 0 [k]", "false 0 [k]", "true 1 [k]", "true 1 [k]"}, codes.Unavailable,
		},
		"the caller has heard enough": {
			[]turn{{9, away}, {9, away}}, 2, []uint64{1, 2}, []string{"false 0 [k]"}, codes.OK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gallery{turns: c.turns}
			conn := openGallery(t, g)
			request := &pb.WatchEventsRequest{Kinds: []string{"k"}}
			before := proto.CloneOf(request)
			var told []uint64
			var failed error
			for m, err := range conn.Watch(t.Context(), request) {
				failed = err
				if e := m.GetEvent(); e != nil {
					if told = append(told, e.GetPosition()); len(told) == c.limit {
						break
					}
				}
			}
			if !slices.Equal(told, c.told) || !slices.Equal(g.asked, c.asked) || status.Code(failed) != c.ends {
				t.Errorf("told %v after asking %q, and in the end %v", told, g.asked, failed)
			}
			if !proto.Equal(request, before) {
				t.Errorf("the caller's request became %v", request)
			}
		})
	}
}

// A watch that waits to go on ends with its context, and says what the service said last.
func TestAWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g := &gallery{turns: []turn{{1, status.Error(codes.Unavailable, "restarting")}}}
	var failed error
	for m, err := range openGallery(t, g).Watch(ctx, &pb.WatchEventsRequest{}) {
		failed = err
		if m.GetBookmark().GetPosition() == 1 {
			cancel()
		}
	}
	if failed == nil || len(g.asked) != 1 {
		t.Errorf("%v after %q", failed, g.asked)
	}
}

// openGallery starts the service and a client that tries three times.
func openGallery(t *testing.T, g *gallery) *client.Client {
	t.Helper()
	return open(t, &desk{history: g}, client.Options{Key: "k", Attempts: 3})
}
