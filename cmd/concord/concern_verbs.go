package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The verbs of a concern, a function each, like those of an obligation.

func (s *session) concernRaise() *cobra.Command {
	var change change
	request := &pb.RaiseConcernRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := &cobra.Command{
		Use: "raise AGREEMENT --kind KIND --title WHAT [--text …]", Short: "Say something to the other side (either side)", Args: cobra.ExactArgs(1),
		Long: "Say something to the other side. Raising a concern never lowers your own figures.\n\n" +
			"  appreciation     a kind word; it ends when it is acknowledged\n" +
			"  feedback         a correction; it ends with a reply, and touches no score\n" +
			"  early_warning    something is at risk, on your side (--about) or theirs\n" +
			"  relief_claim     you miss, or will miss, --obligation because of the other side\n" +
			"  breach_concern   the other side did not keep, or will not keep, --obligation",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if err := shown.read(); err != nil {
				return err
			}
			request.AgreementId, request.RequestId, request.ValidateOnly = args[0], change.requestID, change.check
			return s.concern(c.Concerns.RaiseConcern(ctx, request))
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&request.ConcernId, "id", "", "the id to give it; made if not given")
	choose(cmd, &request.Kind, "kind", "what it is")
	_ = cmd.MarkFlagRequired("kind") // the flag is there
	needed(cmd, &request.Title, "title", "what it is about, in a line")
	flags.StringVar(&request.Text, "text", "", "what there is to say")
	choose(cmd, &request.About, "about", "the side that an early warning is about, if it is not the other one")
	flags.StringVar(&request.CommitmentId, "commitment", "", "the commitment it is about")
	flags.StringArrayVar(&request.ObligationIds, "obligation", nil, "an obligation it is about; may be given often")
	return change.createFlags(shown.flags(cmd))
}

func (s *session) concernAcknowledge() *cobra.Command {
	request := &pb.AcknowledgeConcernRequest{}
	cmd := onConcern(s, "acknowledge [--note …]", "Say that you heard a concern (the side that answers)", request, pb.ConcernServiceClient.AcknowledgeConcern)
	return noteFlag(cmd, &request.Note)
}

func (s *session) concernReply() *cobra.Command {
	request := &pb.ReplyConcernRequest{}
	cmd := onConcern(s, "reply --reply WHAT [--taken]", "Reply to feedback: what comes of it, or why nothing does (the side that answers)", request, pb.ConcernServiceClient.ReplyConcern)
	needed(cmd, &request.Reply, "reply", "what comes of it, or why nothing does; the other side reads it")
	cmd.Flags().BoolVar(&request.Taken, "taken", false, "you take it")
	return cmd
}

func (s *session) concernAdmit() *cobra.Command {
	request := &pb.AdmitConcernRequest{}
	cmd := onConcern(s, "admit [--note …]", "Say that it is so (the side that answers)", request, pb.ConcernServiceClient.AdmitConcern)
	cmd.Long = "Say that it is so. What a breach concern names and is due is breached, as if you had admitted the miss itself; a claim for\nrelief is granted."
	return noteFlag(cmd, &request.Note)
}

func (s *session) concernContest() *cobra.Command {
	request := &pb.ContestConcernRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := onConcern(s, "contest --reason WHY [--evidence …]", "Say that it is not so (the side that answers)", request, pb.ConcernServiceClient.ContestConcern, shown.read)
	reasonFlag(cmd, &request.Reason)
	return shown.flags(cmd)
}

func (s *session) concernPropose() *cobra.Command {
	request := &pb.ProposeRemedyRequest{}
	cmd := onConcern(s, "propose-remedy --text WHAT [--by DAY]", "Say what could be done about it (either side)", request, pb.ConcernServiceClient.ProposeRemedy)
	needed(cmd, &request.Text, "text", "what is to be done")
	cmd.Flags().StringVar(&request.DueDate, "by", "", "the day by which it is done, YYYY-MM-DD")
	return cmd
}

func (s *session) concernAccept() *cobra.Command {
	request := &pb.AcceptRemedyRequest{}
	cmd := onConcern(s, "accept-remedy [--note …]", "Agree to the remedy, which ends the concern (the side that did not propose it)", request, pb.ConcernServiceClient.AcceptRemedy)
	return noteFlag(cmd, &request.Note)
}

func (s *session) concernReject() *cobra.Command {
	request := &pb.RejectRemedyRequest{}
	cmd := onConcern(s, "reject-remedy --reason WHY", "Say that the remedy will not do (the side that did not propose it)", request, pb.ConcernServiceClient.RejectRemedy)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) concernEscalate() *cobra.Command {
	request := &pb.EscalateConcernRequest{}
	cmd := onConcern(s, "escalate --reason WHY", "Ask the people of the next level: owners, sponsors, mediator, neutral (either side)", request, pb.ConcernServiceClient.EscalateConcern)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) concernDetermine() *cobra.Command {
	request := &pb.DetermineConcernRequest{}
	cmd := onConcern(s, "determine --outcome OUTCOME --reason WHY", "Say how an escalated concern ends (both sides alike from level 3 on; the neutral at level 4)", request, pb.ConcernServiceClient.DetermineConcern)
	choose(cmd, &request.Outcome, "outcome", "what you hold of it")
	_ = cmd.MarkFlagRequired("outcome") // the flag is there
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) concernWithdraw() *cobra.Command {
	request := &pb.WithdrawConcernRequest{}
	cmd := onConcern(s, "withdraw [--reason WHY]", "Take a concern back (the side that raised it)", request, pb.ConcernServiceClient.WithdrawConcern)
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, if you like; the other side reads it")
	return cmd
}

func (s *session) concernReopen() *cobra.Command {
	request := &pb.ReopenConcernRequest{}
	cmd := onConcern(s, "reopen --reason WHY", "Take a resolved concern up again, within the agreed days (either side)", request, pb.ConcernServiceClient.ReopenConcern)
	reasonFlag(cmd, &request.Reason)
	return cmd
}
