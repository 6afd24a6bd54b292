package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// STANDING: conduct, looked at once per period. The beneficiary confirms it when the period is over; silence is
// NOT_DETERMINED, never kept.

func checkStanding(c *pb.CommitmentTerms, f frame, at string) []Violation {
	s := c.GetStanding()
	return checkWindows(c, s.GetPeriod(), s.GetDue(), f, at+".standing", "period")
}

func nextStanding(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	s := c.GetTerms().GetStanding()
	return nextWindow(a, c, s.GetPeriod(), s.GetDue(), cal)
}

func unfitStanding(o *pb.Obligation, verb string) string {
	switch {
	case verb == "submit" && o.GetState() == due:
		return "the beneficiary confirms it when the period is over, and nothing need be submitted"
	case verb == "acknowledge" && o.GetState() == breached:
		return "what went wrong is made good by a plan, or waived"
	}
	if verb == "measure" {
		return "there is no figure of it; the beneficiary confirms it when the period is over"
	}
	return unfitByDate(o, verb)
}
