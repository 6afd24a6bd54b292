package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MEASURED: a service level, judged by a figure once per window.

func checkMeasured(c *pb.CommitmentTerms, f frame, at string) (wrong []Violation) {
	m := c.GetMeasured()
	at += ".measured"
	wrong = append(wrong, checkWindows(c, m.GetWindow(), m.GetDue(), f, at, "window")...)
	if figure(m.GetTolerance()) < 0 {
		wrong = append(wrong, Violation{at + ".tolerance", "it is below 0"})
	}
	if m.GetCredit() != nil {
		wrong = append(wrong, checkCredit(m.GetCredit(), f, at+".credit")...)
	}
	return wrong
}

func nextMeasured(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	m := c.GetTerms().GetMeasured()
	return nextWindow(a, c, m.GetWindow(), m.GetDue(), cal)
}

func unfitMeasured(o *pb.Obligation, verb string) string {
	switch {
	case verb == "submit" && o.GetState() == due:
		return "it is judged by a figure; measure it"
	case verb == "return" && o.GetSubmission().GetFrom() == due:
		return "a figure is not returned; file your own"
	case verb == "acknowledge":
		return "it is judged by a figure; measure it, or accept the one that was filed"
	case verb == "trigger":
		return unfitByDate(o, verb)
	}
	return ""
}

// verdict is what a figure makes of a window.
type verdict struct {
	to     pb.ObligationState // FULFILLED, EXCUSED or BREACHED
	excuse *pb.Excuse         // EXCUSED: why
	short  decimal            // BREACHED: by how much
}

// judge holds a figure against the words. A window whose qualifying condition did not hold does not count, whatever was
// measured.
func judge(m *pb.Measured, filed *pb.Measurement) verdict {
	if q := m.GetQualifying(); q != nil && shortOf(q.GetComparator(), filed.GetQualifyingValue(), q.GetThreshold()) > 0 {
		return verdict{to: excused, excuse: &pb.Excuse{CausedBy: q.GetResponsible(), Measure: q.GetMeasure()}}
	}
	if short := shortOf(m.GetComparator(), filed.GetValue(), m.GetObjective()); short > 0 {
		return verdict{to: breached, short: short}
	}
	return verdict{to: fulfilled}
}

// shortOf is by how much a figure misses a mark; not above 0 if it does not.
func shortOf(c pb.Comparator, value, mark string) decimal {
	if c == pb.Comparator_COMPARATOR_AT_MOST {
		return figure(value) - figure(mark)
	}
	return figure(mark) - figure(value)
}

// agree says whether two figures of one window differ by no more than the tolerance, and say the same of whether it counts.
func agree(m *pb.Measured, one, other *pb.Measurement) bool {
	near := (figure(one.GetValue()) - figure(other.GetValue())).abs() <= figure(m.GetTolerance())
	return near && (judge(m, one).to == excused) == (judge(m, other).to == excused)
}
