package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// obligationClock is when time alone changes something about an obligation; nil if it never does. One clock runs at a
// time: while the beneficiary reviews, neither the grace nor the cure period does.
func obligationClock(o *pb.Obligation) *timestamppb.Timestamp {
	switch o.GetState() {
	case scheduled:
		if o.GetDueDate() == "" {
			return o.GetConditionEndTime()
		}
		return o.GetLeadStartTime()
	case due:
		if o.GetBlockedBy() == "" {
			return o.GetGraceEndTime()
		}
	case submitted:
		return o.GetSubmission().GetReviewEndTime()
	case breached, curing:
		return o.GetCureEndTime()
	}
	return nil
}

// obligationWakes does what time brings to an obligation at the instant that its clock ends.
func (d *Decision) obligationWakes(o *pb.Obligation, at time.Time) {
	if d.upstream(o, at.Add(time.Nanosecond)); d.State.obligation(o.GetAgreementId(), o.GetObligationId()).GetEtag() != o.GetEtag() {
		return // what ended before it, or at the same instant, changed it
	}
	switch {
	case o.GetState() == scheduled && o.GetDueDate() == "":
		d.lapse(o, at)
	case o.GetState() == scheduled:
		d.fallDue(o, at)
	case o.GetState() == due && o.GetWindowEndDate() != "":
		d.stayUnknown(o, at)
	case o.GetState() == due:
		if !d.waits(o, at) {
			d.breachNow(o, at)
		}
	case o.GetState() == submitted:
		d.deem(o, at)
	default:
		d.defaultNow(o, at)
	}
}

// lapse lets an obligation go that waited for something that can no longer happen.
func (d *Decision) lapse(o *pb.Obligation, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationDischarged{ObligationDischarged: &pb.ObligationDischarged{
		ObligationId: o.GetObligationId(), Cause: pb.DischargeCause_DISCHARGE_CAUSE_CONDITION_NEVER_CAME,
	}}})
	d.closed(o, at)
}

func (d *Decision) fallDue(o *pb.Obligation, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationFellDue{
		ObligationFellDue: &pb.ObligationFellDue{ObligationId: o.GetObligationId()},
	}})
	d.scheduleNext(o.GetAgreementId(), o.GetCommitmentId(), at)
}

// deem accepts a submission by the beneficiary's silence.
func (d *Decision) deem(o *pb.Obligation, at time.Time) {
	is := d.accepted(o)
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationDeemed{ObligationDeemed: &pb.ObligationDeemed{
		ObligationId: o.GetObligationId(), To: is.to, KeptTime: is.kept, Timeliness: is.timeliness,
	}}})
	d.closed(o, at)
}
