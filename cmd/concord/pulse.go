package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var pulseColumns = []column[*pb.PulseRound]{
	{"ROUND", (*pb.PulseRound).GetPulseRoundId},
	{"STATE", func(r *pb.PulseRound) string { return word(r.GetState()) }},
	{"OPENS", func(r *pb.PulseRound) string { return moment(r.GetOpenTime()) }},
	{"OPEN UNTIL", func(r *pb.PulseRound) string { return moment(r.GetEndTime()) }},
	{"VENDOR ANSWERS", func(r *pb.PulseRound) string { return answersText(r.GetVendorAnswerCount(), r) }},
	{"CLIENT ANSWERS", func(r *pb.PulseRound) string { return answersText(r.GetClientAnswerCount(), r) }},
}

// answersText is how many of a side have answered, of how many that are asked.
func answersText(n int32, r *pb.PulseRound) string {
	if r.GetRespondents() == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d", n, r.GetRespondents())
}

func pulseFacts(r *pb.PulseRound) []fact {
	by := word(r.GetOpenedBy())
	if by == "" {
		by = "the schedule"
	}
	facts := []fact{
		{"agreement", r.GetAgreementId()}, {"round", r.GetPulseRoundId()}, {"state", word(r.GetState())}, {"opened by", by},
		{"opens", moment(r.GetOpenTime())}, {"open until", moment(r.GetEndTime())}, {"closed", moment(r.GetCloseTime())},
		{"vendor answers", answersText(r.GetVendorAnswerCount(), r)}, {"client answers", answersText(r.GetClientAnswerCount(), r)},
	}
	if sums := r.GetResult(); sums != nil {
		facts = append(facts,
			fact{"vendor of client", meansText(sums.GetVendor().GetOfOther(), sums.GetVendor())}, fact{"client of vendor", meansText(sums.GetClient().GetOfOther(), sums.GetClient())},
			fact{"vendor of itself", meansText(sums.GetVendor().GetOfSelf(), sums.GetVendor())}, fact{"client of itself", meansText(sums.GetClient().GetOfSelf(), sums.GetClient())})
	}
	return append(facts, fact{"recorded", moment(r.GetCreateTime())}, fact{"changed", moment(r.GetUpdateTime())}, fact{"etag", r.GetEtag()})
}

// meansText is what a side's people said on the average, question by question.
func meansText(sums *pb.RatingSums, of *pb.PulseSum) string {
	if of.GetRespondents() == 0 {
		return "nobody answered"
	}
	mean := func(sum int32) string {
		return strconv.FormatFloat(float64(sum)/float64(of.GetRespondents()), 'f', 1, 64)
	}
	return fmt.Sprintf("trust %s, communication %s, fairness %s, focus %s, would renew %s",
		mean(sums.GetTrust()), mean(sums.GetCommunication()), mean(sums.GetFairness()), mean(sums.GetFocus()), mean(sums.GetWouldRenew()))
}

var answerColumns = []column[*pb.PulseAnswer]{
	{"N", func(a *pb.PulseAnswer) string { return number(a.GetNumber()) }},
	{"WHO", (*pb.PulseAnswer).GetPrincipalId},
	{"SIDE", func(a *pb.PulseAnswer) string { return word(a.GetSide()) }},
	{"OF THE OTHER", func(a *pb.PulseAnswer) string { return ratingsText(a, a.GetView().GetOfOther()) }},
	{"OF ITSELF", func(a *pb.PulseAnswer) string { return ratingsText(a, a.GetView().GetOfSelf()) }},
	{"COMMENT", func(a *pb.PulseAnswer) string { return a.GetView().GetComment() }},
	{"SELF TO IMPROVE", func(a *pb.PulseAnswer) string { return a.GetView().GetImproveSelf() }},
	{"OTHER TO IMPROVE", func(a *pb.PulseAnswer) string { return a.GetView().GetImproveOther() }},
}

// ratingsText is five ratings as the flags of an answer take them.
func ratingsText(a *pb.PulseAnswer, r *pb.Ratings) string {
	switch {
	case a.GetSealed():
		return "sealed"
	case r == nil:
		return "erased"
	}
	return fmt.Sprintf("%d,%d,%d,%d,%d", r.GetTrust(), r.GetCommunication(), r.GetFairness(), r.GetFocus(), r.GetWouldRenew())
}

