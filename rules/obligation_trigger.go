package rules

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// triggerObligation records that what an obligation waits for has happened. Either side may: it is the other's to dispute.
// It is due counted from the day it happened, but never before the day that is recorded.
func (d *Decision) triggerObligation(c *pb.TriggerObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "trigger")
	if refused != nil {
		return refused
	}
	cal, promise := d.calendar(a), d.commitmentOf(o)
	if cal == nil {
		return nil
	}
	today := cal.DayAt(d.stamp.At)
	happened, wrong := occurred(c.GetOccurredDate(), cal.DayAt(promise.GetEffectiveTime().AsTime()), today)
	if wrong != nil {
		return wrong
	}
	until := cal.AddBusinessDays(happened, int(promise.GetClocks().GetNoticeBusinessDays()))
	if until < today {
		return tooLate("obligation", "trigger", happenedLately, cal.EndOfDay(until), "It happened on %v, and could be recorded until %v. Both sides can still agree what to do about it.", happened, until).about(o)
	}
	way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_TRIGGER, happened, "") // what happened stands in the trigger
	way.after(promise.GetTerms().GetConditional().GetWithin(), cal)
	way.notBefore(today)
	by := firstDeadlines(promise, way, cal)
	by.LeadStartTime = timestamppb.New(d.stamp.At)
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ObligationTriggered{ObligationTriggered: &pb.ObligationTriggered{
		ObligationId: o.GetObligationId(), Deadlines: by,
		Trigger: &pb.Trigger{
			Title: c.GetTitle(), OccurredDate: happened.String(), By: side, Evidence: c.GetEvidence(), Note: c.GetNote(), Time: timestamppb.New(d.stamp.At),
		},
	}}})
	d.scheduleNext(a.GetAgreementId(), o.GetCommitmentId(), d.stamp.At)
	d.answer(obligationRef(a.GetAgreementId(), o.GetObligationId()))
	return nil
}

// occurred reads the day that something happened: today if nobody says.
func occurred(date string, first, today Day) (Day, error) {
	if date == "" {
		return today, nil
	}
	day, err := ParseDay(date)
	switch {
	case err != nil:
		return 0, Invalid(Violation{"occurred_date", err.Error()})
	case day > today:
		return 0, Invalid(Violation{"occurred_date", "it lies in the future; record what has happened"})
	case day < first:
		return 0, Invalid(Violation{"occurred_date", "it lies before the first day of the promise, " + first.String()})
	}
	return day, nil
}
