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

func nextOneOff(_ *pb.Agreement, c *pb.Commitment, _ *Calendar) (instance, bool) {
	day, err := ParseDay(c.GetTerms().GetOneOff().GetDueDate())
	return instance{day: day}, err == nil && c.GetObligationCount() == 0
}
