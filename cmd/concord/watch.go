package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// watchLine is how an event is printed the moment it is told: with room for ids of a usual length, since nobody knows how
// long those to come will be.
const watchLine = "%-9s %-20s %-27s %-30s %s\n"

func (s *session) watchCommand() *cobra.Command {
	var after uint64
	var limit int
	request := &pb.WatchEventsRequest{}
	cmd := &cobra.Command{
		Use: "watch [AGREEMENT]", Short: "Tell what happens, as it happens", Args: cobra.MaximumNArgs(1),
		Long: "Tell what happens, as it happens: to one agreement, or to all that you may see, until you interrupt it. It survives restarts\n" +
			"of the service, tells every event once, and says in the end with which --after to go on.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if len(args) > 0 {
				request.AgreementId = args[0]
			}
			if limit < 0 {
				return usagef("--limit is at least 1, or 0 for none, not %d", limit)
			}
			return s.watch(ctx, c, request, limit)
		}),
	}
	cmd.Flags().Uint64Var(&after, "after", 0, "begin behind this position, 0 with the first event ever; from now on if not given")
	cmd.Flags().StringVar(&request.PartyId, "of", "", "only agreements that this party is a side or the neutral of (auditor)")
	cmd.Flags().StringSliceVar(&request.Kinds, "kind", nil, "only events of this kind, for example obligation_submitted; may be given again")
	cmd.Flags().IntVar(&limit, "limit", 0, "end after so many events")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if cmd.Flags().Changed("after") {
			request.AfterPosition = &after
		}
	}
	return cmd
}

// watch prints events until enough are told, or the user interrupts.
func (s *session) watch(ctx context.Context, c *client.Client, request *pb.WatchEventsRequest, limit int) (err error) {
	var position uint64
	events := 0
	for m, err := range c.Watch(ctx, request) {
		if err != nil {
			if position > 0 {
				fmt.Fprintf(s.errs, "go on with --after %d\n", position)
			}
			if ctx.Err() != nil {
				return nil // interrupted: it has ended as it was asked to
			}
			return err
		}
		e := m.GetEvent()
		if e == nil {
			position = m.GetBookmark().GetPosition()
			continue
		}
		position = e.GetPosition()
		if err := s.happened(e, events == 0); err != nil {
			return err
		}
		if events++; events == limit {
			return nil
		}
	}
	return nil
}

// happened prints an event.
func (s *session) happened(e *pb.RecordedEvent, first bool) error {
	if s.output == outputJSON {
		return s.line(e)
	}
	if first {
		fmt.Fprintf(s.out, watchLine, "POSITION", "RECORDED", "AGREEMENT", "BY", "WHAT HAPPENED")
	}
	event := e.GetEvent()
	if _, err := fmt.Fprintf(s.out, watchLine, number(e.GetPosition()), moment(event.GetRecordTime()), clean(event.GetAgreementId()),
		clean(actor(event.GetActor())), clean(e.GetSummary())); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
