package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// maxTermsBytes bounds a file of terms: the largest text the service takes, written as JSON, and room to spare.
const maxTermsBytes = 32 << 20

// indent is how far what belongs to a promise is set in.
const indent = "      "

// termsFlag adds the flag that names a file with terms.
func termsFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "the terms as JSON, as the API spells them; - is standard input")
}

// readTerms reads a text from a file, or from standard input for "-". A field that terms do not have is an error: what
// was meant with it would be missing from what is signed.
func (s *session) readTerms(file string) (*pb.Terms, error) {
	from := s.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read the terms: %w", err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxTermsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the terms: %w", err)
	}
	if len(text) > maxTermsBytes {
		return nil, fmt.Errorf("read the terms: %s has more than %d bytes", file, maxTermsBytes)
	}
	terms := &pb.Terms{}
	if err := protojson.Unmarshal(text, terms); err != nil {
		return nil, fmt.Errorf("read the terms: %s: %w", file, err)
	}
	return terms, nil
}

// checkDigest makes sure that the bytes have the digest, and that the text shown is what the bytes say: what people read
// and what they consent to must be one.
func checkDigest(body []byte, digest string, shown proto.Message) error {
	sum := sha256.Sum256(body)
	if hex.EncodeToString(sum[:]) != digest {
		return errors.New("the stored bytes of this text do not have its digest: do not consent, and tell the operator")
	}
	stored := shown.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(body, stored); err != nil {
		return fmt.Errorf("read the stored bytes of this text: %w", err)
	}
	if !proto.Equal(stored, shown) {
		return errors.New("the text shown is not what its stored bytes say: do not consent, and tell the operator")
	}
	known := shown.ProtoReflect().New().Interface()
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, known); err != nil || !proto.Equal(stored, known) {
		return errors.New("this text has parts that are newer than this program and that it cannot show: get a newer concord")
	}
	return nil
}

// printTerms prints a text, for people or as JSON.
func (s *session) printTerms(t *pb.Terms) error {
	if s.output == outputJSON {
		return s.object(t)
	}
	if _, err := io.WriteString(s.out, termsText(t)); err != nil {
		return fmt.Errorf("write the terms: %w", err)
	}
	return nil
}

// termsText is a text as people read it: what both want, when, and what each side promises. A side that promises nothing
// is shown too.
func termsText(t *pb.Terms) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", clean(t.GetTitle()))
	if intent := t.GetStatementOfIntent(); intent != "" {
		fmt.Fprintf(&b, "\n%s\n", paragraph("", intent))
	}
	if len(t.GetGuidingPrinciples()) > 0 {
		fmt.Fprint(&b, "\nBoth hold to\n")
		for _, p := range t.GetGuidingPrinciples() {
			fmt.Fprintf(&b, "  - %s\n", clean(p))
		}
	}
	fmt.Fprintf(&b, "\nFrom %s to %s; %d days' notice by either side.\n",
		clean(t.GetEffectiveDate()), clean(cmp.Or(t.GetEndDate(), "no end")), t.GetNoticeDays())
	fmt.Fprintf(&b, "Calendar: %s.\n", clean(calendarText(t.GetCalendar())))
	if clocks := clocksText(t.GetClocks()); clocks != "" {
		fmt.Fprintf(&b, "Clocks: %s.\n", clocks)
	}
	if th := t.GetThresholds(); th != nil {
		fmt.Fprintf(&b, "Either side is winning from: kept %s, pulse %s.\n", mark(th.Kept, "default"), mark(th.Pulse, "default"))
	}
	b.WriteString(pulseText(t.GetPulse()))
	if day := t.GetHoldsFromDate(); day != "" {
		fmt.Fprintf(&b, "This text holds from %s.\n", clean(day))
	}
	if neutral := t.GetNeutralPartyId(); neutral != "" {
		fmt.Fprintf(&b, "Disputes are settled by %s.\n", clean(neutral))
	}
	for _, r := range t.GetSuspensionRights() {
		fmt.Fprintf(&b, "The %s may suspend it (%s): %s\n", word(r.GetSide()), clean(r.GetRightId()), clean(r.GetGround()))
	}
	concernTermsText(&b, t.GetConcerns())
	for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
		fmt.Fprintf(&b, "\nThe %s promises the %s\n", word(side), word(otherSide(side)))
		none := true
		for _, c := range t.GetCommitments() {
			if c.GetObligor() == side {
				none = false
				b.WriteString(commitmentText(c))
			}
		}
		if none {
			b.WriteString("  nothing\n")
		}
	}
	b.WriteString(objectivesText(t))
	historyText(&b, t)
	return b.String()
}

