package journal

import (
	"context"
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Review is a review that the caller may see, now or as of a time.
func (j *Journal) Review(ctx context.Context, caller rules.Caller, req *pb.GetReviewRequest) (*pb.Review, error) {
	ref := rules.Ref{Kind: rules.KindReview, Agreement: req.GetAgreementId(), ID: req.GetReviewId()}
	m, err := j.ReadAsOf(ctx, caller, ref, "review", req.GetAsOf())
	if err != nil {
		return nil, err
	}
	r, ok := m.(*pb.Review)
	if !ok {
		return nil, fmt.Errorf("journal: %+v is a %T", ref, m)
	}
	return r, j.Place(ctx, r)
}

// Reviews lists an agreement's reviews in the order they were opened.
func (j *Journal) Reviews(ctx context.Context, caller rules.Caller, req *pb.ListReviewsRequest) (*pb.ListReviewsResponse, error) {
	list := &pb.ListReviewsResponse{}
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listReviews), choices(req.GetState(), pb.ReviewState_name))}
	err := j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			r, size, err := listed[*pb.Review](ctx, s, rules.Ref{Kind: rules.KindReview, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindReview)})
			list.Reviews = append(list.Reviews, r)
			return size, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, j.Place(ctx, list.GetReviews()...)
}

// Place fills into reviews where in the log the events stand that froze their scorecards: each is the one behind the newest
// that is in its scorecard. Only the journal knows: the rules number events within their chain.
func (j *Journal) Place(ctx context.Context, reviews ...*pb.Review) error {
	return j.view(ctx, func(snap store.Snapshot) error {
		for _, r := range reviews {
			position, err := positionOf(snap, r.GetAgreementId(), r.GetScorecard().GetVersion()+1)
			if err != nil {
				return err
			}
			r.Position = position
		}
		return nil
	})
}
