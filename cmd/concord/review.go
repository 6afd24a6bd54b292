package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/client/scorecard"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

var reviewColumns = []column[*pb.Review]{
	{"REVIEW", (*pb.Review).GetReviewId},
	{"TITLE", (*pb.Review).GetTitle},
	{"STATE", func(r *pb.Review) string { return word(r.GetState()) }},
	{"OPENED BY", func(r *pb.Review) string { return word(r.GetOpenedBy()) }},
	{"FROM", func(r *pb.Review) string { return r.GetScorecard().GetFromDate() }},
	{"TO", func(r *pb.Review) string { return r.GetScorecard().GetToDate() }},
	{"ACTIONS", func(r *pb.Review) string { return number(int32(len(r.GetActions()))) }},
	{"SIGNED BY", func(r *pb.Review) string { return strings.Join(sidesSigned(r), ", ") }},
	{"OPENED", func(r *pb.Review) string { return moment(r.GetCreateTime()) }},
}

// sidesSigned are the sides that signed the paper of a review.
func sidesSigned(r *pb.Review) (sides []string) {
	for _, s := range r.GetSignatures() {
		sides = append(sides, word(s.GetSide()))
	}
	return sides
}

func reviewFacts(r *pb.Review) []fact {
	facts := []fact{
		{"agreement", r.GetAgreementId()}, {"review", r.GetReviewId()}, {"title", r.GetTitle()}, {"state", word(r.GetState())},
		{"opened by", word(r.GetOpenedBy())}, {"opened", moment(r.GetCreateTime())}, {"changed", moment(r.GetUpdateTime())},
		{"reason", r.GetReason()}, {"scorecard frozen at", position(r.GetPosition())}, {"paper", number(r.GetRevision())}, {"digest", r.GetDigest()},
	}
	for _, s := range r.GetSignatures() {
		facts = append(facts, fact{"signed by", fmt.Sprintf("%s (%s), %s", word(s.GetSide()), s.GetPrincipalId(), moment(s.GetSignTime()))})
	}
	return append(facts, fact{"etag", r.GetEtag()})
}

// position is a place in the log; empty for what is not recorded yet.
func position(p uint64) string {
	if p == 0 {
		return ""
	}
	return fmt.Sprintf("position %d of the log", p)
}

func (s *session) reviewCommand() *cobra.Command {
	return noun("review", "Both sides looking at one scorecard together, which they sign",
		s.reviewOpen(), s.reviewList(), s.reviewShow(), s.reviewWrite(), s.reviewSign(), s.reviewWithdraw(), s.reviewPropose())
}

func (s *session) reviewOpen() *cobra.Command {
	var change change
	request := &pb.OpenReviewRequest{}
	cmd := &cobra.Command{
		Use: "open AGREEMENT", Short: "Begin a review: the scorecard is frozen as it is now", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.RequestId, request.ValidateOnly = args[0], change.requestID, change.check
			return s.review(c.Reviews.OpenReview(ctx, request))
		}),
	}
	cmd.Flags().StringVar(&request.ReviewId, "id", "", "the id to give it; made if not given")
	cmd.Flags().StringVar(&request.Title, "title", "", "what to call it")
	cmd.Flags().StringVar(&request.FromDate, "from", "", "the first day of the window, YYYY-MM-DD; that of the agreement if not given")
	cmd.Flags().StringVar(&request.ToDate, "to", "", "the last day of the window, YYYY-MM-DD; today if not given")
	return change.createFlags(cmd)
}

func (s *session) reviewList() *cobra.Command {
	request := &pb.ListReviewsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List an agreement's reviews as they were opened", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Reviews.ListReviews, request, (*pb.ListReviewsResponse).GetReviews), reviewColumns)
		}),
	}
	choose(cmd, &request.State, "state", "only in this state")
	return asOf(cmd, &request.AsOf)
}

