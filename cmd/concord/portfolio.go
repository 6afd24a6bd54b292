package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var portfolioColumns = []column[*pb.PortfolioItem]{
	{"BY", portfolioDay},
	{"TASK", func(i *pb.PortfolioItem) string { return word(i.GetTask()) }},
	{"WAITS ON", waitsOn},
	{"AGREEMENT", (*pb.PortfolioItem).GetAgreementId},
	{"WHAT", portfolioRecord},
	{"TITLE", (*pb.PortfolioItem).GetTitle},
}

// portfolioDay is the day by which, and whether that is over.
func portfolioDay(i *pb.PortfolioItem) string {
	day := cmp.Or(i.GetDate(), "no day")
	if i.GetOverdue() {
		return day + ", overdue"
	}
	return day
}

// waitsOn is the party it waits on. What is disputed waits on all who can settle it.
func waitsOn(i *pb.PortfolioItem) string {
	return cmp.Or(i.GetWaitingOnPartyId(), "both, or the neutral")
}

// portfolioRecord is the id of what waits.
func portfolioRecord(i *pb.PortfolioItem) string {
	return cmp.Or(i.GetObligationId(), i.GetProposalId(), i.GetConcernId(), i.GetPulseRoundId(), i.GetReviewId(), i.GetObservationId())
}

func (s *session) portfolioCommand() *cobra.Command {
	request := &pb.ListPortfolioRequest{PageSize: pageSize}
	counts := false
	cmd := &cobra.Command{
		Use: "portfolio [PARTY]", Short: "Show what waits in all agreements: on you, and on the others", Args: cobra.MaximumNArgs(1),
		Long: "Show what waits in all agreements of your party, and on whom: what you owe, judge and answer, and what the others do.\n" +
			"First how many there are of each, then what they are, by day. An auditor names the party.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if len(args) == 1 {
				request.PartyId = args[0]
			}
			if counts || s.output != outputJSON {
				if err := s.portfolioCounts(c.Portfolios.GetPortfolio(ctx, &pb.GetPortfolioRequest{PartyId: request.GetPartyId()})); err != nil || counts {
					return err
				}
			}
			return printList(s, client.Pages(ctx, c.Portfolios.ListPortfolio, request, (*pb.ListPortfolioResponse).GetItems), portfolioColumns)
		}),
	}
	choose(cmd, &request.Task, "task", "list only these")
	cmd.Flags().StringVar(&request.DueBefore, "due-before", "", "list only what is due before this day, YYYY-MM-DD")
	cmd.Flags().BoolVar(&counts, "counts", false, "only how many there are")
	return cmd
}

// portfolioCounts prints both sides' counts, one beside the other.
func (s *session) portfolioCounts(p *pb.Portfolio, err error) error {
	if err != nil {
		return err
	}
	if s.output == outputJSON {
		return s.object(p)
	}
	w := tabs(s.out)
	fmt.Fprintf(w, "WAITS ON\t%s\tTHE OTHERS\n", clean(p.GetPartyId()))
	for _, row := range []struct {
		task         string
		ours, theirs int32
	}{{"to do", p.GetToDo(), p.GetTheirsToDo()}, {"to judge", p.GetToJudge(), p.GetTheirsToJudge()}, {"to answer", p.GetToAnswer(), p.GetTheirsToAnswer()}} {
		fmt.Fprintf(w, "%s\t%d\t%d\n", row.task, row.ours, row.theirs)
	}
	fmt.Fprintf(w, "to settle\t%d\tthe same\n\n", p.GetToSettle())
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the counts: %w", err)
	}
	return nil
}
