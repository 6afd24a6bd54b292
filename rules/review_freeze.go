package rules

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// freeze is the scorecard of an agreement as the event that comes next freezes it.
func (d *Decision) freeze(a *pb.Agreement, from, to string) (*pb.Scorecard, []Violation) {
	cal := d.calendar(a)
	if cal == nil {
		return nil, nil
	}
	if from == "" {
		from = cal.DayAt(a.GetEffectiveTime().AsTime()).String()
	}
	if to == "" {
		to = cal.DayAt(d.stamp.At).String()
	}
	return &pb.Scorecard{
		AgreementId: a.GetAgreementId(), FromDate: from, ToDate: to, AsOf: timestamppb.New(d.stamp.At), Version: d.State.Version(a.GetAgreementId()) + 1,
	}, nil
}
