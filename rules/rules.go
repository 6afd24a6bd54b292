// Package rules is the law of Concord: what may be done, by whom, in which state, and what follows.
//
// It is pure. Decide looks at a command and at the records it touches and answers with events, or with a refusal that
// says which rule refused. Apply carries one event into the records. Neither reads a clock, draws a number or touches a
// disk: the outside world arrives as one Stamp. The server decides with this package, and an auditor replays history
// with the same code.
//
// The two switches below are the table of contents of the product; a verb of the product is a function of the same name
// in the file of its noun. The life cycles stand as tables in moves_*.go.
package rules

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Decide answers a command with the events that follow from it, or refuses it with an *Error. It never changes s: what
// the events lead to is in the Decision's own State, which the caller merges into s when it accepts the decision.
func Decide(s *State, command proto.Message, stamp Stamp) (*Decision, error) {
	d := &Decision{State: s.Fork(), stamp: stamp, command: command}
	err := d.decide(command)
	if d.State.err != nil {
		return nil, d.State.err // the records could not be read: no answer is better than a wrong one
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Decision) decide(command proto.Message) error {
	switch c := command.(type) {
	case *pb.CreatePartyRequest:
		return d.createParty(c)
	case *pb.UpdatePartyRequest:
		return d.updateParty(c)
	case *journalv1.FirstKey:
		return d.firstKey()
	case *pb.CreateApiKeyRequest:
		return d.createApiKey(c)
	case *pb.RevokeApiKeyRequest:
		return d.revokeApiKey(c)
	case *journalv1.OpenLog:
		return d.openLog(c)
	case *pb.AddLogKeyRequest:
		return d.addLogKey(c)
	case *pb.RetireLogKeyRequest:
		return d.retireLogKey(c)
	case *pb.ErasePrivateDataRequest:
		return d.erasePrivateData(c)
	case *pb.CreateAgreementRequest:
		return d.createAgreement(c)
	case *pb.UpdateAgreementRequest:
		return d.updateAgreement(c)
	case *pb.GiveNoticeRequest:
		return d.giveNotice(c)
	case *pb.SuspendAgreementRequest:
		return d.suspendAgreement(c)
	case *pb.ResumeAgreementRequest:
		return d.resumeAgreement(c)
	case *pb.TerminateAgreementRequest:
		return d.terminateAgreement(c)
	case *pb.ImportAgreementRequest:
		return d.importAgreement(c)
	case *pb.CreateProposalRequest:
		return d.createProposal(c)
	case *pb.CounterProposalRequest:
		return d.counterProposal(c)
	case *pb.AcceptProposalRequest:
		return d.acceptProposal(c)
	case *pb.DeclineProposalRequest:
		return d.declineProposal(c)
	case *pb.WithdrawProposalRequest:
		return d.withdrawProposal(c)
	case *pb.SubmitObligationRequest:
		return d.submitObligation(c)
	case *pb.AcceptObligationRequest:
		return d.acceptObligation(c)
	case *pb.ReturnObligationRequest:
		return d.returnObligation(c)
	case *pb.AcknowledgeObligationRequest:
		return d.acknowledgeObligation(c)
	case *pb.WaiveObligationRequest:
		return d.waiveObligation(c)
	case *pb.AdmitObligationRequest:
		return d.admitObligation(c)
	case *pb.TriggerObligationRequest:
		return d.triggerObligation(c)
	case *pb.MeasureObligationRequest:
		return d.measureObligation(c)
	case *pb.CureObligationRequest:
		return d.cureObligation(c)
	case *pb.ObjectObligationRequest:
		return d.objectObligation(c)
	case *pb.ExtendObligationRequest:
		return d.extendObligation(c)
	case *pb.ExcuseObligationRequest:
		return d.excuseObligation(c)
	case *pb.NotifyObligationRequest:
		return d.notifyObligation(c)
	case *pb.DisputeObligationRequest:
		return d.disputeObligation(c)
	case *pb.DetermineObligationRequest:
		return d.determineObligation(c)
	case *pb.RaiseConcernRequest:
		return d.raiseConcern(c)
	case *pb.AcknowledgeConcernRequest:
		return d.acknowledgeConcern(c)
	case *pb.ReplyConcernRequest:
		return d.replyConcern(c)
	case *pb.AdmitConcernRequest:
		return d.admitConcern(c)
	case *pb.ContestConcernRequest:
		return d.contestConcern(c)
	case *pb.ProposeRemedyRequest:
		return d.proposeRemedy(c)
	case *pb.AcceptRemedyRequest:
		return d.acceptRemedy(c)
	case *pb.RejectRemedyRequest:
		return d.rejectRemedy(c)
	case *pb.EscalateConcernRequest:
		return d.escalateConcern(c)
	case *pb.DetermineConcernRequest:
		return d.determineConcern(c)
	case *pb.WithdrawConcernRequest:
		return d.withdrawConcern(c)
	case *pb.ReopenConcernRequest:
		return d.reopenConcern(c)
	case *pb.RequestPulseRequest:
		return d.requestPulse(c)
	case *pb.AnswerPulseRequest:
		return d.answerPulse(c)
	case *pb.RecordObservationRequest:
		return d.recordObservation(c)
	case *pb.ConfirmObservationRequest:
		return d.confirmObservation(c)
	case *pb.ReturnObservationRequest:
		return d.returnObservation(c)
	case *pb.CreateFeedRequest:
		return d.createFeed(c)
	case *pb.RevokeFeedRequest:
		return d.revokeFeed(c)
	case *pb.OpenReviewRequest:
		return d.openReview(c)
	case *pb.UpdateReviewRequest:
		return d.updateReview(c)
	case *pb.SignReviewRequest:
		return d.signReview(c)
	case *pb.WithdrawReviewRequest:
		return d.withdrawReview(c)
	case *pb.ProposeReviewActionRequest:
		return d.proposeReviewAction(c)
	case *journalv1.Wake:
		return d.wake(c)
	}
	return fmt.Errorf("rules: no rule decides %T", command)
}

// Apply carries one event into the records of s. What an event means never changes; an event of an unknown kind is an
// error, because guessing would rewrite history.
func Apply(s *State, e *pb.Event) error {
	switch c := e.GetChange().(type) {
	case *pb.Event_PartyRegistered:
		s.partyRegistered(e, c.PartyRegistered)
	case *pb.Event_PartyUpdated:
		s.partyUpdated(e, c.PartyUpdated)
	case *pb.Event_ApiKeyIssued:
		s.apiKeyIssued(e, c.ApiKeyIssued)
	case *pb.Event_ApiKeyRevoked:
		s.apiKeyRevoked(e, c.ApiKeyRevoked)
	case *pb.Event_LogOpened:
		s.logOpened(e, c.LogOpened)
	case *pb.Event_LogKeyAdded:
		s.logKeyAdded(e, c.LogKeyAdded)
	case *pb.Event_LogKeyRetired:
		s.logKeyRetired(e, c.LogKeyRetired)
	case *pb.Event_PrivateDataErased:
		s.privateDataErased(e, c.PrivateDataErased)
	case *pb.Event_AgreementDrafted:
		s.agreementDrafted(e, c.AgreementDrafted)
	case *pb.Event_DraftRewritten:
		s.draftRewritten(e, c.DraftRewritten)
	case *pb.Event_AgreementAccepted:
		s.agreementAccepted(e, c.AgreementAccepted)
	case *pb.Event_AgreementActivated:
		s.agreementActivated(e)
	case *pb.Event_AgreementSuspended:
		s.agreementSuspended(e, c.AgreementSuspended)
	case *pb.Event_AgreementResumed:
		s.agreementResumed(e)
	case *pb.Event_AgreementNoticeGiven:
		s.agreementNoticeGiven(e, c.AgreementNoticeGiven)
	case *pb.Event_AgreementNoticeWithdrawn:
		s.agreementNoticeWithdrawn(e)
	case *pb.Event_AgreementEnded:
		s.agreementEnded(e, c.AgreementEnded)
	case *pb.Event_AgreementAmended:
		s.agreementAmended(e, c.AgreementAmended)
	case *pb.Event_AgreementRenewed:
		s.agreementRenewed(e, c.AgreementRenewed)
	case *pb.Event_ProposalMade:
		s.proposalMade(e, c.ProposalMade)
	case *pb.Event_ProposalCountered:
		s.proposalCountered(e, c.ProposalCountered)
	case *pb.Event_ProposalAccepted:
		s.proposalAccepted(e, c.ProposalAccepted)
	case *pb.Event_ProposalDeclined:
		s.proposalClosed(e, c.ProposalDeclined.GetProposalId(), c.ProposalDeclined.GetReason(), pb.ProposalState_PROPOSAL_STATE_DECLINED)
	case *pb.Event_ProposalWithdrawn:
		s.proposalClosed(e, c.ProposalWithdrawn.GetProposalId(), c.ProposalWithdrawn.GetReason(), pb.ProposalState_PROPOSAL_STATE_WITHDRAWN)
	case *pb.Event_ProposalTookEffect:
		s.proposalTookEffect(e, c.ProposalTookEffect)
	case *pb.Event_ProposalLapsed:
		s.proposalClosed(e, c.ProposalLapsed.GetProposalId(), "", pb.ProposalState_PROPOSAL_STATE_LAPSED)
	case *pb.Event_ProposalBecameStale:
		s.proposalClosed(e, c.ProposalBecameStale.GetProposalId(), c.ProposalBecameStale.GetReason(), pb.ProposalState_PROPOSAL_STATE_STALE)
	case *pb.Event_CommitmentEnteredIntoForce:
		s.commitmentEnteredIntoForce(e, c.CommitmentEnteredIntoForce)
	case *pb.Event_CommitmentEnded:
		s.commitmentEnded(e, c.CommitmentEnded)
	case *pb.Event_CommitmentAgreed:
		s.commitmentAgreed(e, c.CommitmentAgreed)
	case *pb.Event_CommitmentRevised:
		s.commitmentRevised(e, c.CommitmentRevised)
	case *pb.Event_CommitmentSuspended:
		s.commitmentSuspended(e, c.CommitmentSuspended)
	case *pb.Event_CommitmentResumed:
		s.commitmentResumed(e, c.CommitmentResumed)
	case *pb.Event_CommitmentRested:
		s.commitmentRested(e, c.CommitmentRested)
	case *pb.Event_ObligationScheduled:
		s.obligationScheduled(e, c.ObligationScheduled)
	case *pb.Event_ObligationFellDue:
		s.obligationFellDue(e, c.ObligationFellDue)
	case *pb.Event_ObligationSubmitted:
		s.obligationSubmitted(e, c.ObligationSubmitted)
	case *pb.Event_ObligationAccepted:
		s.obligationAccepted(e, c.ObligationAccepted)
	case *pb.Event_ObligationReturned:
		s.obligationReturned(e, c.ObligationReturned)
	case *pb.Event_ObligationReceiptAcknowledged:
		s.obligationReceiptAcknowledged(e, c.ObligationReceiptAcknowledged)
	case *pb.Event_ObligationWaived:
		s.obligationWaived(e, c.ObligationWaived)
	case *pb.Event_ObligationMissAdmitted:
		s.obligationMissAdmitted(e, c.ObligationMissAdmitted)
	case *pb.Event_ObligationTriggered:
		s.obligationTriggered(e, c.ObligationTriggered)
	case *pb.Event_ObligationDated:
		s.obligationDated(e, c.ObligationDated)
	case *pb.Event_ObligationBreached:
		s.obligationBreached(e, c.ObligationBreached)
	case *pb.Event_ObligationDeemed:
		s.obligationDeemed(e, c.ObligationDeemed)
	case *pb.Event_ObligationMeasured:
		s.obligationMeasured(e, c.ObligationMeasured)
	case *pb.Event_ObligationCurePlanned:
		s.obligationCurePlanned(e, c.ObligationCurePlanned)
	case *pb.Event_ObligationCureObjected:
		s.obligationCureObjected(e, c.ObligationCureObjected)
	case *pb.Event_ObligationDefaulted:
		s.obligationDefaulted(e, c.ObligationDefaulted)
	case *pb.Event_ObligationExtended:
		s.obligationExtended(e, c.ObligationExtended)
	case *pb.Event_ObligationExcused:
		s.obligationExcused(e, c.ObligationExcused)
	case *pb.Event_ObligationNoticeGiven:
		s.obligationNoticeGiven(e, c.ObligationNoticeGiven)
	case *pb.Event_ObligationBlocked:
		s.obligationBlocked(e, c.ObligationBlocked)
	case *pb.Event_ObligationShifted:
		s.obligationShifted(e, c.ObligationShifted)
	case *pb.Event_ObligationSuspended:
		s.obligationSuspended(e, c.ObligationSuspended)
	case *pb.Event_ObligationResumed:
		s.obligationResumed(e, c.ObligationResumed)
	case *pb.Event_ObligationSuperseded:
		s.obligationSuperseded(e, c.ObligationSuperseded)
	case *pb.Event_ObligationDischarged:
		s.obligationDischarged(e, c.ObligationDischarged)
	case *pb.Event_ObligationDisputed:
		s.obligationDisputed(e, c.ObligationDisputed)
	case *pb.Event_ObligationDisputeSettled:
		s.obligationDisputeSettled(e, c.ObligationDisputeSettled)
	case *pb.Event_ObligationNotDetermined:
		s.obligationNotDetermined(e, c.ObligationNotDetermined)
	case *pb.Event_ObligationImported:
		s.obligationImported(e, c.ObligationImported)
	case *pb.Event_ConcernRaised:
		s.concernRaised(e, c.ConcernRaised)
	case *pb.Event_ConcernAcknowledged:
		s.concernAcknowledged(e, c.ConcernAcknowledged)
	case *pb.Event_ConcernResponseMissed:
		s.concernResponseMissed(e, c.ConcernResponseMissed)
	case *pb.Event_ConcernReplied:
		s.concernReplied(e, c.ConcernReplied)
	case *pb.Event_ConcernAdmitted:
		s.concernAdmitted(e, c.ConcernAdmitted)
	case *pb.Event_ConcernContested:
		s.concernContested(e, c.ConcernContested)
	case *pb.Event_ConcernRemedyProposed:
		s.concernRemedyProposed(e, c.ConcernRemedyProposed)
	case *pb.Event_ConcernRemedyAccepted:
		s.concernRemedyAccepted(e, c.ConcernRemedyAccepted)
	case *pb.Event_ConcernRemedyRejected:
		s.concernRemedyRejected(e, c.ConcernRemedyRejected)
	case *pb.Event_ConcernRemedyMissed:
		s.concernRemedyMissed(e, c.ConcernRemedyMissed)
	case *pb.Event_ConcernEscalated:
		s.concernEscalated(e, c.ConcernEscalated)
	case *pb.Event_ConcernDetermined:
		s.concernDetermined(e, c.ConcernDetermined)
	case *pb.Event_ConcernWithdrawn:
		s.concernWithdrawn(e, c.ConcernWithdrawn)
	case *pb.Event_ConcernReopened:
		s.concernReopened(e, c.ConcernReopened)
	case *pb.Event_PulseScheduled:
		s.pulseScheduled(e, c.PulseScheduled)
	case *pb.Event_PulseOpened:
		s.pulseOpened(e, c.PulseOpened)
	case *pb.Event_PulseAnswered:
		s.pulseAnswered(e, c.PulseAnswered)
	case *pb.Event_PulseClosed:
		s.pulseClosed(e, c.PulseClosed)
	case *pb.Event_PulseCancelled:
		s.pulseCancelled(e, c.PulseCancelled)
	case *pb.Event_ObjectiveAgreed:
		s.objectiveAgreed(e, c.ObjectiveAgreed)
	case *pb.Event_ObjectiveRevised:
		s.objectiveRevised(e, c.ObjectiveRevised)
	case *pb.Event_ObjectiveEnded:
		s.objectiveEnded(e, c.ObjectiveEnded)
	case *pb.Event_ObservationRecorded:
		s.observationRecorded(e, c.ObservationRecorded)
	case *pb.Event_ObservationConfirmed:
		s.observationConfirmed(e, c.ObservationConfirmed)
	case *pb.Event_ObservationReturned:
		s.observationReturned(e, c.ObservationReturned)
	case *pb.Event_ChangeDeferred:
		s.changeDeferred(e, c.ChangeDeferred)
	case *pb.Event_ChangeCarried:
		s.changeCarried(e, c.ChangeCarried)
	case *pb.Event_ReviewOpened:
		s.reviewOpened(e, c.ReviewOpened)
	case *pb.Event_ReviewUpdated:
		s.reviewUpdated(e, c.ReviewUpdated)
	case *pb.Event_ReviewSigned:
		s.reviewSigned(e, c.ReviewSigned)
	case *pb.Event_ReviewWithdrawn:
		s.reviewWithdrawn(e, c.ReviewWithdrawn)
	case *pb.Event_ReviewActionProposed:
		s.reviewActionProposed(e, c.ReviewActionProposed)
	default:
		return fmt.Errorf("rules: event %d of %q is of a kind this release does not know: %T", e.GetVersion(), e.GetAgreementId(), c)
	}
	s.versions.put(e.GetAgreementId(), e.GetVersion())
	return s.err
}
