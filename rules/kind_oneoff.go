package rules

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// ONE_OFF: one thing, by one day: a day that the terms name, or one that is counted from something.

func checkOneOff(c *pb.CommitmentTerms, f frame, at string) []Violation {
	at += ".one_off"
	switch once := c.GetOneOff(); {
	case once.GetDueDate() != "" && once.GetRelative() != nil:
		return []Violation{{at, "it has a due_date and is relative, too: choose one"}}
	case once.GetRelative() != nil:
		return checkRelative(c, f, at+".relative")
	case once.GetDueDate() == "":
		return []Violation{{at + ".due_date", "name the day it is due, or make it relative to something"}}
	}
	day, err := promisedDay(c.GetOneOff().GetDueDate())
	if err != nil {
		return []Violation{{at + ".due_date", err.Error()}}
	}
	return f.holds(c, day, at+".due_date")
}

// checkRelative lists why a day that is counted from something could never come.
func checkRelative(c *pb.CommitmentTerms, f frame, at string) []Violation {
	r := c.GetOneOff().GetRelative()
	if r.GetAnchor() == pb.DueAnchor_DUE_ANCHOR_EFFECTIVE_DATE {
		if r.GetCommitmentId() != "" {
			return []Violation{{at + ".commitment_id", "a date counted from the first day waits for no commitment: leave it out"}}
		}
		way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_EFFECTIVE_DATE, f.first, "")
		way.after(r.GetAfter(), f.cal)
		return f.holds(c, way.day, at+".after")
	}
	switch other := f.byID[r.GetCommitmentId()]; {
	case other == nil:
		return []Violation{{at + ".commitment_id", fmt.Sprintf("there is no commitment %q whose completion could come", r.GetCommitmentId())}}
	case other.GetCommitmentId() == c.GetCommitmentId():
		return []Violation{{at + ".commitment_id", "it would wait for itself"}}
	case other.GetOneOff() == nil:
		return []Violation{{at + ".commitment_id", fmt.Sprintf("commitment %q is never completed: only a ONE_OFF is", r.GetCommitmentId())}}
	}
	return nil
}

// anchorsOf is the commitments whose completion a commitment waits for.
func anchorsOf(c *pb.CommitmentTerms) []string {
	if r := c.GetOneOff().GetRelative(); r.GetAnchor() == pb.DueAnchor_DUE_ANCHOR_COMPLETION {
		return []string{r.GetCommitmentId()}
	}
	return nil
}

func nextOneOff(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	if c.GetRuleDateCount() > 0 {
		return instance{}, false
	}
	if len(anchorsOf(c.GetTerms())) > 0 {
		return instance{}, true // it waits
	}
	way := oneOffRoute(a, c, cal)
	return instance{route: way}, len(way.steps) > 0 && lasts(a, c, way.day, cal)
}

// oneOffRoute is the way to a day that is known from the words alone.
func oneOffRoute(a *pb.Agreement, c *pb.Commitment, cal *Calendar) route {
	if r := c.GetTerms().GetOneOff().GetRelative(); r != nil {
		way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_EFFECTIVE_DATE, cal.DayAt(a.GetEffectiveTime().AsTime()), "")
		way.after(r.GetAfter(), cal)
		return way
	}
	day, err := ParseDay(c.GetTerms().GetOneOff().GetDueDate())
	if err != nil {
		return route{}
	}
	return routeFrom(pb.DueStepKind_DUE_STEP_KIND_DATE, day, "")
}

// completed sees to what waits for the completion of an obligation that has closed.
func (d *Decision) completed(o *pb.Obligation, at time.Time) {
	for _, id := range d.commitmentOf(o).GetDependents() {
		d.dateByAnchor(o.GetAgreementId(), id, at)
	}
}

// awaken has time pass for what an obligation waits for, and for the commitments that wait for its completion: so that it is
// dated, and finds what it dates or takes along, however late the clock is.
func (d *Decision) awaken(agreementID, commitmentID string) {
	chain := []string{commitmentID}
	for anchors := d.anchors(agreementID, commitmentID); len(anchors) > 0 && !slices.Contains(chain, anchors[0]); {
		chain = append(chain, anchors[0])
		anchors = d.anchors(agreementID, anchors[0])
	}
	for _, id := range slices.Backward(chain[1:]) {
		d.timePasses(commitmentRef(agreementID, id))
		d.timePasses(obligationRef(agreementID, d.newest(d.State.commitment(agreementID, id)).GetObligationId()))
	}
	reached := []string{commitmentID}
	for i := 0; i < len(reached); i++ {
		for _, id := range d.State.commitment(agreementID, reached[i]).GetDependents() {
			if len(d.anchors(agreementID, id)) > 0 && !slices.Contains(reached, id) {
				d.timePasses(commitmentRef(agreementID, id))
				d.timePasses(obligationRef(agreementID, d.newest(d.State.commitment(agreementID, id)).GetObligationId()))
				reached = append(reached, id)
			}
		}
	}
}

// anchors is the commitments whose completion a commitment waits for.
func (d *Decision) anchors(agreementID, commitmentID string) []string {
	return anchorsOf(d.State.commitment(agreementID, commitmentID).GetTerms())
}

// dateByAnchor gives its date to an obligation that waits for the completion of another one, if that has come; if it never
// will, it lets it go. What an amendment has replaced is still to come.
func (d *Decision) dateByAnchor(agreementID, commitmentID string, at time.Time) {
	c := d.State.commitment(agreementID, commitmentID)
	anchors, o := anchorsOf(c.GetTerms()), d.newest(c)
	if len(anchors) == 0 || !waiting(o) {
		return
	}
	anchor := d.newest(d.State.commitment(agreementID, anchors[0]))
	if closed := anchor.GetCloseTime().AsTime(); closed.After(at) {
		at = closed // it was scheduled behind the clock's back
	}
	switch done := completion(anchor); {
	case !Final(anchor.GetState()), anchor.GetState() == superseded:
	case done != nil:
		d.date(o, anchor, done.AsTime(), at)
	default:
		d.lapse(o, at)
	}
}

// date gives an obligation the day that is counted from the completion of another.
func (d *Decision) date(o, anchor *pb.Obligation, done, at time.Time) {
	c, cal := d.commitmentOf(o), d.calendar(d.State.agreement(o.GetAgreementId()))
	if cal == nil {
		return
	}
	day := cal.DayAt(done)
	if anchor.GetImported() {
		day = lastDayBefore(done, cal) // of what came from elsewhere the day is known, which ends then
	}
	way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_COMPLETION, day, anchor.GetObligationId())
	way.after(c.GetTerms().GetOneOff().GetRelative().GetAfter(), cal)
	way.notBefore(cal.DayAt(at))
	by := firstDeadlines(c, way, cal)
	if by.GetLeadStartTime().AsTime().Before(at) {
		by.LeadStartTime = timestamppb.New(at) // nothing comes up before its day is known
	}
	d.emitAt(o.GetAgreementId(), d.side(o.GetAgreementId()), at, &pb.Event{Change: &pb.Event_ObligationDated{ObligationDated: &pb.ObligationDated{
		ObligationId: o.GetObligationId(), Deadlines: by,
	}}})
}

// completion is when an obligation was completed: kept or waived; nil if it was not.
func completion(o *pb.Obligation) *timestamppb.Timestamp {
	switch o.GetState() {
	case fulfilled, cured:
		return o.GetKeptTime()
	case waived:
		return o.GetCloseTime()
	}
	return nil
}
