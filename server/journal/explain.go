package journal

import (
	"context"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// ExplainFigure tells what a figure of one side is made of.
func (j *Journal) ExplainFigure(ctx context.Context, caller rules.Caller, req *pb.ExplainFigureRequest) (*pb.ExplainFigureResponse, error) {
	answer := &pb.ExplainFigureResponse{}
	err := j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) error {
		x, err := s.state().Explain(req.GetAgreementId(), req.GetSide(), req.GetFigureId(), req.GetFromDate(), req.GetToDate(), s.at)
		if err != nil {
			return err
		}
		answer.Figure, answer.Commitments, answer.FromDate, answer.ToDate = x.Figure, x.Shares, x.From.String(), x.To.String()
		if !x.MadeOfObligations() {
			return nil
		}
		q := query{
			table: tableRecords, from: be32(uint32(x.From)), to: be32(uint32(x.To + 1)),
			prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listObligations, byte(req.GetSide())), groups(choices(pb.Side_SIDE_UNSPECIFIED, pb.ObligationState_name))),
		}
		answer.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			o, size, err := listed[*pb.Obligation](ctx, s, rules.Ref{Kind: rules.KindObligation, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindObligation)})
			if err != nil {
				return 0, err
			}
			behind := x.Obligation(o)
			if behind == nil {
				return 0, errPassedOver
			}
			answer.Obligations = append(answer.Obligations, behind)
			return size, nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, j.view(ctx, func(snap store.Snapshot) (err error) {
		for _, o := range answer.GetObligations() {
			if o.Position, err = positionOf(snap, req.GetAgreementId(), o.GetVersion()); err != nil {
				break
			}
		}
		return err
	})
}
