package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
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
	made := ""
	if f.GetDenominator() != "" {
		made = f.GetNumerator() + " of " + f.GetDenominator()
	}
	return []fact{
		{"figure", word(f.GetFigureId())}, {"of the", word(f.GetSide())}, {"due from", x.GetFromDate()}, {"to", x.GetToDate()}, {"value", figureValue(f)}, {"which is", made},
		{"formula version", number(f.GetFormulaVersion())}, {"made of", madeOf[f.GetFigureId()]},
	}
}

// madeOf is where to see what a figure is made of that no obligation stands behind.
var madeOf = map[pb.FigureId]string{
	pb.FigureId_FIGURE_ID_RESPONSIVENESS: "the concerns raised to the side (concern list)",
	pb.FigureId_FIGURE_ID_PULSE:          "the closed rounds of the pulse (pulse list)",
	pb.FigureId_FIGURE_ID_PULSE_GAP:      "the closed rounds of the pulse (pulse list)",
	pb.FigureId_FIGURE_ID_ATTAINMENT:     "the side's objectives in force (objective list)",
}

// figureValue is a figure's value in full.
func figureValue(f *pb.Figure) string {
	if f == nil || f.Value == nil {
		return "no data"
	}
	return strconv.FormatFloat(f.GetValue(), 'f', -1, 64)
}

func (s *session) explainCommand() *cobra.Command {
	request := &pb.ExplainFigureRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "explain AGREEMENT --figure FIGURE [--side SIDE]", Short: "Show what a figure is made of, down to each obligation and its event", Args: cobra.ExactArgs(1),
		Long: "Show what a figure is made of, down to each obligation and its event: of both sides, or in full of one beside the other's value.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			if request.GetSide() != 0 {
				return s.explain(ctx, c, request, true)
			}
			for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
				if side == pb.Side_SIDE_CLIENT && s.output != outputJSON {
					fmt.Fprintln(s.out)
				}
				one := proto.CloneOf(request)
				one.Side = side
				if err := s.explain(ctx, c, one, false); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	choose(cmd, &request.Side, "side", "in full of this side only")
	choose(cmd, &request.FigureId, "figure", "which figure", pb.FigureId_FIGURE_ID_PARITY, pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME, pb.FigureId_FIGURE_ID_LOWER_PULSE)
	_ = cmd.MarkFlagRequired("figure") // the flag is there
	windowFlags(cmd, &request.FromDate, &request.ToDate)
	return asOf(cmd, &request.AsOf)
}

// explain prints what a figure of one side is made of, and if that is all that is printed the other side's value beside it.
func (s *session) explain(ctx context.Context, c *client.Client, request *pb.ExplainFigureRequest, alone bool) error {
	var beside []fact
	if alone && s.output != outputJSON {
		other := proto.CloneOf(request)
		other.Side, other.PageSize = rules.Other(request.GetSide()), 1
		answer, err := c.Scorecards.ExplainFigure(ctx, other)
		if err != nil {
			return err
		}
		beside = []fact{{"the " + strings.ToLower(word(other.GetSide())) + "'s", figureValue(answer.GetFigure())}}
	}
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
	if s.output == outputJSON && !alone {
		return s.line(all)
	}
	return s.explained(all, beside...)
}

// explained prints what a figure is made of, and what stands beside it.
func (s *session) explained(x *pb.ExplainFigureResponse, beside ...fact) error {
	if s.output == outputJSON {
		return s.object(x)
	}
	if err := printFacts(s.out, append(figureFacts(x), beside...)); err != nil {
		return err
	}
	if len(x.GetCommitments()) > 0 {
		fmt.Fprintln(s.out)
		if err := printTable(s.out, without(x.GetCommitments()), shareColumns); err != nil {
			return err
		}
	}
	if len(x.GetObligations()) > 0 {
		fmt.Fprintln(s.out)
		return printTable(s.out, without(x.GetObligations()), scoredColumns)
	}
	return nil
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