func (s *session) reviewShow() *cobra.Command {
	request := &pb.GetReviewRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT REVIEW", Short: "Show a review: its frozen scorecard, minutes, actions and signatures", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ReviewId = args[0], args[1]
			return s.review(c.Reviews.GetReview(ctx, request))
		}),
	}, &request.AsOf)
}

func (s *session) reviewWrite() *cobra.Command {
	var change change
	var minutes string
	var actions []string
	cmd := &cobra.Command{
		Use: "write AGREEMENT REVIEW [--minutes TEXT] [--action \"SIDE DAY WHAT\"]…", Short: "Write the minutes and the actions of an open review; signatures are void", Args: cobra.ExactArgs(2),
		Long: "Write the minutes and the actions of an open review. What was signed before is void.\n\n" +
			"Each --action is a side, a day and what will be done: --action \"vendor 2026-07-31 Send drafts a week ahead\". Those given\n" +
			"are all there will be; --action \"\" is none. What no flag says stays as it is.",
	}
	cmd.RunE = s.does(func(ctx context.Context, c *client.Client, args []string) error {
		request := &pb.UpdateReviewRequest{Review: &pb.Review{Minutes: minutes}, UpdateMask: mask()}
		for _, flag := range []struct{ name, field string }{{"minutes", "minutes"}, {"action", "actions"}} {
			if cmd.Flags().Changed(flag.name) {
				request.UpdateMask.Paths = append(request.UpdateMask.Paths, flag.field)
			}
		}
		if len(request.GetUpdateMask().GetPaths()) == 0 {
			return usagef("say what to write: --minutes, --action")
		}
		for _, text := range actions {
			action, err := readAction(text)
			if err != nil {
				return err
			}
			if action != nil {
				request.Review.Actions = append(request.Review.Actions, action)
			}
		}
		change.put(request, args)
		return s.review(c.Reviews.UpdateReview(ctx, request))
	})
	cmd.Flags().StringVar(&minutes, "minutes", "", "what was said")
	cmd.Flags().StringArrayVar(&actions, "action", nil, "SIDE DAY WHAT: what a side will do, and by when; may be given often")
	return change.flags(cmd)
}

// readAction reads "vendor 2026-07-31 Send drafts a week ahead"; nil for nothing.
func readAction(text string) (*pb.ReviewAction, error) {
	words := strings.SplitN(strings.TrimSpace(text), " ", 3)
	if words[0] == "" {
		return nil, nil
	}
	side := pb.Side(pb.Side_value["SIDE_"+strings.ToUpper(words[0])])
	if side == pb.Side_SIDE_UNSPECIFIED || len(words) < 3 {
		return nil, usagef("--action %q: it is a side, a day and what will be done, as in \"vendor 2026-07-31 Send drafts a week ahead\"", text)
	}
	return &pb.ReviewAction{Obligor: side, DueDate: words[1], Title: strings.TrimSpace(words[2])}, nil
}

func (s *session) reviewSign() *cobra.Command {
	var exactly exactly
	var change change
	cmd := &cobra.Command{
		Use: "sign AGREEMENT REVIEW {--digest DIGEST | --yes}", Short: "Sign the exact paper of a review", Args: cobra.ExactArgs(2),
		Long: "Sign the exact paper of a review. It is shown with its scorecard, and its digest is checked; the signature is then given to\n" +
			"that digest and no other, so that a paper that changed in between is not signed by mistake.\n\n" +
			"--digest names the paper you have read before, in full. --yes signs what is shown now.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			r, err := c.Reviews.GetReview(ctx, &pb.GetReviewRequest{AgreementId: args[0], ReviewId: args[1]})
			if err != nil {
				return err
			}
			if err := checkReview(r); err != nil {
				return err
			}
			to := s.out
			if s.output == outputJSON { // standard output is the API's answer and nothing else
				to = s.errs
			}
			if _, err := fmt.Fprintf(to, "%s\npaper %d of %s\ndigest %s\n\n", reviewText(r), r.GetRevision(), clean(r.GetReviewId()), clean(r.GetDigest())); err != nil {
				return err
			}
			digest, err := exactly.digestOf("sign this paper", r.GetDigest())
			if err != nil {
				return err
			}
			request := &pb.SignReviewRequest{Revision: r.GetRevision(), Digest: digest}
			change.put(request, args)
			return s.signed(c.Reviews.SignReview(ctx, request))
		}),
	}
	exactly.flags(cmd, "the digest of the paper you sign, all 64 digits", "sign the paper as it is shown")
	return change.flags(cmd)
}

