package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// motion is what the flags of a proposal say of what it would do: a text in a file, or a motion.
type motion struct {
	file, from, reason string
	obligations        []string
	outcome            pb.SettlementOutcome
	expires            *timestamppb.Timestamp
}

func (m *motion) flags(cmd *cobra.Command, note *string) {
	termsFlag(cmd, &m.file)
	flags := cmd.Flags()
	flags.StringVar(&m.from, "from", "", "the day from which it holds, YYYY-MM-DD; from acceptance if not given")
	flags.StringVar(&m.reason, "reason", "", "why; with --outcome, why it ends so")
	flags.StringArrayVar(&m.obligations, "obligation", nil, "an obligation to let go, or the disputed one; may be given often")
	choose(cmd, &m.outcome, "outcome", "how a dispute ends")
	timeFlag(cmd, &m.expires, "expires", "until when it can be answered, if not for 30 days")
	for _, flag := range []string{"from", "reason", "obligation", "outcome"} {
		cmd.MarkFlagsMutuallyExclusive("file", flag)
	}
	noteFlag(cmd, note)
}

// read is the text, or the motion, that the flags say; neither if they say nothing.
func (m *motion) read(s *session) (*pb.Terms, *pb.Motion, error) {
	if m.file != "" {
		terms, err := s.readTerms(m.file)
		return terms, nil, err
	}
	if m.from == "" && m.reason == "" && len(m.obligations) == 0 && m.outcome == pb.SettlementOutcome_SETTLEMENT_OUTCOME_UNSPECIFIED {
		return nil, nil, nil
	}
	said := &pb.Motion{EffectiveDate: m.from, Reason: m.reason, ObligationIds: m.obligations}
	if m.outcome != pb.SettlementOutcome_SETTLEMENT_OUTCOME_UNSPECIFIED {
		said.Reason, said.Settlement = "", &pb.Settlement{Outcome: m.outcome, Reason: m.reason}
	}
	return nil, said, nil
}

// proposedWords is a text or a motion as people read it before they consent.
func proposedWords(text *pb.ProposalRevision) string {
	if m := text.GetMotion(); m != nil {
		return motionText(m)
	}
	return termsText(text.GetTerms())
}

// motionText is a motion in full.
func motionText(m *pb.Motion) string {
	var b strings.Builder
	fmt.Fprintf(&b, "To %s", strings.ToLower(strings.ReplaceAll(word(m.GetKind()), "_", " ")))
	if ids := m.GetObligationIds(); len(ids) > 0 {
		fmt.Fprintf(&b, " %s", clean(strings.Join(ids, ", ")))
	}
	if day := m.GetEffectiveDate(); day != "" {
		fmt.Fprintf(&b, ", from %s", clean(day))
	}
	b.WriteString("\n")
	if settlement := m.GetSettlement(); settlement != nil {
		fmt.Fprintf(&b, "Outcome: %s\n%s\n", word(settlement.GetOutcome()), paragraph("", settlement.GetReason()))
	}
	if m.GetReason() != "" {
		fmt.Fprintf(&b, "%s\n", paragraph("", m.GetReason()))
	}
	return b.String()
}

// printMotion prints a motion, for people or as JSON.
func (s *session) printMotion(m *pb.Motion) error {
	if s.output == outputJSON {
		return s.object(m)
	}
	if _, err := io.WriteString(s.out, motionText(m)); err != nil {
		return fmt.Errorf("write the motion: %w", err)
	}
	return nil
}

// impactFacts is what an amendment changes, and what it leaves alone.
func impactFacts(i *pb.Impact) []fact {
	if i == nil {
		return nil
	}
	count := func(n int32, what string) string { return fmt.Sprintf("%d %s", n, what) }
	return []fact{
		{"impact from", i.GetEffectiveDate()}, {"  adds", strings.Join(i.GetAddedCommitmentIds(), ", ")}, {"  changes", strings.Join(i.GetChangedCommitmentIds(), ", ")},
		{"  ends", strings.Join(i.GetEndedCommitmentIds(), ", ")}, {"  supersedes", count(i.GetSupersededCount(), "open obligations")},
		{"  among them", strings.Join(i.GetSupersededObligationIds(), ", ")}, {"  leaves as they are", count(i.GetUntouchedCount(), "open obligations")},
	}
}
