package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/client/scorecard"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) scorecardCommand() *cobra.Command {
	return noun("scorecard", "How both sides keep what they promised, by the same rules", s.scorecardShow(), s.scorecardParty(), s.explainCommand())
}

func (s *session) scorecardShow() *cobra.Command {
	request := &pb.GetScorecardRequest{}
	var width int
	cmd := &cobra.Command{
		Use: "show AGREEMENT", Short: "Show both sides' figures, and what they come to", Args: cobra.ExactArgs(1),
		Long: "Show both sides' figures, and what they come to: the vendor on the left, the client on the right.\n" +
			"-o csv prints a table for a spreadsheet, -o svg a picture for a page. What each figure means, and how it is reckoned,\n" +
			"is written in docs/scores.md.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			if s.output == outputSVG { // as the service draws it
				picture, err := c.Scorecards.GetScorecardPicture(ctx, &pb.GetScorecardPictureRequest{
					AgreementId: request.GetAgreementId(), FromDate: request.GetFromDate(), ToDate: request.GetToDate(), AsOf: request.GetAsOf(),
				})
				if err != nil {
					return err
				}
				return s.bytes(picture.GetSvg())
			}
			card, err := c.Scorecards.GetScorecard(ctx, request)
			if err != nil {
				return err
			}
			return s.card(card, scorecard.Of(card), width)
		}),
	}
	windowFlags(cmd, &request.FromDate, &request.ToDate)
	return s.cardFlags(asOf(cmd, &request.AsOf), &width)
}

func (s *session) scorecardParty() *cobra.Command {
	request := &pb.GetPartyScorecardRequest{}
	var width int
	cmd := &cobra.Command{
		Use: "party PARTY", Short: "Show a party's figures over all its agreements, beside its partners'", Args: cobra.ExactArgs(1),
		Long: "Show a party's figures over all its agreements, or over those with one partner: the party on the left, its partners on the\n" +
			"right. It is reckoned over the agreements that you may see. -o csv prints a table for a spreadsheet, -o svg a picture.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.PartyId = args[0]
			card, err := c.Scorecards.GetPartyScorecard(ctx, request)
			if err != nil {
				return err
			}
			return s.card(card, scorecard.OfParty(card), width)
		}),
	}
	windowFlags(cmd, &request.FromDate, &request.ToDate)
	cmd.Flags().StringVar(&request.PartnerPartyId, "with", "", "only its agreements with this party")
	return s.cardFlags(asOf(cmd, &request.AsOf), &width)
}

// windowFlags adds the days that a score is about.
func windowFlags(cmd *cobra.Command, from, to *string) {
	cmd.Flags().StringVar(from, "from", "", "what was due from this day on, YYYY-MM-DD, instead of from the first")
	cmd.Flags().StringVar(to, "to", "", "what was due up to this day, YYYY-MM-DD, instead of today")
}

// cardFlags says of a command that it prints a scorecard, and in which forms.
func (s *session) cardFlags(cmd *cobra.Command, width *int) *cobra.Command {
	cmd.Flags().IntVar(width, "width", 0, fmt.Sprintf("how wide to print it, in characters, %d to %d; as the terminal is if not given", scorecard.MinWidth, scorecard.MaxWidth))
	return forms(cmd, outputCSV, outputSVG)
}

// card prints a scorecard in the form that is asked for.
func (s *session) card(m proto.Message, card *scorecard.Card, width int) error {
	switch s.output {
	case outputJSON:
		return s.object(m)
	case outputCSV:
		table, err := card.CSV()
		if err != nil {
			return err
		}
		return s.bytes(table)
	case outputSVG:
		return s.bytes(card.SVG())
	}
	return s.bytes([]byte(card.Text(s.width(width))))
}

// bytes prints a file as it is.
func (s *session) bytes(file []byte) error {
	if _, err := s.out.Write(file); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// width is how many characters fit into a line: what was asked for, or what the terminal has, or the usual.
func (s *session) width(asked int) int {
	if asked > 0 {
		return asked
	}
	if f, is := s.out.(*os.File); is {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	if columns, err := strconv.Atoi(s.getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	return scorecard.MaxWidth
}