func (s *session) reviewWithdraw() *cobra.Command {
	request := &pb.WithdrawReviewRequest{}
	cmd := onThing(s, "AGREEMENT REVIEW", "withdraw --reason WHY", "Take back a review that your side opened", request, func(ctx context.Context, c *client.Client) error {
		return s.signed(c.Reviews.WithdrawReview(ctx, request))
	}, nil)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) reviewPropose() *cobra.Command {
	request := &pb.ProposeReviewActionRequest{}
	cmd := onThing(s, "AGREEMENT REVIEW", "propose --action N", "Propose a signed review's action as a commitment, by an amendment", request, func(ctx context.Context, c *client.Client) error {
		return s.signed(c.Reviews.ProposeReviewAction(ctx, request))
	}, nil)
	cmd.Flags().Int32Var(&request.Action, "action", 0, "the action's number")
	cmd.Flags().StringVar(&request.ProposalId, "proposal", "", "the id to give the proposal; made if not given")
	cmd.Flags().StringVar(&request.CommitmentId, "commitment", "", "the id to give the commitment; made if not given")
	choose(cmd, &request.Category, "category", "what kind of promise it is; governance if not given")
	cmd.Flags().Int32Var(&request.Weight, "weight", 0, "how much it counts, 1 to 5; 1 if not given")
	noteFlag(cmd, &request.Note)
	_ = cmd.MarkFlagRequired("action") // the flag is there
	return cmd
}

// review prints a review with all that its paper names, once it is sure that it is that.
func (s *session) review(r *pb.Review, err error) error {
	if err == nil {
		err = checkReview(r)
	}
	if err != nil || s.output == outputJSON {
		return s.signed(r, err)
	}
	if err := printFacts(s.out, reviewFacts(r)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "\n%s", reviewText(r))
	return err
}

// signed prints what became of a review, without what it is about.
func (s *session) signed(r *pb.Review, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(r, append(reviewFacts(r), actionFacts(r)...))
}

// checkReview makes sure that what people read and what they sign is one.
func checkReview(r *pb.Review) error {
	if what := rules.CheckReview(r); what != "" {
		return errors.New(what + ": do not sign, and tell the operator")
	}
	return nil
}

func actionFacts(r *pb.Review) (facts []fact) {
	for _, a := range r.GetActions() {
		said := fmt.Sprintf("%s, by %s: %s", word(a.GetObligor()), a.GetDueDate(), a.GetTitle())
		if a.GetProposalId() != "" {
			said += " (proposal " + a.GetProposalId() + ")"
		}
		facts = append(facts, fact{"action " + number(a.GetNumber()), said})
	}
	return facts
}

// reviewText is what a review is about, as people read it: the frozen scorecard, the minutes, the actions.
func reviewText(r *pb.Review) string {
	var b strings.Builder
	b.WriteString(scorecard.Of(r.GetScorecard()).Text(scorecard.MaxWidth))
	if r.GetMinutes() != "" {
		b.WriteString("\nMinutes\n")
		for line := range strings.Lines(r.GetMinutes()) {
			b.WriteString("  " + clean(strings.TrimRight(line, "\n")) + "\n")
		}
	}
	if len(r.GetActions()) > 0 {
		b.WriteString("\nActions\n")
		for _, f := range actionFacts(r) {
			b.WriteString("  " + strings.TrimPrefix(f.name, "action ") + ". " + clean(f.value) + "\n")
		}
	}
	return b.String()
}
