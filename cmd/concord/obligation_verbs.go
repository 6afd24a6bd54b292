package main

import (
	"github.com/spf13/cobra"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) obligationCommand() *cobra.Command {
	return noun("obligation", "What is owed and by when; where promises are kept, and judged",
		s.obligationList(), s.obligationShow(),
		s.obligationTrigger(), s.obligationSubmit(), s.obligationAccept(), s.obligationReturn(), s.obligationAcknowledge(), s.obligationMeasure(),
		s.obligationAdmit(), s.obligationCure(), s.obligationObject(),
		s.obligationWaive(), s.obligationExtend(), s.obligationExcuse(), s.obligationNotify(), s.obligationDispute(), s.obligationDetermine())
}

// The verbs of an obligation, a function each: its words, its request and its RPC, and a flag for each thing it says.

func (s *session) obligationTrigger() *cobra.Command {
	request := &pb.TriggerObligationRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := onObligation(s, "trigger --title WHAT [--on DAY] [--evidence …] [--note …]", "Record that the condition of a promise has come (either side)",
		request, pb.ObligationServiceClient.TriggerObligation, shown.read)
	needed(cmd, &request.Title, "title", "what happened")
	cmd.Flags().StringVar(&request.OccurredDate, "on", "", "the day it happened, YYYY-MM-DD; today if not given")
	return shown.flags(noteFlag(cmd, &request.Note))
}

func (s *session) obligationSubmit() *cobra.Command {
	request := &pb.SubmitObligationRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := onObligation(s, "submit [--evidence …] [--evidence-file …] [--note …]", "Say that what you owe is done, and show it (obligor)",
		request, pb.ObligationServiceClient.SubmitObligation, shown.read)
	cmd.Long = "Say that what you owe is done, and show it. The service keeps where evidence lies and its digest, not the thing.\n\n" +
		"  --evidence title=Report,uri=https://files.example/r.pdf,sha256=…,type=application/pdf,note=…\n" +
		"  --evidence-file r.pdf,uri=https://files.example/r.pdf     hashes r.pdf here, and fills in title and type"
	return shown.flags(noteFlag(cmd, &request.Note))
}

func (s *session) obligationAccept() *cobra.Command {
	request := &pb.AcceptObligationRequest{}
	cmd := onObligation(s, "accept", "Say that a submission keeps the promise (beneficiary)", request, pb.ObligationServiceClient.AcceptObligation)
	submissionFlag(cmd, &request.Submission)
	return noteFlag(cmd, &request.Note)
}

func (s *session) obligationReturn() *cobra.Command {
	request := &pb.ReturnObligationRequest{}
	cmd := onObligation(s, "return --reason WHY", "Give a submission back, and say why (beneficiary)", request, pb.ObligationServiceClient.ReturnObligation)
	submissionFlag(cmd, &request.Submission)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) obligationAcknowledge() *cobra.Command {
	request := &pb.AcknowledgeObligationRequest{}
	cmd := onObligation(s, "acknowledge", "Say that you have what you were owed, though nothing was submitted (beneficiary)", request, pb.ObligationServiceClient.AcknowledgeObligation)
	timeFlag(cmd, &request.ReceivedTime, "received", "when you received it, if not now")
	return noteFlag(cmd, &request.Note)
}

func (s *session) obligationMeasure() *cobra.Command {
	request := &pb.MeasureObligationRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := onObligation(s, "measure --value VALUE [--qualifying VALUE] [--evidence …] [--note …]", "File what was measured in a window (either side)",
		request, pb.ObligationServiceClient.MeasureObligation, shown.read)
	needed(cmd, &request.Value, "value", "what was measured, as a decimal")
	cmd.Flags().StringVar(&request.QualifyingValue, "qualifying", "", "what was measured of the qualifying condition, where there is one")
	return shown.flags(noteFlag(cmd, &request.Note))
}

