package rules

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// scheduleNext schedules the next obligation of a commitment, if its words bring forth another. It is asked when the
// newest one leaves SCHEDULED, so that there is always exactly one ahead, and a daily promise of ten years costs no more
// than one of a week.
func (d *Decision) scheduleNext(agreementID, commitmentID string, at time.Time) {
	next := d.nextObligation(agreementID, commitmentID)
	if next == nil {
		return
	}
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_ObligationScheduled{ObligationScheduled: next}})
}

// nextObligation is the obligation that a commitment brings forth next; nil if none.
func (d *Decision) nextObligation(agreementID, commitmentID string) *pb.ObligationScheduled {
	a, c := d.State.agreement(agreementID), d.State.commitment(agreementID, commitmentID)
	cal, wrong := NewCalendar(a.GetCalendar(), "calendar")
	if wrong != nil {
		d.State.err = fmt.Errorf("rules: the calendar of agreement %q: %w", agreementID, Invalid(wrong...))
		return nil
	}
	ruleDate, day, ok := nextDueDay(a, c, cal)
	if !ok || a.GetEndTime() != nil && !cal.StartOfDay(day).Before(a.GetEndTime().AsTime()) {
		return nil
	}
	lead := cal.StartOfDay(day.Add(-int(c.GetClocks().GetLeadDays())))
	if first := c.GetEffectiveTime().AsTime(); lead.Before(first) {
		lead = first // nothing comes up before it is owed
	}
	ordinal := c.GetObligationCount() + 1
	return &pb.ObligationScheduled{
		ObligationId:  fmt.Sprintf("%s-%d", commitmentID, ordinal),
		CommitmentId:  commitmentID,
		Ordinal:       ordinal,
		RuleDate:      ruleDate,
		DueDate:       day.String(),
		DueTime:       timestamppb.New(cal.EndOfDay(day)),
		GraceEndTime:  timestamppb.New(cal.EndOfDay(cal.AddBusinessDays(day, int(c.GetClocks().GetGraceBusinessDays())))),
		LeadStartTime: timestamppb.New(lead),
	}
}

// nextDueDay is the day a commitment falls due next, with the date its rule yielded (empty for ONE_OFF).
func nextDueDay(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (ruleDate string, day Day, ok bool) {
	switch s := c.GetTerms().GetSchedule().(type) {
	case *pb.CommitmentTerms_OneOff:
		day, err := ParseDay(s.OneOff.GetDueDate())
		return "", day, err == nil && c.GetObligationCount() == 0
	case *pb.CommitmentTerms_Recurring:
		start := ruleStart(s.Recurring, a, cal)
		last := start - 1
		if c.GetLastRuleDate() != "" {
			var err error
			if last, err = ParseDay(c.GetLastRuleDate()); err != nil {
				return "", 0, false
			}
		}
		rule, day, ok := NextDue(s.Recurring, start, last, int(c.GetObligationCount()), cal)
		return rule.String(), day, ok && day <= latestDay
	}
	return "", 0, false
}

// ruleStart is the day a recurrence starts: its own, else the agreement's first day by its words.
func ruleStart(r *pb.Recurring, a *pb.Agreement, cal *Calendar) Day {
	if day, err := ParseDay(r.GetStartDate()); err == nil {
		return day
	}
	return cal.DayAt(a.GetEffectiveTime().AsTime())
}

// side is the side that acts; unspecified for the clock.
func (d *Decision) side(agreementID string) pb.Side {
	if d.clock {
		return pb.Side_SIDE_UNSPECIFIED
	}
	return d.stamp.By.SideOf(d.State.agreement(agreementID))
}

// endIfDone ends a commitment that brings forth nothing more and has nothing open.
func (d *Decision) endIfDone(agreementID, commitmentID string, at time.Time) {
	c := d.State.commitment(agreementID, commitmentID)
	if c.GetState() != inForce || c.GetOpenObligationCount() > 0 {
		return
	}
	if d.nextObligation(agreementID, commitmentID) != nil {
		return
	}
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_CommitmentEnded{CommitmentEnded: &pb.CommitmentEnded{
		CommitmentId: commitmentID, Reason: pb.CommitmentEndReason_COMMITMENT_END_REASON_COMPLETED,
	}}})
}

func (s *State) commitmentEnteredIntoForce(e *pb.Event, c *pb.CommitmentEnteredIntoForce) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) { m.State = inForce })
}

func (s *State) commitmentEnded(e *pb.Event, c *pb.CommitmentEnded) {
	s.editCommitment(e, c.GetCommitmentId(), func(m *pb.Commitment) {
		m.State, m.EndReason = ended, c.GetReason()
	})
}

func (s *State) editCommitment(e *pb.Event, id string, change func(*pb.Commitment)) {
	edit(s, commitmentRef(e.GetAgreementId(), id), func(c *pb.Commitment) {
		change(c)
		c.UpdateTime, c.Etag = e.GetRecordTime(), etag(e)
	})
}
