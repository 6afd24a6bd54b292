package journal

import (
	"cmp"
	"context"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// Objectives lists an agreement's objectives by id.
func (j *Journal) Objectives(ctx context.Context, caller rules.Caller, req *pb.ListObjectivesRequest) (*pb.ListObjectivesResponse, error) {
	list := &pb.ListObjectivesResponse{}
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listObjectives),
		choices(req.GetSide(), bothSides), choices(req.GetState(), pb.ObjectiveState_name))}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			o, size, err := listed[*pb.Objective](ctx, s, rules.Ref{Kind: rules.KindObjective, Agreement: req.GetAgreementId(), ID: string(place)})
			list.Objectives = append(list.Objectives, o)
			return size, err
		})
		return err
	})
}

// Observations lists the observations of an objective, those of the latest day first.
func (j *Journal) Observations(ctx context.Context, caller rules.Caller, req *pb.ListObservationsRequest) (*pb.ListObservationsResponse, error) {
	list := &pb.ListObservationsResponse{}
	objective := rules.Ref{Kind: rules.KindObjective, Agreement: req.GetAgreementId(), ID: req.GetObjectiveId()}
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listObservations, req.GetObjectiveId(), sep), choices(req.GetState(), pb.ObservationState_name))}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) error {
		if m, err := readRecord(s, objective); m == nil || err != nil {
			return cmp.Or[error](err, rules.NotFound("objective", objective.ID))
		}
		var err error
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			o, size, err := listed[*pb.Observation](ctx, s, rules.Ref{Kind: rules.KindObservation, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindObservation)})
			list.Observations = append(list.Observations, o)
			return size, err
		})
		return err
	})
}
