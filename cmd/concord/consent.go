package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) proposalAccept() *cobra.Command {
	var exactly exactly
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
			digest, err := exactly.digestOf("consent to this text", text.GetTermsDigest())
			if err != nil {
				return err
			}
			// A digest that is not the current one is sent as it is: the refusal should be the service's, and on record there.
			request := &pb.AcceptProposalRequest{Revision: text.GetRevision(), TermsDigest: digest}
			change.put(request, args)
			return s.proposal(c.Proposals.AcceptProposal(ctx, request))
		}),
	}
	exactly.flags(cmd, "the terms digest of the text you consent to, all 64 digits", "consent to the text as it is shown")
	return change.flags(cmd)
}

// exactly is how somebody says what text they stand by: by its digest, or as it is shown.
type exactly struct {
	digest string
	yes    bool
}

// flags adds the two ways to a command; one excludes the other.
func (e *exactly) flags(cmd *cobra.Command, digest, yes string) {
	cmd.Flags().StringVar(&e.digest, "digest", "", digest)
	cmd.Flags().BoolVar(&e.yes, "yes", false, yes)
	cmd.MarkFlagsMutuallyExclusive("digest", "yes")
}

// digestOf is the digest that somebody stands by, once they were shown a text with another or the same.
func (e *exactly) digestOf(what, shown string) (string, error) {
	switch {
	case e.digest != "":
		return e.digest, nil
	case e.yes:
		return shown, nil
	}
	return "", usagef("to %s, add --digest %s", what, shown)
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
