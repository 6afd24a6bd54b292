package scorecard

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is otherwise (go test -update writes it):\n%s", path, got)
	}
}

func figure(id pb.FigureId, side pb.Side, v float64, numerator, denominator string, count int32) *pb.Figure {
	return &pb.Figure{FigureId: id, FormulaVersion: 1, Side: side, Value: &v, Numerator: numerator, Denominator: denominator, Count: count}
}

func none(id pb.FigureId, side pb.Side, left ...*pb.LeftOut) *pb.Figure {
	return &pb.Figure{FigureId: id, FormulaVersion: 1, Side: side, LeftOut: left}
}

func months(vendor, client []float64) (all []*pb.MonthScores) {
	for i := range vendor {
		at := func(v float64, side pb.Side) *pb.Figure {
			if v < 0 {
				return none(pb.FigureId_FIGURE_ID_KEPT, side)
			}
			return figure(pb.FigureId_FIGURE_ID_KEPT, side, v, "", "", 1)
		}
		all = append(all, &pb.MonthScores{
			Month:      time.Date(2026, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"),
			VendorKept: at(vendor[i], pb.Side_SIDE_VENDOR), ClientKept: at(client[i], pb.Side_SIDE_CLIENT),
		})
	}
	return all
}

// story is the scorecard of a store and its supplier: the vendor keeps what it promised, the client does not, and all that
// was broken was mended.
func story() *pb.Scorecard {
	const v, c, both = pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT, pb.Side_SIDE_UNSPECIFIED
	days := func(f *pb.Figure, n float64) *pb.Figure { f.MedianBusinessDays = &n; return f }
	left := func(r pb.LeftOutReason, n int32) *pb.LeftOut { return &pb.LeftOut{Reason: r, Count: n} }
	return &pb.Scorecard{
		AgreementId: "store-operations", FromDate: "2026-01-01", ToDate: "2026-07-10", AsOf: timestamppb.New(time.Date(2026, 7, 10, 20, 0, 0, 0, time.UTC)),
		Version: 412, Position: 1033,
		Vendor: &pb.SideScores{
			Side: v, PartyId: "tallgrass-systems", PromisedWeight: 25,
			Outcomes:       &pb.OutcomeCounts{KeptOnTime: 19, KeptLate: 1, Cured: 1, LeftOut: []*pb.LeftOut{left(pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED, 1), left(pb.LeftOutReason_LEFT_OUT_REASON_OPEN, 2)}},
			Kept:           figure(pb.FigureId_FIGURE_ID_KEPT, v, 0.952381, "26.666667", "28", 21),
			Recovery:       days(figure(pb.FigureId_FIGURE_ID_RECOVERY, v, 1, "7", "7", 2), 3.5),
			Candour:        figure(pb.FigureId_FIGURE_ID_CANDOUR, v, 0.5, "1", "2", 2),
			Responsiveness: none(pb.FigureId_FIGURE_ID_RESPONSIVENESS, v),
			Pulse:          figure(pb.FigureId_FIGURE_ID_PULSE, v, 0.8, "16", "20", 1),
			PulseGap:       figure(pb.FigureId_FIGURE_ID_PULSE_GAP, v, -0.05, "", "", 1),
			Blocked:        figure(pb.FigureId_FIGURE_ID_BLOCKED, v, 0.090909, "2", "22", 22),
			Evidence:       figure(pb.FigureId_FIGURE_ID_EVIDENCE, v, 1, "20", "20", 20),
			Attainment:     none(pb.FigureId_FIGURE_ID_ATTAINMENT, v, left(pb.LeftOutReason_LEFT_OUT_REASON_NOT_OBSERVED, 2)),
		},
		Client: &pb.SideScores{
			Side: c, PartyId: "orchard-vale", PromisedWeight: 27,
			Outcomes:       &pb.OutcomeCounts{KeptOnTime: 16, KeptLate: 2, Cured: 2, LeftOut: []*pb.LeftOut{left(pb.LeftOutReason_LEFT_OUT_REASON_WAIVED, 1)}},
			Kept:           figure(pb.FigureId_FIGURE_ID_KEPT, c, 0.690278, "16.566667", "24", 20),
			Recovery:       days(figure(pb.FigureId_FIGURE_ID_RECOVERY, c, 1, "16", "16", 4), 14),
			Candour:        figure(pb.FigureId_FIGURE_ID_CANDOUR, c, 0.5, "2", "4", 4),
			Responsiveness: days(figure(pb.FigureId_FIGURE_ID_RESPONSIVENESS, c, 1, "1", "1", 1), 1),
			Pulse:          figure(pb.FigureId_FIGURE_ID_PULSE, c, 0.7, "14", "20", 1),
			PulseGap:       figure(pb.FigureId_FIGURE_ID_PULSE_GAP, c, 0.1, "", "", 1),
			Blocked:        figure(pb.FigureId_FIGURE_ID_BLOCKED, c, 0, "0", "20", 20),
			Evidence:       figure(pb.FigureId_FIGURE_ID_EVIDENCE, c, 0.9, "18", "20", 20),
			Attainment:     figure(pb.FigureId_FIGURE_ID_ATTAINMENT, c, 0.6, "3", "5", 1),
		},
		Balance:       figure(pb.FigureId_FIGURE_ID_BALANCE, both, 0.925926, "25", "27", 15),
		Parity:        figure(pb.FigureId_FIGURE_ID_PARITY, both, 0.737897, "", "", 0),
		MutualOutcome: figure(pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME, both, 0.810806, "", "", 0),
		LowerPulse:    figure(pb.FigureId_FIGURE_ID_LOWER_PULSE, both, 0.7, "", "", 0),
		Verdict:       pb.Verdict_VERDICT_CLIENT_FAVOURED, KeptThreshold: 0.8, PulseThreshold: 0.6,
		VerdictWords: "The client receives what it was promised and the vendor does not: only the vendor keeps its promises (vendor 0.952, client 0.690; 0.80 passes).",
		Trend:        months([]float64{-1, 1, 1, 0.6, 0.9, 1, 1}, []float64{1, 0.75, 0.2, 0, -1, 0.5, 1}),
	}
}

// partners is the scorecard of a party with two agreements.
func partners() *pb.PartyScorecard {
	s := story()
	s.Vendor.Side, s.Client.Side, s.Client.PartyId = 0, 0, ""
	s.Client.Kept.LowEvidence, s.Client.Kept.Count = true, 4
	return &pb.PartyScorecard{
		PartyId: "tallgrass-systems", ToDate: s.GetToDate(), AsOf: s.GetAsOf(), AgreementCount: 3, Party: s.GetVendor(), Partners: s.GetClient(),
		Balance: s.GetBalance(), Parity: s.GetParity(), MutualOutcome: s.GetMutualOutcome(), LowerPulse: s.GetLowerPulse(), Trend: s.GetTrend(),
		Verdicts: []*pb.VerdictCount{{Verdict: pb.Verdict_VERDICT_MUTUAL, Count: 2}, {Verdict: pb.Verdict_VERDICT_CLIENT_FAVOURED, Count: 1}},
	}
}

// young is the scorecard of an agreement in which nothing was due yet.
func young() *pb.Scorecard {
	return &pb.Scorecard{
		AgreementId: "young", FromDate: "2026-07-01", ToDate: "2026-07-10", AsOf: story().GetAsOf(), Version: 3,
		Vendor: &pb.SideScores{Side: pb.Side_SIDE_VENDOR, PartyId: "tallgrass-systems"}, Client: &pb.SideScores{Side: pb.Side_SIDE_CLIENT, PartyId: "orchard-vale"},
		Verdict: pb.Verdict_VERDICT_INSUFFICIENT_DATA, VerdictWords: "There is too little to go by.", Trend: months([]float64{-1}, []float64{-1}),
	}
}

func TestAScorecardIsWritten(t *testing.T) {
	for name, card := range map[string]*Card{"story": Of(story()), "party": OfParty(partners()), "young": Of(young())} {
		golden(t, name+".txt", []byte(card.Text(80)))
		golden(t, name+"-narrow.txt", []byte(card.Text(40)))
		golden(t, name+".svg", card.SVG())
		table, err := card.CSV()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".csv", table)
	}
}

