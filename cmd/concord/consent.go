package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) proposalAccept() *cobra.Command {
	var digest string
	var yes bool
	var change change
	cmd := &cobra.Command{
		Use: "accept AGREEMENT PROPOSAL {--digest DIGEST | --yes}", Short: "Consent to the exact text, or motion, on the table", Args: cobra.ExactArgs(2),
		Long: "Consent to the exact text on the table. The text is shown and its digest checked; consent is then given to that\n" +
			"digest and no other, so that a text that changed in between is not accepted by mistake.\n\n" +
			"--digest names the text you have read before, in full. --yes consents to what is shown now.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			p, err := c.Proposals.GetProposal(ctx, &pb.GetProposalRequest{AgreementId: args[0], ProposalId: args[1]})
			if err != nil {
				return err
			}
			text, err := proposedText(ctx, c, p, p.GetRevision())
			if err != nil {
				return err
			}
			if err := s.showBeforeConsent(p, text); err != nil {
				return err
			}
			switch {
			case digest == "" && !yes:
				return usagef("to consent to this text, add --digest %s", text.GetTermsDigest())
			case digest == "":
				digest = text.GetTermsDigest()
			}
			// A digest that is not the current one is sent as it is: the refusal should be the service's, and on record there.
			request := &pb.AcceptProposalRequest{Revision: text.GetRevision(), TermsDigest: digest}
			change.put(request, args)
			return s.proposal(c.Proposals.AcceptProposal(ctx, request))
		}),
	}
	cmd.Flags().StringVar(&digest, "digest", "", "the terms digest of the text you consent to, all 64 digits")
	cmd.Flags().BoolVar(&yes, "yes", false, "consent to the text as it is shown")
	cmd.MarkFlagsMutuallyExclusive("digest", "yes")
	return change.flags(cmd)
}

// showBeforeConsent shows what is about to be consented to. With -o json it goes to standard error, so that standard
// output is the API's answer and nothing else.
func (s *session) showBeforeConsent(p *pb.Proposal, text *pb.ProposalRevision) error {
	to := s.out
	if s.output == outputJSON {
		to = s.errs
	}
	if _, err := fmt.Fprintf(to, "%s\nrevision %d of %s, written by the %s\nterms digest %s\n",
		proposedWords(text), text.GetRevision(), clean(p.GetProposalId()), word(text.GetAuthor()), clean(text.GetTermsDigest())); err != nil {
		return err
	}
	if err := printFacts(to, impactFacts(p.GetImpact())); err != nil {
		return err
	}
	_, err := fmt.Fprintln(to)
	return err
}
