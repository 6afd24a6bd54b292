// Package scorecard writes a scorecard for people: as a text for a terminal, as a table for a spreadsheet, and as a picture
// for a page.
//
// All three are the same two columns, one side on the left and the other on the right, each figure of one beside the same
// figure of the other. There is no way to write one side alone, and none to write the two as one: what belongs to both
// together stands below, after each side's own. A figure that nobody can reckon, because nothing was due, says "no data"; it
// is never shown as 0. Nothing is told by colour alone, and the same scorecard gives the same bytes.
package scorecard

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Card is a scorecard that can be written: that of an agreement, or that of a party.
type Card struct {
	noun, id          string // whose it is
	partner           string // of a party's; empty: all
	from, to          string // from is empty for "from the beginning"
	asOf              string // empty where it is not said
	version, position uint64 // of an agreement's
	agreements        int32  // of a party's

	heads [2]string // what the two are
	names [2]string // who they are
	sides [2]*pb.SideScores
	joint []joint
	trend []*pb.MonthScores

	verdict string   // of an agreement's, in a name
	words   []string // what it means; of a party's, how many agreements have which
}

// joint is a figure of both sides together, and what it is of each.
type joint struct {
	id     pb.FigureId
	name   string
	figure *pb.Figure
	of     func(*pb.SideScores) *pb.Figure // nil: the weights that each promised
}

// Of is the scorecard of an agreement.
func Of(c *pb.Scorecard) *Card {
	return &Card{
		noun: "agreement", id: c.GetAgreementId(), from: c.GetFromDate(), to: c.GetToDate(),
		asOf: instant(c.GetAsOf()), version: c.GetVersion(), position: c.GetPosition(),
		heads: [2]string{"vendor", "client"}, names: [2]string{c.GetVendor().GetPartyId(), c.GetClient().GetPartyId()},
		sides: [2]*pb.SideScores{c.GetVendor(), c.GetClient()},
		joint: joints(c.GetBalance(), c.GetParity(), c.GetMutualOutcome(), c.GetLowerPulse()), trend: c.GetTrend(),
		verdict: name(c.GetVerdict(), "VERDICT_"), words: []string{c.GetVerdictWords()},
	}
}

// OfParty is the scorecard of a party over its agreements, beside its partners'.
func OfParty(c *pb.PartyScorecard) *Card {
	card := &Card{
		noun: "party", id: c.GetPartyId(), partner: c.GetPartnerPartyId(), from: c.GetFromDate(), to: c.GetToDate(),
		asOf: instant(c.GetAsOf()), agreements: c.GetAgreementCount(),
		heads: [2]string{"party", "partners"}, names: [2]string{c.GetPartyId(), c.GetPartnerPartyId()},
		sides: [2]*pb.SideScores{c.GetParty(), c.GetPartners()},
		joint: joints(c.GetBalance(), c.GetParity(), c.GetMutualOutcome(), c.GetLowerPulse()), trend: c.GetTrend(),
	}
	if card.partner != "" {
		card.heads[1] = "partner"
	}
	for _, v := range c.GetVerdicts() {
		card.words = append(card.words, fmt.Sprintf("%d %s", v.GetCount(), spoken(name(v.GetVerdict(), "VERDICT_"))))
	}
	return card
}

func joints(balance, parity, mutual, lower *pb.Figure) []joint {
	kept, pulse := (*pb.SideScores).GetKept, (*pb.SideScores).GetPulse
	return []joint{
		{pb.FigureId_FIGURE_ID_BALANCE, "balance of load", balance, nil},
		{pb.FigureId_FIGURE_ID_PARITY, "parity", parity, kept},
		{pb.FigureId_FIGURE_ID_MUTUAL_OUTCOME, "mutual outcome", mutual, kept},
		{pb.FigureId_FIGURE_ID_LOWER_PULSE, "lower pulse", lower, pulse},
	}
}

func instant(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format(time.RFC3339)
}

// title says what is written.
func (c *Card) title() string {
	switch {
	case c.noun == "agreement":
		return "Scorecard of agreement " + c.id
	case c.partner != "":
		return "Scorecard of " + c.id + " with " + c.partner
	}
	return "Scorecard of " + c.id + " with all its partners"
}

// scope says what it is reckoned from.
func (c *Card) scope() string {
	from := "From " + c.from
	if c.from == "" {
		from = "From the beginning"
	}
	text := from + " to " + c.to
	if c.asOf != "" {
		text += ", as of " + c.asOf
	}
	switch {
	case c.noun == "party":
		return fmt.Sprintf("%s; agreements: %d.", text, c.agreements)
	case c.position > 0:
		return fmt.Sprintf("%s; event %d, at position %d of the log.", text, c.version, c.position)
	}
	return fmt.Sprintf("%s; event %d.", text, c.version)
}

// said is the verdict, and what it means. Many agreements have none of their own: theirs are counted.
func (c *Card) said() (verdict, meaning string) {
	if c.noun == "agreement" {
		return "Verdict: " + spoken(c.verdict), strings.Join(c.words, " ")
	}
	return "Verdicts of its agreements", cmp.Or(strings.Join(c.words, ", "), "none") + "."
}

// who says who the two are.
func (c *Card) who() string {
	var parts []string
	for i, head := range c.heads {
		if c.names[i] != "" {
			parts = append(parts, "the "+head+" is "+c.names[i])
		}
	}
	text := strings.Join(parts, ", ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
