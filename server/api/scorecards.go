package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/concordhq/concord/client/scorecard"
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

func (s scorecards) GetScorecardPicture(ctx context.Context, r *pb.GetScorecardPictureRequest) (*pb.GetScorecardPictureResponse, error) {
	card, err := s.j.Scorecard(ctx, auth.Caller(ctx), &pb.GetScorecardRequest{AgreementId: r.GetAgreementId(), FromDate: r.GetFromDate(), ToDate: r.GetToDate(), AsOf: r.GetAsOf()})
	if err != nil {
		return nil, err
	}
	if r.GetAsOf() == nil {
		card.AsOf = nil // else no two pictures would be the same
	}
	svg := scorecard.Of(card).SVG()
	sum := sha256.Sum256(svg)
	return &pb.GetScorecardPictureResponse{Svg: svg, Etag: hex.EncodeToString(sum[:16])}, nil
}

func (s scorecards) GetOutlook(ctx context.Context, r *pb.GetOutlookRequest) (*pb.Outlook, error) {
	return s.j.Outlook(ctx, auth.Caller(ctx), r)
}

func (s scorecards) ExplainFigure(ctx context.Context, r *pb.ExplainFigureRequest) (*pb.ExplainFigureResponse, error) {
	return s.j.ExplainFigure(ctx, auth.Caller(ctx), r)
}

func (s scorecards) GetPartyScorecard(ctx context.Context, r *pb.GetPartyScorecardRequest) (*pb.PartyScorecard, error) {
	return s.j.PartyScorecard(ctx, auth.Caller(ctx), r)
}
