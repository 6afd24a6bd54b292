package client

import (
	"context"
	"iter"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// DefaultWatchAttempts is how often in a row a watch is begun in vain before it is given up. With the pauses between them
	// that is about four minutes: longer than a service takes to be moved to another machine.
	DefaultWatchAttempts = 60
	// watchRetryMax bounds the pause between them, which grows like that between calls.
	watchRetryMax = 5 * time.Second
	// beginning is how many messages say that a watch has begun, and nothing more: where it stands, and that it has caught up.
	beginning = 2
)

// Watch yields what WatchEvents tells: events and bookmarks, from where the request says and until ctx ends or the caller
// breaks off. When the service stops, or was too far ahead, or the connection breaks, it goes on by itself after what was
// told last, so that no event is missed and none comes twice; bookmarks may come again. It is given up after
// Options.Attempts attempts in a row that came to nothing, DefaultWatchAttempts if that is 0. An error is yielded last: the
// position of the last message is the one to resume after.
func (c *Client) Watch(ctx context.Context, request *pb.WatchEventsRequest) iter.Seq2[*pb.WatchEventsResponse, error] {
	return func(yield func(*pb.WatchEventsResponse, error) bool) {
		request := proto.CloneOf(request)
		pauses := &backoff.ExponentialBackOff{
			InitialInterval: retryFirst, Multiplier: retryFactor, MaxInterval: watchRetryMax, RandomizationFactor: retryJitter,
		}
		pauses.Reset()
		for attempt := uint(1); ; attempt++ {
			told, wanted, err := c.watchOnce(ctx, request, yield)
			if !wanted {
				return
			}
			if told > beginning {
				attempt = 1
				pauses.Reset()
			}
			if ctx.Err() != nil || status.Code(err) != codes.Unavailable || attempt >= c.watching {
				yield(nil, err)
				return
			}
			pause := time.NewTimer(pauses.NextBackOff())
			select {
			case <-ctx.Done():
				pause.Stop()
				yield(nil, err) // what the service said tells more than that time ran out
				return
			case <-pause.C:
			}
		}
	}
}

// watchOnce watches until the stream ends, and moves the request on with what is told. It returns how many messages were
// told, whether more are wanted, and why there are no more.
func (c *Client) watchOnce(ctx context.Context, request *pb.WatchEventsRequest, yield func(*pb.WatchEventsResponse, error) bool) (told int, wanted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.History.WatchEvents(ctx, request)
	if err != nil {
		return 0, true, err
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return told, true, err
		}
		told++
		position := m.GetBookmark().GetPosition()
		if e := m.GetEvent(); e != nil {
			position = e.GetPosition()
		}
		request.AfterPosition = &position
		if !yield(m, nil) {
			return told, false, nil
		}
	}
}
