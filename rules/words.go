package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Words says what an event means, in a sentence for people.
func Words(e *pb.Event) string {
	side := sideWord(e.GetActor().GetSide())
	switch c := e.GetChange().(type) {
	case *pb.Event_PartyRegistered:
		return fmt.Sprintf("Party %s was registered as %q.", c.PartyRegistered.GetPartyId(), c.PartyRegistered.GetDisplayName())
	case *pb.Event_PartyUpdated:
		return fmt.Sprintf("Party %s is now called %q.", c.PartyUpdated.GetPartyId(), c.PartyUpdated.GetDisplayName())
	case *pb.Event_ApiKeyIssued:
		return fmt.Sprintf("Key %s was issued.", c.ApiKeyIssued.GetApiKeyId())
	case *pb.Event_ApiKeyRevoked:
		return fmt.Sprintf("Key %s was revoked.", c.ApiKeyRevoked.GetApiKeyId())
	case *pb.Event_AgreementDrafted:
		return fmt.Sprintf("The %s drafted the agreement.", side)
	case *pb.Event_DraftRewritten:
		return fmt.Sprintf("The %s rewrote the draft.", side)
	case *pb.Event_AgreementAccepted:
		return fmt.Sprintf("Both sides consented to revision %d of the terms.", c.AgreementAccepted.GetRevision())
	case *pb.Event_AgreementActivated:
		return "The agreement came into force."
	case *pb.Event_ProposalMade:
		return fmt.Sprintf("The %s proposed the terms (proposal %s).", side, c.ProposalMade.GetProposalId())
	case *pb.Event_ProposalCountered:
		return fmt.Sprintf("The %s countered with text %d of proposal %s.", side, c.ProposalCountered.GetRevision(), c.ProposalCountered.GetProposalId())
	case *pb.Event_ProposalAccepted:
		return fmt.Sprintf("The %s accepted text %d of proposal %s.", side, c.ProposalAccepted.GetRevision(), c.ProposalAccepted.GetProposalId())
	case *pb.Event_ProposalDeclined:
		return fmt.Sprintf("The %s declined proposal %s: %s", side, c.ProposalDeclined.GetProposalId(), c.ProposalDeclined.GetReason())
	case *pb.Event_ProposalWithdrawn:
		return fmt.Sprintf("The %s withdrew proposal %s.", side, c.ProposalWithdrawn.GetProposalId())
	case *pb.Event_ProposalTookEffect:
		return fmt.Sprintf("Proposal %s took effect.", c.ProposalTookEffect.GetProposalId())
	case *pb.Event_CommitmentEnteredIntoForce:
		return fmt.Sprintf("Commitment %s came into force.", c.CommitmentEnteredIntoForce.GetCommitmentId())
	case *pb.Event_CommitmentEnded:
		return fmt.Sprintf("Commitment %s ended: all it promised has been answered for.", c.CommitmentEnded.GetCommitmentId())
	}
	return obligationWords(e, side)
}

func obligationWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ObligationScheduled:
		return fmt.Sprintf("Obligation %s was scheduled for %s.", c.ObligationScheduled.GetObligationId(), c.ObligationScheduled.GetDueDate())
	case *pb.Event_ObligationFellDue:
		return fmt.Sprintf("Obligation %s came up as due.", c.ObligationFellDue.GetObligationId())
	case *pb.Event_ObligationSubmitted:
		return fmt.Sprintf("The %s submitted obligation %s.", side, c.ObligationSubmitted.GetObligationId())
	case *pb.Event_ObligationAccepted:
		return fmt.Sprintf("The %s accepted obligation %s, kept %s.", side, c.ObligationAccepted.GetObligationId(), timelyWord(c.ObligationAccepted.GetTimeliness()))
	case *pb.Event_ObligationReturned:
		return fmt.Sprintf("The %s returned obligation %s: %s", side, c.ObligationReturned.GetObligationId(), c.ObligationReturned.GetReason())
	case *pb.Event_ObligationReceiptAcknowledged:
		return fmt.Sprintf("The %s acknowledged obligation %s, kept %s.", side, c.ObligationReceiptAcknowledged.GetObligationId(), timelyWord(c.ObligationReceiptAcknowledged.GetTimeliness()))
	case *pb.Event_ObligationWaived:
		return fmt.Sprintf("The %s waived obligation %s: %s", side, c.ObligationWaived.GetObligationId(), c.ObligationWaived.GetReason())
	case *pb.Event_ObligationMissAdmitted:
		return fmt.Sprintf("The %s admitted that it misses obligation %s: %s", side, c.ObligationMissAdmitted.GetObligationId(), c.ObligationMissAdmitted.GetReason())
	}
	return fmt.Sprintf("An event of a kind this release has no words for: %T.", e.GetChange())
}

func sideWord(s pb.Side) string {
	switch s {
	case pb.Side_SIDE_VENDOR:
		return "vendor"
	case pb.Side_SIDE_CLIENT:
		return "client"
	}
	return "clock"
}

func timelyWord(t pb.Timeliness) string {
	if t == pb.Timeliness_TIMELINESS_LATE {
		return "late"
	}
	return "on time"
}
