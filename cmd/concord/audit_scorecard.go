package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/concordhq/concord/client/scorecard"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/rules"
)

// maxShownBytes bounds a scorecard, or a review, that is compared: many times what the service answers with.
const maxShownBytes = 4 << 20

// reckoning is what "audit scorecard" is told.
type reckoning struct {
	bundle.Ask
	policies []string
	compare  string
	asOf     *timestamppb.Timestamp
	width    int
}

func (s *session) auditScorecard() *cobra.Command {
	var r reckoning
	cmd := &cobra.Command{
		Use: "scorecard FILE [AGREEMENT] --policy POLICY", Short: "Reckon a scorecard from an audit bundle, without the service and without a network", Args: cobra.RangeArgs(1, 2),
		Long: "Check an audit bundle as \"verify\" does, and reckon a scorecard from its events: from the obligations themselves, and not from\n" +
			"what the service counted. It is as of the newest event, or as of --as-of. With --side and --figure, what that figure is made of,\n" +
			"down to each obligation and its event. With --compare, whether a scorecard that you were shown (\"concord scorecard show -o json\",\n" +
			"or a review with its signatures, \"concord review show -o json\") is just what the events say: the window, time and version are\n" +
			"then those of it.\n\n" +
			"Exit codes: 0 reckoned, and the same, 1 tampered with, or another, 2 incomplete, or it could not be reckoned.",
		RunE: func(_ *cobra.Command, args []string) error {
			s.started = true
			return s.reckon(&r, args)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&r.policies, "policy", nil, policyHelp)
	flags.StringVar(&r.compare, "compare", "", "a scorecard, or a review, as JSON, that you were shown")
	windowFlags(cmd, &r.FromDate, &r.ToDate)
	timeFlag(cmd, &r.asOf, "as-of", "as of this time, instead of the newest event")
	choose(cmd, &r.Side, "side", "explain a figure of this side")
	choose(cmd, &r.Figure, "figure", "explain this figure", pb.FigureId_FIGURE_ID_PARITY, pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME, pb.FigureId_FIGURE_ID_LOWER_PULSE)
	for _, flag := range []string{"from", "to", "as-of", "side", "figure"} {
		cmd.MarkFlagsMutuallyExclusive("compare", flag)
	}
	cmd.MarkFlagsRequiredTogether("side", "figure")
	return s.cardFlags(cmd, &r.width)
}

// reckon does what "audit scorecard" is told, and ends with what a check ends with.
func (s *session) reckon(r *reckoning, args []string) error {
	trusted, err := policies(r.policies)
	if err != nil {
		return incomplete(err)
	}
	shown, err := r.ask(args[1:])
	if err != nil {
		return incomplete(err)
	}
	f, size, err := openBundle(args[0])
	if err != nil {
		return incomplete(err)
	}
	defer f.Close()
	report, found, err := bundle.Reckon(f, size, bundle.Trust{Policies: trusted}, r.Ask)
	if report.Outcome != bundle.Sound {
		if err := s.printReport(s.errs, report); err != nil {
			return incomplete(err)
		}
	}
	switch {
	case err != nil:
		return incomplete(err)
	case found == nil:
		return exits[report.Outcome]
	case shown != nil:
		return s.compared(report, shown, found)
	case found.Explained != nil:
		err = s.explained(found.Explained)
	default:
		err = s.card(found.Card, scorecard.Of(found.Card), r.width)
	}
	if err != nil {
		return incomplete(err)
	}
	return exits[report.Outcome]
}

// ask completes which scorecard is to be reckoned: that of an agreement, if one is named, or just the one that was shown.
func (r *reckoning) ask(agreement []string) (shown *pb.Scorecard, err error) {
	if len(agreement) > 0 {
		r.AgreementID = agreement[0]
	}
	if r.asOf != nil {
		r.AsOf = r.asOf.AsTime()
	}
	if r.compare == "" {
		return nil, nil
	}
	var review *pb.Review
	if shown, review, err = readShown(r.compare); err != nil {
		return nil, err
	}
	if r.AgreementID != "" && r.AgreementID != shown.GetAgreementId() {
		return nil, fmt.Errorf("%s is a scorecard of %q", r.compare, shown.GetAgreementId())
	}
	r.Ask = bundle.Ask{
		AgreementID: shown.GetAgreementId(), FromDate: shown.GetFromDate(), ToDate: shown.GetToDate(), AsOf: shown.GetAsOf().AsTime(), Version: shown.GetVersion(),
		Review: review,
	}
	return shown, nil
}

// readShown reads a scorecard that somebody was shown: by itself, or frozen in a review, whose paper must name it.
func readShown(name string) (*pb.Scorecard, *pb.Review, error) {
	text, err := readPaper(name)
	if err != nil {
		return nil, nil, err
	}
	card, review := &pb.Scorecard{}, &pb.Review{}
	err = protojson.Unmarshal(text, card)
	if err != nil && protojson.Unmarshal(text, review) == nil {
		if what := rules.CheckReview(review); what != "" {
			return nil, nil, fmt.Errorf("read the review: %s: %s", name, what)
		}
		if _, err := strconv.ParseUint(review.GetEtag(), 10, 64); err != nil {
			return nil, nil, fmt.Errorf("read the review: %s does not say its etag", name)
		}
		return review.GetScorecard(), review, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the scorecard: %s is neither a scorecard nor a review: %w", name, err)
	}
	if card.GetVersion() == 0 || card.GetAsOf() == nil {
		return nil, nil, fmt.Errorf("read the scorecard: %s does not say its version, or as of when it is", name)
	}
	return card, nil, nil
}

// readPaper reads a file that is not too long.
func readPaper(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the scorecard: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxShownBytes+1))
	if err == nil && len(text) > maxShownBytes {
		err = fmt.Errorf("%s has more than %d bytes", name, maxShownBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("read the scorecard: %w", err)
	}
	return text, nil
}

