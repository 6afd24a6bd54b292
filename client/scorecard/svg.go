package scorecard

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// The measures of the picture, in its own units; whoever embeds it says how large these are.
const (
	pictureWidth = 760
	middleX      = pictureWidth / 2
	margin       = 24
	labelHalf    = 78  // half the room in which figures are named
	valueRoom    = 58  // that of a figure
	barRoom      = 212 // that of a bar for 1
	rowHeight    = 34
	lineHeight   = 18
	chartHeight  = 48
	// letters is how many characters of running text there is room for in a line, in the widest of fonts.
	letters = 92
)

// style gives the picture its colours, by day and by night. Both sides have the same: what tells them apart is where they
// stand and what is written.
const style = `.paper{fill:#fff}.ink{fill:#1b1f24}.soft{fill:#57606a}.bar{fill:#2f6f9f}.rail{fill:#e4e8ec}.rule{stroke:#c4cbd2}` +
	`@media (prefers-color-scheme:dark){.paper{fill:#14181c}.ink{fill:#e9edf1}.soft{fill:#a3adb8}.bar{fill:#6aaee0}.rail{fill:#2a3138}.rule{stroke:#48525c}}`

// SVG writes a scorecard as a picture for a page: an SVG file that needs nothing from elsewhere, is read aloud as a whole,
// and is legible on light and dark pages.
func (c *Card) SVG() []byte {
	p := &picture{}
	p.y = margin + 8
	p.text("ink", middleX, "middle", 18, true, c.title())
	p.down(22)
	p.text("soft", middleX, "middle", 12, false, c.scope())
	p.down(34)
	p.heads(c)
	for _, r := range c.figures() {
		p.row(r)
	}
	p.trend(c)
	p.down(8)
	p.title("How it ended")
	for _, r := range c.counted() {
		p.pair(r)
	}
	if left := c.leftOut(); len(left) > 0 {
		p.title("Not counted")
		for _, r := range left {
			p.pair(r)
		}
	}
	p.title("Together")
	for pair := range slices.Chunk(c.joint, 2) {
		p.running("ink", 13, together(pair[0])+" · "+together(pair[1]))
	}
	p.down(12)
	verdict, meaning := c.said()
	p.text("ink", middleX, "middle", 15, true, verdict)
	p.down(lineHeight + 2)
	p.running("ink", 13, meaning)
	if c.low() {
		p.running("soft", 12, lowMark+" Rests on fewer obligations than can be relied on.")
	}
	return p.file(c.title(), c.aloud())
}

// aloud is all of a scorecard in sentences, for who hears it.
func (c *Card) aloud() string {
	var b strings.Builder
	b.WriteString(c.scope() + " " + c.who())
	for _, rows := range [][]row{c.figures(), c.counted(), c.leftOut()} {
		for _, r := range rows {
			fmt.Fprintf(&b, " %s: %s %s, %s %s.", r.name, c.heads[0], noted(r, 0), c.heads[1], noted(r, 1))
		}
	}
	for _, m := range c.trend {
		fmt.Fprintf(&b, " Promises kept in %s: %s %s, %s %s.", m.GetMonth(), c.heads[0], shown(m.GetVendorKept()), c.heads[1], shown(m.GetClientKept()))
	}
	for _, j := range c.joint {
		fmt.Fprintf(&b, " Together: %s.", together(j))
	}
	verdict, meaning := c.said()
	fmt.Fprintf(&b, " %s. %s", verdict, meaning)
	return b.String()
}

func noted(r row, side int) string {
	if r.notes[side] == "" {
		return r.cells[side]
	}
	return r.cells[side] + ", " + r.notes[side]
}

// picture is a drawing that is being made, from top to bottom.
type picture struct {
	strings.Builder
	y int
}

func (p *picture) down(by int) { p.y += by }

// text writes a line of text on the line that the picture has come to.
func (p *picture) text(class string, x int, anchor string, size int, bold bool, text string) {
	if text == "" {
		return
	}
	weight := ""
	if bold {
		weight = ` font-weight="600"`
	}
	fmt.Fprintf(p, `<text class="%s" x="%d" y="%d" text-anchor="%s" font-size="%d"%s>%s</text>`+"\n", class, x, p.y, anchor, size, weight, escaped(text))
}

