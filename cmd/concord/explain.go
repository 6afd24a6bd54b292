package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

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
	{"COUNTS AS", func(o *pb.ScoredObligation) string { return countsAs(o.GetCountsAs(), o.GetLeftOut()) }},
	{"IN IT", func(o *pb.ScoredObligation) string { return yes(o.GetInNumerator()) }},
	{"EVENT", event[*pb.ScoredObligation]}, {"POSITION", logged[*pb.ScoredObligation]},
}

var scoredConcernColumns = []column[*pb.ScoredConcern]{
	{"TO ANSWER BY", func(c *pb.ScoredConcern) string { return c.GetConcern().GetResponseEndDate() }},
	{"CONCERN", func(c *pb.ScoredConcern) string { return c.GetConcern().GetConcernId() }},
	{"ACKNOWLEDGED", func(c *pb.ScoredConcern) string { return moment(c.GetConcern().GetAcknowledgeTime()) }},
	{"COUNTS AS", func(c *pb.ScoredConcern) string { return countsAs(c.GetCountsAs(), c.GetLeftOut()) }},
	{"IN IT", func(c *pb.ScoredConcern) string { return yes(c.GetInNumerator()) }},
	{"EVENT", event[*pb.ScoredConcern]}, {"POSITION", logged[*pb.ScoredConcern]},
}

var scoredRoundColumns = []column[*pb.ScoredPulseRound]{
	{"CLOSED", func(r *pb.ScoredPulseRound) string { return r.GetPulseRound().GetCloseDate() }},
	{"ROUND", func(r *pb.ScoredPulseRound) string { return r.GetPulseRound().GetPulseRoundId() }},
	{"SAID", func(r *pb.ScoredPulseRound) string {
		if r.GetLeftOut() != 0 {
			return countsAs("", r.GetLeftOut())
		}
		return fmt.Sprintf("%d of %d", r.GetPoints(), r.GetMostPoints())
	}},
	{"TOLD", func(r *pb.ScoredPulseRound) string {
		if r.GetMostToldPoints() == 0 {
			return ""
		}
		return fmt.Sprintf("%d of %d", r.GetToldPoints(), r.GetMostToldPoints())
	}},
	{"EVENT", event[*pb.ScoredPulseRound]}, {"POSITION", logged[*pb.ScoredPulseRound]},
}

var scoredObjectiveColumns = []column[*pb.ScoredObjective]{
	{"OBJECTIVE", func(o *pb.ScoredObjective) string { return o.GetTerms().GetObjectiveId() }},
	{"WEIGHT", func(o *pb.ScoredObjective) string { return number(o.GetTerms().GetWeight()) }},
	{"FROM", func(o *pb.ScoredObjective) string { return o.GetTerms().GetBaseline() }},
	{"TO", func(o *pb.ScoredObjective) string { return o.GetTerms().GetTarget() }},
	{"OBSERVED", func(o *pb.ScoredObjective) string {
		if o.GetLeftOut() != 0 {
			return countsAs("", o.GetLeftOut())
		}
		return o.GetObservation().GetValue() + " on " + o.GetObservation().GetObservedDate()
	}},
	{"SHARE", func(o *pb.ScoredObjective) string {
		if o.Share == nil {
			return ""
		}
		return strconv.FormatFloat(o.GetShare(), 'f', -1, 64)
	}},
	{"EVENT", event[*pb.ScoredObjective]}, {"POSITION", logged[*pb.ScoredObjective]},
}

// countsAs is how something counts, or why it does not.
func countsAs(words string, left pb.LeftOutReason) string {
	if left != 0 {
		return "left out: " + strings.ToLower(strings.ReplaceAll(word(left), "_", " "))
	}
	return words
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

// event is the version of the event that something is found by.
func event[T interface{ GetVersion() uint64 }](is T) string {
	return strconv.FormatUint(is.GetVersion(), 10)
}

// logged is where in the log that event stands.
func logged[T interface{ GetPosition() uint64 }](is T) string {
	return strconv.FormatUint(is.GetPosition(), 10)
}

func figureFacts(x *pb.ExplainFigureResponse) []fact {
	f := x.GetFigure()
	made := ""
	if f.GetDenominator() != "" {
		made = f.GetNumerator() + " of " + f.GetDenominator()
	}
	facts := []fact{
		{"figure", word(f.GetFigureId())}, {"of the", word(f.GetSide())}, {"from", x.GetFromDate()}, {"to", x.GetToDate()}, {"value", figureValue(f)}, {"which is", made},
		{"formula version", number(f.GetFormulaVersion())},
	}
	if other := x.GetOtherFigure(); other != nil {
		facts = append(facts, fact{"the " + strings.ToLower(word(other.GetSide())) + "'s", figureValue(other)})
	}
	return facts
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
		Use: "explain AGREEMENT --figure FIGURE [--side SIDE]", Short: "Show what a figure is made of, each with its event", Args: cobra.ExactArgs(1),
		Long: "Show what a figure is made of, down to each obligation, concern, round of the pulse or objective, and its event: of both sides, or in full of one beside the other's value.",
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

// explain prints what a figure of one side is made of, alone or as one of two.
func (s *session) explain(ctx context.Context, c *client.Client, request *pb.ExplainFigureRequest, alone bool) error {
	var all *pb.ExplainFigureResponse
	for page, err := range client.Pages(ctx, c.Scorecards.ExplainFigure, request, func(page *pb.ExplainFigureResponse) []*pb.ExplainFigureResponse {
		return []*pb.ExplainFigureResponse{page}
	}) {
		if err != nil {
			return err
		}
		if all == nil {
			all = page
			continue
		}
		all.Obligations = append(all.Obligations, page.GetObligations()...)
		all.Concerns = append(all.Concerns, page.GetConcerns()...)
		all.PulseRounds = append(all.PulseRounds, page.GetPulseRounds()...)
	}
	all.NextPageToken = ""
	if s.output == outputJSON && !alone {
		return s.line(all)
	}
	return s.explained(all)
}

// explained prints what a figure is made of.
func (s *session) explained(x *pb.ExplainFigureResponse) error {
	if s.output == outputJSON {
		return s.object(x)
	}
	if err := printFacts(s.out, figureFacts(x)); err != nil {
		return err
	}
	return errors.Join(
		behind(s.out, x.GetCommitments(), shareColumns), behind(s.out, x.GetObligations(), scoredColumns), behind(s.out, x.GetConcerns(), scoredConcernColumns),
		behind(s.out, x.GetPulseRounds(), scoredRoundColumns), behind(s.out, x.GetObjectives(), scoredObjectiveColumns),
	)
}

// behind prints what a figure is made of, if it is made of such things.
func behind[T any](out io.Writer, list []T, columns []column[T]) error {
	if len(list) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	return printTable(out, without(list), columns)
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
