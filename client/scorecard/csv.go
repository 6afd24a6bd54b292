package scorecard

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// sideColumns are what a table says of a figure of one side; they stand there once for each.
var sideColumns = []string{"value", "numerator", "denominator", "count", "low_evidence", "median_business_days", "left_out"}

// table is a scorecard as records.
type table struct {
	card *Card
	rows [][]string
}

// CSV writes a scorecard as a table (RFC 4180) with a line of names. Each row says on its own whose scorecard it is of, and
// holds both sides. What a row is, its column "row" says: "figure" is one of each side, "outcome" and "left_out" are what was
// counted of each, "month" is what each kept in a month, "together" is a figure of both beside what it is made of (promised
// weights, promises kept, pulses), "verdict" is the verdict in words. Values are in full, and empty where there is none.
func (c *Card) CSV() ([]byte, error) {
	t := &table{card: c}
	head := []string{"of", "id", "partner", "from_date", "to_date", "as_of", "version", "position", "row", "name", "formula_version"}
	for _, side := range c.heads {
		for _, column := range sideColumns {
			head = append(head, side+"_"+column)
		}
	}
	t.rows = append(t.rows, append(head, "together_value", "together_numerator", "together_denominator", "words"))
	for _, line := range lines {
		left, right := line.of(c.sides[0]), line.of(c.sides[1])
		t.add("figure", figureKey(line.id), version(left), figureCells(left), figureCells(right), nil, "")
	}
	for _, r := range c.counted() {
		t.counts("outcome", r)
	}
	for _, r := range c.leftOut() {
		t.counts("left_out", r)
	}
	for _, m := range c.trend {
		left, right := m.GetVendorKept(), m.GetClientKept()
		t.add("month", m.GetMonth(), version(left), figureCells(left), figureCells(right), nil, "")
	}
	for _, j := range c.joint {
		sides := [2][]string{}
		for i, s := range c.sides {
			if sides[i] = []string{number(s.GetPromisedWeight())}; j.of != nil {
				sides[i] = []string{full(value(j.of(s)))}
			}
		}
		t.add("together", figureKey(j.id), version(j.figure), sides[0], sides[1], []string{full(value(j.figure)), j.figure.GetNumerator(), j.figure.GetDenominator()}, "")
	}
	verdict := c.verdict
	if verdict == "" {
		verdict = "of_each_agreement"
	}
	t.add("verdict", verdict, "", nil, nil, nil, strings.Join(c.words, ", "))
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.WriteAll(t.rows); err != nil {
		return nil, fmt.Errorf("scorecard: %w", err)
	}
	return b.Bytes(), nil
}

// add adds a row.
func (t *table) add(kind, name, version string, left, right, both []string, words string) {
	c := t.card
	row := []string{c.noun, c.id, c.partner, c.from, c.to, c.asOf, "", "", kind, name, version}
	if c.noun == "agreement" {
		row[6], row[7] = strconv.FormatUint(c.version, 10), strconv.FormatUint(c.position, 10)
	}
	for _, side := range [][]string{left, right} {
		row = append(row, filled(side, len(sideColumns))...)
	}
	t.rows = append(t.rows, append(append(row, filled(both, 3)...), words))
}

// counts adds a row of what was counted of each side.
func (t *table) counts(kind string, r row) {
	cell := func(n string) []string { return []string{"", "", "", n} }
	t.add(kind, strings.ReplaceAll(r.name, " ", "_"), "", cell(r.cells[0]), cell(r.cells[1]), nil, "")
}

// figureCells is what a table says of a figure, as sideColumns has it.
func figureCells(f *pb.Figure) []string {
	var left []string
	for _, l := range f.GetLeftOut() {
		left = append(left, fmt.Sprintf("%s %d", strings.ToLower(name(l.GetReason(), "LEFT_OUT_REASON_")), l.GetCount()))
	}
	return []string{full(value(f)), f.GetNumerator(), f.GetDenominator(), number(f.GetCount()), strconv.FormatBool(f.GetLowEvidence()), full(middle(f)), strings.Join(left, ", ")}
}

// filled is cells, and empty ones up to a number.
func filled(cells []string, n int) []string { return append(cells, make([]string, n-len(cells))...) }

func full(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func version(f *pb.Figure) string { return number(f.GetFormulaVersion()) }

// figureKey is a figure's name, as the API has it.
func figureKey(id pb.FigureId) string { return strings.ToLower(name(id, "FIGURE_ID_")) }
