package main

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

func (o *office) GetScorecard(_ context.Context, r *pb.GetScorecardRequest) (*pb.Scorecard, error) {
	kept := func(v float64) *pb.Figure {
		return &pb.Figure{FigureId: pb.FigureId_FIGURE_ID_KEPT, FormulaVersion: 1, Value: &v, Numerator: "1", Denominator: "2", Count: 7}
	}
	return &pb.Scorecard{
		AgreementId: r.GetAgreementId(), FromDate: "2026-01-01", ToDate: "2026-03-31", AsOf: at("2026-04-01"), Version: 9, Position: 12,
		Vendor: &pb.SideScores{PartyId: "acme", Kept: kept(0.95)}, Client: &pb.SideScores{PartyId: "globex", Kept: kept(0.69)},
		Verdict: pb.Verdict_VERDICT_CLIENT_FAVOURED, VerdictWords: "So it is.",
	}, nil
}

func (o *office) GetScorecardPicture(context.Context, *pb.GetScorecardPictureRequest) (*pb.GetScorecardPictureResponse, error) {
	return &pb.GetScorecardPictureResponse{Svg: []byte("<svg>drawn</svg>")}, nil
}

func (o *office) GetOutlook(_ context.Context, r *pb.GetOutlookRequest) (*pb.Outlook, error) {
	return &pb.Outlook{
		AgreementId: r.GetAgreementId(), AsOf: at("2026-04-01"), UntilDate: "2026-05-31", Incomplete: true,
		Vendor: &pb.SideOutlook{Side: pb.Side_SIDE_VENDOR, PartyId: "acme", DueCount: 3, Items: []*pb.OutlookItem{
			{ObligationId: "desk-1", Title: "Desks\x1b[2J", DueDate: "2026-04-03", Chance: 1, Reasons: []*pb.OutlookReason{
				{Words: "In the last 12 months the vendor did not keep 1 of 6 on time."}, {Words: "It waits for forecast-4 of the client, which is late."}}},
			{ObligationId: "report-4", Title: "Monthly report", DueDate: "2026-04-08", Chance: 0.285714, Reasons: []*pb.OutlookReason{{Words: "Nothing of it was due in the last 12 months."}}},
		}},
		Client: &pb.SideOutlook{Side: pb.Side_SIDE_CLIENT, PartyId: "globex"},
	}, nil
}

func (o *office) ExplainFigure(_ context.Context, r *pb.ExplainFigureRequest) (*pb.ExplainFigureResponse, error) {
	kept := map[pb.Side]float64{pb.Side_SIDE_VENDOR: 0.95, pb.Side_SIDE_CLIENT: 0.69}
	v, others := kept[r.GetSide()], kept[rules.Other(r.GetSide())]
	if r.GetFigureId() != pb.FigureId_FIGURE_ID_KEPT && r.GetFigureId() != pb.FigureId_FIGURE_ID_BALANCE {
		return behindFeelings(r), nil
	}
	return &pb.ExplainFigureResponse{
		Figure: &pb.Figure{FigureId: r.GetFigureId(), Side: r.GetSide(), FormulaVersion: 1, Value: &v}, FromDate: "2026-01-01", ToDate: "2026-03-31",
		OtherFigure: &pb.Figure{FigureId: r.GetFigureId(), Side: rules.Other(r.GetSide()), Value: &others},
		Commitments: []*pb.CommitmentShare{{CommitmentId: "desk", Title: "Desks", Weight: 3, Numerator: 1, Denominator: 2}},
		Obligations: []*pb.ScoredObligation{{Obligation: &pb.Obligation{ObligationId: "desk-1", DueDate: "2026-02-01"}, Weight: 3, CountsAs: "kept late", Version: 7, Position: 21}},
	}, nil
}

// behindFeelings is two pages of what an M4, an M8 or an M11 is made of.
func behindFeelings(r *pb.ExplainFigureRequest) *pb.ExplainFigureResponse {
	x := &pb.ExplainFigureResponse{Figure: &pb.Figure{FigureId: r.GetFigureId(), Side: r.GetSide()}, FromDate: "2026-01-01", ToDate: "2026-03-31"}
	first := r.GetPageToken() == ""
	if first {
		x.NextPageToken = "2"
	}
	switch r.GetFigureId() {
	case pb.FigureId_FIGURE_ID_RESPONSIVENESS:
		is := &pb.ScoredConcern{Concern: &pb.Concern{ConcernId: "new", ResponseEndDate: "2026-01-07"}, CountsAs: "not acknowledged", Version: 7, Position: 21}
		if !first {
			is = &pb.ScoredConcern{Concern: &pb.Concern{ConcernId: "young", ResponseEndDate: "2026-01-08", AcknowledgeTime: at("2026-01-06")}, CountsAs: "acknowledged in time", InNumerator: true, Version: 8, Position: 22}
		}
		x.Concerns = append(x.Concerns, is)
	case pb.FigureId_FIGURE_ID_PULSE_GAP:
		is := &pb.ScoredPulseRound{PulseRound: &pb.PulseRound{PulseRoundId: "winter", CloseDate: "2026-01-07"}, Points: 5, MostPoints: 20, ToldPoints: 17, MostToldPoints: 20, Version: 7, Position: 21}
		if !first {
			is = &pb.ScoredPulseRound{PulseRound: &pb.PulseRound{PulseRoundId: "spring"}, LeftOut: pb.LeftOutReason_LEFT_OUT_REASON_NOT_ANSWERED, Version: 9, Position: 23}
		}
		x.PulseRounds = append(x.PulseRounds, is)
	case pb.FigureId_FIGURE_ID_ATTAINMENT:
		share := 0.833333
		x.Objectives = []*pb.ScoredObjective{
			{Terms: &pb.ObjectiveTerms{ObjectiveId: "peace", Baseline: "20", Target: "5", Weight: 3}, Observation: &pb.Observation{ObservationId: "may", Value: "7.5", ObservedDate: "2026-01-02"}, Share: &share, Version: 7, Position: 21},
			{Terms: &pb.ObjectiveTerms{ObjectiveId: "fame", Baseline: "0", Target: "1", Weight: 1}, LeftOut: pb.LeftOutReason_LEFT_OUT_REASON_NOT_OBSERVED},
		}
	}
	return x
}

