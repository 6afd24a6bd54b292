package api

import (
	"context"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
)

type scorecards struct {
	pb.UnsafeScorecardServiceServer
	j *journal.Journal
}

func (s scorecards) GetScorecard(ctx context.Context, r *pb.GetScorecardRequest) (*pb.Scorecard, error) {
	return s.j.Scorecard(ctx, auth.Caller(ctx), r)
}
