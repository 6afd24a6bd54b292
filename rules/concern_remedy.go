package rules

import (
	"slices"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// maxReopenings is how often a concern is taken up again: who cannot end it in twenty times needs a neutral.
const maxReopenings = 20

// proposeRemedy puts a remedy on the table, for the other side to answer.
func (d *Decision) proposeRemedy(c *pb.ProposeRemedyRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "propose a remedy for")
	if refused != nil {
		return refused
	}
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	if c.GetDueDate() != "" {
		day, err := promisedDay(c.GetDueDate())
		switch {
		case err != nil:
			return Invalid(Violation{"due_date", err.Error()})
		case day < cal.DayAt(d.stamp.At):
			return Invalid(Violation{"due_date", "it is over; name a day to come"})
		}
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernRemedyProposed{ConcernRemedyProposed: &pb.ConcernRemedyProposed{
		ConcernId: m.GetConcernId(), Text: c.GetText(), DueDate: c.GetDueDate(), RemedyEndTime: d.inBusinessDays(a, d.concernTerms(a).remedy),
	}}})
	return nil
}

func (d *Decision) acceptRemedy(c *pb.AcceptRemedyRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "accept the remedy of")
	if refused != nil {
		return refused
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernRemedyAccepted{ConcernRemedyAccepted: &pb.ConcernRemedyAccepted{
		ConcernId: m.GetConcernId(), Note: c.GetNote(), ReopenEndTime: d.reopenEnd(a),
	}}})
	return nil
}

// rejectRemedy leads back to where the concern was, with another time to propose a remedy. Rejecting one has heard the concern.
func (d *Decision) rejectRemedy(c *pb.RejectRemedyRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "reject the remedy of")
	if refused != nil {
		return refused
	}
	back := &pb.ConcernRemedyRejected{ConcernId: m.GetConcernId(), Reason: c.GetReason(), To: heard(m.GetPriorState())}
	if back.To != escalated {
		back.RemedyEndTime = d.inBusinessDays(a, d.concernTerms(a).remedy)
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernRemedyRejected{ConcernRemedyRejected: back}})
	return nil
}

// heard is the state of a concern once its respondent has acted on it.
func heard(s pb.ConcernState) pb.ConcernState {
	if s == raised {
		return acknowledged
	}
	return s
}

// escalateConcern asks the people of the next level.
func (d *Decision) escalateConcern(c *pb.EscalateConcernRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "escalate")
	if refused != nil {
		return refused
	}
	level := m.GetLevel() + 1
	if e := d.mayEscalate(a, m, level); e != nil {
		e.Subject = "agreements/" + m.GetAgreementId() + "/concerns/" + m.GetConcernId()
		return e
	}
	by := d.concernTerms(a)
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernEscalated{ConcernEscalated: &pb.ConcernEscalated{
		ConcernId: m.GetConcernId(), Level: level, Reason: c.GetReason(), StepEndTime: d.inBusinessDays(a, by.escalation), Contacts: by.contactsAt(level),
	}}})
	return nil
}

// mayEscalate refuses to go on before the step a concern is at has had its time, and beyond the last level.
func (d *Decision) mayEscalate(a *pb.Agreement, m *pb.Concern, level int32) *Error {
	switch {
	case level > neutralLevel:
		return refuseGuard("concern", "escalate", stepOver, "It is with the neutral already, who determines it; or both sides do.")
	case level == neutralLevel && a.GetNeutralPartyId() == "":
		return refuseGuard("concern", "escalate", stepOver, "The terms name no neutral. Determine it together, or name a neutral by an amendment.")
	}
	until, step := m.GetRemedyEndTime(), "propose or answer a remedy"
	switch m.GetState() {
	case contested:
		return nil
	case raised:
		until, step = m.GetResponseEndTime(), "acknowledge it"
	case escalated:
		until, step = m.GetStepEndTime(), "agree at this level"
	}
	if !d.stamp.At.Before(until.AsTime()) {
		return nil
	}
	return tooEarly("concern", "escalate", stepOver, until.AsTime(), "There is time to %s until %s. Talk first.", step, until.AsTime().UTC().Format("2006-01-02 15:04 UTC"))
}

// determineConcern is the word of a side, or of the neutral, on how it ends. It ends when both sides say the same, or when the
// neutral does.
func (d *Decision) determineConcern(c *pb.DetermineConcernRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "determine")
	if refused != nil {
		return refused
	}
	from, neutral := int32(mediatorLevel), side == pb.Side_SIDE_UNSPECIFIED
	if neutral {
		from = neutralLevel
	}
	if m.GetLevel() < from {
		e := refuseGuard("concern", "determine", fromLevel, "It is at level %d, and is determined from level %d on. Escalate it, or propose a remedy.", m.GetLevel(), from)
		e.Subject = "agreements/" + m.GetAgreementId() + "/concerns/" + m.GetConcernId()
		return e
	}
	same := func(w *pb.ConcernDetermination) bool {
		return w.GetBy() == Other(side) && w.GetOutcome() == c.GetOutcome()
	}
	said := &pb.ConcernDetermined{ConcernId: m.GetConcernId(), Outcome: c.GetOutcome(), Reason: c.GetReason(), To: escalated}
	if neutral || slices.ContainsFunc(m.GetDeterminations(), same) {
		d.linkedPass(m)
		said.To, said.ReopenEndTime = resolved, d.reopenEnd(a)
	}
	d.emit(m.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ConcernDetermined{ConcernDetermined: said}})
	if said.GetTo() == resolved && c.GetOutcome() == pb.ConcernOutcome_CONCERN_OUTCOME_UPHELD {
		for _, id := range m.GetObligationIds() {
			d.upholdLinked(m, d.State.obligation(m.GetAgreementId(), id), side)
		}
	}
	d.answer(concernRef(m.GetAgreementId(), m.GetConcernId()))
	return nil
}

// reopenConcern takes a concern up again where it was.
func (d *Decision) reopenConcern(c *pb.ReopenConcernRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "reopen")
	if refused != nil {
		return refused
	}
	if e := d.mayReopen(a, m); e != nil {
		e.Subject = "agreements/" + m.GetAgreementId() + "/concerns/" + m.GetConcernId()
		return e
	}
	again := &pb.ConcernReopened{ConcernId: m.GetConcernId(), Reason: c.GetReason(), To: m.GetPriorState()}
	if again.To == escalated {
		again.StepEndTime = d.inBusinessDays(a, d.concernTerms(a).escalation)
	} else {
		again.RemedyEndTime = d.inBusinessDays(a, d.concernTerms(a).remedy)
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernReopened{ConcernReopened: again}})
	return nil
}

func (d *Decision) mayReopen(a *pb.Agreement, m *pb.Concern) *Error {
	switch until := m.GetReopenEndTime(); {
	case until == nil:
		return refuseGuard("concern", "reopen", inReopenDays, "The terms leave no days to reopen a concern. Raise another.")
	case !d.stamp.At.Before(until.AsTime()):
		return tooLate("concern", "reopen", inReopenDays, until.AsTime(), "The days in which it could be reopened are over. Raise another.")
	case m.GetReopenCount() >= maxReopenings:
		return refuseGuard("concern", "reopen", inReopenDays, "It was reopened %d times already. Raise another, and escalate it.", maxReopenings).
			as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", "reopenings")
	}
	return d.roomForConcern(a, m.GetRaisedBy())
}
