package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var partyColumns = []column[*pb.Party]{
	{"PARTY", (*pb.Party).GetPartyId},
	{"NAME", (*pb.Party).GetDisplayName},
	{"RECORDED", func(p *pb.Party) string { return moment(p.GetCreateTime()) }},
}

func partyFacts(p *pb.Party) []fact {
	return []fact{
		{"party", p.GetPartyId()}, {"name", p.GetDisplayName()},
		{"recorded", moment(p.GetCreateTime())}, {"changed", moment(p.GetUpdateTime())}, {"etag", p.GetEtag()},
	}
}

func (s *session) partyCommand() *cobra.Command {
	return noun("party", "The organisations that make agreements",
		s.partyCreate(), s.partyList(), s.partyShow(), s.partyRename(), s.partyCalendar())
}

func (s *session) partyCreate() *cobra.Command {
	var id string
	var change change
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Register a party (operator)", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			party, err := c.Parties.CreateParty(ctx, &pb.CreatePartyRequest{
				PartyId: id, Party: &pb.Party{DisplayName: args[0]}, RequestId: change.requestID, ValidateOnly: change.check,
			})
			if err != nil {
				return err
			}
			return s.printOne(party, partyFacts(party))
		}),
	}
	cmd.Flags().StringVar(&id, "id", "", "the id to give it; made if not given")
	return change.createFlags(cmd)
}

func (s *session) partyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the parties you may read", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			request := &pb.ListPartiesRequest{PageSize: pageSize}
			return printList(s, client.Pages(ctx, c.Parties.ListParties, request, (*pb.ListPartiesResponse).GetParties), partyColumns)
		}),
	}
}

func (s *session) partyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PARTY", Short: "Show a party", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			party, err := c.Parties.GetParty(ctx, &pb.GetPartyRequest{PartyId: args[0]})
			if err != nil {
				return err
			}
			return s.printOne(party, partyFacts(party))
		}),
	}
}

func (s *session) partyRename() *cobra.Command {
	var change change
	return change.flags(&cobra.Command{
		Use: "rename PARTY NAME", Short: "Change what a party is called (operator)", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			party, err := c.Parties.UpdateParty(ctx, &pb.UpdatePartyRequest{
				PartyId: args[0], Party: &pb.Party{DisplayName: args[1]}, UpdateMask: mask("display_name"),
				Etag: change.etag, RequestId: change.requestID, ValidateOnly: change.check,
			})
			if err != nil {
				return err
			}
			return s.printOne(party, partyFacts(party))
		}),
	})
}
