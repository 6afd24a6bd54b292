package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var proposalColumns = []column[*pb.Proposal]{
	{"PROPOSAL", (*pb.Proposal).GetProposalId},
	{"KIND", func(p *pb.Proposal) string { return word(p.GetKind()) }},
	{"STATE", func(p *pb.Proposal) string { return word(p.GetState()) }},
	{"MADE BY", func(p *pb.Proposal) string { return word(p.GetProposer()) }},
	{"TURN", func(p *pb.Proposal) string { return word(p.GetTurn()) }},
	{"REVISION", func(p *pb.Proposal) string { return number(p.GetRevision()) }},
	{"TERMS DIGEST", func(p *pb.Proposal) string { return short(p.GetTermsDigest()) }},
	{"MADE", func(p *pb.Proposal) string { return moment(p.GetCreateTime()) }},
}

func proposalFacts(p *pb.Proposal) []fact {
	facts := []fact{
		{"agreement", p.GetAgreementId()}, {"proposal", p.GetProposalId()}, {"kind", word(p.GetKind())},
		{"state", word(p.GetState())}, {"made by", word(p.GetProposer())}, {"answer awaited from", word(p.GetTurn())},
		{"revision", number(p.GetRevision())}, {"terms digest", p.GetTermsDigest()},
		{"would change revision", number(p.GetBaseRevision())}, {"note", p.GetNote()}, {"reason", p.GetReason()},
		{"about", strings.Join(p.GetObligationIds(), ", ")}, {"successor", p.GetSuccessorAgreementId()},
	}
	return append(append(facts, impactFacts(p.GetImpact())...),
		fact{"made", moment(p.GetCreateTime())}, fact{"changed", moment(p.GetUpdateTime())}, fact{"can be answered until", moment(p.GetExpireTime())},
		fact{"agreed", moment(p.GetAcceptTime())}, fact{"takes effect", moment(p.GetEffectiveTime())}, fact{"etag", p.GetEtag()})
}

func (s *session) proposalCommand() *cobra.Command {
	return noun("proposal", "How two sides come to consent",
		s.proposalMake(), s.proposalList(), s.proposalShow(), s.proposalText(),
		s.proposalCounter(), s.proposalAccept(), s.proposalDecline(), s.proposalWithdraw())
}

func (s *session) proposalMake() *cobra.Command {
	var change change
	var said motion
	request := &pb.CreateProposalRequest{Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}
	cmd := &cobra.Command{
		Use: "make AGREEMENT [--kind KIND]", Short: "Put something before the other side that needs both sides' consent; it is your own consent to it", Args: cobra.ExactArgs(1),
		Long: "Put something before the other side that needs both sides' consent. Making it is your own consent to it.\n\n" +
			"  first_terms                          the text of the draft\n" +
			"  amendment -f terms.json              another text; its impact is shown before anybody accepts\n" +
			"  renew -f terms.json [--successor ID] a successor with a text of its own\n" +
			"  suspend, resume, end_early, complete, withdraw_notice [--from DAY] [--reason WHY]\n" +
			"  release --obligation ID …            obligations to let go\n" +
			"  settle_dispute --obligation ID --outcome OUTCOME --reason WHY",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) (err error) {
			if request.Terms, request.Motion, err = said.read(s); err != nil {
				return err
			}
			request.ExpireTime = said.expires
			request.AgreementId, request.RequestId, request.ValidateOnly = args[0], change.requestID, change.check
			return s.proposal(c.Proposals.CreateProposal(ctx, request))
		}),
	}
	cmd.Flags().StringVar(&request.ProposalId, "id", "", "the id to give it; made if not given")
	cmd.Flags().StringVar(&request.SuccessorAgreementId, "successor", "", "the id to give the successor (renew); made if not given")
	choose(cmd, &request.Kind, "kind", "what it would do")
	said.flags(cmd, &request.Note)
	return change.createFlags(cmd)
}

func (s *session) proposalList() *cobra.Command {
	request := &pb.ListProposalsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List an agreement's proposals as they were made", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Proposals.ListProposals, request, (*pb.ListProposalsResponse).GetProposals), proposalColumns)
		}),
	}
	choose(cmd, &request.State, "state", "only in this state")
	return asOf(cmd, &request.AsOf)
}

