package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var feedColumns = []column[*pb.Feed]{
	{"FEED", (*pb.Feed).GetFeedId},
	{"WHAT FOR", (*pb.Feed).GetDisplayName},
	{"KIND", func(f *pb.Feed) string { return word(f.GetKind()) }},
	{"AGREEMENT", (*pb.Feed).GetAgreementId},
	{"STATE", func(f *pb.Feed) string { return word(f.GetState()) }},
	{"MADE", func(f *pb.Feed) string { return moment(f.GetCreateTime()) }},
}

func feedFacts(f *pb.Feed) []fact {
	return []fact{
		{"feed", f.GetFeedId()}, {"what for", f.GetDisplayName()}, {"kind", word(f.GetKind())}, {"party", f.GetPartyId()}, {"agreement", f.GetAgreementId()}, {"state", word(f.GetState())},
		{"made", moment(f.GetCreateTime())}, {"changed", moment(f.GetUpdateTime())}, {"etag", f.GetEtag()},
	}
}

func (s *session) feedCommand() *cobra.Command {
	return noun("feed", "Calendars that a telephone subscribes to, and scorecards that a page embeds", s.feedCreate(), s.feedList(), s.feedShow(), s.feedRevoke())
}

func (s *session) feedCreate() *cobra.Command {
	var change change
	request := &pb.CreateFeedRequest{Feed: &pb.Feed{}}
	cmd := &cobra.Command{
		Use: "create NAME [--kind scorecard] [--agreement AGREEMENT]", Short: "Make a feed of your party's calendar or scorecards and tell its URL, this once", Args: cobra.ExactArgs(1),
		Long: "Make a feed of your party's calendar, or of one agreement's, and tell the path that a calendar program subscribes to, behind\n" +
			"the service's own https address; or one of the pictures of its scorecards, for a page. Whoever has it reads that and\n" +
			"nothing else; revoke the feed to close it.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.Feed.DisplayName, request.RequestId, request.ValidateOnly = args[0], change.requestID, change.check
			made, err := c.Calendars.CreateFeed(ctx, request)
			if err != nil {
				return err
			}
			if made.GetSecret() == "" && !change.check {
				fmt.Fprintln(s.errs, "The secret was told when this request was first made and is not known any more. If it was lost, revoke the feed and make another.")
			}
			return s.printOne(made, append(feedFacts(made.GetFeed()), fact{"secret", made.GetSecret()}, fact{"subscribe to", subscription(made)}))
		}),
	}
	cmd.Flags().StringVar(&request.FeedId, "id", "", "the id to give it; made if not given")
	choose(cmd, &request.Feed.Kind, "kind", "what it reads; the calendar if not given")
	cmd.Flags().StringVar(&request.Feed.AgreementId, "agreement", "", "only this agreement; all of your party's if not given")
	return change.createFlags(cmd)
}

// subscription is the path that a calendar program, or a page, asks; empty if the secret is not told.
func subscription(made *pb.CreateFeedResponse) string {
	if made.GetFeed().GetKind() == pb.FeedKind_FEED_KIND_SCORECARD && made.GetSecret() != "" {
		return "/v1/agreements/" + cmp.Or(made.GetFeed().GetAgreementId(), "AGREEMENT") + "/scorecard.svg?token=" + made.GetSecret()
	}
	of := "/v1/parties/" + made.GetFeed().GetPartyId()
	if id := made.GetFeed().GetAgreementId(); id != "" {
		of = "/v1/agreements/" + id
	}
	if made.GetSecret() == "" {
		return ""
	}
	return of + "/calendar.ics?token=" + made.GetSecret()
}

func (s *session) feedList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the feeds of your party", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			request := &pb.ListFeedsRequest{PageSize: pageSize}
			return printList(s, client.Pages(ctx, c.Calendars.ListFeeds, request, (*pb.ListFeedsResponse).GetFeeds), feedColumns)
		}),
	}
}

func (s *session) feedShow() *cobra.Command {
	return &cobra.Command{
		Use: "show FEED", Short: "Show a feed; its secret nobody can", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			return s.feed(c.Calendars.GetFeed(ctx, &pb.GetFeedRequest{FeedId: args[0]}))
		}),
	}
}

func (s *session) feedRevoke() *cobra.Command {
	request := &pb.RevokeFeedRequest{}
	return onThing(s, "FEED", "revoke", "Close a feed, at once and for good", request, func(ctx context.Context, c *client.Client) error {
		return s.feed(c.Calendars.RevokeFeed(ctx, request))
	}, nil)
}

// feed prints the answer to a command on a feed.
func (s *session) feed(f *pb.Feed, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(f, feedFacts(f))
}

func (s *session) agreementCalendar() *cobra.Command {
	return s.calendar("calendar AGREEMENT", "Print what is due in an agreement as an iCalendar file", func(id string) *pb.GetCalendarRequest {
		return &pb.GetCalendarRequest{AgreementId: id}
	})
}

func (s *session) partyCalendar() *cobra.Command {
	return s.calendar("calendar PARTY", "Print what is due in all agreements of your party as an iCalendar file", func(id string) *pb.GetCalendarRequest {
		return &pb.GetCalendarRequest{PartyId: id}
	})
}

// calendar is a command that prints a file as it is, or with -o json the answer that holds it.
func (s *session) calendar(use, short string, of func(id string) *pb.GetCalendarRequest) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			answer, err := c.Calendars.GetCalendar(ctx, of(args[0]))
			if err != nil {
				return err
			}
			if s.output == outputJSON {
				return s.object(answer)
			}
			if _, err := s.out.Write(answer.GetIcs()); err != nil {
				return fmt.Errorf("write the calendar: %w", err)
			}
			return nil
		}),
	}
}