// historyText is the past that came with an agreement from elsewhere: all of it, for it is consented to.
func historyText(b *strings.Builder, t *pb.Terms) {
	if t.GetHistoryUntilDate() == "" && len(t.GetHistory()) == 0 {
		return
	}
	fmt.Fprintf(b, "\nWhat was due before %s\n", clean(t.GetHistoryUntilDate()))
	for _, h := range t.GetHistory() {
		line := fmt.Sprintf("  %s due %s: %s", h.GetCommitmentId(), h.GetDueDate(), word(h.GetState()))
		for _, more := range []struct{ before, value string }{
			{", kept ", h.GetKeptDate()}, {", ", word(h.GetTimeliness())}, {", first said by the ", word(h.GetDisclosedBy())}, {" – ", h.GetNote()},
		} {
			if more.value != "" {
				line += more.before + more.value
			}
		}
		fmt.Fprintf(b, "%s\n", clean(line))
	}
}

func commitmentText(c *pb.CommitmentTerms) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s: %s\n", clean(c.GetCommitmentId()), clean(c.GetTitle()))
	if d := c.GetDescription(); d != "" {
		fmt.Fprintf(&b, "%s\n", paragraph(indent, d))
	}
	fmt.Fprintf(&b, "%s%s, weight %d, due %s\n", indent, word(c.GetCategory()), c.GetWeight(), clean(scheduleText(c)))
	if clocks := clocksText(c.GetClocks()); clocks != "" {
		fmt.Fprintf(&b, "%sclocks: %s\n", indent, clocks)
	}
	if marks := marksText(c); marks != "" {
		fmt.Fprintf(&b, "%s%s\n", indent, clean(marks))
	}
	return b.String()
}

// marksText is what else holds for a promise.
func marksText(c *pb.CommitmentTerms) string {
	var marks []string
	if c.GetMaterial() {
		marks = append(marks, "material: if it is broken for good, the other side may end the agreement")
	}
	if c.GetNotCurable() {
		marks = append(marks, "cannot be cured")
	}
	if c.GetSurviving() {
		marks = append(marks, "outlives the agreement")
	}
	if len(c.GetPrerequisites()) > 0 {
		marks = append(marks, "waits for "+strings.Join(c.GetPrerequisites(), ", "))
	}
	return strings.Join(marks, "; ")
}

// paragraph is a text of several lines, each made harmless and set in.
func paragraph(margin, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = margin + clean(line)
	}
	return strings.Join(lines, "\n")
}

func calendarText(c *pb.Calendar) string {
	weekend := make([]string, 0, 2)
	for _, d := range c.GetWeekend() {
		weekend = append(weekend, strings.ToLower(word(d)))
	}
	if len(weekend) == 0 {
		weekend = append(weekend, "saturday", "sunday")
	}
	text := c.GetTimeZone() + "; no business days are " + strings.Join(weekend, ", ")
	if len(c.GetHolidays()) > 0 {
		text += ", " + strings.Join(c.GetHolidays(), ", ")
	}
	return text
}

// clocksText names the clocks that are set; those that are not take the agreement's value or the default.
func clocksText(c *pb.Clocks) string {
	if c == nil {
		return ""
	}
	var set []string
	add := func(name string, days *int32, unit string) {
		if days != nil {
			set = append(set, fmt.Sprintf("%s %d %s", name, *days, unit))
		}
	}
	add("lead time", c.LeadDays, "days")
	add("grace", c.GraceBusinessDays, "business days")
	add("review", c.ReviewBusinessDays, "business days")
	add("cure", c.CureBusinessDays, "business days")
	add("notice of a delay", c.NoticeBusinessDays, "business days")
	return strings.Join(set, ", ")
}

func mark(ratio *float64, otherwise string) string {
	if ratio == nil {
		return otherwise
	}
	return fmt.Sprintf("%.0f %%", *ratio*100)
}

func otherSide(side pb.Side) pb.Side {
	if side == pb.Side_SIDE_VENDOR {
		return pb.Side_SIDE_CLIENT
	}
	return pb.Side_SIDE_VENDOR
}
