package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func concernWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ConcernRaised:
		r := c.ConcernRaised
		return fmt.Sprintf("The %s raised concern %s (%s)%s", side, r.GetConcernId(), enumWord(r.GetKind()), because(r.GetTitle()))
	case *pb.Event_ConcernAcknowledged:
		return fmt.Sprintf("The %s acknowledged concern %s%s", side, c.ConcernAcknowledged.GetConcernId(), because(c.ConcernAcknowledged.GetNote()))
	case *pb.Event_ConcernResponseMissed:
		return fmt.Sprintf("Concern %s was not acknowledged in time.", c.ConcernResponseMissed.GetConcernId())
	case *pb.Event_ConcernReplied:
		takes := "does not take"
		if c.ConcernReplied.GetTaken() {
			takes = "takes"
		}
		return fmt.Sprintf("The %s replied to concern %s, which it %s%s", side, c.ConcernReplied.GetConcernId(), takes, because(c.ConcernReplied.GetReply()))
	case *pb.Event_ConcernAdmitted:
		return fmt.Sprintf("The %s admitted concern %s%s", side, c.ConcernAdmitted.GetConcernId(), because(c.ConcernAdmitted.GetNote()))
	case *pb.Event_ConcernContested:
		return fmt.Sprintf("The %s contested concern %s%s", side, c.ConcernContested.GetConcernId(), because(c.ConcernContested.GetReason()))
	case *pb.Event_ConcernWithdrawn:
		return fmt.Sprintf("The %s withdrew concern %s%s", side, c.ConcernWithdrawn.GetConcernId(), because(c.ConcernWithdrawn.GetReason()))
	case *pb.Event_ConcernReopened:
		return fmt.Sprintf("The %s reopened concern %s%s", side, c.ConcernReopened.GetConcernId(), because(c.ConcernReopened.GetReason()))
	}
	return ""
}

func remedyWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ConcernRemedyProposed:
		by := ""
		if day := c.ConcernRemedyProposed.GetDueDate(); day != "" {
			by = " by " + day
		}
		return fmt.Sprintf("The %s proposed a remedy for concern %s%s%s", side, c.ConcernRemedyProposed.GetConcernId(), by, because(c.ConcernRemedyProposed.GetText()))
	case *pb.Event_ConcernRemedyAccepted:
		return fmt.Sprintf("The %s accepted the remedy of concern %s%s", side, c.ConcernRemedyAccepted.GetConcernId(), because(c.ConcernRemedyAccepted.GetNote()))
	case *pb.Event_ConcernRemedyRejected:
		return fmt.Sprintf("The %s rejected the remedy of concern %s%s", side, c.ConcernRemedyRejected.GetConcernId(), because(c.ConcernRemedyRejected.GetReason()))
	case *pb.Event_ConcernRemedyMissed:
		return fmt.Sprintf("No remedy of concern %s was proposed, or answered, in time.", c.ConcernRemedyMissed.GetConcernId())
	case *pb.Event_ConcernEscalated:
		return fmt.Sprintf("The %s escalated concern %s to level %d, the %s%s", side, c.ConcernEscalated.GetConcernId(), c.ConcernEscalated.GetLevel(), levelWord(c.ConcernEscalated.GetLevel()), because(c.ConcernEscalated.GetReason()))
	case *pb.Event_ConcernDetermined:
		who := "The " + side
		if e.GetActor().GetSide() == pb.Side_SIDE_UNSPECIFIED {
			who = "The neutral"
		}
		return fmt.Sprintf("%s determined that concern %s is %s%s", who, c.ConcernDetermined.GetConcernId(), enumWord(c.ConcernDetermined.GetOutcome()), because(c.ConcernDetermined.GetReason()))
	}
	return ""
}

// levelWord is who is asked at a level of an escalation.
func levelWord(level int32) string {
	switch level {
	case 1:
		return "owners"
	case 2:
		return "sponsors"
	case mediatorLevel:
		return "mediator"
	case neutralLevel:
		return "neutral"
	}
	return "people"
}
