package api

import (
	"context"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
)

type objectives struct {
	pb.UnsafeObjectiveServiceServer
	j *journal.Journal
}

func (s objectives) GetObjective(ctx context.Context, r *pb.GetObjectiveRequest) (*pb.Objective, error) {
	return read[*pb.Objective](ctx, s.j, rules.Ref{Kind: rules.KindObjective, Agreement: r.GetAgreementId(), ID: r.GetObjectiveId()}, "objective", r)
}

func (s objectives) ListObjectives(ctx context.Context, r *pb.ListObjectivesRequest) (*pb.ListObjectivesResponse, error) {
	return s.j.Objectives(ctx, auth.Caller(ctx), r)
}

func (s objectives) RecordObservation(ctx context.Context, r *pb.RecordObservationRequest) (*pb.Observation, error) {
	return do[*pb.Observation](ctx, s.j, r)
}

func (s objectives) ConfirmObservation(ctx context.Context, r *pb.ConfirmObservationRequest) (*pb.Observation, error) {
	return do[*pb.Observation](ctx, s.j, r)
}

func (s objectives) ReturnObservation(ctx context.Context, r *pb.ReturnObservationRequest) (*pb.Observation, error) {
	return do[*pb.Observation](ctx, s.j, r)
}

func (s objectives) GetObservation(ctx context.Context, r *pb.GetObservationRequest) (*pb.Observation, error) {
	return read[*pb.Observation](ctx, s.j, rules.Ref{Kind: rules.KindObservation, Agreement: r.GetAgreementId(), ID: r.GetObservationId()}, "observation", r)
}

func (s objectives) ListObservations(ctx context.Context, r *pb.ListObservationsRequest) (*pb.ListObservationsResponse, error) {
	return s.j.Observations(ctx, auth.Caller(ctx), r)
}
