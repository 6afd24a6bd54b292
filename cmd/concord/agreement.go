package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

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
	facts := []fact{
		{"agreement", a.GetAgreementId()}, {"title", agreementTitle(a)},
		{"vendor", a.GetVendorPartyId()}, {"client", a.GetClientPartyId()},
		{"state", word(a.GetState())}, {"drafted by", word(a.GetAuthor())},
		{"revision", number(a.GetRevision())}, {"terms digest", a.GetTermsDigest()}, {"open proposal", a.GetOpenProposalId()},
		{"from", firstDay(a.GetEffectiveTime(), a.GetCalendar())}, {"to", lastDay(a.GetEndTime(), a.GetCalendar())},
		{"time zone", a.GetCalendar().GetTimeZone()}, {"neutral", a.GetNeutralPartyId()},
	}
	if n := a.GetNotice(); n != nil {
		facts = append(facts, fact{"notice", "by the " + word(n.GetSide()) + ", " + moment(n.GetGiveTime())}, fact{"  says", n.GetReason()},
			fact{"  last day", lastDay(n.GetEndTime(), a.GetCalendar())})
	}
	if p := a.GetSuspension(); p != nil {
		facts = append(facts, fact{"suspended", "by " + cmp.Or(strings.ToLower(word(p.GetSide())), "both sides") + ", " + moment(p.GetStartTime())},
			fact{"  right", p.GetRightId()}, fact{"  says", p.GetReason()})
	}
	if a.GetSettling() {
		facts = append(facts, fact{"settling", "its last change is still being carried into its obligations"})
	}
	return append(facts, fact{"renews", a.GetRenewsAgreementId()}, fact{"renewed by", a.GetRenewedByAgreementId()},
		fact{"ended because", word(a.GetEndCause())}, fact{"ended", moment(a.GetFinalTime())},
		fact{"recorded", moment(a.GetCreateTime())}, fact{"changed", moment(a.GetUpdateTime())}, fact{"etag", a.GetEtag()})
}

func (s *session) agreementCommand() *cobra.Command {
	return noun("agreement", "Partnerships and their texts",
		s.agreementDraft(), s.agreementList(), s.agreementShow(), s.agreementEdit(), s.agreementTerms(), s.agreementRevisions(),
		s.agreementNotice(), s.agreementSuspend(), s.agreementResume(), s.agreementTerminate(), s.agreementCalendar())
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
			return s.agreement(c.Agreements.CreateAgreement(ctx, &pb.CreateAgreementRequest{
				AgreementId: id, Agreement: agreement, RequestId: change.requestID, ValidateOnly: change.check,
			}))
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
	return asOf(cmd, &request.AsOf)
}

func (s *session) agreementShow() *cobra.Command {
	request := &pb.GetAgreementRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT", Short: "Show where an agreement is in its life", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return s.agreement(c.Agreements.GetAgreement(ctx, request))
		}),
	}, &request.AsOf)
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
			return s.agreement(c.Agreements.UpdateAgreement(ctx, &pb.UpdateAgreementRequest{
				AgreementId: args[0], Agreement: &pb.Agreement{DraftTerms: terms}, UpdateMask: mask("draft_terms"),
				Etag: change.etag, RequestId: change.requestID, ValidateOnly: change.check,
			}))
		}),
	}
	termsFlag(cmd, &file)
	_ = cmd.MarkFlagRequired("file") // the flag is there
	return change.flags(cmd)
}

func (s *session) agreementTerms() *cobra.Command {
	var revision int32
	request := &pb.GetAgreementRequest{}
	cmd := &cobra.Command{
		Use: "terms AGREEMENT", Short: "Print the text in force, or that of a draft", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if revision == 0 {
				request.AgreementId = args[0]
				a, err := c.Agreements.GetAgreement(ctx, request)
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
			r, err := c.Agreements.GetRevision(ctx, &pb.GetRevisionRequest{AgreementId: args[0], Revision: revision, AsOf: request.GetAsOf()})
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
	return asOf(cmd, &request.AsOf)
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
	request := &pb.ListRevisionsRequest{PageSize: pageSize}
	return asOf(&cobra.Command{
		Use: "revisions AGREEMENT", Short: "List the texts that both sides consented to", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Agreements.ListRevisions, request, (*pb.ListRevisionsResponse).GetRevisions), revisionColumns)
		}),
	}, &request.AsOf)
}

func (s *session) agreementNotice() *cobra.Command {
	request := &pb.GiveNoticeRequest{}
	cmd := onAgreement(s, "notice [--end DAY] [--reason WHY]", "Give notice: the agreement ends after its notice period", request, pb.AgreementServiceClient.GiveNotice)
	cmd.Flags().StringVar(&request.EndDate, "end", "", "the last day, YYYY-MM-DD; the earliest if not given")
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, if you wish to say")
	return cmd
}

func (s *session) agreementSuspend() *cobra.Command {
	request := &pb.SuspendAgreementRequest{}
	cmd := onAgreement(s, "suspend --right RIGHT --reason WHY", "Pause an agreement by a right of your side (both sides pause it by a proposal)", request, pb.AgreementServiceClient.SuspendAgreement)
	needed(cmd, &request.RightId, "right", "the right that the terms give your side")
	reasonFlag(cmd, &request.Reason)
	return cmd
}

func (s *session) agreementResume() *cobra.Command {
	request := &pb.ResumeAgreementRequest{}
	cmd := onAgreement(s, "resume [--reason WHY]", "End a pause that your side began by its right", request, pb.AgreementServiceClient.ResumeAgreement)
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, if you wish to say")
	return cmd
}

func (s *session) agreementTerminate() *cobra.Command {
	request := &pb.TerminateAgreementRequest{}
	cmd := onAgreement(s, "terminate --obligation OBLIGATION --reason WHY", "End an agreement for cause (beneficiary of a material promise that was broken)", request, pb.AgreementServiceClient.TerminateAgreement)
	needed(cmd, &request.ObligationId, "obligation", "the DEFAULTED obligation")
	reasonFlag(cmd, &request.Reason)
	return cmd
}

// agreement prints the answer to a command on an agreement.
func (s *session) agreement(a *pb.Agreement, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(a, agreementFacts(a))
}
