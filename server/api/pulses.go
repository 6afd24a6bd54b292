package api

import (
	"context"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
)

type pulses struct {
	pb.UnsafePulseServiceServer
	j *journal.Journal
}

func (s pulses) RequestPulse(ctx context.Context, r *pb.RequestPulseRequest) (*pb.PulseRound, error) {
	return do[*pb.PulseRound](ctx, s.j, r)
}

func (s pulses) AnswerPulse(ctx context.Context, r *pb.AnswerPulseRequest) (*pb.PulseRound, error) {
	return do[*pb.PulseRound](ctx, s.j, r)
}

func (s pulses) GetPulseRound(ctx context.Context, r *pb.GetPulseRoundRequest) (*pb.PulseRound, error) {
	return read[*pb.PulseRound](ctx, s.j, rules.Ref{Kind: rules.KindPulseRound, Agreement: r.GetAgreementId(), ID: r.GetPulseRoundId()}, "pulse round", r)
}

func (s pulses) ListPulseRounds(ctx context.Context, r *pb.ListPulseRoundsRequest) (*pb.ListPulseRoundsResponse, error) {
	return s.j.PulseRounds(ctx, auth.Caller(ctx), r)
}

func (s pulses) ListPulseAnswers(ctx context.Context, r *pb.ListPulseAnswersRequest) (*pb.ListPulseAnswersResponse, error) {
	return s.j.PulseAnswers(ctx, auth.Caller(ctx), r)
}
