package journal

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Scorecard reckons both sides' figures of an agreement that the caller may see, as they are or were.
func (j *Journal) Scorecard(ctx context.Context, caller rules.Caller, req *pb.GetScorecardRequest) (*pb.Scorecard, error) {
	var card *pb.Scorecard
	err := j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		card, err = s.state().Scorecard(req.GetAgreementId(), req.GetFromDate(), req.GetToDate(), s.at)
		if card != nil && s.replayed > 0 {
			card.Version = uint64(s.replayed)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return card, j.view(ctx, func(snap store.Snapshot) error {
		newest, err := readVersion(snap, req.GetAgreementId(), card.GetVersion())
		if err != nil {
			return err
		}
		card.Position = newest.GetPosition()
		// It may have been recorded between the moment in which the scorecard was asked for and that in which it was read.
		if at := newest.GetEvent().GetRecordTime(); at.AsTime().After(card.GetAsOf().AsTime()) {
			card.AsOf = at
		}
		return nil
	})
}

// state is what is seen, as rules read it.
func (s sight) state() *rules.State {
	return rules.NewState(rules.Ground{
		Get:  func(ref rules.Ref) (proto.Message, error) { return readRecord(s, ref) },
		List: func(l rules.Listing) iter.Seq2[string, error] { return ids(s, l) },
	})
}

// Outlook says what is likely to be late next in an agreement that the caller may see, as it is or was.
func (j *Journal) Outlook(ctx context.Context, caller rules.Caller, req *pb.GetOutlookRequest) (*pb.Outlook, error) {
	var ahead *pb.Outlook
	return ahead, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		ahead, err = s.state().Outlook(req.GetAgreementId(), s.at)
		return err
	})
}
