package scorecard

import (
	"slices"
	"strings"
	"unicode/utf8"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

const (
	// MaxWidth is how wide a text is at most, in characters: what a terminal holds that nobody has widened, and lines of
	// more are hard to read.
	MaxWidth = 80
	// MinWidth is how wide a text is at least: two columns need as much.
	MinWidth = 40
	// notesWidth is from which width on there is room for what the figures are made of.
	notesWidth = 64
	// labelWidth is the room between the columns, in which the figures are named.
	labelWidth = 17
	// between is what stands on each side of a name.
	between = "  "
	// noteAside is how far apart a figure and what it is made of stand.
	noteAside = "  "
	// figureWidth is the room of a figure: "0.952*", "no data".
	figureWidth = 7
)

// Text writes a scorecard for a terminal that is so many characters wide: the left side's figures stand to the left of their
// names, and the right side's, mirrored, to the right.
func (c *Card) Text(width int) string {
	p := &page{width: max(MinWidth, min(width, MaxWidth))}
	p.column = (p.width - labelWidth - 2*len(between)) / 2
	p.wrapped(c.title())
	p.wrapped(c.scope())
	if who := c.who(); who != "" {
		p.wrapped(who)
	}
	p.line("")
	p.pair(strings.ToUpper(c.heads[0]), "", strings.ToUpper(c.heads[1]))
	for _, r := range c.figures() {
		p.row(r)
	}
	if len(c.trend) > 0 {
		p.pair(sparkline(c.trend, (*pb.MonthScores).GetVendorKept), "kept by month", sparkline(c.trend, (*pb.MonthScores).GetClientKept))
		p.line("")
		p.wrapped(c.months() + ", from " + string(levels[0]) + " none to " + string(levels[len(levels)-1]) + " all; " + string(gap) + " nothing was due.")
	}
	p.section("HOW IT ENDED", c.counted())
	if left := c.leftOut(); len(left) > 0 {
		p.section("NOT COUNTED", left)
	}
	p.line("")
	p.centred("TOGETHER")
	for _, j := range c.joint {
		p.centred(together(j))
	}
	p.line("")
	verdict, meaning := c.said()
	p.wrapped(verdict + ". " + meaning)
	if c.low() {
		p.wrapped(lowMark + " Rests on fewer obligations than can be relied on.")
	}
	return p.String()
}

// together is a figure of both sides, in words.
func together(j joint) string {
	text := j.name + " " + shown(j.figure)
	if q := quotient(j.figure); q != "" {
		text += " (" + q + ")"
	}
	return text
}

// page is a text that is being written.
type page struct {
	strings.Builder
	width, column int
}

// line writes a line, without spaces at its end.
func (p *page) line(text string) {
	p.WriteString(strings.TrimRight(text, " "))
	p.WriteByte('\n')
}

// pair writes what is left, what it is, and what is right.
func (p *page) pair(left, name, right string) {
	left, right = fitted(left, p.column), fitted(right, p.column)
	p.line(padding(left, p.column) + left + between + middled(name, labelWidth) + between + right)
}

func (p *page) row(r row) {
	left, right := r.cells[0], r.cells[1]
	if p.width >= notesWidth {
		left, right = padding(left, figureWidth)+left, right+padding(right, figureWidth)
		left, right = r.notes[0]+noteAside+left, right+noteAside+r.notes[1]
	}
	p.pair(left, r.name, right)
}

func (p *page) section(head string, rows []row) {
	p.line("")
	p.centred(head)
	for _, r := range rows {
		p.row(r)
	}
}

func (p *page) centred(text string) { p.line(middled(text, p.width)) }

// wrapped writes a text in lines of the page's width.
func (p *page) wrapped(text string) {
	for _, line := range wrap(rules.OneLine(text), p.width) {
		p.line(line)
	}
}

// wrap breaks a text at its spaces into lines of at most so many characters, and a word that is longer within itself.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		for piece := range slices.Chunk([]rune(word), width) {
			if line != "" && utf8.RuneCountInString(line)+1+len(piece) > width {
				lines, line = append(lines, line), ""
			}
			line = strings.TrimSpace(line + " " + string(piece))
		}
	}
	return append(lines, line)
}

// fitted cuts a text to a width and says so.
func fitted(text string, width int) string {
	runes := []rune(rules.OneLine(text))
	if len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}

func padding(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// middled puts a text into the middle of a width.
func middled(text string, width int) string {
	free := max(0, width-utf8.RuneCountInString(text))
	return strings.Repeat(" ", free/2) + text + strings.Repeat(" ", free-free/2)
}
