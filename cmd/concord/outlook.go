package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// chancePlaces is in how many places people are shown a chance: more would say more than is known.
const chancePlaces = 2

var outlookColumns = []column[*pb.OutlookItem]{
	{"CHANCE", func(i *pb.OutlookItem) string {
		return rules.Rounded(strconv.FormatFloat(i.GetChance(), 'f', -1, 64), chancePlaces)
	}},
	{"DUE", (*pb.OutlookItem).GetDueDate},
	{"OBLIGATION", (*pb.OutlookItem).GetObligationId},
	{"PROMISE", (*pb.OutlookItem).GetTitle},
	{"WHY", func(i *pb.OutlookItem) string {
		var words []string
		for _, r := range i.GetReasons() {
			words = append(words, r.GetWords())
		}
		return strings.Join(words, " ")
	}},
}

func (s *session) outlookCommand() *cobra.Command {
	request := &pb.GetOutlookRequest{}
	return asOf(&cobra.Command{
		Use: "outlook AGREEMENT", Short: "Show what is likely to be late next, on both sides", Args: cobra.ExactArgs(1),
		Long: "Show what each side has to do within 60 days, the likeliest to be late first, and why. It is reckoned from how each\n" +
			"promise was kept of late and from what each obligation waits for, for both sides alike (docs/outlook.md has the formula).\n" +
			"It is no score: nothing in it counts against anybody.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			ahead, err := c.Scorecards.GetOutlook(ctx, request)
			if err != nil {
				return err
			}
			if s.output == outputJSON {
				return s.object(ahead)
			}
			return s.outlook(ahead)
		}),
	}, &request.AsOf)
}

// outlook prints an outlook: one side under the other, in the same form.
func (s *session) outlook(ahead *pb.Outlook) error {
	fmt.Fprintf(s.out, "What is to be done up to %s, as of %s.\n", ahead.GetUntilDate(), moment(ahead.GetAsOf()))
	for _, side := range []*pb.SideOutlook{ahead.GetVendor(), ahead.GetClient()} {
		fmt.Fprintf(s.out, "\n%s %s: %d to do", word(side.GetSide()), clean(side.GetPartyId()), side.GetDueCount())
		if n := len(side.GetItems()); n < int(side.GetDueCount()) {
			fmt.Fprintf(s.out, ", of which these %d are the likeliest to be late", n)
		}
		fmt.Fprintln(s.out)
		if len(side.GetItems()) == 0 {
			continue
		}
		if err := printTable(s.out, without(side.GetItems()), outlookColumns); err != nil {
			return err
		}
	}
	if ahead.GetIncomplete() {
		fmt.Fprintln(s.out, "\nMore is open than an outlook looks at: what is due last is not in it.")
	}
	return nil
}
