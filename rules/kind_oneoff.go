package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// ONE_OFF: one thing, by one day.

func checkOneOff(c *pb.CommitmentTerms, f frame, at string) []Violation {
	at += ".one_off.due_date"
	day, err := promisedDay(c.GetOneOff().GetDueDate())
	switch {
	case err != nil:
		return []Violation{{at, err.Error()}}
	case day < f.first:
		return []Violation{{at, "it is due before the agreement begins"}}
	case f.last != nil && day > *f.last:
		return []Violation{{at, "it is due after the agreement ends"}}
	}
	return nil
}

func nextOneOff(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	day, err := ParseDay(c.GetTerms().GetOneOff().GetDueDate())
	if err != nil || c.GetRuleDateCount() > 0 || !lasts(a, c, day, cal) {
		return instance{}, false
	}
	return instance{route: routeFrom(pb.DueStepKind_DUE_STEP_KIND_DATE, day, "")}, true
}
