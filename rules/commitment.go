package rules

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// scheduleNext schedules the next obligation of a commitment, if its words bring forth another and none is ahead where they
// put it. It is asked when one leaves SCHEDULED, or is moved while it is, so that there is always exactly one such, and a
// daily promise of ten years costs no more than one of a week. One that was moved does not hold up those behind it.
func (d *Decision) scheduleNext(agreementID, commitmentID string, at time.Time) {
	if newest := d.newest(d.State.commitment(agreementID, commitmentID)); ahead(newest) && newest.GetDueDate() == newest.GetAgreedDueDate() {
		return
	}
	next := d.nextObligation(agreementID, commitmentID, at)
	if next == nil {
		return
	}
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_ObligationScheduled{ObligationScheduled: next}})
	if next.GetDueDate() == "" {
		d.dateByAnchor(agreementID, commitmentID, at) // what it waits for may have come before it
	}
}

// nextObligation is the obligation that a commitment brings forth next, at a time; nil if none.
func (d *Decision) nextObligation(agreementID, commitmentID string, at time.Time) *pb.ObligationScheduled {
	a, c := d.State.agreement(agreementID), d.State.commitment(agreementID, commitmentID)
	cal := d.calendar(a)
	if cal == nil || c.GetState() == ended {
		return nil
	}
	next, ok := nextInstance(a, c, cal)
	if !ok || d.lapsed(c, next.until, at) {
		return nil
	}
	s := &pb.ObligationScheduled{
		ObligationId:  obligationID(c, c.GetObligationCount()+1),
		CommitmentId:  commitmentID,
		Ordinal:       c.GetObligationCount() + 1,
		RuleDate:      next.ruleDate,
		RuleDateCount: c.GetRuleDateCount() + next.counted + 1,
	}
	if next.waits() {
		if !next.until.IsZero() {
			s.ConditionEndTime = timestamppb.New(next.until)
		}
		return s
	}
	schedule(s, firstDeadlines(c, next.route, cal))
	if next.window != "" {
		s.WindowStartDate, s.WindowEndDate = next.window, next.ruleDate
		s.LeadStartTime = timestamppb.New(cal.StartOfDay(mustParse(next.window)))
	}
	if s.GetLeadStartTime().AsTime().Before(at) {
		s.LeadStartTime = timestamppb.New(at) // nothing comes up before it came about
	}
	return s
}

// exhausted says whether the words of a commitment bring forth nothing more. That its agreement ends is no reason while it
// has not: an amendment may move its last day.
func (d *Decision) exhausted(agreementID, commitmentID string, at time.Time) bool {
	a := d.State.agreement(agreementID)
	if lasting := a.GetFinalTime() == nil || at.Before(a.GetFinalTime().AsTime()); lasting && a.GetEndTime() != nil {
		c, cal := d.State.commitment(agreementID, commitmentID), d.calendar(a)
		if cal == nil {
			return false
		}
		endless := &pb.Agreement{EffectiveTime: a.GetEffectiveTime()}
		next, more := nextInstance(endless, c, cal)
		return !more || d.lapsed(c, next.until, at)
	}
	return d.nextObligation(agreementID, commitmentID, at) == nil
}

// lapsed says whether what a commitment waits for can no longer happen at a time, or is known already not to have happened
// until then: the clock may look at other obligations later than at the one that waited.
func (d *Decision) lapsed(c *pb.Commitment, until, at time.Time) bool {
	if last := d.newest(c); last.GetDischargeCause() == pb.DischargeCause_DISCHARGE_CAUSE_CONDITION_NEVER_CAME && last.GetConditionEndTime().AsTime().After(at) {
		at = last.GetConditionEndTime().AsTime()
	}
	return !until.IsZero() && !until.After(at)
}

// schedule sets the clocks of an obligation that is to be.
func schedule(s *pb.ObligationScheduled, by *pb.Deadlines) {
	s.DueDate, s.DueTime, s.GraceEndTime, s.LeadStartTime, s.Trace = by.DueDate, by.DueTime, by.GraceEndTime, by.LeadStartTime, by.Trace
}

// obligationID is the id of the n-th obligation of a commitment.
func obligationID(c *pb.Commitment, n int32) string {
	return fmt.Sprintf("%s-%d", c.GetCommitmentId(), n)
}

// newest is the newest obligation of a commitment; nil if it has brought forth none.
func (d *Decision) newest(c *pb.Commitment) *pb.Obligation {
	return d.State.obligation(c.GetAgreementId(), obligationID(c, c.GetObligationCount()))
}

// waiting says whether an obligation waits for something to happen, and has no due date before it does.
func waiting(o *pb.Obligation) bool {
	return o != nil && o.GetDueDate() == "" && ahead(o)
}

// side is the side that acts; unspecified for the clock.
func (d *Decision) side(agreementID string) pb.Side {
	if d.clock {
		return pb.Side_SIDE_UNSPECIFIED
	}
	return d.stamp.By.SideOf(d.State.agreement(agreementID))
}

// endIfDone ends a commitment whose words bring forth nothing more and that has nothing open.
func (d *Decision) endIfDone(agreementID, commitmentID string, at time.Time) {
	c := d.State.commitment(agreementID, commitmentID)
	if c.GetState() == ended {
		d.endRemedy(c, at) // which waited for what was left of it
		return
	}
	if parent := d.State.commitment(agreementID, c.GetRemedyOf()); parent != nil && mayMiss(parent) {
		return
	}
	lives := c.GetState() == inForce || c.GetState() == dormant && kinds[c.GetKind()].rests
	if !lives || c.GetOpenObligationCount() > 0 || !d.exhausted(agreementID, commitmentID, at) {
		return
	}
	reason := pb.CommitmentEndReason_COMMITMENT_END_REASON_COMPLETED
	last := d.newest(c)
	if last == nil && kinds[c.GetKind()].rests || last.GetDischargeCause() == pb.DischargeCause_DISCHARGE_CAUSE_CONDITION_NEVER_CAME {
		reason = pb.CommitmentEndReason_COMMITMENT_END_REASON_CONDITION_LAPSED
	}
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_CommitmentEnded{CommitmentEnded: &pb.CommitmentEnded{
		CommitmentId: commitmentID, Reason: reason,
	}}})
	d.endRemedy(d.State.commitment(agreementID, commitmentID), at)
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