// compared says whether a scorecard that somebody was shown is the one that was reckoned.
func (s *session) compared(report *bundle.Report, shown *pb.Scorecard, found *bundle.Reckoned) error {
	reckoned := found.Card
	differ := bundle.Differences(shown, reckoned)
	differ = append(differ, found.Review...)
	if p := shown.GetPosition(); p != 0 && p != reckoned.GetPosition() {
		differ = append(differ, bundle.Difference{Where: "position", Shown: fmt.Sprint(p), Reckoned: fmt.Sprint(reckoned.GetPosition())})
	}
	if found.Newest != reckoned.GetVersion() {
		differ = append(differ, bundle.Difference{Where: "version", Shown: fmt.Sprint(reckoned.GetVersion()), Reckoned: fmt.Sprintf("%d as of %s", found.Newest, found.Card.GetAsOf().AsTime().Format(time.RFC3339))})
	}
	outcome := report.Outcome
	if len(differ) > 0 {
		outcome = bundle.Tampered
	}
	if s.output == outputJSON {
		b, err := json.MarshalIndent(map[string]any{
			"agreement_id": reckoned.GetAgreementId(), "from_date": reckoned.GetFromDate(), "to_date": reckoned.GetToDate(), "version": reckoned.GetVersion(),
			"position": reckoned.GetPosition(), "same": len(differ) == 0, "differences": append([]bundle.Difference{}, differ...),
		}, "", "  ")
		if err == nil {
			err = s.bytes(append(b, '\n'))
		}
		if err != nil {
			return incomplete(err)
		}
		return exits[outcome]
	}
	var said strings.Builder
	if len(differ) == 0 {
		said.WriteString("THE SAME\n\n")
	} else {
		said.WriteString("NOT THE SAME\n\n")
	}
	for _, d := range differ {
		fmt.Fprintf(&said, "%s\n", clean(d.String()))
	}
	fmt.Fprintf(&said, "The scorecard of %s from %s to %s, with event %d, at position %d of the log, was reckoned from the events.\n",
		clean(reckoned.GetAgreementId()), reckoned.GetFromDate(), reckoned.GetToDate(), reckoned.GetVersion(), reckoned.GetPosition())
	if err := s.bytes([]byte(said.String())); err != nil {
		return incomplete(err)
	}
	return exits[outcome]
}
