package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// RECURRING: the same thing again and again, by a rule.

func checkRecurring(c *pb.CommitmentTerms, f frame, at string) []Violation {
	r := c.GetRecurring()
	if day, err := ParseDay(r.GetStartDate()); err == nil && day > latestDay {
		return []Violation{{at + ".recurring.start_date", tooFar(day)}}
	}
	return CheckRecurring(r, f.first, f.last, f.cal, at+".recurring")
}

func nextRecurring(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	r := c.GetTerms().GetRecurring()
	start := ruleStart(r, a, cal)
	last := start - 1
	if c.GetLastRuleDate() != "" {
		var err error
		if last, err = ParseDay(c.GetLastRuleDate()); err != nil {
			return instance{}, false
		}
	}
	date, ok := nextDate(r, start, last, int(c.GetRuleDateCount()))
	if !ok {
		return instance{}, false
	}
	way := recurrenceRoute(r, date, cal)
	return instance{route: way, ruleDate: date.String()}, way.day <= latestDay && lasts(a, c, way.day, cal)
}

// ruleStart is the day a recurrence starts: its own, else the agreement's first day by its words.
func ruleStart(r *pb.Recurring, a *pb.Agreement, cal *Calendar) Day {
	if day, err := ParseDay(r.GetStartDate()); err == nil {
		return day
	}
	return cal.DayAt(a.GetEffectiveTime().AsTime())
}
