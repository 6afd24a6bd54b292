package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var commitmentColumns = []column[*pb.Commitment]{
	{"COMMITMENT", (*pb.Commitment).GetCommitmentId},
	{"PROMISE", func(c *pb.Commitment) string { return c.GetTerms().GetTitle() }},
	{"WHO TO WHOM", func(c *pb.Commitment) string { return promise(c.GetObligor(), c.GetBeneficiary()) }},
	{"CATEGORY", func(c *pb.Commitment) string { return word(c.GetTerms().GetCategory()) }},
	{"WEIGHT", func(c *pb.Commitment) string { return number(c.GetTerms().GetWeight()) }},
	{"DUE", func(c *pb.Commitment) string { return scheduleText(c.GetTerms()) }},
	{"STATE", func(c *pb.Commitment) string { return word(c.GetState()) }},
}

func commitmentFacts(c *pb.Commitment) []fact {
	return []fact{
		{"agreement", c.GetAgreementId()}, {"commitment", c.GetCommitmentId()}, {"promise", c.GetTerms().GetTitle()},
		{"in full", c.GetTerms().GetDescription()}, {"who to whom", promise(c.GetObligor(), c.GetBeneficiary())},
		{"kind", word(c.GetKind())}, {"category", word(c.GetTerms().GetCategory())}, {"weight", number(c.GetTerms().GetWeight())},
		{"due", scheduleText(c.GetTerms())}, {"last rule date", c.GetLastRuleDate()}, {"clocks", clocksText(c.GetClocks())},
		{"also", marksText(c.GetTerms())}, {"makes good", c.GetRemedyOf()}, {"waited for by", strings.Join(c.GetDependents(), ", ")},
		{"state", word(c.GetState())}, {"before that", word(c.GetPriorState())}, {"ended because", word(c.GetEndReason())},
		{"revision", number(c.GetRevision())}, {"these words from", c.GetWordsFromDate()},
		{"obligations so far", number(c.GetObligationCount())}, {"of them open", number(c.GetOpenObligationCount())},
		{"agreed", moment(c.GetCreateTime())}, {"changed", moment(c.GetUpdateTime())}, {"etag", c.GetEtag()},
	}
}

func (s *session) commitmentCommand() *cobra.Command {
	return noun("commitment", "What each side promised the other", s.commitmentList(), s.commitmentShow())
}

func (s *session) commitmentList() *cobra.Command {
	request := &pb.ListCommitmentsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List an agreement's commitments, of both sides", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Commitments.ListCommitments, request, (*pb.ListCommitmentsResponse).GetCommitments), commitmentColumns)
		}),
	}
	choose(cmd, &request.Obligor, "obligor", "only what this side promised")
	choose(cmd, &request.State, "state", "only in this state")
	return asOf(cmd, &request.AsOf)
}

func (s *session) commitmentShow() *cobra.Command {
	request := &pb.GetCommitmentRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT COMMITMENT", Short: "Show a commitment", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.CommitmentId = args[0], args[1]
			commitment, err := c.Commitments.GetCommitment(ctx, request)
			if err != nil {
				return err
			}
			facts := commitmentFacts(commitment)
			if n := commitment.GetObligationCount(); n > 0 && s.output != outputJSON { // how its newest day came about, as an example
				newest := &pb.GetObligationRequest{AgreementId: args[0], ObligationId: fmt.Sprintf("%s-%d", args[1], n), AsOf: request.GetAsOf()}
				if o, err := c.Obligations.GetObligation(ctx, newest); err == nil {
					facts = append(append(facts, fact{"newest obligation", o.GetObligationId() + ", " + obligationState(o) + ", due " + obligationDue(o)}), traceFacts(o.GetTrace())...)
				}
			}
			return s.printOne(commitment, facts)
		}),
	}, &request.AsOf)
}
