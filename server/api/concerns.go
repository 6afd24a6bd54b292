package api

import (
	"context"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
)

// concerns is a line per RPC, like the services of services.go.
type concerns struct {
	pb.UnsafeConcernServiceServer
	j *journal.Journal
}

func (s concerns) GetConcern(ctx context.Context, r *pb.GetConcernRequest) (*pb.Concern, error) {
	return read[*pb.Concern](ctx, s.j, rules.Ref{Kind: rules.KindConcern, Agreement: r.GetAgreementId(), ID: r.GetConcernId()}, "concern", r)
}

func (s concerns) ListConcerns(ctx context.Context, r *pb.ListConcernsRequest) (*pb.ListConcernsResponse, error) {
	return s.j.Concerns(ctx, auth.Caller(ctx), r)
}

func (s concerns) RaiseConcern(ctx context.Context, r *pb.RaiseConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) AcknowledgeConcern(ctx context.Context, r *pb.AcknowledgeConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) ReplyConcern(ctx context.Context, r *pb.ReplyConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) AdmitConcern(ctx context.Context, r *pb.AdmitConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) ContestConcern(ctx context.Context, r *pb.ContestConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) ProposeRemedy(ctx context.Context, r *pb.ProposeRemedyRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) AcceptRemedy(ctx context.Context, r *pb.AcceptRemedyRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) RejectRemedy(ctx context.Context, r *pb.RejectRemedyRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) EscalateConcern(ctx context.Context, r *pb.EscalateConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) DetermineConcern(ctx context.Context, r *pb.DetermineConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) WithdrawConcern(ctx context.Context, r *pb.WithdrawConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}

func (s concerns) ReopenConcern(ctx context.Context, r *pb.ReopenConcernRequest) (*pb.Concern, error) {
	return do[*pb.Concern](ctx, s.j, r)
}
