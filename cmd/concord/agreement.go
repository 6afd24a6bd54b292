package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var agreementColumns = []column[*pb.Agreement]{
	{"AGREEMENT", (*pb.Agreement).GetAgreementId},
	{"TITLE", agreementTitle},
	{"VENDOR", (*pb.Agreement).GetVendorPartyId},
	{"CLIENT", (*pb.Agreement).GetClientPartyId},
	{"STATE", func(a *pb.Agreement) string { return word(a.GetState()) }},
	{"REVISION", func(a *pb.Agreement) string { return number(a.GetRevision()) }},
	{"FROM", func(a *pb.Agreement) string { return firstDay(a.GetEffectiveTime(), a.GetCalendar()) }},
	{"TO", func(a *pb.Agreement) string { return lastDay(a.GetEndTime(), a.GetCalendar()) }},
}

func agreementTitle(a *pb.Agreement) string {
	if a.GetTitle() == "" {
		return a.GetDraftTerms().GetTitle()
	}
	return a.GetTitle()
}

func agreementFacts(a *pb.Agreement) []fact {
	return []fact{
		{"agreement", a.GetAgreementId()}, {"title", agreementTitle(a)},
		{"vendor", a.GetVendorPartyId()}, {"client", a.GetClientPartyId()},
		{"state", word(a.GetState())}, {"drafted by", word(a.GetAuthor())},
		{"revision", number(a.GetRevision())}, {"terms digest", a.GetTermsDigest()}, {"open proposal", a.GetOpenProposalId()},
		{"from", firstDay(a.GetEffectiveTime(), a.GetCalendar())}, {"to", lastDay(a.GetEndTime(), a.GetCalendar())},
		{"time zone", a.GetCalendar().GetTimeZone()},
		{"recorded", moment(a.GetCreateTime())}, {"changed", moment(a.GetUpdateTime())}, {"etag", a.GetEtag()},
	}
}

func (s *session) agreementCommand() *cobra.Command {
	return noun("agreement", "Partnerships and their texts",
		s.agreementDraft(), s.agreementList(), s.agreementShow(), s.agreementEdit(), s.agreementTerms(), s.agreementRevisions())
}

func (s *session) agreementDraft() *cobra.Command {
	var id, file string
	var change change
	agreement := &pb.Agreement{}
	cmd := &cobra.Command{
		Use: "draft --vendor PARTY --client PARTY [-f terms.json]", Short: "Begin an agreement, seen by your party alone", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) (err error) {
			if file != "" {
				if agreement.DraftTerms, err = s.readTerms(file); err != nil {
					return err
				}
			}
			made, err := c.Agreements.CreateAgreement(ctx, &pb.CreateAgreementRequest{
				AgreementId: id, Agreement: agreement, RequestId: change.requestID, ValidateOnly: change.check,
			})
			if err != nil {
				return err
			}
			return s.printOne(made, agreementFacts(made))
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&id, "id", "", "the id to give it; made if not given")
	flags.StringVar(&agreement.VendorPartyId, "vendor", "", "the party that supplies")
	flags.StringVar(&agreement.ClientPartyId, "client", "", "the party that is supplied")
	termsFlag(cmd, &file)
	cmd.MarkFlagsRequiredTogether("vendor", "client")
	_ = cmd.MarkFlagRequired("vendor") // the flag is there
	return change.createFlags(cmd)
}

func (s *session) agreementList() *cobra.Command {
	request := &pb.ListAgreementsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list", Short: "List the agreements of a party", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			return printList(s, client.Pages(ctx, c.Agreements.ListAgreements, request, (*pb.ListAgreementsResponse).GetAgreements), agreementColumns)
		}),
	}
	cmd.Flags().StringVar(&request.PartyId, "of", "", "the party; your own if not given")
	choose(cmd, &request.State, "state", "only in this state")
	choose(cmd, &request.Side, "side", "only where the party has this side")
	return cmd
}

func (s *session) agreementShow() *cobra.Command {
	return &cobra.Command{
		Use: "show AGREEMENT", Short: "Show where an agreement is in its life", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			a, err := c.Agreements.GetAgreement(ctx, &pb.GetAgreementRequest{AgreementId: args[0]})
			if err != nil {
				return err
			}
			return s.printOne(a, agreementFacts(a))
		}),
	}
}

func (s *session) agreementEdit() *cobra.Command {
	var file string
	var change change
	cmd := &cobra.Command{
		Use: "edit AGREEMENT -f terms.json", Short: "Replace the text of a draft", Args: cobra.ExactArgs(1),
		Long: "Replace the text of a draft. Once it is proposed, a text changes by counter-proposal only.\n\n" +
			"concord agreement terms AGREEMENT -o json prints the text as it is, in the form that -f takes.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			terms, err := s.readTerms(file)
			if err != nil {
				return err
			}
			a, err := c.Agreements.UpdateAgreement(ctx, &pb.UpdateAgreementRequest{
				AgreementId: args[0], Agreement: &pb.Agreement{DraftTerms: terms}, UpdateMask: mask("draft_terms"),
				Etag: change.etag, RequestId: change.requestID, ValidateOnly: change.check,
			})
			if err != nil {
				return err
			}
			return s.printOne(a, agreementFacts(a))
		}),
	}
	termsFlag(cmd, &file)
	_ = cmd.MarkFlagRequired("file") // the flag is there
	return change.flags(cmd)
}

func (s *session) agreementTerms() *cobra.Command {
	var revision int32
	cmd := &cobra.Command{
		Use: "terms AGREEMENT", Short: "Print the text in force, or that of a draft", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if revision == 0 {
				a, err := c.Agreements.GetAgreement(ctx, &pb.GetAgreementRequest{AgreementId: args[0]})
				if err != nil {
					return err
				}
				if draft := a.GetDraftTerms(); draft != nil {
					return s.printTerms(draft)
				}
				if revision = a.GetRevision(); revision == 0 {
					return fmt.Errorf("nothing is agreed yet; see: concord proposal list %s", args[0])
				}
			}
			r, err := c.Agreements.GetRevision(ctx, &pb.GetRevisionRequest{AgreementId: args[0], Revision: revision})
			if err != nil {
				return err
			}
			if err := checkDigest(r.GetBody(), r.GetTermsDigest(), r.GetTerms()); err != nil {
				return err
			}
			return s.printTerms(r.GetTerms())
		}),
	}
	cmd.Flags().Int32Var(&revision, "revision", 0, "the text of this revision instead")
	return cmd
}

var revisionColumns = []column[*pb.Revision]{
	{"REVISION", func(r *pb.Revision) string { return number(r.GetRevision()) }},
	{"TITLE", func(r *pb.Revision) string { return r.GetTerms().GetTitle() }},
	{"PROPOSAL", (*pb.Revision).GetProposalId},
	{"TERMS DIGEST", (*pb.Revision).GetTermsDigest},
	{"AGREED", func(r *pb.Revision) string { return moment(r.GetCreateTime()) }},
	{"IN FORCE", func(r *pb.Revision) string { return moment(r.GetEffectiveTime()) }},
}

func (s *session) agreementRevisions() *cobra.Command {
	return &cobra.Command{
		Use: "revisions AGREEMENT", Short: "List the texts that both sides consented to", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request := &pb.ListRevisionsRequest{AgreementId: args[0], PageSize: pageSize}
			return printList(s, client.Pages(ctx, c.Agreements.ListRevisions, request, (*pb.ListRevisionsResponse).GetRevisions), revisionColumns)
		}),
	}
}
