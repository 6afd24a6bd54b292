package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/client/scorecard"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) scorecardCommand() *cobra.Command {
	request := &pb.GetScorecardRequest{}
	cmd := &cobra.Command{
		Use: "scorecard AGREEMENT", Short: "Show how both sides keep what they promised, by the same rules", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			card, err := c.Scorecards.GetScorecard(ctx, request)
			if err != nil {
				return err
			}
			if s.output == outputJSON {
				return s.object(card)
			}
			_, err = fmt.Fprint(s.out, scorecard.Of(card).Text(scorecard.MaxWidth))
			return err
		}),
	}
	cmd.Flags().StringVar(&request.FromDate, "from", "", "what was due from this day on, YYYY-MM-DD, instead of from the first")
	cmd.Flags().StringVar(&request.ToDate, "to", "", "what was due up to this day, YYYY-MM-DD, instead of today")
	return asOf(cmd, &request.AsOf)
}
