package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

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

// everywhere are the columns of what happened in several agreements.
var everywhere = append([]column[*pb.RecordedEvent]{
	{"POSITION", func(e *pb.RecordedEvent) string { return number(e.GetPosition()) }},
	{"AGREEMENT", func(e *pb.RecordedEvent) string { return e.GetEvent().GetAgreementId() }},
}, eventColumns...)

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
	return noun("event", "What happened", s.eventList(), s.eventShow())
}

func (s *session) eventList() *cobra.Command {
	request := &pb.ListEventsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list [AGREEMENT]", Short: "Tell the history of an agreement, or of all that you may see, oldest first", Args: cobra.MaximumNArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			columns := everywhere
			for i, kind := range request.GetKinds() {
				request.Kinds[i] = strings.ReplaceAll(kind, "-", "_")
			}
			if len(args) > 0 {
				request.AgreementId, columns = args[0], eventColumns
			}
			return printList(s, client.Pages(ctx, c.History.ListEvents, request, (*pb.ListEventsResponse).GetEvents), columns)
		}),
	}
	flags := cmd.Flags()
	flags.Uint64Var(&request.AfterVersion, "after", 0, "only what happened after this version of the agreement")
	flags.Uint64Var(&request.AfterPosition, "after-position", 0, "only what happened after this position of the whole history")
	flags.StringVar(&request.PartyId, "of", "", "only in agreements of this party")
	flags.StringVar(&request.PrincipalId, "by", "", `only what this key did, or "clock"`)
	flags.StringSliceVar(&request.Kinds, "kind", nil, "only this kind of event, such as obligation_waived; may be given often")
	fixed(cmd, "kind", eventKinds()...)
	timeFlag(cmd, &request.RecordedFrom, "from", "only what was recorded at this time or later")
	timeFlag(cmd, &request.RecordedBefore, "before", "only what was recorded before this time")
	return cmd
}

// eventKinds names the changes of an event.
func eventKinds() (kinds []string) {
	changes := (&pb.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("change").Fields()
	for i := range changes.Len() {
		kinds = append(kinds, string(changes.Get(i).Name()))
	}
	return kinds
}

func (s *session) eventShow() *cobra.Command {
	request := &pb.GetEventRequest{}
	cmd := &cobra.Command{
		Use: "show AGREEMENT VERSION | show --position POSITION", Short: "Show one event; -o json is all of it", Args: cobra.MaximumNArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) (err error) {
			if (len(args) == 2) == (request.GetPosition() > 0) || len(args) == 1 {
				return usagef("name an event by AGREEMENT and VERSION, or by --position")
			}
			if len(args) == 2 {
				request.AgreementId = args[0]
				if request.Version, err = strconv.ParseUint(args[1], 10, 64); err != nil {
					return usagef("VERSION is a number, not %q", args[1])
				}
			}
			e, err := c.History.GetEvent(ctx, request)
			if err != nil {
				return err
			}
			return s.printOne(e, eventFacts(e))
		}),
	}
	cmd.Flags().Uint64Var(&request.Position, "position", 0, "its place in the whole history")
	return cmd
}

func eventFacts(r *pb.RecordedEvent) []fact {
	e := r.GetEvent()
	withheld := ""
	if r.GetWithheld() {
		withheld = "the text of a draft is its author's alone"
		if e.GetPulseAnswered() != nil {
			withheld = "what is said is sealed while the round is open"
		}
	}
	return []fact{
		{"what happened", r.GetSummary()}, {"agreement", e.GetAgreementId()}, {"version", number(e.GetVersion())}, {"position", number(r.GetPosition())},
		{"kind", eventKind(e)}, {"by", actor(e.GetActor())}, {"request", e.GetRequestId()},
		{"true from", moment(e.GetEffectiveTime())}, {"recorded", moment(e.GetRecordTime())}, {"withheld", withheld},
		{"entry hash", hex.EncodeToString(r.GetEntryHash())}, {"follows entry", hex.EncodeToString(e.GetPreviousEntryHash())},
	}
}

// eventKind is the name of an event's change; empty for one that is newer than this program.
func eventKind(e *pb.Event) string {
	m := e.ProtoReflect()
	if change := m.WhichOneof(m.Descriptor().Oneofs().ByName("change")); change != nil {
		return string(change.Name())
	}
	return ""
}
