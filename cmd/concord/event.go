package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var eventColumns = []column[*pb.RecordedEvent]{
	{"VERSION", func(e *pb.RecordedEvent) string { return number(e.GetEvent().GetVersion()) }},
	{"RECORDED", func(e *pb.RecordedEvent) string { return moment(e.GetEvent().GetRecordTime()) }},
	{"BY", func(e *pb.RecordedEvent) string { return actor(e.GetEvent().GetActor()) }},
	{"WHAT HAPPENED", (*pb.RecordedEvent).GetSummary},
}

// actor says who did something: for whom where there is someone, and with which key.
func actor(a *pb.Actor) string {
	if a.GetPartyId() == "" {
		return a.GetPrincipalId()
	}
	if side := word(a.GetSide()); side != "" {
		return fmt.Sprintf("%s %s (%s)", side, a.GetPartyId(), a.GetPrincipalId())
	}
	return fmt.Sprintf("%s (%s)", a.GetPartyId(), a.GetPrincipalId())
}

func (s *session) eventCommand() *cobra.Command {
	request := &pb.ListEventsRequest{PageSize: pageSize}
	list := &cobra.Command{
		Use: "list AGREEMENT", Short: "Tell an agreement's history, oldest first", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.History.ListEvents, request, (*pb.ListEventsResponse).GetEvents), eventColumns)
		}),
	}
	list.Flags().Uint64Var(&request.AfterVersion, "after", 0, "only what happened after this version")
	return noun("event", "What happened", list)
}
