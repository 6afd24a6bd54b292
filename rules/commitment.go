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
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	next, ok := nextInstance(a, c, cal)
	if !ok {
		return nil
	}
	ordinal := c.GetObligationCount() + 1
	by := deadlinesOf(c, next.day, cal)
	return &pb.ObligationScheduled{
		ObligationId:  fmt.Sprintf("%s-%d", commitmentID, ordinal),
		CommitmentId:  commitmentID,
		Ordinal:       ordinal,
		RuleDate:      next.ruleDate,
		RuleDateCount: c.GetRuleDateCount() + next.counted + 1,
		Trace:         next.steps,
		DueDate:       next.day.String(),
		DueTime:       timestamppb.New(by.due),
		GraceEndTime:  timestamppb.New(by.graceEnd),
		LeadStartTime: timestamppb.New(by.leadStart),
	}
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
