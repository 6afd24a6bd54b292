package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func agreementWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_AgreementDrafted:
		return fmt.Sprintf("The %s drafted the agreement.", side)
	case *pb.Event_DraftRewritten:
		return fmt.Sprintf("The %s rewrote the draft.", side)
	case *pb.Event_AgreementAccepted:
		return fmt.Sprintf("Both sides consented to revision %d of the terms.", c.AgreementAccepted.GetRevision())
	case *pb.Event_AgreementActivated:
		return "The agreement came into force."
	case *pb.Event_AgreementAmended:
		return fmt.Sprintf("Revision %d of the terms holds from now on (proposal %s).", c.AgreementAmended.GetRevision(), c.AgreementAmended.GetProposalId())
	case *pb.Event_AgreementRenewed:
		return fmt.Sprintf("Agreement %s renews this one (proposal %s).", c.AgreementRenewed.GetSuccessorAgreementId(), c.AgreementRenewed.GetProposalId())
	case *pb.Event_ChangeDeferred:
		return fmt.Sprintf("Change %d (%s) is being carried into commitments and obligations.", c.ChangeDeferred.GetNumber(), enumWord(c.ChangeDeferred.GetChange().GetCause()))
	case *pb.Event_ChangeCarried:
		return carriedWords(c.ChangeCarried)
	}
	return ""
}

func carriedWords(c *pb.ChangeCarried) string {
	if c.GetFinished() {
		return fmt.Sprintf("Change %d was carried out.", c.GetNumber())
	}
	return fmt.Sprintf("A part of change %d was carried out.", c.GetNumber())
}

func agreementCourseWords(e *pb.Event, _ string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_AgreementSuspended:
		return suspensionWords(c.AgreementSuspended)
	case *pb.Event_AgreementResumed:
		return resumptionWords(c.AgreementResumed)
	case *pb.Event_AgreementNoticeGiven:
		return fmt.Sprintf("The %s gave notice; the agreement ends on %s%s", sideWord(c.AgreementNoticeGiven.GetSide()), c.AgreementNoticeGiven.GetEndTime().AsTime().Format("2006-01-02 15:04 MST"), because(c.AgreementNoticeGiven.GetReason()))
	case *pb.Event_AgreementNoticeWithdrawn:
		return fmt.Sprintf("Both sides took the notice back (proposal %s).", c.AgreementNoticeWithdrawn.GetProposalId())
	case *pb.Event_AgreementEnded:
		return endWords(c.AgreementEnded)
	}
	return ""
}

func suspensionWords(c *pb.AgreementSuspended) string {
	if c.GetCause() == pb.SuspensionCause_SUSPENSION_CAUSE_RIGHT {
		return fmt.Sprintf("The %s suspended the agreement by its right %s%s", sideWord(c.GetSide()), c.GetRightId(), because(c.GetReason()))
	}
	return fmt.Sprintf("Both sides suspended the agreement (proposal %s)%s", c.GetProposalId(), because(c.GetReason()))
}

func resumptionWords(c *pb.AgreementResumed) string {
	if c.GetSide() != pb.Side_SIDE_UNSPECIFIED {
		return fmt.Sprintf("The %s resumed the agreement%s", sideWord(c.GetSide()), because(c.GetReason()))
	}
	return fmt.Sprintf("Both sides resumed the agreement (proposal %s)%s", c.GetProposalId(), because(c.GetReason()))
}

func endWords(c *pb.AgreementEnded) string {
	switch c.GetCause() {
	case pb.AgreementEndCause_AGREEMENT_END_CAUSE_NOTICE:
		return fmt.Sprintf("The agreement ended by the notice of the %s.", sideWord(c.GetSide()))
	case pb.AgreementEndCause_AGREEMENT_END_CAUSE_BOTH:
		return fmt.Sprintf("Both sides ended the agreement (proposal %s)%s", c.GetProposalId(), because(c.GetReason()))
	case pb.AgreementEndCause_AGREEMENT_END_CAUSE_CAUSE:
		return fmt.Sprintf("The %s terminated the agreement for the default of obligation %s%s", sideWord(c.GetSide()), c.GetObligationId(), because(c.GetReason()))
	case pb.AgreementEndCause_AGREEMENT_END_CAUSE_END_DATE:
		return "The agreement ended with its last day."
	}
	return fmt.Sprintf("The agreement is completed: nothing is open (proposal %s).", c.GetProposalId())
}