// However wide a terminal is said to be, no line is longer, and both sides are in it.
func TestATextFitsItsTerminal(t *testing.T) {
	long := story()
	long.AgreementId = strings.Repeat("very-long-", 6) + "id"
	long.Vendor.PartyId, long.Client.PartyId = strings.Repeat("v", 63), strings.Repeat("c", 63)
	for _, card := range []*Card{Of(story()), Of(long), OfParty(partners())} {
		for width := -1; width < 200; width++ {
			fits := max(MinWidth, min(width, MaxWidth))
			text := card.Text(width)
			for line := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > fits {
					t.Fatalf("width %d: %d characters in %q", width, n, line)
				}
			}
			for _, figure := range []string{"0.952", "0.690", "0.926"} {
				if !strings.Contains(text, figure) {
					t.Fatalf("width %d lacks %s:\n%s", width, figure, text)
				}
			}
		}
	}
}

// Where one side's figure stands, the other's stands in the same line, whatever is asked for; and the two sides exchanged
// give the same page exchanged.
func TestNoSideStandsAlone(t *testing.T) {
	card, mirrored := Of(story()), story()
	mirrored.Vendor, mirrored.Client = mirrored.GetClient(), mirrored.GetVendor()
	for i, r := range card.figures() {
		other := Of(mirrored).figures()[i]
		if r.name != other.name || r.cells[0] != other.cells[1] || r.cells[1] != other.cells[0] || r.cells[0] == "" || r.cells[1] == "" {
			t.Errorf("%v is mirrored as %v", r, other)
		}
	}
	table, err := card.CSV()
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	vendor, client, kind := slices.Index(records[0], "vendor_value"), slices.Index(records[0], "client_value"), slices.Index(records[0], "row")
	figures := 0
	for _, r := range records[1:] {
		if r[kind] == "figure" {
			figures++
		}
		if len(r) != len(records[0]) || r[0] == "" || r[1] == "" || slices.Contains([]string{"outcome", "left_out", "verdict"}, r[kind]) != (r[vendor]+r[client] == "") && r[vendor+3]+r[client+3] == "" {
			t.Errorf("%q", r)
		}
	}
	if figures != len(lines) || client-vendor != len(sideColumns) {
		t.Errorf("%d figures, %d columns a side", figures, client-vendor)
	}
}