func (s *session) obligationAdmit() *cobra.Command {
	request := &pb.AdmitObligationRequest{}
	cmd := onObligation(s, "admit --reason WHAT", "Say yourself that you missed, or will miss, the date (obligor)", request, pb.ObligationServiceClient.AdmitObligation)
	cmd.Long = "Say yourself that you missed, or will miss, the date. It is no admission of liability, and it is remembered that the\nword came from you."
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) obligationCure() *cobra.Command {
	request := &pb.CureObligationRequest{}
	cmd := onObligation(s, "cure --cause … --effect … --fix … --prevention … --by DAY", "Say how you make good what you missed (obligor)", request, pb.ObligationServiceClient.CureObligation)
	needed(cmd, &request.Cause, "cause", "why it was missed")
	needed(cmd, &request.Effect, "effect", "what that means for the other side")
	needed(cmd, &request.Fix, "fix", "what you do about it")
	needed(cmd, &request.Prevention, "prevention", "what keeps it from happening again")
	needed(cmd, &request.CureDate, "by", "the day by which it is made good, YYYY-MM-DD")
	return cmd
}

func (s *session) obligationObject() *cobra.Command {
	request := &pb.ObjectObligationRequest{}
	cmd := onObligation(s, "object --interest WHICH", "Object to a cure plan, for a legitimate interest of yours (beneficiary)", request, pb.ObligationServiceClient.ObjectObligation)
	needed(cmd, &request.Interest, "interest", "the interest of yours that the plan would hurt")
	return cmd
}

func (s *session) obligationWaive() *cobra.Command {
	request := &pb.WaiveObligationRequest{}
	cmd := onObligation(s, "waive --reason WHY", "Let go what you are owed (beneficiary)", request, pb.ObligationServiceClient.WaiveObligation)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) obligationExtend() *cobra.Command {
	request := &pb.ExtendObligationRequest{}
	cmd := onObligation(s, "extend --to DAY --reason WHY", "Give more time for what you are owed (beneficiary)", request, pb.ObligationServiceClient.ExtendObligation)
	needed(cmd, &request.DueDate, "to", "the new due date, YYYY-MM-DD")
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) obligationExcuse() *cobra.Command {
	request := &pb.ExcuseObligationRequest{}
	cmd := onObligation(s, "excuse --reason WHY", "Say that a miss is not the obligor's (beneficiary)", request, pb.ObligationServiceClient.ExcuseObligation)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) obligationNotify() *cobra.Command {
	request := &pb.NotifyObligationRequest{}
	cmd := onObligation(s, "notify --waits-for OBLIGATION", "Give notice that you wait for what the other side owes first (obligor)", request, pb.ObligationServiceClient.NotifyObligation)
	needed(cmd, &request.PrerequisiteObligationId, "waits-for", "the obligation that is late")
	return noteFlag(cmd, &request.Note)
}

func (s *session) obligationDispute() *cobra.Command {
	request := &pb.DisputeObligationRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := onObligation(s, "dispute --ground GROUND --reason WHY [--evidence …]", "Contest what stands recorded; it rests until it is settled (either side)",
		request, pb.ObligationServiceClient.DisputeObligation, shown.read)
	choose(cmd, &request.Ground, "ground", "what is contested")
	_ = cmd.MarkFlagRequired("ground") // the flag is there
	reasonFlag(cmd, &request.Reason)
	return shown.flags(cmd)
}

func (s *session) obligationDetermine() *cobra.Command {
	settlement := &pb.Settlement{}
	cmd := onObligation(s, "determine --outcome OUTCOME --reason WHY", "Settle a dispute (the agreed neutral)",
		&pb.DetermineObligationRequest{Settlement: settlement}, pb.ObligationServiceClient.DetermineObligation)
	choose(cmd, &settlement.Outcome, "outcome", "how it ends")
	_ = cmd.MarkFlagRequired("outcome") // the flag is there
	reasonFlag(cmd, &settlement.Reason)
	return cmd
}

// needed adds a flag that must be given.
func needed(cmd *cobra.Command, value *string, flag, help string) {
	cmd.Flags().StringVar(value, flag, "", help)
	_ = cmd.MarkFlagRequired(flag) // the flag is there
}

// noteFlag adds the flag for what one says to it.
func noteFlag(cmd *cobra.Command, note *string) *cobra.Command {
	cmd.Flags().StringVar(note, "note", "", "what to say to it")
	return cmd
}

func submissionFlag(cmd *cobra.Command, number *int32) {
	cmd.Flags().Int32Var(number, "submission", 0, "the number of the submission you judge; the one that stands if not given")
}
