package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
)

// doReview has a command on a review decided. Its answer says, as reads do, where in the log the scorecard was frozen; one that
// was only checked has no place there.
func doReview(ctx context.Context, j *journal.Journal, command interface {
	proto.Message
	GetValidateOnly() bool
}) (*pb.Review, error) {
	r, err := do[*pb.Review](ctx, j, command)
	if _, opened := command.(*pb.OpenReviewRequest); err != nil || opened && command.GetValidateOnly() {
		return r, err
	}
	return r, j.Place(ctx, r)
}

func (s reviews) OpenReview(ctx context.Context, r *pb.OpenReviewRequest) (*pb.Review, error) {
	return doReview(ctx, s.j, r)
}

func (s reviews) UpdateReview(ctx context.Context, r *pb.UpdateReviewRequest) (*pb.Review, error) {
	return doReview(ctx, s.j, r)
}

func (s reviews) SignReview(ctx context.Context, r *pb.SignReviewRequest) (*pb.Review, error) {
	return doReview(ctx, s.j, r)
}

func (s reviews) WithdrawReview(ctx context.Context, r *pb.WithdrawReviewRequest) (*pb.Review, error) {
	return doReview(ctx, s.j, r)
}

func (s reviews) ProposeReviewAction(ctx context.Context, r *pb.ProposeReviewActionRequest) (*pb.Review, error) {
	return doReview(ctx, s.j, r)
}

func (s reviews) GetReview(ctx context.Context, r *pb.GetReviewRequest) (*pb.Review, error) {
	return s.j.Review(ctx, auth.Caller(ctx), r)
}

func (s reviews) ListReviews(ctx context.Context, r *pb.ListReviewsRequest) (*pb.ListReviewsResponse, error) {
	return s.j.Reviews(ctx, auth.Caller(ctx), r)
}
