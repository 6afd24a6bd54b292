package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var shareColumns = []column[*pb.CommitmentShare]{
	{"COMMITMENT", (*pb.CommitmentShare).GetCommitmentId},
	{"PROMISE", (*pb.CommitmentShare).GetTitle},
	{"WEIGHT", func(s *pb.CommitmentShare) string { return number(s.GetWeight()) }},
	{"SHARE", func(s *pb.CommitmentShare) string {
		if s.GetDenominator() == 0 {
			return ""
		}
		return fmt.Sprintf("%d of %d", s.GetNumerator(), s.GetDenominator())
	}},
}

var scoredColumns = []column[*pb.ScoredObligation]{
	{"DUE", func(o *pb.ScoredObligation) string { return o.GetObligation().GetDueDate() }},
	{"OBLIGATION", func(o *pb.ScoredObligation) string { return o.GetObligation().GetObligationId() }},
	{"WEIGHT", func(o *pb.ScoredObligation) string { return number(o.GetWeight()) }},
	{"COUNTS AS", func(o *pb.ScoredObligation) string {
		if o.GetLeftOut() != 0 {
			return "left out: " + strings.ToLower(strings.ReplaceAll(word(o.GetLeftOut()), "_", " "))
		}
		return o.GetCountsAs()
	}},
	{"IN IT", func(o *pb.ScoredObligation) string {
		if o.GetInNumerator() {
			return "yes"
		}
		return ""
	}},
	{"EVENT", func(o *pb.ScoredObligation) string { return strconv.FormatUint(o.GetVersion(), 10) }},
	{"POSITION", func(o *pb.ScoredObligation) string { return strconv.FormatUint(o.GetPosition(), 10) }},
}

func figureFacts(x *pb.ExplainFigureResponse) []fact {
	f := x.GetFigure()
	value, made := "no data", ""
	if f != nil && f.Value != nil {
		value = strconv.FormatFloat(f.GetValue(), 'f', -1, 64)
	}
	if f.GetDenominator() != "" {
		made = f.GetNumerator() + " of " + f.GetDenominator()
	}
	return []fact{
		{"figure", word(f.GetFigureId())}, {"of the", word(f.GetSide())}, {"due from", x.GetFromDate()}, {"to", x.GetToDate()}, {"value", value}, {"which is", made},
		{"formula version", number(f.GetFormulaVersion())},
	}
}

func (s *session) explainCommand() *cobra.Command {
	request := &pb.ExplainFigureRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "explain AGREEMENT --side SIDE --figure FIGURE", Short: "Show what a figure of one side is made of, down to each obligation and its event", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			var all *pb.ExplainFigureResponse
			for o, err := range client.Pages(ctx, c.Scorecards.ExplainFigure, request, func(page *pb.ExplainFigureResponse) []*pb.ScoredObligation {
				if all == nil {
					all = &pb.ExplainFigureResponse{Figure: page.GetFigure(), FromDate: page.GetFromDate(), ToDate: page.GetToDate(), Commitments: page.GetCommitments()}
				}
				return page.GetObligations()
			}) {
				if err != nil {
					return err
				}
				all.Obligations = append(all.Obligations, o)
			}
			return s.explained(all)
		}),
	}
	choose(cmd, &request.Side, "side", "whose figure it is")
	choose(cmd, &request.FigureId, "figure", "which figure", pb.FigureId_FIGURE_ID_PARITY, pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME, pb.FigureId_FIGURE_ID_LOWER_PULSE)
	_ = cmd.MarkFlagRequired("side") // the flag is there
	_ = cmd.MarkFlagRequired("figure")
	windowFlags(cmd, &request.FromDate, &request.ToDate)
	return asOf(cmd, &request.AsOf)
}

// explained prints what a figure is made of.
func (s *session) explained(x *pb.ExplainFigureResponse) error {
	if s.output == outputJSON {
		return s.object(x)
	}
	if err := printFacts(s.out, figureFacts(x)); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	if err := printList(s, without(x.GetCommitments()), shareColumns); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return printList(s, without(x.GetObligations()), scoredColumns)
}

// without is a list that cannot fail.
func without[T any](list []T) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for item := range slices.Values(list) {
			if !yield(item, nil) {
				return
			}
		}
	}
}
