package rules

import (
	"cmp"
	"math"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func objectiveRef(agreement, id string) Ref {
	return Ref{Kind: KindObjective, Agreement: agreement, ID: id}
}

func observationRef(agreement, id string) Ref {
	return Ref{Kind: KindObservation, Agreement: agreement, ID: id}
}

// amendObjectives has the objectives of an agreement follow its new text.
func (d *Decision) amendObjectives(a *pb.Agreement, old *pb.Terms, at time.Time) {
	id, revision, t := a.GetAgreementId(), a.GetRevision(), d.text(a).terms
	words := map[string]*pb.ObjectiveTerms{}
	for _, o := range t.GetObjectives() {
		words[o.GetObjectiveId()] = o
	}
	added, changed, ended := diffObjectives(old, t)
	for _, o := range ended {
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_ObjectiveEnded{ObjectiveEnded: &pb.ObjectiveEnded{ObjectiveId: o, Revision: revision}}})
	}
	for _, o := range changed {
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_ObjectiveRevised{ObjectiveRevised: &pb.ObjectiveRevised{ObjectiveId: o, Terms: words[o], Revision: revision}}})
	}
	for _, o := range added {
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_ObjectiveAgreed{ObjectiveAgreed: &pb.ObjectiveAgreed{ObjectiveId: o, Terms: words[o], Revision: revision}}})
	}
}

func (s *State) objectiveAgreed(e *pb.Event, c *pb.ObjectiveAgreed) {
	if s.has(agreementRef(e.GetAgreementId())) {
		s.putObjective(e, c.GetTerms(), c.GetRevision())
	}
}

// putObjective makes an objective of the words that a text has for it.
func (s *State) putObjective(e *pb.Event, t *pb.ObjectiveTerms, revision int32) {
	s.Put(objectiveRef(e.GetAgreementId(), t.GetObjectiveId()), &pb.Objective{
		AgreementId: e.GetAgreementId(), ObjectiveId: t.GetObjectiveId(), State: objectiveInForce, Side: t.GetSide(), Terms: t, Revision: revision,
		CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

func (s *State) objectiveRevised(e *pb.Event, c *pb.ObjectiveRevised) {
	s.editObjective(e, c.GetObjectiveId(), func(o *pb.Objective) { o.Terms, o.Revision = c.GetTerms(), c.GetRevision() })
}

func (s *State) objectiveEnded(e *pb.Event, c *pb.ObjectiveEnded) {
	s.editObjective(e, c.GetObjectiveId(), func(o *pb.Objective) { o.State = objectiveEnded })
}

func (s *State) observationRecorded(e *pb.Event, c *pb.ObservationRecorded) {
	s.editObjective(e, c.GetObjectiveId(), func(o *pb.Objective) { o.ObservationCount++ })
	s.Put(observationRef(e.GetAgreementId(), c.GetObservationId()), &pb.Observation{
		AgreementId: e.GetAgreementId(), ObservationId: c.GetObservationId(), ObjectiveId: c.GetObjectiveId(), State: pending, By: e.GetActor().GetSide(),
		Value: c.GetValue(), ObservedDate: c.GetObservedDate(), Evidence: c.GetEvidence(), Note: c.GetNote(),
		CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

// observationConfirmed makes an observation count: it is where its objective stands, unless one of a later day is.
func (s *State) observationConfirmed(e *pb.Event, c *pb.ObservationConfirmed) {
	s.editObservation(e, c.GetObservationId(), func(o *pb.Observation) { o.State = confirmed })
	seen := get[*pb.Observation](s, observationRef(e.GetAgreementId(), c.GetObservationId()))
	if get[*pb.Objective](s, objectiveRef(e.GetAgreementId(), seen.GetObjectiveId())).GetNewest().GetObservedDate() > seen.GetObservedDate() {
		return
	}
	s.editObjective(e, seen.GetObjectiveId(), func(o *pb.Objective) {
		o.Newest = &pb.ObservedValue{ObservationId: seen.GetObservationId(), Value: seen.GetValue(), ObservedDate: seen.GetObservedDate()}
	})
}

func (s *State) observationReturned(e *pb.Event, c *pb.ObservationReturned) {
	s.editObservation(e, c.GetObservationId(), func(o *pb.Observation) { o.State, o.Reason = returned, c.GetReason() })
}

func (s *State) editObjective(e *pb.Event, id string, change func(*pb.Objective)) {
	edit(s, objectiveRef(e.GetAgreementId(), id), func(o *pb.Objective) {
		change(o)
		o.UpdateTime, o.Etag = e.GetRecordTime(), etag(e)
	})
}

func (s *State) editObservation(e *pb.Event, id string, change func(*pb.Observation)) {
	edit(s, observationRef(e.GetAgreementId(), id), func(o *pb.Observation) {
		change(o)
		o.UpdateTime, o.Etag = e.GetRecordTime(), etag(e)
	})
}

// Observed is where an objective stood on a day: of the observations of that day or before that its side confirmed, the one of
// the latest day, and of several of one day the one confirmed last; nil if there is none. It costs what that one day has.
func (s *State) Observed(agreement, objective string, until Day) *pb.Observation {
	const page = 16
	var found *pb.Observation
	for after := newestFirst(until, ""); ; {
		list := s.Observations(agreement, objective, []pb.ObservationState{confirmed}, after, page)
		for _, o := range list {
			if found != nil && o.GetObservedDate() != found.GetObservedDate() {
				return found
			}
			if found == nil || cmp.Or(cmp.Compare(len(o.GetEtag()), len(found.GetEtag())), cmp.Compare(o.GetEtag(), found.GetEtag())) > 0 { // by version: a confirmation is the last change
				found = o
			}
			after = PlaceOf(o)
		}
		if len(list) < page {
			return found
		}
	}
}

// newestFirst is the place of what is of a day, in a list that begins with the latest.
func newestFirst(day Day, id string) Place { return dayPlace(math.MaxUint32-uint32(day), id) }
