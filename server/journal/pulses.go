package journal

import (
	"cmp"
	"context"
	"encoding/binary"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// PulseRounds lists an agreement's rounds of the pulse in the order in which they open.
func (j *Journal) PulseRounds(ctx context.Context, caller rules.Caller, req *pb.ListPulseRoundsRequest) (*pb.ListPulseRoundsResponse, error) {
	list := &pb.ListPulseRoundsResponse{}
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listPulseRounds), choices(req.GetState(), pb.PulseRoundState_name))}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			r, size, err := listed[*pb.PulseRound](ctx, s, rules.Ref{Kind: rules.KindPulseRound, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindPulseRound)})
			list.PulseRounds = append(list.PulseRounds, r)
			return size, err
		})
		return err
	})
}

// PulseAnswers lists the answers of a round in the order in which they came, those that are sealed for the caller without what
// they say. The agreement tells that as it is, or as it was at the time that is asked about: who asks of a time when the round
// was open is answered as then.
func (j *Journal) PulseAnswers(ctx context.Context, caller rules.Caller, req *pb.ListPulseAnswersRequest) (*pb.ListPulseAnswersResponse, error) {
	list := &pb.ListPulseAnswersResponse{}
	round := rules.Ref{Kind: rules.KindPulseRound, Agreement: req.GetAgreementId(), ID: req.GetPulseRoundId()}
	q := query{table: tableRecords, prefixes: [][]byte{join(req.GetAgreementId(), sep, byte(rules.KindPulseAnswer), req.GetPulseRoundId(), sep)}}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, a *pb.Agreement) error {
		if m, err := readRecord(s, round); m == nil || err != nil {
			return cmp.Or[error](err, rules.NotFound("pulse round", round.ID))
		}
		var err error
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			answer, size, err := listed[*pb.PulseAnswer](ctx, s, rules.Ref{
				Kind: rules.KindPulseAnswer, Agreement: round.Agreement, ID: round.ID, Number: int32(binary.BigEndian.Uint32(place)),
			})
			if err != nil {
				return 0, err
			}
			answer.Sealed = rules.WithholdRecord(answer, caller, a)
			list.PulseAnswers = append(list.PulseAnswers, answer)
			return size, nil
		})
		return err
	})
}
