package rules

import (
	"fmt"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// dueWords says what a step to a due date did, in a sentence for people.
func dueWords(s *pb.DueStep) string {
	switch s.GetKind() {
	case pb.DueStepKind_DUE_STEP_KIND_DATE:
		return fmt.Sprintf("The terms name %s.", s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_EFFECTIVE_DATE:
		return fmt.Sprintf("The agreement begins on %s.", s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_COMPLETION:
		return fmt.Sprintf("Obligation %s was completed on %s.", s.GetSubject(), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_RULE:
		return fmt.Sprintf("The rule %s yields %s.", s.GetSubject(), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_BUSINESS_DAY:
		return fmt.Sprintf("The %s business day of its month is %s.", ordinalWord(s.GetBusinessDays()), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_OFFSET:
		return fmt.Sprintf("%s later is %s.", spanWord(s), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_ROLL:
		return fmt.Sprintf("That is no business day; it rolls to %s.", s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_WINDOW:
		return fmt.Sprintf("The time it is about ends on %s.", s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_TRIGGER:
		return fmt.Sprintf("It happened on %s%s.", s.GetDate(), strings.TrimSuffix(because(s.GetSubject()), "."))
	case pb.DueStepKind_DUE_STEP_KIND_MISS:
		return fmt.Sprintf("Obligation %s, which was missed, was due on %s.", s.GetSubject(), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_RECORDED:
		return fmt.Sprintf("It was recorded on %s; nothing is due before that.", s.GetDate())
	}
	return movedWords(s)
}

// movedWords says what moved a due date that there was.
func movedWords(s *pb.DueStep) string {
	switch s.GetKind() {
	case pb.DueStepKind_DUE_STEP_KIND_PREREQUISITE:
		whose := ""
		if s.GetCausedBy() != pb.Side_SIDE_UNSPECIFIED {
			whose = " by the " + sideWord(s.GetCausedBy())
		}
		return fmt.Sprintf("Obligation %s was late%s: %s later is %s.", s.GetSubject(), whose, spanWord(s), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_EXTENSION:
		return fmt.Sprintf("The beneficiary gave time until %s.", s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_PAUSE:
		return fmt.Sprintf("The agreement was suspended for %s; the due date is %s.", spanWord(s), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_DISPUTE:
		return fmt.Sprintf("It was disputed for %s; the due date is %s.", spanWord(s), s.GetDate())
	case pb.DueStepKind_DUE_STEP_KIND_HISTORY:
		return fmt.Sprintf("It came with the agreement, as due on %s.", s.GetDate())
	}
	return fmt.Sprintf("It led to %s.", s.GetDate())
}

// spanWord is how much time a step added.
func spanWord(s *pb.DueStep) string {
	n, unit := s.GetDays(), "day"
	if s.GetBusinessDays() != 0 {
		n, unit = s.GetBusinessDays(), "business day"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// ordinalWord is a place in a row: "1st", or counted from the end if n is negative: "2nd last".
func ordinalWord(n int32) string {
	if n == -1 {
		return "last"
	}
	if n < 0 {
		return ordinalWord(-n) + " last"
	}
	ending := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			ending = "st"
		case 2:
			ending = "nd"
		case 3:
			ending = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, ending)
}
