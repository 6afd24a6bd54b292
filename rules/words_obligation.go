package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func obligationWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ObligationScheduled:
		return scheduledWords(c.ObligationScheduled)
	case *pb.Event_ObligationFellDue:
		return fmt.Sprintf("Obligation %s came up as due.", c.ObligationFellDue.GetObligationId())
	case *pb.Event_ObligationSubmitted:
		return fmt.Sprintf("The %s submitted obligation %s.", side, c.ObligationSubmitted.GetObligationId())
	case *pb.Event_ObligationAccepted:
		return fmt.Sprintf("The %s accepted obligation %s, %s.", side, c.ObligationAccepted.GetObligationId(), keptWord(c.ObligationAccepted.GetTo(), c.ObligationAccepted.GetTimeliness()))
	case *pb.Event_ObligationReturned:
		return fmt.Sprintf("The %s returned obligation %s%s", side, c.ObligationReturned.GetObligationId(), because(c.ObligationReturned.GetReason()))
	case *pb.Event_ObligationReceiptAcknowledged:
		return fmt.Sprintf("The %s acknowledged obligation %s, %s.", side, c.ObligationReceiptAcknowledged.GetObligationId(), keptWord(c.ObligationReceiptAcknowledged.GetTo(), c.ObligationReceiptAcknowledged.GetTimeliness()))
	case *pb.Event_ObligationWaived:
		return fmt.Sprintf("The %s waived obligation %s%s", side, c.ObligationWaived.GetObligationId(), because(c.ObligationWaived.GetReason()))
	case *pb.Event_ObligationMissAdmitted:
		return fmt.Sprintf("The %s admitted that it misses obligation %s%s", side, c.ObligationMissAdmitted.GetObligationId(), because(c.ObligationMissAdmitted.GetReason()))
	case *pb.Event_ObligationTriggered:
		return fmt.Sprintf("The %s recorded what obligation %s waits for, so that it is due on %s%s", side, c.ObligationTriggered.GetObligationId(), dayWord(c.ObligationTriggered.GetDeadlines()), because(c.ObligationTriggered.GetTrigger().GetTitle()))
	case *pb.Event_ObligationDated:
		return fmt.Sprintf("Obligation %s is due on %s.", c.ObligationDated.GetObligationId(), dayWord(c.ObligationDated.GetDeadlines()))
	case *pb.Event_ObligationMeasured:
		return fmt.Sprintf("The %s measured %s for obligation %s, which is %s.", side, c.ObligationMeasured.GetMeasurement().GetValue(), c.ObligationMeasured.GetObligationId(), enumWord(c.ObligationMeasured.GetTo()))
	case *pb.Event_ObligationImported:
		return fmt.Sprintf("Obligation %s, due on %s, was taken over as %s.", c.ObligationImported.GetObligationId(), c.ObligationImported.GetPast().GetDueDate(), enumWord(c.ObligationImported.GetPast().GetState()))
	}
	return ""
}

func scheduledWords(c *pb.ObligationScheduled) string {
	if c.GetDueDate() == "" {
		return fmt.Sprintf("Obligation %s waits for something to happen.", c.GetObligationId())
	}
	return fmt.Sprintf("Obligation %s was scheduled for %s.", c.GetObligationId(), c.GetDueDate())
}

// keptWord is how an obligation was closed well, and whether in time.
func keptWord(to pb.ObligationState, t pb.Timeliness) string {
	switch to {
	case pb.ObligationState_OBLIGATION_STATE_CURED:
		return "made good"
	case pb.ObligationState_OBLIGATION_STATE_EXCUSED:
		return "excused"
	}
	return "kept " + timelyWord(t)
}

func obligationCourseWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ObligationBreached:
		return breachedWords(c.ObligationBreached)
	case *pb.Event_ObligationDeemed:
		return fmt.Sprintf("Obligation %s counts as accepted by silence, %s.", c.ObligationDeemed.GetObligationId(), keptWord(c.ObligationDeemed.GetTo(), c.ObligationDeemed.GetTimeliness()))
	case *pb.Event_ObligationCurePlanned:
		return fmt.Sprintf("The %s means to make obligation %s good by %s%s", side, c.ObligationCurePlanned.GetObligationId(), c.ObligationCurePlanned.GetPlan().GetCureDate(), because(c.ObligationCurePlanned.GetPlan().GetFix()))
	case *pb.Event_ObligationCureObjected:
		return fmt.Sprintf("The %s objected to the plan for obligation %s%s", side, c.ObligationCureObjected.GetObligationId(), because(c.ObligationCureObjected.GetInterest()))
	case *pb.Event_ObligationDefaulted:
		return fmt.Sprintf("Obligation %s was not made good in time.", c.ObligationDefaulted.GetObligationId())
	case *pb.Event_ObligationNotDetermined:
		return fmt.Sprintf("Obligation %s stays undetermined: there is nothing to judge it by.", c.ObligationNotDetermined.GetObligationId())
	case *pb.Event_ObligationSuspended:
		return fmt.Sprintf("Obligation %s was paused with the agreement.", c.ObligationSuspended.GetObligationId())
	case *pb.Event_ObligationResumed:
		return fmt.Sprintf("Obligation %s was resumed%s.", c.ObligationResumed.GetObligationId(), dueAgain(c.ObligationResumed.GetDeadlines()))
	case *pb.Event_ObligationSuperseded:
		return fmt.Sprintf("Obligation %s was replaced by revision %d of the terms.", c.ObligationSuperseded.GetObligationId(), c.ObligationSuperseded.GetRevision())
	case *pb.Event_ObligationDischarged:
		return fmt.Sprintf("Obligation %s is no longer owed: %s.", c.ObligationDischarged.GetObligationId(), dischargedWord(c.ObligationDischarged.GetCause()))
	}
	return ""
}

func obligationReliefWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ObligationExtended:
		return fmt.Sprintf("The %s extended obligation %s to %s%s", side, c.ObligationExtended.GetObligationId(), dayWord(c.ObligationExtended.GetDeadlines()), because(c.ObligationExtended.GetReason()))
	case *pb.Event_ObligationExcused:
		return fmt.Sprintf("%s%s", excuseWords(c.ObligationExcused, side), because(c.ObligationExcused.GetExcuse().GetReason()))
	case *pb.Event_ObligationNoticeGiven:
		return fmt.Sprintf("The %s gave notice that obligation %s waits for obligation %s.", side, c.ObligationNoticeGiven.GetObligationId(), c.ObligationNoticeGiven.GetNotice().GetObligationId())
	case *pb.Event_ObligationBlocked:
		return fmt.Sprintf("Obligation %s waits for obligation %s; its clock stands still.", c.ObligationBlocked.GetObligationId(), c.ObligationBlocked.GetBlockedBy())
	case *pb.Event_ObligationShifted:
		return fmt.Sprintf("Obligation %s was moved to %s, because obligation %s was late.", c.ObligationShifted.GetObligationId(), dayWord(c.ObligationShifted.GetDeadlines()), c.ObligationShifted.GetDeadlines().GetStep().GetSubject())
	case *pb.Event_ObligationDisputed:
		return fmt.Sprintf("The %s disputed obligation %s%s", side, c.ObligationDisputed.GetObligationId(), because(c.ObligationDisputed.GetDispute().GetReason()))
	case *pb.Event_ObligationDisputeSettled:
		return settlementWords(c.ObligationDisputeSettled)
	}
	return ""
}

// breachedWords says why an obligation counts as not kept.
func breachedWords(c *pb.ObligationBreached) string {
	if c.GetConcernId() != "" {
		return fmt.Sprintf("Obligation %s was not kept: concern %s was upheld.", c.GetObligationId(), c.GetConcernId())
	}
	return fmt.Sprintf("Obligation %s was not kept in time.", c.GetObligationId())
}

// excuseWords says who excused an obligation, or what for.
func excuseWords(c *pb.ObligationExcused, side string) string {
	switch late := c.GetExcuse().GetObligationId(); {
	case c.GetExcuse().GetConcernId() != "":
		return fmt.Sprintf("Obligation %s was excused, because concern %s was upheld", c.GetObligationId(), c.GetExcuse().GetConcernId())
	case late != "":
		return fmt.Sprintf("Obligation %s was excused, because obligation %s was late", c.GetObligationId(), late)
	case side == sideWord(pb.Side_SIDE_UNSPECIFIED):
		return fmt.Sprintf("Obligation %s was excused", c.GetObligationId())
	}
	return fmt.Sprintf("The %s excused obligation %s", side, c.GetObligationId())
}

func dischargedWord(c pb.DischargeCause) string {
	switch c {
	case pb.DischargeCause_DISCHARGE_CAUSE_CONDITION_NEVER_CAME:
		return "what it waits for never came"
	case pb.DischargeCause_DISCHARGE_CAUSE_AGREEMENT_ENDED:
		return "the agreement ended"
	}
	return "both sides let it go"
}

func settlementWords(c *pb.ObligationDisputeSettled) string {
	who := "The neutral"
	if c.GetProposalId() != "" {
		who = "Both sides"
	}
	outcome := "as " + enumWord(c.GetSettlement().GetOutcome())
	if c.GetSettlement().GetOutcome() == pb.SettlementOutcome_SETTLEMENT_OUTCOME_RESTORE {
		outcome = "by going back to where it was"
	}
	return fmt.Sprintf("%s settled the dispute about obligation %s %s%s", who, c.GetObligationId(), outcome, because(c.GetSettlement().GetReason()))
}