func (p *picture) rect(class string, x, y, width, height int) {
	fmt.Fprintf(p, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`+"\n", class, x, y, width, height)
}

// running writes a text over as many lines as it needs.
func (p *picture) running(class string, size int, text string) {
	for _, line := range wrap(rules.OneLine(text), letters) {
		p.text(class, middleX, "middle", size, false, line)
		p.down(lineHeight)
	}
}

func (p *picture) title(text string) {
	p.down(14)
	p.text("soft", middleX, "middle", 12, true, text)
	p.down(lineHeight)
}

// heads says what the columns are, and who.
func (p *picture) heads(c *Card) {
	p.text("ink", middleX-labelHalf, "end", 15, true, c.heads[0])
	p.text("ink", middleX+labelHalf, "start", 15, true, c.heads[1])
	p.down(lineHeight)
	if c.names[0] != "" || c.names[1] != "" {
		const room = 38 // characters, beside the names of the figures
		p.text("soft", middleX-labelHalf, "end", 12, false, fitted(c.names[0], room))
		p.text("soft", middleX+labelHalf, "start", 12, false, fitted(c.names[1], room))
		p.down(8)
	}
	fmt.Fprintf(p, `<line class="rule" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", margin, p.y, pictureWidth-margin, p.y)
	p.down(22)
}

// pair writes the same of both sides.
func (p *picture) pair(r row) {
	p.text("soft", middleX, "middle", 13, false, r.name)
	p.text("ink", middleX-labelHalf, "end", 13, true, r.cells[0])
	p.text("ink", middleX+labelHalf, "start", 13, true, r.cells[1])
	p.down(lineHeight)
}

// row draws a figure of both sides: each as a number, as a bar, and with what it is made of.
func (p *picture) row(r row) {
	top := p.y
	p.pair(r)
	for side, bar := range r.bars {
		if bar == nil {
			continue
		}
		length := max(0, min(barRoom, int(*bar*barRoom+0.5)))
		rail, at := middleX-labelHalf-valueRoom-barRoom, middleX-labelHalf-valueRoom-length
		if side == 1 {
			rail = middleX + labelHalf + valueRoom
			at = rail
		}
		p.rect("rail", rail, top-9, barRoom, 9)
		p.rect("bar", at, top-9, length, 9)
	}
	p.y = top + 14
	p.text("soft", middleX-labelHalf-valueRoom, "end", 11, false, r.notes[0])
	p.text("soft", middleX+labelHalf+valueRoom, "start", 11, false, r.notes[1])
	p.y = top + rowHeight
}

// trend draws what each side kept in each month, from the oldest on, for both from left to right.
func (p *picture) trend(c *Card) {
	if len(c.trend) == 0 {
		return
	}
	top, floor := p.y, p.y+chartHeight
	const step, wide = barRoom / 12, barRoom/12 - 4
	for side, of := range []func(*pb.MonthScores) *pb.Figure{(*pb.MonthScores).GetVendorKept, (*pb.MonthScores).GetClientKept} {
		left := middleX + labelHalf
		if side == 0 {
			left = middleX - labelHalf - len(c.trend)*step
		}
		for n, m := range c.trend {
			v := value(of(m))
			if v == nil {
				p.rect("soft", left+n*step+wide/2-1, floor-3, 3, 3) // nothing was due
				continue
			}
			height := max(0, min(chartHeight, int(*v*chartHeight+0.5)))
			p.rect("rail", left+n*step, top, wide, chartHeight)
			p.rect("bar", left+n*step, floor-height, wide, height)
		}
	}
	p.y = top + chartHeight/2
	p.text("soft", middleX, "middle", 13, false, "kept by month")
	p.y = floor + lineHeight
	p.text("soft", middleX, "middle", 11, false, c.months()+"; a dot where nothing was due")
	p.down(lineHeight)
}

// file is the picture, with what it says in words.
func (p *picture) file(title, aloud string) []byte {
	height := p.y + margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif">`+"\n",
		pictureWidth, height, pictureWidth, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n", escaped(title), escaped(aloud), style)
	b.WriteString(`<rect class="paper" width="` + strconv.Itoa(pictureWidth) + `" height="` + strconv.Itoa(height) + "\"/>\n")
	b.WriteString(p.String())
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// escaped is a text as XML has it.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(rules.OneLine(text))) // a Builder takes everything
	return b.String()
}
