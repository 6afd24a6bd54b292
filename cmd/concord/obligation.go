package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var obligationColumns = []column[*pb.Obligation]{
	{"OBLIGATION", (*pb.Obligation).GetObligationId},
	{"PROMISE", (*pb.Obligation).GetTitle},
	{"WHO TO WHOM", func(o *pb.Obligation) string { return promise(o.GetObligor(), o.GetBeneficiary()) }},
	{"DUE", (*pb.Obligation).GetDueDate},
	{"STATE", obligationState},
	{"KEPT", func(o *pb.Obligation) string { return word(o.GetTimeliness()) }},
}

// obligationState is the state, and whether the obligor is late with it.
func obligationState(o *pb.Obligation) string {
	if o.GetOverdue() {
		return word(o.GetState()) + ", overdue"
	}
	return word(o.GetState())
}

func obligationFacts(o *pb.Obligation) []fact {
	facts := []fact{
		{"agreement", o.GetAgreementId()}, {"obligation", o.GetObligationId()}, {"promise", o.GetTitle()},
		{"commitment", o.GetCommitmentId()}, {"who to whom", promise(o.GetObligor(), o.GetBeneficiary())},
		{"state", obligationState(o)}, {"due", o.GetDueDate()}, {"due until", moment(o.GetDueTime())},
		{"on time until", moment(o.GetGraceEndTime())}, {"comes up", moment(o.GetLeadStartTime())},
	}
	if sub := o.GetSubmission(); sub != nil {
		facts = append(facts, fact{"submission", fmt.Sprintf("%d, %s", sub.GetNumber(), moment(sub.GetSubmitTime()))},
			fact{"  says", sub.GetNote()}, fact{"  review until", moment(sub.GetReviewEndTime())})
		for _, e := range sub.GetEvidence() {
			facts = append(facts, fact{"  evidence", evidenceText(e)})
		}
	}
	for _, said := range []struct {
		what string
		j    *pb.Judgement
	}{
		{"accepted", o.GetAcceptance()}, {"returned", o.GetReturn()}, {"waived", o.GetWaiver()}, {"admitted", o.GetAdmission()},
	} {
		if said.j != nil {
			facts = append(facts, fact{said.what, fmt.Sprintf("by the %s, %s", word(said.j.GetSide()), moment(said.j.GetTime()))},
				fact{"  says", said.j.GetNote()})
		}
	}
	return append(facts, fact{"kept", moment(o.GetKeptTime())}, fact{"timeliness", word(o.GetTimeliness())},
		fact{"breached", moment(o.GetBreachTime())}, fact{"scheduled", moment(o.GetCreateTime())},
		fact{"changed", moment(o.GetUpdateTime())}, fact{"etag", o.GetEtag()})
}

func (s *session) obligationCommand() *cobra.Command {
	return noun("obligation", "What is owed and by when; where promises are kept, and judged",
		s.obligationList(), s.obligationShow(), s.obligationSubmit(), s.obligationAccept(), s.obligationReturn(),
		s.obligationAcknowledge(), s.obligationWaive(), s.obligationAdmit())
}

func (s *session) obligationList() *cobra.Command {
	request := &pb.ListObligationsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List an agreement's obligations by due date", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Obligations.ListObligations, request, (*pb.ListObligationsResponse).GetObligations), obligationColumns)
		}),
	}
	choose(cmd, &request.State, "state", "only in this state")
	choose(cmd, &request.Obligor, "obligor", "only what this side owes")
	flags := cmd.Flags()
	flags.StringVar(&request.CommitmentId, "commitment", "", "only of this commitment")
	flags.StringVar(&request.DueFrom, "due-from", "", "only due on or after this day, YYYY-MM-DD")
	flags.StringVar(&request.DueBefore, "due-before", "", "only due before this day, YYYY-MM-DD")
	return cmd
}

func (s *session) obligationShow() *cobra.Command {
	return &cobra.Command{
		Use: "show AGREEMENT OBLIGATION", Short: "Show an obligation", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			return s.obligation(c.Obligations.GetObligation(ctx, &pb.GetObligationRequest{AgreementId: args[0], ObligationId: args[1]}))
		}),
	}
}

