package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func objectiveWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ObjectiveAgreed:
		return fmt.Sprintf("Objective %s was added: %s.", c.ObjectiveAgreed.GetObjectiveId(), c.ObjectiveAgreed.GetTerms().GetTitle())
	case *pb.Event_ObjectiveRevised:
		return fmt.Sprintf("Objective %s has other words: %s.", c.ObjectiveRevised.GetObjectiveId(), c.ObjectiveRevised.GetTerms().GetTitle())
	case *pb.Event_ObjectiveEnded:
		return fmt.Sprintf("Objective %s was left out.", c.ObjectiveEnded.GetObjectiveId())
	case *pb.Event_ObservationRecorded:
		r := c.ObservationRecorded
		return fmt.Sprintf("The %s observed %s for objective %s on %s%s", side, r.GetValue(), r.GetObjectiveId(), r.GetObservedDate(), because(r.GetNote()))
	case *pb.Event_ObservationConfirmed:
		return fmt.Sprintf("The %s confirmed observation %s.", side, c.ObservationConfirmed.GetObservationId())
	case *pb.Event_ObservationReturned:
		return fmt.Sprintf("The %s returned observation %s%s", side, c.ObservationReturned.GetObservationId(), because(c.ObservationReturned.GetReason()))
	}
	return ""
}