func proposalWords(e *pb.Event, side string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_ProposalMade:
		return fmt.Sprintf("The %s proposed %s (proposal %s).", side, proposedWord(c.ProposalMade.GetKind()), c.ProposalMade.GetProposalId())
	case *pb.Event_ProposalCountered:
		return fmt.Sprintf("The %s countered with text %d of proposal %s.", side, c.ProposalCountered.GetRevision(), c.ProposalCountered.GetProposalId())
	case *pb.Event_ProposalAccepted:
		return fmt.Sprintf("The %s accepted text %d of proposal %s.", side, c.ProposalAccepted.GetRevision(), c.ProposalAccepted.GetProposalId())
	case *pb.Event_ProposalDeclined:
		return fmt.Sprintf("The %s declined proposal %s%s", side, c.ProposalDeclined.GetProposalId(), because(c.ProposalDeclined.GetReason()))
	case *pb.Event_ProposalWithdrawn:
		return fmt.Sprintf("The %s withdrew proposal %s%s", side, c.ProposalWithdrawn.GetProposalId(), because(c.ProposalWithdrawn.GetReason()))
	case *pb.Event_ProposalTookEffect:
		return fmt.Sprintf("Proposal %s took effect.", c.ProposalTookEffect.GetProposalId())
	case *pb.Event_ProposalLapsed:
		return fmt.Sprintf("Proposal %s lapsed: it was not answered in time.", c.ProposalLapsed.GetProposalId())
	case *pb.Event_ProposalBecameStale:
		return fmt.Sprintf("Proposal %s is stale%s", c.ProposalBecameStale.GetProposalId(), because(c.ProposalBecameStale.GetReason()))
	}
	return ""
}

// proposedWord is what a proposal of a kind would bring.
func proposedWord(k pb.ProposalKind) string {
	switch k {
	case pb.ProposalKind_PROPOSAL_KIND_AMENDMENT:
		return "an amendment"
	case pb.ProposalKind_PROPOSAL_KIND_SUSPEND:
		return "a pause"
	case pb.ProposalKind_PROPOSAL_KIND_RESUME:
		return "the end of the pause"
	case pb.ProposalKind_PROPOSAL_KIND_END_EARLY:
		return "an early end"
	case pb.ProposalKind_PROPOSAL_KIND_COMPLETE:
		return "to complete the agreement"
	case pb.ProposalKind_PROPOSAL_KIND_RENEW:
		return "a successor"
	case pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE:
		return "to take the notice back"
	case pb.ProposalKind_PROPOSAL_KIND_RELEASE:
		return "to let obligations go"
	case pb.ProposalKind_PROPOSAL_KIND_SETTLE_DISPUTE:
		return "to settle a dispute"
	}
	return "the terms"
}

func commitmentWords(e *pb.Event, _ string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_CommitmentAgreed:
		return fmt.Sprintf("Commitment %s was added.", c.CommitmentAgreed.GetCommitmentId())
	case *pb.Event_CommitmentEnteredIntoForce:
		return fmt.Sprintf("Commitment %s came into force.", c.CommitmentEnteredIntoForce.GetCommitmentId())
	case *pb.Event_CommitmentEnded:
		return fmt.Sprintf("Commitment %s ended: %s.", c.CommitmentEnded.GetCommitmentId(), endedWord(c.CommitmentEnded.GetReason()))
	case *pb.Event_CommitmentRevised:
		return fmt.Sprintf("Commitment %s has the words of revision %d.", c.CommitmentRevised.GetCommitmentId(), c.CommitmentRevised.GetRevision())
	case *pb.Event_CommitmentSuspended:
		return fmt.Sprintf("Commitment %s was paused.", c.CommitmentSuspended.GetCommitmentId())
	case *pb.Event_CommitmentResumed:
		return fmt.Sprintf("Commitment %s was resumed.", c.CommitmentResumed.GetCommitmentId())
	case *pb.Event_CommitmentRested:
		return fmt.Sprintf("Commitment %s rests until something happens again.", c.CommitmentRested.GetCommitmentId())
	}
	return ""
}

func endedWord(r pb.CommitmentEndReason) string {
	switch r {
	case pb.CommitmentEndReason_COMMITMENT_END_REASON_DISCHARGED:
		return "both sides let it go"
	case pb.CommitmentEndReason_COMMITMENT_END_REASON_SUPERSEDED:
		return "an amendment replaced it"
	case pb.CommitmentEndReason_COMMITMENT_END_REASON_TERMINATED:
		return "the agreement ended"
	case pb.CommitmentEndReason_COMMITMENT_END_REASON_CONDITION_LAPSED:
		return "what it waits for can no longer happen"
	}
	return "all it promised has been answered for"
}