// A picture is well-formed whatever is in it, needs nothing from elsewhere, and says in words what it shows.
func TestAPictureStandsAlone(t *testing.T) {
	hostile := story()
	hostile.VerdictWords = "</text><script>alert(1)</script>\x00&\u202e"
	hostile.Vendor.PartyId = `"><image href="https://example.org/x"/>`
	for _, card := range []*Card{Of(story()), OfParty(partners()), Of(hostile), Of(&pb.Scorecard{})} {
		file := card.SVG()
		d := xml.NewDecoder(bytes.NewReader(file))
		var said strings.Builder
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, file)
			}
			switch token := token.(type) {
			case xml.StartElement:
				if !slices.Contains([]string{"svg", "title", "desc", "style", "rect", "text", "line"}, token.Name.Local) {
					t.Errorf("an element %s", token.Name.Local)
				}
				for _, a := range token.Attr {
					if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "url(") {
						t.Errorf("an attribute %s=%q", a.Name.Local, a.Value)
					}
				}
			case xml.CharData:
				said.Write(token)
			}
		}
		if !bytes.Contains(file, []byte(`role="img" aria-labelledby="title desc"`)) {
			t.Errorf("nobody hears it:\n%.300s", file)
		}
		for _, r := range card.figures() {
			if !strings.Contains(said.String(), r.name+": "+card.heads[0]) {
				t.Errorf("%s is not said", r.name)
			}
		}
	}
}

// Nothing due is nothing, not 0; and 0 is not nothing.
func TestNullIsNotZero(t *testing.T) {
	zero := 0.0
	for _, c := range []struct {
		f    *pb.Figure
		want string
	}{
		{nil, nothing}, {&pb.Figure{}, nothing}, {&pb.Figure{Denominator: "3"}, nothing}, {&pb.Figure{Value: &zero}, "0.000"},
		{figure(0, 0, 0.9995, "", "", 1), "1.000"}, {figure(0, 0, 0.0005, "", "", 1), "0.001"}, {figure(0, 0, -0.05, "", "", 1), "-0.050"},
	} {
		if got := shown(c.f); got != c.want {
			t.Errorf("%v is shown as %s", c.f, got)
		}
	}
	if got := sparkline(months([]float64{-1, 0, 0.124, 0.5, 0.999, 1, 7}, make([]float64, 7)), (*pb.MonthScores).GetVendorKept); got != "·▁▁▅███" {
		t.Errorf("months are drawn as %s", got)
	}
	again := story()
	if !bytes.Equal(Of(again).SVG(), Of(proto.CloneOf(again)).SVG()) {
		t.Error("the same scorecard gives two pictures")
	}
}
