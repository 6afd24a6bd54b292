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

var keyColumns = []column[*pb.ApiKey]{
	{"KEY", (*pb.ApiKey).GetApiKeyId},
	{"HOLDER", (*pb.ApiKey).GetDisplayName},
	{"ROLE", func(k *pb.ApiKey) string { return word(k.GetPrincipal().GetRole()) }},
	{"FOR", func(k *pb.ApiKey) string { return reach(k.GetPrincipal()) }},
	{"STATE", func(k *pb.ApiKey) string { return word(k.GetState()) }},
	{"MADE", func(k *pb.ApiKey) string { return moment(k.GetCreateTime()) }},
}

func keyFacts(k *pb.ApiKey) []fact {
	return []fact{
		{"key", k.GetApiKeyId()}, {"holder", k.GetDisplayName()}, {"role", word(k.GetPrincipal().GetRole())},
		{"for", reach(k.GetPrincipal())}, {"state", word(k.GetState())},
		{"made", moment(k.GetCreateTime())}, {"changed", moment(k.GetUpdateTime())}, {"etag", k.GetEtag()},
	}
}

// reach says for whom a principal acts, or what it may read.
func reach(p *pb.Principal) string {
	switch p.GetRole() {
	case pb.Role_ROLE_AUDITOR:
		return cmp.Or(strings.Join(p.GetAgreementIds(), ", "), "all agreements")
	case pb.Role_ROLE_SERVICE:
		return strings.Join(p.GetServicePartyIds(), ", ")
	case pb.Role_ROLE_OPERATOR:
		return "the service"
	}
	return p.GetPartyId()
}

func (s *session) keyCommand() *cobra.Command {
	return noun("key", "Who may call, and as whom (operator)", s.keyCreate(), s.keyList(), s.keyShow(), s.keyRevoke())
}

func (s *session) keyCreate() *cobra.Command {
	var id string
	var change change
	principal := &pb.Principal{}
	cmd := &cobra.Command{
		Use:   "create HOLDER --role ROLE [--for PARTY | --serves PARTY,… | --reads AGREEMENT,…]",
		Short: "Make a key and tell its secret, this once", Args: cobra.ExactArgs(1),
		Long: "Make a key for a holder, and tell its secret. The service keeps only a hash of it: nobody can read it again.\n\n" +
			"A viewer, contributor or signatory belongs to a party (--for). A service acts for the parties it serves (--serves).\n" +
			"An auditor reads all agreements, or the named ones (--reads). An operator runs the service.\n" +
			"The key of a calendar is made with the feed, by a member of the party: concord feed create.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			made, err := c.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{
				ApiKeyId: id, ApiKey: &pb.ApiKey{DisplayName: args[0], Principal: principal},
				RequestId: change.requestID, ValidateOnly: change.check,
			})
			if err != nil {
				return err
			}
			if made.GetSecret() == "" && !change.check {
				fmt.Fprintln(s.errs, "The secret was told when this request was first made and is not known any more. If it was lost, revoke the key and make another.")
			}
			return s.printOne(made, append(keyFacts(made.GetApiKey()), fact{"secret", made.GetSecret()}))
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&id, "id", "", "the id to give it; made if not given")
	choose(cmd, &principal.Role, "role", "what it may do", pb.Role_ROLE_FEED, pb.Role_ROLE_SCORECARD_FEED)
	flags.StringVar(&principal.PartyId, "for", "", "the party its holder belongs to")
	flags.StringSliceVar(&principal.ServicePartyIds, "serves", nil, "the parties a service acts for")
	flags.StringSliceVar(&principal.AgreementIds, "reads", nil, "the agreements an auditor may read; none means all")
	_ = cmd.MarkFlagRequired("role") // the flag is there
	return change.createFlags(cmd)
}

func (s *session) keyList() *cobra.Command {
	request := &pb.ListApiKeysRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list", Short: "List keys", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			return printList(s, client.Pages(ctx, c.Admin.ListApiKeys, request, (*pb.ListApiKeysResponse).GetApiKeys), keyColumns)
		}),
	}
	cmd.Flags().StringVar(&request.PartyId, "for", "", "only keys of members of this party")
	return cmd
}

func (s *session) keyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show KEY", Short: "Show a key; its secret nobody can", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			key, err := c.Admin.GetApiKey(ctx, &pb.GetApiKeyRequest{ApiKeyId: args[0]})
			if err != nil {
				return err
			}
			return s.printOne(key, keyFacts(key))
		}),
	}
}

func (s *session) keyRevoke() *cobra.Command {
	var change change
	return change.flags(&cobra.Command{
		Use: "revoke KEY", Short: "Close the door to a key, at once and for good", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			key, err := c.Admin.RevokeApiKey(ctx, &pb.RevokeApiKeyRequest{
				ApiKeyId: args[0], Etag: change.etag, RequestId: change.requestID, ValidateOnly: change.check,
			})
			if err != nil {
				return err
			}
			return s.printOne(key, keyFacts(key))
		}),
	})
}
