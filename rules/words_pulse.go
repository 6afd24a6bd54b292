package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func pulseWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_PulseScheduled:
		return fmt.Sprintf("Round %s of the pulse opens on %s.", c.PulseScheduled.GetPulseRoundId(), c.PulseScheduled.GetOpenTime().AsTime().Format("2006-01-02"))
	case *pb.Event_PulseOpened:
		return fmt.Sprintf("The %s opened round %s of the pulse.", side, c.PulseOpened.GetPulseRoundId())
	case *pb.Event_PulseAnswered:
		return fmt.Sprintf("Somebody of the %s answered in round %s of the pulse.", side, c.PulseAnswered.GetPulseRoundId())
	case *pb.Event_PulseClosed:
		r := c.PulseClosed.GetResult()
		return fmt.Sprintf("Round %s of the pulse closed. Answers of the vendor: %d, of the client: %d.", c.PulseClosed.GetPulseRoundId(), r.GetVendor().GetRespondents(), r.GetClient().GetRespondents())
	case *pb.Event_PulseCancelled:
		return fmt.Sprintf("Round %s of the pulse will not open.", c.PulseCancelled.GetPulseRoundId())
	}
	return ""
}