func (s *session) obligationSubmit() *cobra.Command {
	var evidence, files []string
	var change change
	request := &pb.SubmitObligationRequest{}
	cmd := &cobra.Command{
		Use: "submit AGREEMENT OBLIGATION [--evidence …] [--evidence-file …] [--note …]", Short: "Say that what you owe is done, and show it (obligor)",
		Args: cobra.ExactArgs(2),
		Long: "Say that what you owe is done, and show it. The service keeps where evidence lies and its digest, not the thing.\n\n" +
			"  --evidence title=Report,uri=https://files.example/r.pdf,sha256=…,type=application/pdf,note=…\n" +
			"  --evidence-file r.pdf,uri=https://files.example/r.pdf     hashes r.pdf here, and fills in title and type",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) (err error) {
			if request.Evidence, err = readEvidence(evidence, files); err != nil {
				return err
			}
			request.AgreementId, request.ObligationId = args[0], args[1]
			request.Etag, request.RequestId, request.ValidateOnly = change.etag, change.requestID, change.check
			return s.obligation(c.Obligations.SubmitObligation(ctx, request))
		}),
	}
	cmd.Flags().StringArrayVar(&evidence, "evidence", nil, "title=…,uri=…[,sha256=…][,type=…][,note=…]; may be given often")
	cmd.Flags().StringArrayVar(&files, "evidence-file", nil, "PATH,uri=…[,title=…][,type=…][,note=…]; may be given often")
	cmd.Flags().StringVar(&request.Note, "note", "", "what to say to it")
	return change.flags(cmd)
}

func (s *session) obligationAccept() *cobra.Command {
	var change change
	request := &pb.AcceptObligationRequest{}
	cmd := &cobra.Command{
		Use: "accept AGREEMENT OBLIGATION", Short: "Say that a submission keeps the promise (beneficiary)", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObligationId = args[0], args[1]
			request.Etag, request.RequestId, request.ValidateOnly = change.etag, change.requestID, change.check
			return s.obligation(c.Obligations.AcceptObligation(ctx, request))
		}),
	}
	cmd.Flags().Int32Var(&request.Submission, "submission", 0, "the number of the submission you judge; the one that stands if not given")
	cmd.Flags().StringVar(&request.Note, "note", "", "what to say to it")
	return change.flags(cmd)
}

func (s *session) obligationReturn() *cobra.Command {
	var change change
	request := &pb.ReturnObligationRequest{}
	cmd := &cobra.Command{
		Use: "return AGREEMENT OBLIGATION --reason WHY", Short: "Give a submission back, and say why (beneficiary)", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObligationId = args[0], args[1]
			request.Etag, request.RequestId, request.ValidateOnly = change.etag, change.requestID, change.check
			return s.obligation(c.Obligations.ReturnObligation(ctx, request))
		}),
	}
	cmd.Flags().Int32Var(&request.Submission, "submission", 0, "the number of the submission you judge; the one that stands if not given")
	reasonFlag(cmd, &request.Reason)
	return change.flags(cmd)
}

func (s *session) obligationAcknowledge() *cobra.Command {
	var received string
	var change change
	request := &pb.AcknowledgeObligationRequest{}
	cmd := &cobra.Command{
		Use: "acknowledge AGREEMENT OBLIGATION", Short: "Say that you have what you were owed, though nothing was submitted (beneficiary)", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if received != "" {
				at, err := time.Parse(time.RFC3339, received)
				if err != nil {
					return usagef("--received takes a time such as 2026-03-31T15:04:05Z, not %q", received)
				}
				request.ReceivedTime = timestamppb.New(at)
			}
			request.AgreementId, request.ObligationId = args[0], args[1]
			request.Etag, request.RequestId, request.ValidateOnly = change.etag, change.requestID, change.check
			return s.obligation(c.Obligations.AcknowledgeObligation(ctx, request))
		}),
	}
	cmd.Flags().StringVar(&received, "received", "", "when you received it, RFC 3339; now if not given")
	cmd.Flags().StringVar(&request.Note, "note", "", "what to say to it")
	return change.flags(cmd)
}

func (s *session) obligationWaive() *cobra.Command {
	var change change
	request := &pb.WaiveObligationRequest{}
	cmd := &cobra.Command{
		Use: "waive AGREEMENT OBLIGATION --reason WHY", Short: "Let go what you are owed (beneficiary)", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObligationId = args[0], args[1]
			request.Etag, request.RequestId, request.ValidateOnly = change.etag, change.requestID, change.check
			return s.obligation(c.Obligations.WaiveObligation(ctx, request))
		}),
	}
	reasonFlag(cmd, &request.Reason)
	return change.flags(cmd)
}

func (s *session) obligationAdmit() *cobra.Command {
	var change change
	request := &pb.AdmitObligationRequest{}
	cmd := &cobra.Command{
		Use: "admit AGREEMENT OBLIGATION --reason WHAT", Short: "Say yourself that you missed, or will miss, the date (obligor)", Args: cobra.ExactArgs(2),
		Long: "Say yourself that you missed, or will miss, the date. It is no admission of liability, and it is remembered that the\nword came from you.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObligationId = args[0], args[1]
			request.Etag, request.RequestId, request.ValidateOnly = change.etag, change.requestID, change.check
			return s.obligation(c.Obligations.AdmitObligation(ctx, request))
		}),
	}
	reasonFlag(cmd, &request.Reason)
	return change.flags(cmd)
}

// obligation prints the answer to a command on an obligation.
func (s *session) obligation(o *pb.Obligation, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(o, obligationFacts(o))
}
