package scorecard

import (
	"slices"
	"strconv"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

const (
	// places is in how many places people are shown a figure.
	places = 3
	// nothing is what stands where there is no figure.
	nothing = "no data"
	// lowMark follows a figure that rests on too little.
	lowMark = "*"
)

// row is one line of the two columns: the same of both sides.
type row struct {
	name  string
	cells [2]string
	notes [2]string   // what the cells are made of
	bars  [2]*float64 // from 0 to 1, where more is better; nil: none
}

// lines are a side's figures in the order in which they are shown.
var lines = []struct {
	id           pb.FigureId
	name, median string // median is what its median is called; empty: it has none
	better       bool   // the more the better
	of           func(*pb.SideScores) *pb.Figure
}{
	{pb.FigureId_FIGURE_ID_KEPT, "promises kept", "", true, (*pb.SideScores).GetKept},
	{pb.FigureId_FIGURE_ID_RECOVERY, "recovery", "days to make good", true, (*pb.SideScores).GetRecovery},
	{pb.FigureId_FIGURE_ID_CANDOUR, "candour", "", true, (*pb.SideScores).GetCandour},
	{pb.FigureId_FIGURE_ID_RESPONSIVENESS, "responsiveness", "days to answer", true, (*pb.SideScores).GetResponsiveness},
	{pb.FigureId_FIGURE_ID_PULSE, "pulse", "", true, (*pb.SideScores).GetPulse},
	{pb.FigureId_FIGURE_ID_PULSE_GAP, "pulse gap", "", false, (*pb.SideScores).GetPulseGap},
	{pb.FigureId_FIGURE_ID_BLOCKED, "blocked by other", "", false, (*pb.SideScores).GetBlocked},
	{pb.FigureId_FIGURE_ID_EVIDENCE, "evidence grade", "", true, (*pb.SideScores).GetEvidence},
	{pb.FigureId_FIGURE_ID_ATTAINMENT, "objectives", "", true, (*pb.SideScores).GetAttainment},
}

// figures are the rows of what is reckoned of each side.
func (c *Card) figures() (rows []row) {
	for _, line := range lines {
		left, right := line.of(c.sides[0]), line.of(c.sides[1])
		r := row{name: line.name, cells: [2]string{shown(left), shown(right)}, notes: [2]string{quotient(left), quotient(right)}}
		if line.better {
			r.bars = [2]*float64{value(left), value(right)}
		}
		rows = append(rows, r)
		if line.median != "" && (middle(left) != nil || middle(right) != nil) {
			rows = append(rows, row{name: line.median, cells: [2]string{median(left), median(right)}})
		}
	}
	return rows
}

// counted are the rows of how each side's obligations ended.
func (c *Card) counted() (rows []row) {
	add := func(name string, of func(*pb.OutcomeCounts) int32) {
		rows = append(rows, row{name: name, cells: [2]string{number(of(c.sides[0].GetOutcomes())), number(of(c.sides[1].GetOutcomes()))}})
	}
	add("kept on time", (*pb.OutcomeCounts).GetKeptOnTime)
	add("kept late", (*pb.OutcomeCounts).GetKeptLate)
	add("cured", (*pb.OutcomeCounts).GetCured)
	add("broken", (*pb.OutcomeCounts).GetBroken)
	return rows
}

// leftOut are the rows of what was not counted of each side, by reason. Concerns, answers and objectives have reasons of
// their own, so that a reason says what it is about.
func (c *Card) leftOut() (rows []row) {
	counts := [2]map[pb.LeftOutReason]int32{{}, {}}
	var reasons []pb.LeftOutReason
	for i, side := range c.sides {
		for _, list := range [][]*pb.LeftOut{
			side.GetOutcomes().GetLeftOut(), side.GetResponsiveness().GetLeftOut(), side.GetPulse().GetLeftOut(), side.GetAttainment().GetLeftOut(),
		} {
			for _, l := range list {
				if !slices.Contains(reasons, l.GetReason()) {
					reasons = append(reasons, l.GetReason())
				}
				counts[i][l.GetReason()] += l.GetCount()
			}
		}
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		rows = append(rows, row{name: spoken(name(reason, "LEFT_OUT_REASON_")), cells: [2]string{number(counts[0][reason]), number(counts[1][reason])}})
	}
	return rows
}

// low says whether a figure that is shown rests on too little.
func (c *Card) low() bool {
	return c.sides[0].GetKept().GetLowEvidence() || c.sides[1].GetKept().GetLowEvidence()
}

func value(f *pb.Figure) *float64 {
	if f == nil {
		return nil
	}
	return f.Value
}

// shown is a figure's value, or that there is none.
func shown(f *pb.Figure) string {
	v := value(f)
	if v == nil {
		return nothing
	}
	text := rules.Rounded(strconv.FormatFloat(*v, 'f', -1, 64), places)
	if f.GetLowEvidence() {
		text += lowMark
	}
	return text
}

// quotient is what a figure is made of; empty where it is none.
func quotient(f *pb.Figure) string {
	if value(f) == nil || f.GetDenominator() == "" {
		return ""
	}
	return brief(f.GetNumerator()) + " of " + brief(f.GetDenominator())
}

// brief is a decimal in as few places as it needs, and no more than people are shown.
func brief(text string) string {
	text = rules.Rounded(text, places)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func middle(f *pb.Figure) *float64 {
	if f == nil {
		return nil
	}
	return f.MedianBusinessDays
}

func median(f *pb.Figure) string {
	m := middle(f)
	if m == nil {
		return nothing
	}
	return strconv.FormatFloat(*m, 'f', -1, 64)
}

func number(n int32) string { return strconv.Itoa(int(n)) }

// name is an enum value without the prefix of its enum.
func name(value interface{ String() string }, prefix string) string {
	return strings.TrimPrefix(value.String(), prefix)
}

// spoken is a name in small letters.
func spoken(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

// levels are the heights of a sparkline, from nothing kept to all.
var levels = []rune("▁▂▃▄▅▆▇█")

// gap stands in a sparkline for a month in which nothing was due.
const gap = '·'

// sparkline draws a side's months, oldest first.
func sparkline(months []*pb.MonthScores, of func(*pb.MonthScores) *pb.Figure) string {
	var b strings.Builder
	for _, m := range months {
		v := value(of(m))
		if v == nil {
			b.WriteRune(gap)
			continue
		}
		b.WriteRune(levels[max(0, min(len(levels)-1, int(*v*float64(len(levels)))))])
	}
	return b.String()
}

// months says which a trend shows; empty if there is none.
func (c *Card) months() string {
	if len(c.trend) == 0 {
		return ""
	}
	return c.trend[0].GetMonth() + " to " + c.trend[len(c.trend)-1].GetMonth()
}
