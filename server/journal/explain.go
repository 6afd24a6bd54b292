package journal

import (
	"context"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// ExplainFigure tells what a figure of one side is made of.
func (j *Journal) ExplainFigure(ctx context.Context, caller rules.Caller, req *pb.ExplainFigureRequest) (*pb.ExplainFigureResponse, error) {
	var answer *pb.ExplainFigureResponse
	err := j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) error {
		x, err := s.state().Explain(req.GetAgreementId(), req.GetSide(), req.GetFigureId(), req.GetFromDate(), req.GetToDate(), s.at)
		if err != nil {
			return err
		}
		answer = x.Answer()
		q := query{table: tableRecords, from: be32(uint32(x.From)), to: be32(uint32(x.To + 1)), prefixes: behind(req, x.MadeOf())}
		answer.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			m, size, err := listed[proto.Message](ctx, s, rules.Ref{Kind: x.MadeOf(), Agreement: req.GetAgreementId(), ID: rules.Place(place).DayID()})
			if err == nil && !x.Put(answer, m) {
				return 0, errPassedOver
			}
			return size, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, j.view(ctx, func(snap store.Snapshot) error {
		return rules.Locate(answer, func(version uint64) (uint64, error) { return positionOf(snap, req.GetAgreementId(), version) })
	})
}

// behind is the lists of what a figure is made of, by day: none where it is not listed, but told as a whole.
func behind(req *pb.ExplainFigureRequest, madeOf rules.Kind) [][]byte {
	list := func(parts ...any) []byte { return append(join(req.GetAgreementId(), sep, subLists), join(parts...)...) }
	switch madeOf {
	case rules.KindObligation:
		return prefixes(list(listObligations, byte(req.GetSide())), groups(choices(pb.Side_SIDE_UNSPECIFIED, pb.ObligationState_name)))
	case rules.KindConcern:
		return [][]byte{list(listConcernsScored, byte(req.GetSide()))}
	case rules.KindPulseRound:
		return [][]byte{list(listRoundsScored)}
	}
	return nil
}
