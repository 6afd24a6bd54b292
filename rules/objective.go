package rules

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// An objective is what a side hopes to gain. Its words are part of the terms, so that both sides know what the other is in it
// for; how far it has come either may observe, and the side that hopes has the last word on what it gained.

// Bounds of what one agreement has; terms.proto and objective.proto say the same.
const (
	// MaxObjectives is how many objectives one side has: more is hoping for everything.
	MaxObjectives = 50
	// MaxObservations is how many observations one objective has: one of every day for as long as an agreement lasts at most,
	// all but.
	MaxObservations = 10_000
	// MaxPendingObservations is how many observations of one objective wait for the word of its side: without it the other side
	// could fill an objective up, so that who hopes has no room for its own.
	MaxPendingObservations = 100
	// MaxConfirmedADay is how many observations of one objective and one day are confirmed: all of them are read to know the last
	// word on where it stood, with every scorecard.
	MaxConfirmedADay = 100
)

// checkObjectives lists what is wrong with the objectives of a text.
func checkObjectives(t *pb.Terms, f frame, field string) (wrong []Violation) {
	seen, of := map[string]bool{}, map[pb.Side]int{}
	for i, o := range t.GetObjectives() {
		at := fmt.Sprintf("%s.objectives[%d]", field, i)
		refuse := func(is bool, name, why string) {
			if is {
				wrong = append(wrong, Violation{at + "." + name, why})
			}
		}
		by, err := promisedDay(o.GetByDate())
		if err != nil {
			refuse(true, "by_date", err.Error())
		}
		refuse(err == nil && by < f.first, "by_date", "it is before the agreement begins")
		refuse(seen[o.GetObjectiveId()], "objective_id", fmt.Sprintf("another objective has the id %q", o.GetObjectiveId()))
		refuse(figure(o.GetBaseline()) == figure(o.GetTarget()), "target", "it is the baseline: there would be nothing to gain")
		of[o.GetSide()]++
		refuse(of[o.GetSide()] == MaxObjectives+1, "side", fmt.Sprintf("one side has at most %d objectives", MaxObjectives))
		seen[o.GetObjectiveId()] = true
	}
	return wrong
}

// wrongObjectives lists which objectives of a new text cannot follow those that the agreement has, or had.
func (d *Decision) wrongObjectives(a *pb.Agreement, c consent) (wrong []Violation) {
	for i, o := range c.terms.GetObjectives() {
		at := fmt.Sprintf("%s.objectives[%d]", c.field, i)
		was := get[*pb.Objective](d.State, objectiveRef(a.GetAgreementId(), o.GetObjectiveId()))
		switch old := was.GetTerms(); {
		case was == nil:
		case was.GetState() == objectiveEnded:
			wrong = append(wrong, Violation{at + ".objective_id", "the agreement had another objective \"" + o.GetObjectiveId() + "\" before: give this one another id"})
		case o.GetSide() != old.GetSide(), o.GetMeasure() != old.GetMeasure(), o.GetUnit() != old.GetUnit():
			wrong = append(wrong, Violation{at + ".objective_id", "whose it is, its measure and its unit cannot change, for it was observed by them: leave it out, and give the new one another id"})
		}
	}
	return wrong
}

// diffObjectives compares the objectives of two texts: by ids, each in the order of their texts.
func diffObjectives(old, new *pb.Terms) (added, changed, ended []string) {
	words := map[string]*pb.ObjectiveTerms{}
	for _, o := range old.GetObjectives() {
		words[o.GetObjectiveId()] = o
	}
	for _, o := range new.GetObjectives() {
		id := o.GetObjectiveId()
		switch before, had := words[id]; {
		case !had:
			added = append(added, id)
		case !proto.Equal(before, o):
			changed = append(changed, id)
		}
		delete(words, id)
	}
	for _, o := range old.GetObjectives() {
		if words[o.GetObjectiveId()] != nil {
			ended = append(ended, o.GetObjectiveId())
		}
	}
	return added, changed, ended
}

// recordObservation is a side's word about a figure. What the side says whose objective it is is so.
func (d *Decision) recordObservation(c *pb.RecordObservationRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	id := a.GetAgreementId()
	o := get[*pb.Objective](d.State, objectiveRef(id, c.GetObjectiveId()))
	if o == nil {
		return NotFound("objective", c.GetObjectiveId())
	}
	if e := move(ObjectiveMoves, "objective", o.GetState(), "observe", toEither(side)); e != nil {
		e.Subject = "agreements/" + id + "/objectives/" + o.GetObjectiveId()
		return e
	}
	if wrong := d.wrongObservation(a, c); wrong != nil {
		return Invalid(wrong...)
	}
	if e := d.roomForObservation(o, side, c.GetObservedDate()); e != nil {
		e.Subject = "agreements/" + id + "/objectives/" + o.GetObjectiveId()
		return e
	}
	observation, refused := d.newID(c.GetObservationId(), "obs_", "observation", func(chosen string) Ref { return observationRef(id, chosen) })
	if refused != nil {
		return refused
	}
	d.emit(id, side, &pb.Event{Change: &pb.Event_ObservationRecorded{ObservationRecorded: &pb.ObservationRecorded{
		ObservationId: observation, ObjectiveId: o.GetObjectiveId(), Value: c.GetValue(), ObservedDate: c.GetObservedDate(), Evidence: c.GetEvidence(), Note: c.GetNote(),
	}}})
	if side == o.GetSide() {
		d.emit(id, side, &pb.Event{Change: &pb.Event_ObservationConfirmed{ObservationConfirmed: &pb.ObservationConfirmed{ObservationId: observation}}})
	}
	d.answer(observationRef(id, observation))
	return nil
}

