package rules

import (
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// CONDITIONAL: a thing to be done when something happens. There is always one obligation that waits for it, unless it binds
// the first time only; the commitment rests while nothing that happened is open.

func checkConditional(c *pb.CommitmentTerms, f frame, at string) []Violation {
	until := c.GetConditional().GetUntilDate()
	if until == "" {
		return nil
	}
	at += ".conditional.until_date"
	day, err := promisedDay(until)
	switch {
	case err != nil:
		return []Violation{{at, err.Error()}}
	case day < f.first:
		return []Violation{{at, "nothing could happen by then: it is before the agreement begins"}}
	case f.last != nil && day > *f.last && !c.GetSurviving():
		return []Violation{{at, "it is after the agreement ends"}}
	}
	return nil
}

func nextConditional(_ *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	words := c.GetTerms().GetConditional()
	if c.GetRemedyOf() != "" || words.GetOnce() && c.GetRuleDateCount() > 0 {
		return instance{}, false
	}
	next := instance{}
	if until, err := ParseDay(words.GetUntilDate()); err == nil {
		next.until = cal.EndOfDay(until)
	}
	return next, true
}

func unfitConditional(o *pb.Obligation, verb string) string {
	if verb == "trigger" && o.GetDueDate() != "" {
		return "it has its date already"
	}
	if verb == "measure" {
		return unfitByDate(o, verb)
	}
	return ""
}

// rest lets a commitment rest when nothing that has happened is open any more.
func (d *Decision) rest(agreementID, commitmentID string, at time.Time) {
	c := d.State.commitment(agreementID, commitmentID)
	if !kinds[c.GetKind()].rests || c.GetState() != inForce {
		return
	}
	ahead := int32(0)
	if waiting(d.newest(c)) {
		ahead = 1
	}
	if c.GetOpenObligationCount() > ahead {
		return
	}
	d.emitAt(agreementID, d.side(agreementID), at, &pb.Event{Change: &pb.Event_CommitmentRested{CommitmentRested: &pb.CommitmentRested{CommitmentId: commitmentID}}})
}
