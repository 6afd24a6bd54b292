package rules

import (
	"fmt"
	"time"

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

// deadlinesOf is the deadlines of an obligation of c that is due on a day.
func deadlinesOf(c *pb.Commitment, day Day, cal *Calendar) deadlines {
	grace := cal.AddBusinessDays(day, int(c.GetClocks().GetGraceBusinessDays()))
	lead := cal.StartOfDay(day.Add(-int(c.GetClocks().GetLeadDays())))
	if first := c.GetEffectiveTime().AsTime(); lead.Before(first) {
		lead = first // nothing comes up before it is owed
	}
	return deadlines{due: cal.EndOfDay(day), graceEnd: cal.EndOfDay(grace), leadStart: lead}
}

// reviewEnd is when the beneficiary's time to judge a submission is over.
func reviewEnd(c *pb.Commitment, submitted time.Time, cal *Calendar) time.Time {
	return cal.EndOfDay(cal.AddBusinessDays(cal.DayAt(submitted), int(c.GetClocks().GetReviewBusinessDays())))
}

// reviewed is the deadlines of an obligation whose submission is given back at a time: the time of the review is not
// charged to its obligor.
func reviewed(o *pb.Obligation, back time.Time) (due, graceEnd time.Time) {
	review := back.Sub(o.GetSubmission().GetSubmitTime().AsTime())
	return o.GetDueTime().AsTime().Add(review), o.GetGraceEndTime().AsTime().Add(review)
}

// timeliness judges a time by the end of the grace period.
func timeliness(o *pb.Obligation, kept time.Time) pb.Timeliness {
	if kept.After(o.GetGraceEndTime().AsTime()) {
		return pb.Timeliness_TIMELINESS_LATE
	}
	return pb.Timeliness_TIMELINESS_ON_TIME
}
