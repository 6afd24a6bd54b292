package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// moveBD is a deadline moved by k business days: to the same distance from the end of its new day as it had from the end
// of its old one. A deadline at the end of a day belongs to the day that ends.
func moveBD(t time.Time, k int, cal *Calendar) time.Time {
	day := cal.DayAt(t.Add(-time.Nanosecond))
	return cal.EndOfDay(cal.AddBusinessDays(day, k)).Add(t.Sub(cal.EndOfDay(day)))
}

// shift is the clocks of an obligation moved by k business days, all of them alike, for the reason that step names. The
// agreed due date stays, and so does when it comes up, once it has.
func (d *Decision) shift(o *pb.Obligation, k int, step *pb.DueStep) *pb.Deadlines {
	cal := d.calendar(d.State.agreement(o.GetAgreementId()))
	if cal == nil {
		return nil
	}
	move := func(t *timestamppb.Timestamp) *timestamppb.Timestamp {
		if t == nil {
			return nil
		}
		return timestamppb.New(moveBD(t.AsTime(), k, cal))
	}
	moved := &pb.Deadlines{
		DueTime: move(o.GetDueTime()), GraceEndTime: move(o.GetGraceEndTime()), CureEndTime: move(o.GetCureEndTime()),
		ReviewEndTime: move(o.GetSubmission().GetReviewEndTime()), Step: step,
	}
	due, err := ParseDay(o.GetDueDate())
	if err != nil {
		return moved // it waits for a day to be due on
	}
	due = cal.AddBusinessDays(due, k)
	moved.DueDate, step.Date, step.BusinessDays = due.String(), due.String(), int32(k)
	if ahead(o) && o.GetWindowStartDate() == "" { // a window opens when it opens
		c := d.State.commitment(o.GetAgreementId(), o.GetCommitmentId())
		moved.LeadStartTime = timestamppb.New(deadlinesOf(c, due, cal).leadStart)
	}
	return moved
}

// ahead says of an obligation that it has not come up yet.
func ahead(o *pb.Obligation) bool {
	return o.GetState() == scheduled || o.GetState() == suspended && o.GetPriorState() == scheduled
}