func (s *session) pulseCommand() *cobra.Command {
	return noun("pulse", "How both sides feel about the partnership", s.pulseRequest(), s.pulseAnswer(), s.pulseList(), s.pulseShow(), s.pulseAnswers())
}

func (s *session) pulseRequest() *cobra.Command {
	var change change
	request := &pb.RequestPulseRequest{}
	cmd := &cobra.Command{
		Use: "request AGREEMENT", Short: "Ask both sides how they feel, now", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.RequestId, request.ValidateOnly = args[0], change.requestID, change.check
			return s.pulse(c.Pulses.RequestPulse(ctx, request))
		}),
	}
	cmd.Flags().StringVar(&request.PulseRoundId, "id", "", "the id to give the round; made if not given")
	return change.createFlags(cmd)
}

func (s *session) pulseAnswer() *cobra.Command {
	request := &pb.AnswerPulseRequest{View: &pb.PulseView{OfOther: &pb.Ratings{}, OfSelf: &pb.Ratings{}}}
	var other, self string
	cmd := onThing(s, "AGREEMENT ROUND", "answer --other 1-5,… --self 1-5,…", "Say how you feel; sealed until both sides have", request, func(ctx context.Context, c *client.Client) error {
		return s.pulse(c.Pulses.AnswerPulse(ctx, request))
	}, []func() error{
		func() error { return readRatings("other", other, request.View.OfOther) },
		func() error { return readRatings("self", self, request.View.OfSelf) },
	})
	const five = ": trust, communication, fairness, focus and whether you would renew, each 1 to 5, for example 4,4,3,5,4"
	needed(cmd, &other, "other", "how the other side is"+five)
	needed(cmd, &self, "self", "how your own side is"+five)
	flags := cmd.Flags()
	flags.StringVar(&request.View.Comment, "comment", "", "what else to say")
	flags.StringVar(&request.View.ImproveSelf, "improve-self", "", "the one thing that your side should do better")
	flags.StringVar(&request.View.ImproveOther, "improve-other", "", "the one thing that the other side should do better")
	return cmd
}

// readRatings reads five ratings with commas between them.
func readRatings(flag, text string, into *pb.Ratings) error {
	given := strings.Split(text, ",")
	places := []*int32{&into.Trust, &into.Communication, &into.Fairness, &into.Focus, &into.WouldRenew}
	if len(given) != len(places) {
		return usagef("--%s takes five ratings, for example 4,4,3,5,4, not %q", flag, text)
	}
	for i, one := range given {
		n, err := strconv.ParseInt(strings.TrimSpace(one), 10, 32)
		if err != nil {
			return usagef("--%s takes ratings of 1 to 5, not %q", flag, one)
		}
		*places[i] = int32(n)
	}
	return nil
}

func (s *session) pulseList() *cobra.Command {
	request := &pb.ListPulseRoundsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List the rounds of an agreement's pulse", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Pulses.ListPulseRounds, request, (*pb.ListPulseRoundsResponse).GetPulseRounds), pulseColumns)
		}),
	}
	choose(cmd, &request.State, "state", "only in this state")
	return asOf(cmd, &request.AsOf)
}

func (s *session) pulseShow() *cobra.Command {
	request := &pb.GetPulseRoundRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT ROUND", Short: "Show a round of the pulse, and what it came to", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.PulseRoundId = args[0], args[1]
			return s.pulse(c.Pulses.GetPulseRound(ctx, request))
		}),
	}, &request.AsOf)
}

func (s *session) pulseAnswers() *cobra.Command {
	request := &pb.ListPulseAnswersRequest{PageSize: pageSize}
	return asOf(&cobra.Command{
		Use: "answers AGREEMENT ROUND", Short: "List who answered in a round, and what, unless it is sealed", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.PulseRoundId = args[0], args[1]
			return printList(s, client.Pages(ctx, c.Pulses.ListPulseAnswers, request, (*pb.ListPulseAnswersResponse).GetPulseAnswers), answerColumns)
		}),
	}, &request.AsOf)
}

// pulse prints the answer to a command on a round of the pulse.
func (s *session) pulse(r *pb.PulseRound, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(r, pulseFacts(r))
}