func (s *session) proposalShow() *cobra.Command {
	request := &pb.GetProposalRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT PROPOSAL", Short: "Show a proposal with its text", Args: cobra.ExactArgs(2),
		Long: "Show a proposal with its text. With -o json it is the proposal alone; its text is printed by: concord proposal text",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ProposalId = args[0], args[1]
			p, err := c.Proposals.GetProposal(ctx, request)
			if err != nil || s.output == outputJSON {
				return s.proposal(p, err)
			}
			text, err := proposedText(ctx, c, p, p.GetRevision())
			if err != nil {
				return err
			}
			return s.printProposal(p, text)
		}),
	}, &request.AsOf)
}

func (s *session) proposalText() *cobra.Command {
	var revision int32
	request := &pb.GetProposalRequest{}
	cmd := &cobra.Command{
		Use: "text AGREEMENT PROPOSAL", Short: "Print a proposed text, or motion, alone; -o json is the form that counter -f takes", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ProposalId = args[0], args[1]
			p, err := c.Proposals.GetProposal(ctx, request)
			if err != nil {
				return err
			}
			if revision == 0 {
				revision = p.GetRevision()
			}
			text, err := proposedText(ctx, c, p, revision)
			if err != nil {
				return err
			}
			if motion := text.GetMotion(); motion != nil {
				return s.printMotion(motion)
			}
			return s.printTerms(text.GetTerms())
		}),
	}
	cmd.Flags().Int32Var(&revision, "revision", 0, "an earlier text of the proposal; the current one if not given")
	return asOf(cmd, &request.AsOf)
}

func (s *session) proposalCounter() *cobra.Command {
	var change change
	var said motion
	request := &pb.CounterProposalRequest{}
	cmd := &cobra.Command{
		Use: "counter AGREEMENT PROPOSAL -f terms.json", Short: "Answer with another text, or motion; earlier consent is void", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) (err error) {
			if request.Terms, request.Motion, err = said.read(s); err != nil {
				return err
			}
			if request.Terms == nil && request.Motion == nil {
				return usagef("say what you would have instead: -f terms.json, or what a motion says")
			}
			request.ExpireTime = said.expires
			if request.Revision == 0 {
				p, err := c.Proposals.GetProposal(ctx, &pb.GetProposalRequest{AgreementId: args[0], ProposalId: args[1]})
				if err != nil {
					return err
				}
				request.Revision = p.GetRevision()
			}
			change.put(request, args)
			return s.proposal(c.Proposals.CounterProposal(ctx, request))
		}),
	}
	cmd.Flags().Int32Var(&request.Revision, "revision", 0, "the revision you answer; the one on the table if not given")
	said.flags(cmd, &request.Note)
	return change.flags(cmd)
}

func (s *session) proposalDecline() *cobra.Command {
	request := &pb.DeclineProposalRequest{}
	cmd := onProposal(s, "decline --reason WHY", "Say no, and why", request, pb.ProposalServiceClient.DeclineProposal)
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) proposalWithdraw() *cobra.Command {
	request := &pb.WithdrawProposalRequest{}
	cmd := onProposal(s, "withdraw [--reason WHY]", "Take your own proposal back", request, pb.ProposalServiceClient.WithdrawProposal)
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, if you wish to say")
	return cmd
}

// proposal prints the answer to a command on a proposal.
func (s *session) proposal(p *pb.Proposal, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(p, proposalFacts(p))
}

// printProposal prints a proposal with its text, for people.
func (s *session) printProposal(p *pb.Proposal, text *pb.ProposalRevision) error {
	if err := printFacts(s.out, proposalFacts(p)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "\n%s", proposedWords(text))
	return err
}

// proposedText reads a text of a proposal and makes sure that it is what its digest says.
func proposedText(ctx context.Context, c *client.Client, p *pb.Proposal, revision int32) (*pb.ProposalRevision, error) {
	text, err := c.Proposals.GetProposalRevision(ctx, &pb.GetProposalRevisionRequest{
		AgreementId: p.GetAgreementId(), ProposalId: p.GetProposalId(), Revision: revision,
	})
	if err != nil {
		return nil, err
	}
	var shown proto.Message = text.GetTerms()
	if text.GetMotion() != nil {
		shown = text.GetMotion()
	}
	return text, checkDigest(text.GetBody(), text.GetTermsDigest(), shown)
}

// reasonFlag adds the flag for a reason that must be given.
func reasonFlag(cmd *cobra.Command, reason *string) {
	cmd.Flags().StringVar(reason, "reason", "", "why; the other side reads it")
	_ = cmd.MarkFlagRequired("reason") // the flag is there
}
