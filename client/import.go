package client

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// importRows is how many rows one call of an import sends. The service says of every call what became of it, so this is
	// how much is not known when a connection breaks; and as many refusals as that are listed by name.
	importRows = 1000
	// importBytes ends a call early, because its rows are held until it is answered.
	importBytes = 8 << 20
)

// Import sends rows to ImportAgreements, some at a time, and yields what became of them: one answer for every so many rows,
// in their order, each with all its errors. A call that finds the service unavailable is made again, as often as
// Options.Attempts says: a row that was done is not done twice. An error is yielded last; the rows of the answers before it
// are settled, and those behind them may or may not be done.
func (c *Client) Import(ctx context.Context, rows iter.Seq2[*pb.ImportAgreementRequest, error]) iter.Seq2[*pb.ImportAgreementsResponse, error] {
	return func(yield func(*pb.ImportAgreementsResponse, error) bool) {
		var held []*pb.ImportAgreementRequest
		size := 0
		send := func() bool {
			answer, err := c.importAgain(ctx, held)
			held, size = held[:0], 0
			return yield(answer, err) && err == nil
		}
		for row, err := range rows {
			if err != nil {
				if len(held) == 0 || send() {
					yield(nil, err)
				}
				return
			}
			held, size = append(held, row), size+proto.Size(row)
			if (len(held) == importRows || size >= importBytes) && !send() {
				return
			}
		}
		if len(held) > 0 {
			send()
		}
	}
}

// importAgain sends rows until the service is there to take them.
func (c *Client) importAgain(ctx context.Context, rows []*pb.ImportAgreementRequest) (*pb.ImportAgreementsResponse, error) {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: retryFirst, Multiplier: retryFactor, MaxInterval: retryMax, RandomizationFactor: retryJitter,
	}
	return backoff.Retry(ctx, func() (*pb.ImportAgreementsResponse, error) {
		answer, err := c.importOnce(ctx, rows)
		if err != nil && status.Code(err) != codes.Unavailable {
			return nil, backoff.Permanent(err)
		}
		return answer, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(c.attempts))
}

func (c *Client) importOnce(ctx context.Context, rows []*pb.ImportAgreementRequest) (*pb.ImportAgreementsResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Agreements.ImportAgreements(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := stream.Send(row); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		} else if err != nil {
			break // it has ended already, and says why below
		}
	}
	return stream.CloseAndRecv()
}
