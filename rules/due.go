package rules

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Every deadline is reckoned in this file, by the agreement's calendar as it is when it is reckoned. What is reckoned goes
// into the event, so that nobody has to reckon it again.

// calendar is the calendar of an agreement. It is nil only if the history is broken, as the text was checked when it was
// proposed; then Decide says so.
func (d *Decision) calendar(a *pb.Agreement) *Calendar {
	cal, wrong := NewCalendar(a.GetCalendar(), "calendar")
	if wrong != nil && d.State.err == nil {
		d.State.err = fmt.Errorf("rules: the calendar of agreement %q: %w", a.GetAgreementId(), Invalid(wrong...))
	}
	return cal
}

// deadlines is what follows from the day an obligation is due.
type deadlines struct {
	// due is when the due day is over, graceEnd when the last day on which it is still in time is.
	due, graceEnd time.Time
	// leadStart is when the obligation comes up.
	leadStart time.Time
}

// deadlinesOf is the deadlines of an obligation of c that is due on a day. Where consent came after that day the grace
// counts from the consent: nobody breaches what they had not promised yet.
func deadlinesOf(c *pb.Commitment, day Day, cal *Calendar) deadlines {
	grace := cal.AddBusinessDays(max(day, cal.DayAt(c.GetCreateTime().AsTime())), int(c.GetClocks().GetGraceBusinessDays()))
	lead := cal.StartOfDay(day.Add(-int(c.GetClocks().GetLeadDays())))
	if first := c.GetEffectiveTime().AsTime(); lead.Before(first) {
		lead = first // nothing comes up before it is owed
	}
	return deadlines{due: cal.EndOfDay(day), graceEnd: cal.EndOfDay(grace), leadStart: lead}
}

// firstDeadlines is the clocks of an obligation of c whose due day has come about.
func firstDeadlines(c *pb.Commitment, way route, cal *Calendar) *pb.Deadlines {
	by := deadlinesOf(c, way.day, cal)
	return &pb.Deadlines{
		DueDate: way.day.String(), DueTime: timestamppb.New(by.due), GraceEndTime: timestamppb.New(by.graceEnd),
		LeadStartTime: timestamppb.New(by.leadStart), Trace: way.steps,
	}
}

// reviewEnd is when the beneficiary's time to judge a submission is over.
func reviewEnd(c *pb.Commitment, submitted time.Time, cal *Calendar) time.Time {
	return cal.EndOfDay(cal.AddBusinessDays(cal.DayAt(submitted), int(c.GetClocks().GetReviewBusinessDays())))
}

// cureEnd is when the time to make good a breach of an obligation is over; nil where it cannot be made good.
func (d *Decision) cureEnd(o *pb.Obligation, breach time.Time) *timestamppb.Timestamp {
	c, cal := d.commitmentOf(o), d.calendar(d.State.agreement(o.GetAgreementId()))
	if cal == nil || c.GetTerms().GetNotCurable() {
		return nil
	}
	return timestamppb.New(cureEndOf(c, o.GetGraceEndTime().AsTime(), breach, cal))
}

// cureEndOf counts the cure period from the end of the grace period, or from a breach that came later: who admits early
// loses nothing by it.
func cureEndOf(c *pb.Commitment, graceEnd, breach time.Time, cal *Calendar) time.Time {
	from := lastDayBefore(graceEnd, cal)
	if breach.After(graceEnd) {
		from = cal.DayAt(breach)
	}
	return cal.EndOfDay(cal.AddBusinessDays(from, int(c.GetClocks().GetCureBusinessDays())))
}

// lastDayBefore is the day that a deadline is the end of.
func lastDayBefore(end time.Time, cal *Calendar) Day { return cal.DayAt(end.Add(-time.Nanosecond)) }

// after is a clock that has been stopped for a while.
func after(clock *timestamppb.Timestamp, stopped time.Duration) *timestamppb.Timestamp {
	if clock == nil {
		return nil
	}
	return timestamppb.New(clock.AsTime().Add(stopped))
}

// timeliness judges a time by the end of the grace period: what is kept when it is over is late. What waits for a late
// prerequisite is not.
func timeliness(o *pb.Obligation, kept time.Time) pb.Timeliness {
	if kept.Before(o.GetGraceEndTime().AsTime()) || o.GetBlockedBy() != "" {
		return pb.Timeliness_TIMELINESS_ON_TIME
	}
	return pb.Timeliness_TIMELINESS_LATE
}