// What is behind an M4, an M8 and an M11 is printed to the last page, and once.
func TestWhatIsBehindFeelingsIsPrinted(t *testing.T) {
	sh := newShell(t, &office{})
	for figure, want := range map[string][]string{
		"responsiveness": {"2026-01-07 new not acknowledged 7 21", "2026-01-08 young 2026-01-06 00:00:00Z acknowledged in time yes 8 22"},
		"pulse-gap":      {"2026-01-07 winter 5 of 20 17 of 20 7 21", "spring left out: not answered 9 23"},
		"attainment":     {"peace 3 20 5 7.5 on 2026-01-02 0.833333 7 21", "fame 1 0 1 left out: not observed 0 0"},
	} {
		for _, side := range []string{"", " --side client"} {
			code, out, errs := sh.run(strings.Fields("scorecard explain help --figure " + figure + side)...)
			var lines []string
			for line := range strings.Lines(out) {
				lines = append(lines, strings.Join(strings.Fields(line), " "))
			}
			told := strings.Join(lines, "\n")
			for _, line := range want {
				if n := strings.Count(told, line); code != exitDone || side != "" && n != 1 || side == "" && n != 2 {
					t.Errorf("%s%s: %d %s: %q is told %d times\n%s", figure, side, code, errs, line, n, out)
				}
			}
			if strings.Contains(out, "COMMITMENT") || strings.Contains(out, "OBLIGATION") {
				t.Errorf("%s is made of no obligations:\n%s", figure, out)
			}
		}
	}
}

// What a figure of one side is made of is not shown without the other's.
func TestAFigureIsExplainedBesideTheOthers(t *testing.T) {
	sh := newShell(t, &office{})
	for _, line := range []string{"scorecard explain help --figure kept", "scorecard explain help --figure kept --side vendor", "scorecard explain help --figure kept --side client"} {
		code, out, errs := sh.run(strings.Fields(line)...)
		if code != exitDone || !strings.Contains(out, "0.95\n") || !strings.Contains(out, "0.69\n") || !strings.Contains(out, "kept late") {
			t.Errorf("%s: %d %s\n%s", line, code, errs, out)
		}
	}
	if _, out, _ := sh.run("scorecard", "explain", "help", "--figure", "kept", "-o", "json"); strings.Count(out, "\n") != 2 {
		t.Errorf("both sides, one object per line:\n%s", out)
	}
	for _, line := range []string{"scorecard explain help", "scorecard explain help --figure parity", "scorecard explain --figure kept", "scorecard explain help --figure kept -o csv"} {
		if code, _, errs := sh.run(strings.Fields(line)...); code != exitUsage {
			t.Errorf("%s: %d %s", line, code, errs)
		}
	}
}

func TestAScorecardIsPrinted(t *testing.T) {
	sh := newShell(t, &office{})
	run := func(line string) string {
		t.Helper()
		code, out, errs := sh.run(strings.Fields(line)...)
		if code != exitDone || errs != "" {
			t.Fatalf("%s: %d %s", line, code, errs)
		}
		return out
	}
	widest := func(text string) (most int) {
		for line := range strings.Lines(text) {
			most = max(most, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")))
		}
		return most
	}
	usual := run("scorecard show help")
	for _, want := range []string{"VENDOR", "CLIENT", "0.950", "0.690", "Verdict: client favoured. So it is."} {
		if !strings.Contains(usual, want) {
			t.Errorf("without %q:\n%s", want, usual)
		}
	}
	if narrow := run("scorecard show help --width 40"); widest(narrow) > 40 || widest(usual) <= 40 || !strings.Contains(narrow, "0.950    promises kept    0.690") {
		t.Errorf("%s", narrow)
	}
	sh.env["COLUMNS"] = "44"
	if n := widest(run("scorecard show help")); n > 44 {
		t.Errorf("%d characters in a terminal of 44", n)
	}
	if table := run("scorecard show help -o csv"); !strings.HasPrefix(table, "of,id,partner,") || !strings.Contains(table, "figure,kept,1,0.95,1,2,7,false,,,0.69,1,2,7,false") {
		t.Error(table)
	}
	if picture := run("scorecard show help -o svg"); picture != "<svg>drawn</svg>" {
		t.Error(picture)
	}
	golden(t, "outlook", run("outlook help"))
	for _, line := range []string{"scorecard", "scorecard help", "scorecard show", "scorecard party", "scorecard show help -o xml", "agreement list -o csv", "outlook help -o svg", "scorecard show help --as-of noon", "outlook", "scorecard show help --width wide", "scorecard show help --from"} {
		if code, out, errs := sh.run(strings.Fields(line)...); code != exitUsage || out != "" || !strings.Contains(errs, "usage: concord") {
			t.Errorf("concord %s: %d %q %q", line, code, out, errs)
		}
	}
}
