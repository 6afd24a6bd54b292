package main

import (
	"fmt"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// scheduleText says when a promise falls due. A promise of a kind that this program does not know is not guessed at.
func scheduleText(c *pb.CommitmentTerms) string {
	switch k := c.GetSchedule().(type) {
	case *pb.CommitmentTerms_OneOff:
		return oneOffText(k.OneOff)
	case *pb.CommitmentTerms_Recurring:
		return recurringText(k.Recurring)
	case *pb.CommitmentTerms_Conditional:
		return conditionalText(k.Conditional)
	case *pb.CommitmentTerms_Measured:
		return measuredText(k.Measured)
	case *pb.CommitmentTerms_Standing:
		return fmt.Sprintf("for every %s, %s: %s", periodText(k.Standing.GetPeriod()), afterText(k.Standing.GetDue(), "its last day"), k.Standing.GetConduct())
	}
	return "by a schedule newer than this program"
}

func oneOffText(o *pb.OneOff) string {
	r := o.GetRelative()
	if r == nil {
		return "on " + o.GetDueDate()
	}
	from := "the first day of the agreement"
	if r.GetAnchor() == pb.DueAnchor_DUE_ANCHOR_COMPLETION {
		from = "the day " + r.GetCommitmentId() + " is kept"
	}
	return afterText(r.GetAfter(), from)
}

func recurringText(r *pb.Recurring) string {
	text := "by " + r.GetRrule()
	if r.GetStartDate() != "" {
		text += " from " + r.GetStartDate()
	}
	switch n := r.GetBusinessDay(); {
	case n > 0:
		text += fmt.Sprintf(", on business day %d of the month", n)
	case n < 0:
		text += fmt.Sprintf(", on business day %d from the month's end", -n)
	}
	if n := r.GetOffsetDays(); n != 0 {
		text += fmt.Sprintf(", plus %d days", n)
	}
	return text + rollText(r.GetRoll())
}

func conditionalText(c *pb.Conditional) string {
	text := afterText(c.GetWithin(), "the day this happens: "+c.GetCondition())
	if c.GetOnce() {
		text += "; once"
	}
	if c.GetUntilDate() != "" {
		text += "; until " + c.GetUntilDate()
	}
	return text
}

// measuredText is a service level in full: what is measured, when it counts, and what a miss costs.
func measuredText(m *pb.Measured) string {
	text := fmt.Sprintf("for every %s, %s: %s %s", periodText(m.GetWindow()), afterText(m.GetDue(), "its last day"), m.GetMeasure(), comparison(m.GetComparator(), m.GetObjective(), m.GetUnit()))
	if m.GetTolerance() != "" {
		text += ", measured to within " + amount(m.GetTolerance(), m.GetUnit())
	}
	if q := m.GetQualifying(); q != nil {
		text += fmt.Sprintf("; counts if %s %s", q.GetMeasure(), comparison(q.GetComparator(), q.GetThreshold(), q.GetUnit()))
		if q.GetResponsible() != pb.Side_SIDE_UNSPECIFIED {
			text += ", which is up to the " + word(q.GetResponsible())
		}
	}
	if c := m.GetCredit(); c != nil {
		text += fmt.Sprintf("; a miss makes %s (%s, weight %d) due %s: %s %% of %s %s for every %s", c.GetCommitmentId(), c.GetTitle(), c.GetWeight(),
			afterText(c.GetDue(), "that"), c.GetPercentPerStep(), c.GetOf().GetCurrency(), c.GetOf().GetValue(), amount(c.GetStep(), m.GetUnit()))
		if c.GetCapPercent() != "" {
			text += ", at most " + c.GetCapPercent() + " %"
		}
	}
	return text
}

func comparison(c pb.Comparator, value, unit string) string {
	return strings.ToLower(strings.ReplaceAll(word(c), "_", " ")) + " " + amount(value, unit)
}

func amount(value, unit string) string { return strings.TrimSpace(value + " " + unit) }

func periodText(p *pb.Period) string {
	unit := strings.ToLower(word(p.GetUnit()))
	if p.GetEvery() > 1 {
		return fmt.Sprintf("%d %ss", p.GetEvery(), unit)
	}
	return unit
}

// afterText is a span of time behind something.
func afterText(a *pb.After, what string) string {
	var parts []string
	if n := a.GetDays(); n != 0 {
		parts = append(parts, fmt.Sprintf("%d days", n))
	}
	if n := a.GetBusinessDays(); n != 0 {
		parts = append(parts, fmt.Sprintf("%d business days", n))
	}
	if len(parts) == 0 {
		return "on " + what + rollText(a.GetRoll())
	}
	return strings.Join(parts, " and ") + " after " + what + rollText(a.GetRoll())
}

func rollText(r pb.DayRoll) string {
	if r == pb.DayRoll_DAY_ROLL_UNSPECIFIED {
		return ""
	}
	return ", rolled " + strings.ReplaceAll(strings.ToLower(word(r)), "_", " ")
}
