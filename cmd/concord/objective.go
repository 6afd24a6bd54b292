package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// pulseText is what terms say of the pulse; empty if nothing.
func pulseText(p *pb.PulseTerms) string {
	if p == nil {
		return ""
	}
	when := "when a side asks"
	if p.GetRrule() != "" {
		when = "by the rule " + p.GetRrule() + ", and " + when
	}
	asked, open := "", ""
	if p.Respondents != nil {
		asked = fmt.Sprintf("; %d people on each side answer", p.GetRespondents())
	}
	if p.AnswerBusinessDays != nil {
		open = fmt.Sprintf("; a round is open for %d business days", p.GetAnswerBusinessDays())
	}
	return fmt.Sprintf("Both are asked how they feel %s%s%s.\n", clean(when), asked, open)
}

// objectivesText is what both sides hope to gain; empty if neither says.
func objectivesText(t *pb.Terms) string {
	if len(t.GetObjectives()) == 0 {
		return ""
	}
	var b strings.Builder
	for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
		fmt.Fprintf(&b, "\nThe %s hopes to gain\n", word(side))
		none := true
		for _, o := range t.GetObjectives() {
			if o.GetSide() == side {
				none = false
				fmt.Fprintf(&b, "  %s: %s\n    %s\n", clean(o.GetObjectiveId()), clean(o.GetTitle()), clean(wayText(o)+fmt.Sprintf(", weight %d", o.GetWeight())))
			}
		}
		if none {
			b.WriteString("  nothing that is said\n")
		}
	}
	return b.String()
}

// wayText is what an objective measures, from where to where, and by when.
func wayText(o *pb.ObjectiveTerms) string {
	return fmt.Sprintf("%s from %s to %s by %s", o.GetMeasure(), amount(o.GetBaseline(), o.GetUnit()), amount(o.GetTarget(), o.GetUnit()), o.GetByDate())
}

var objectiveColumns = []column[*pb.Objective]{
	{"OBJECTIVE", (*pb.Objective).GetObjectiveId},
	{"WHOSE", func(o *pb.Objective) string { return word(o.GetSide()) }},
	{"HOPE", func(o *pb.Objective) string { return o.GetTerms().GetTitle() }},
	{"FROM … TO … BY", func(o *pb.Objective) string { return wayText(o.GetTerms()) }},
	{"STANDS AT", standsText},
	{"STATE", func(o *pb.Objective) string { return word(o.GetState()) }},
}

// standsText is where an objective stands, as its side has confirmed.
func standsText(o *pb.Objective) string {
	if o.GetNewest() == nil {
		return "not observed"
	}
	return amount(o.GetNewest().GetValue(), o.GetTerms().GetUnit()) + " on " + o.GetNewest().GetObservedDate()
}

func objectiveFacts(o *pb.Objective) []fact {
	return []fact{
		{"agreement", o.GetAgreementId()}, {"objective", o.GetObjectiveId()}, {"whose", word(o.GetSide())}, {"hope", o.GetTerms().GetTitle()},
		{"measure", wayText(o.GetTerms())}, {"weight", number(o.GetTerms().GetWeight())}, {"stands at", standsText(o)},
		{"by observation", o.GetNewest().GetObservationId()}, {"observations", number(o.GetObservationCount())}, {"state", word(o.GetState())},
		{"revision", number(o.GetRevision())}, {"agreed", moment(o.GetCreateTime())}, {"changed", moment(o.GetUpdateTime())}, {"etag", o.GetEtag()},
	}
}

var observationColumns = []column[*pb.Observation]{
	{"OBSERVATION", (*pb.Observation).GetObservationId},
	{"DAY", (*pb.Observation).GetObservedDate},
	{"VALUE", (*pb.Observation).GetValue},
	{"BY", func(o *pb.Observation) string { return word(o.GetBy()) }},
	{"STATE", func(o *pb.Observation) string { return word(o.GetState()) }},
	{"NOTE", (*pb.Observation).GetNote},
}

func observationFacts(o *pb.Observation) []fact {
	facts := []fact{
		{"agreement", o.GetAgreementId()}, {"observation", o.GetObservationId()}, {"objective", o.GetObjectiveId()}, {"by", word(o.GetBy())},
		{"value", o.GetValue()}, {"day", o.GetObservedDate()}, {"state", word(o.GetState())}, {"says", o.GetNote()}, {"returned because", o.GetReason()},
	}
	for _, e := range o.GetEvidence() {
		facts = append(facts, fact{"evidence", evidenceText(e)})
	}
	return append(facts, fact{"recorded", moment(o.GetCreateTime())}, fact{"changed", moment(o.GetUpdateTime())}, fact{"etag", o.GetEtag()})
}

