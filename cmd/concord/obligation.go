package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var obligationColumns = []column[*pb.Obligation]{
	{"OBLIGATION", (*pb.Obligation).GetObligationId},
	{"PROMISE", (*pb.Obligation).GetTitle},
	{"WHO TO WHOM", func(o *pb.Obligation) string { return promise(o.GetObligor(), o.GetBeneficiary()) }},
	{"DUE", obligationDue},
	{"STATE", obligationState},
	{"KEPT", func(o *pb.Obligation) string { return word(o.GetTimeliness()) }},
}

// obligationDue is the day it is due, as far as there is one yet.
func obligationDue(o *pb.Obligation) string {
	return cmp.Or(o.GetDueDate(), "no day yet")
}

// obligationState is the state, and whether the obligor is late with it.
func obligationState(o *pb.Obligation) string {
	if o.GetOverdue() {
		return word(o.GetState()) + ", overdue"
	}
	return word(o.GetState())
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
	return asOf(cmd, &request.AsOf)
}

func (s *session) obligationShow() *cobra.Command {
	request := &pb.GetObligationRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT OBLIGATION", Short: "Show an obligation", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObligationId = args[0], args[1]
			return s.obligation(c.Obligations.GetObligation(ctx, request))
		}),
	}, &request.AsOf)
}

// obligation prints the answer to a command on an obligation.
func (s *session) obligation(o *pb.Obligation, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(o, obligationFacts(o))
}
