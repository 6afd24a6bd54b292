package rules

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// maxExtensions is how often one obligation is given more time: each is a step of its trace, which people read.
const maxExtensions = 50

// extendObligation gives the obligor until a later day. What was breached is so no more: the beneficiary says when it is due.
func (d *Decision) extendObligation(c *pb.ExtendObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "extend")
	if refused != nil {
		return refused
	}
	if e := d.extendable(o); e != nil {
		return e
	}
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	day, wrong := laterDay(c.GetDueDate(), o, cal.DayAt(d.stamp.At))
	if wrong != nil {
		return Invalid(*wrong)
	}
	by := deadlinesOf(d.commitmentOf(o), day, cal)
	to, moved := o.GetState(), &pb.Deadlines{
		DueDate: day.String(), DueTime: timestamppb.New(by.due), GraceEndTime: timestamppb.New(by.graceEnd),
		Step: &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_EXTENSION, Date: day.String()},
	}
	switch to {
	case scheduled:
		moved.LeadStartTime = timestamppb.New(by.leadStart)
	case breached, curing:
		to = due
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationExtended{ObligationExtended: &pb.ObligationExtended{
		ObligationId: o.GetObligationId(), Deadlines: moved, Reason: c.GetReason(), To: to,
	}}})
	d.scheduleNext(o.GetAgreementId(), o.GetCommitmentId(), d.stamp.At)
	return nil
}

// extendable refuses to extend what has no day that could be later.
func (d *Decision) extendable(o *pb.Obligation) *Error {
	kind := d.commitmentOf(o).GetKind()
	given := 0
	for _, step := range o.GetTrace() {
		if step.GetKind() == pb.DueStepKind_DUE_STEP_KIND_EXTENSION {
			given++
		}
	}
	switch {
	case o.GetWindowEndDate() != "":
		return wrongKind("extend", kind, "It is about a time that is over when it is over; no later day changes that. Excuse it, or waive it.")
	case o.GetDueDate() == "":
		return refuseGuard("obligation", "extend", knownDay, "It has no due date yet: it waits for something to happen.")
	case given >= maxExtensions:
		return refuseGuard("obligation", "extend", knownDay, "It was extended %d times already. Agree on an amendment.", maxExtensions).
			as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", "extensions")
	}
	return nil
}

// laterDay reads a day that is later than the one an obligation is due on, and not over yet.
func laterDay(text string, o *pb.Obligation, today Day) (Day, *Violation) {
	day, err := promisedDay(text)
	now, _ := ParseDay(o.GetDueDate())
	switch {
	case err != nil:
		return 0, &Violation{"due_date", err.Error()}
	case day <= now:
		return 0, &Violation{"due_date", fmt.Sprintf("it is due on %v; name a later day", now)}
	case day < today:
		return 0, &Violation{"due_date", "it is over; name a day to come"}
	}
	return day, nil
}

// excuseObligation is the beneficiary's word that a miss is not the obligor's.
func (d *Decision) excuseObligation(c *pb.ExcuseObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "excuse")
	if refused != nil {
		return refused
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationExcused{ObligationExcused: &pb.ObligationExcused{
		ObligationId: o.GetObligationId(), Excuse: &pb.Excuse{Reason: c.GetReason()},
	}}})
	return nil
}