func (s *session) objectiveCommand() *cobra.Command {
	return noun("objective", "What each side hopes to gain, and how far it has come", s.objectiveList(), s.objectiveShow(), s.objectiveObserve(),
		s.observationConfirm(), s.observationReturn(), s.observationList(), s.observationShow())
}

func (s *session) objectiveList() *cobra.Command {
	request := &pb.ListObjectivesRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List an agreement's objectives, of both sides", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Objectives.ListObjectives, request, (*pb.ListObjectivesResponse).GetObjectives), objectiveColumns)
		}),
	}
	choose(cmd, &request.Side, "side", "only what this side hopes for")
	choose(cmd, &request.State, "state", "only in this state")
	return asOf(cmd, &request.AsOf)
}

func (s *session) objectiveShow() *cobra.Command {
	request := &pb.GetObjectiveRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT OBJECTIVE", Short: "Show an objective, and where it stands", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObjectiveId = args[0], args[1]
			o, err := c.Objectives.GetObjective(ctx, request)
			if err != nil {
				return err
			}
			return s.printOne(o, objectiveFacts(o))
		}),
	}, &request.AsOf)
}

func (s *session) objectiveObserve() *cobra.Command {
	var change change
	request := &pb.RecordObservationRequest{}
	shown := &evidence{into: &request.Evidence}
	cmd := &cobra.Command{
		Use: "observe AGREEMENT OBJECTIVE --value N --on DAY", Short: "Say what the figure of an objective was on a day", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if err := shown.read(); err != nil {
				return err
			}
			request.AgreementId, request.ObjectiveId, request.RequestId, request.ValidateOnly = args[0], args[1], change.requestID, change.check
			return s.observation(c.Objectives.RecordObservation(ctx, request))
		}),
	}
	needed(cmd, &request.Value, "value", "the figure, in the unit of the objective")
	needed(cmd, &request.ObservedDate, "on", "the day that it is about, YYYY-MM-DD")
	cmd.Flags().StringVar(&request.ObservationId, "id", "", "the id to give the observation; made if not given")
	return change.createFlags(shown.flags(noteFlag(cmd, &request.Note)))
}

func (s *session) observationConfirm() *cobra.Command {
	request := &pb.ConfirmObservationRequest{}
	return onThing(s, "AGREEMENT OBSERVATION", "confirm", "Say that what the other side observed is right (whose objective it is)", request, func(ctx context.Context, c *client.Client) error {
		return s.observation(c.Objectives.ConfirmObservation(ctx, request))
	}, nil)
}

func (s *session) observationReturn() *cobra.Command {
	request := &pb.ReturnObservationRequest{}
	cmd := onThing(s, "AGREEMENT OBSERVATION", "return --reason …", "Say that what the other side observed is not right (whose objective it is)", request, func(ctx context.Context, c *client.Client) error {
		return s.observation(c.Objectives.ReturnObservation(ctx, request))
	}, nil)
	needed(cmd, &request.Reason, "reason", "why it is not right")
	return cmd
}

func (s *session) observationList() *cobra.Command {
	request := &pb.ListObservationsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "observations AGREEMENT OBJECTIVE", Short: "List what was observed of an objective, the latest day first", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObjectiveId = args[0], args[1]
			return printList(s, client.Pages(ctx, c.Objectives.ListObservations, request, (*pb.ListObservationsResponse).GetObservations), observationColumns)
		}),
	}
	choose(cmd, &request.State, "state", "only in this state")
	return asOf(cmd, &request.AsOf)
}

func (s *session) observationShow() *cobra.Command {
	request := &pb.GetObservationRequest{}
	return asOf(&cobra.Command{
		Use: "observation AGREEMENT OBSERVATION", Short: "Show an observation", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ObservationId = args[0], args[1]
			return s.observation(c.Objectives.GetObservation(ctx, request))
		}),
	}, &request.AsOf)
}

// observation prints the answer to a command on an observation.
func (s *session) observation(o *pb.Observation, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(o, observationFacts(o))
}