// roomForObservation refuses one more observation of an objective that has too many, and one of the other side where too many wait
// for the word of the side that hopes; whose own word confirms.
func (d *Decision) roomForObservation(o *pb.Objective, side pb.Side, date string) *Error {
	if o.GetObservationCount() >= MaxObservations {
		return Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "Objective %s has %d observations already. Agree on another one in its place.", o.GetObjectiveId(), MaxObservations).
			as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", "observations of an objective")
	}
	if side == o.GetSide() {
		return d.roomOfDay(o, date)
	}
	waiting := []pb.ObservationState{pending}
	if len(d.State.Observations(o.GetAgreementId(), o.GetObjectiveId(), waiting, "", MaxPendingObservations)) < MaxPendingObservations {
		return nil
	}
	return Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "%d observations of objective %s wait for the %s to confirm or return them. Ask for that first.", MaxPendingObservations, o.GetObjectiveId(), sideWord(o.GetSide())).
		as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", "observations that wait")
}

// roomOfDay refuses to confirm one more observation of a day that has too many.
func (d *Decision) roomOfDay(o *pb.Objective, date string) *Error {
	of := d.State.Observations(o.GetAgreementId(), o.GetObjectiveId(), []pb.ObservationState{confirmed}, newestFirst(mustParse(date), ""), MaxConfirmedADay)
	if len(of) < MaxConfirmedADay || of[len(of)-1].GetObservedDate() != date {
		return nil
	}
	return Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "%d observations of objective %s are confirmed for %s already. Observe another day.", MaxConfirmedADay, o.GetObjectiveId(), date).
		as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", "observations of a day")
}

// wrongObservation lists what is wrong with an observation. Nobody has observed what is to come, and what was before the
// agreement is its baseline.
func (d *Decision) wrongObservation(a *pb.Agreement, c *pb.RecordObservationRequest) (wrong []Violation) {
	if _, err := parseDecimal(c.GetValue()); err != nil {
		wrong = append(wrong, Violation{"value", err.Error()})
	}
	cal := d.calendar(a)
	if cal == nil {
		return wrong
	}
	first, today := cal.DayAt(a.GetEffectiveTime().AsTime()), cal.DayAt(d.stamp.At)
	switch day, err := ParseDay(c.GetObservedDate()); {
	case err != nil:
		wrong = append(wrong, Violation{"observed_date", err.Error()})
	case day > today:
		wrong = append(wrong, Violation{"observed_date", "it lies ahead: today is " + today.String()})
	case day < first:
		wrong = append(wrong, Violation{"observed_date", "it is before the agreement began, on " + first.String()})
	}
	return wrong
}

func (d *Decision) confirmObservation(c *pb.ConfirmObservationRequest) error {
	return d.onObservation(c.GetAgreementId(), c.GetObservationId(), "confirm", &pb.Event{Change: &pb.Event_ObservationConfirmed{
		ObservationConfirmed: &pb.ObservationConfirmed{ObservationId: c.GetObservationId()},
	}})
}

func (d *Decision) returnObservation(c *pb.ReturnObservationRequest) error {
	return d.onObservation(c.GetAgreementId(), c.GetObservationId(), "return", &pb.Event{Change: &pb.Event_ObservationReturned{
		ObservationReturned: &pb.ObservationReturned{ObservationId: c.GetObservationId(), Reason: c.GetReason()},
	}})
}

// onObservation does a verb to the observation that a command names, unless its life cycle, or a stale etag, refuses.
func (d *Decision) onObservation(agreementID, observationID, verb string, change *pb.Event) error {
	_, side, refused := d.seen(agreementID)
	if refused != nil {
		return refused
	}
	ref := observationRef(agreementID, observationID)
	o := get[*pb.Observation](d.State, ref)
	if o == nil {
		return NotFound("observation", observationID)
	}
	objective := get[*pb.Objective](d.State, objectiveRef(agreementID, o.GetObjectiveId()))
	if e := move(ObservationMoves, "observation", o.GetState(), verb, toObservation(objective, side)); e != nil {
		e.Subject = "agreements/" + agreementID + "/observations/" + observationID
		return e
	}
	if e := d.matchEtag(o.GetEtag()); e != nil {
		return e
	}
	if verb == "confirm" {
		if e := d.roomOfDay(objective, o.GetObservedDate()); e != nil {
			e.Subject = "agreements/" + agreementID + "/observations/" + observationID
			return e
		}
	}
	d.emit(agreementID, side, change)
	d.answer(ref)
	return nil
}
