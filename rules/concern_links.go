package rules

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What a concern does to the obligations it links. Nothing that is final changes, and what is not as the verb needs it stays
// as it is: a concern is about people, and is admitted or upheld whatever has become of the obligations meanwhile.

// linkedPass brings what a concern links up to the command's time, before the concern itself moves.
func (d *Decision) linkedPass(m *pb.Concern) {
	for _, id := range m.GetObligationIds() {
		d.obligationNow(m.GetAgreementId(), id)
	}
}

// admitLinked does to a linked obligation what the respondent's admission means: its own miss is admitted, or the miss of the
// side that claims relief is excused.
func (d *Decision) admitLinked(m *pb.Concern, o *pb.Obligation, side pb.Side, note string) {
	is := toObligation(o, side)
	switch {
	case m.GetKind() == breachConcern && move(ObligationMoves, "obligation", o.GetState(), "admit", is) == nil && d.admissible(o) == nil:
		d.admitMiss(o, side, note)
	case m.GetKind() == reliefClaim && move(ObligationMoves, "obligation", o.GetState(), "excuse", is) == nil:
		d.excuseLinked(o, side, &pb.Excuse{Reason: note, CausedBy: m.GetAbout()})
	}
}

// upholdLinked does to a linked obligation what a determination means that upholds the concern.
func (d *Decision) upholdLinked(m *pb.Concern, o *pb.Obligation, side pb.Side) {
	is := func(w Who) bool { return w == Rule }
	switch {
	case m.GetKind() == breachConcern && move(ObligationMoves, "obligation", o.GetState(), "breach", is) == nil && d.admissible(o) == nil:
		d.emit(o.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ObligationBreached{ObligationBreached: &pb.ObligationBreached{
			ObligationId: o.GetObligationId(), CureEndTime: d.cureEnd(o, d.stamp.At), ConcernId: m.GetConcernId(),
		}}})
		d.missed(o, d.stamp.At)
	case m.GetKind() == reliefClaim && move(ObligationMoves, "obligation", o.GetState(), "be excused", is) == nil:
		d.excuseLinked(o, side, &pb.Excuse{CausedBy: m.GetAbout(), ConcernId: m.GetConcernId()})
	}
}

func (d *Decision) excuseLinked(o *pb.Obligation, side pb.Side, excuse *pb.Excuse) {
	d.emit(o.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ObligationExcused{
		ObligationExcused: &pb.ObligationExcused{ObligationId: o.GetObligationId(), Excuse: excuse},
	}})
	d.closed(o, d.stamp.At)
}

// discloseLinked notes that a concern told of failures: of those that have not come yet. Who told first is on record, whatever
// comes of it; it counts only where there is a failure. What the other side tells later is kept, as the first may be taken back.
func (s *State) discloseLinked(e *pb.Event, c *pb.ConcernRaised) {
	side := e.GetActor().GetSide()
	for _, id := range c.GetObligationIds() {
		o := s.obligation(e.GetAgreementId(), id)
		if !hasClock(c.GetKind()) || o == nil || failedOrOver(o) {
			continue
		}
		switch {
		case o.GetDisclosedBy() == pb.Side_SIDE_UNSPECIFIED:
			s.editObligation(e, id, func(o *pb.Obligation) { o.DisclosedBy, o.DisclosedConcernId = side, c.GetConcernId() })
		case o.GetDisclosedBy() == Other(side) && o.GetDisclosedConcernId() != "" && o.GetLaterConcernId() == "":
			s.editObligation(e, id, func(o *pb.Obligation) { o.LaterConcernId = c.GetConcernId() })
		}
	}
}

// untellLinked takes back that a concern told of failures, where none has come: it was withdrawn, or not so. Else who raises a
// concern about everything would be the first to have told of anything.
func (s *State) untellLinked(e *pb.Event, m *pb.Concern) {
	for _, id := range m.GetObligationIds() {
		o := s.obligation(e.GetAgreementId(), id)
		switch {
		case failedOrOver(o):
		case o.GetLaterConcernId() == m.GetConcernId():
			s.editObligation(e, id, func(o *pb.Obligation) { o.LaterConcernId = "" })
		case o.GetDisclosedConcernId() == m.GetConcernId():
			s.editObligation(e, id, func(o *pb.Obligation) {
				by := pb.Side_SIDE_UNSPECIFIED
				if o.GetLaterConcernId() != "" {
					by = Other(o.GetDisclosedBy())
				}
				o.DisclosedBy, o.DisclosedConcernId, o.LaterConcernId = by, o.GetLaterConcernId(), ""
			})
		}
	}
}

// failedOrOver says of an obligation that it is no news any more how it ends: it has failed, or is closed.
func failedOrOver(o *pb.Obligation) bool { return o.GetBreachTime() != nil || Final(o.GetState()) }

// concernClock is when time alone changes something about a concern; nil if it never does: the time to acknowledge it, or the
// time to propose or answer a remedy, ends.
func concernClock(m *pb.Concern) *timestamppb.Timestamp {
	if concernOver(m.GetState()) {
		return nil
	}
	response, remedy := m.GetResponseEndTime(), m.GetRemedyEndTime()
	if m.GetAcknowledgeTime() != nil || m.GetResponseMissed() {
		response = nil
	}
	if m.GetRemedyOverdue() {
		remedy = nil
	}
	if response == nil || remedy != nil && remedy.AsTime().Before(response.AsTime()) {
		return remedy
	}
	return response
}

// concernWakes does what time brings to a concern at the instant that a clock of its ends.
func (d *Decision) concernWakes(m *pb.Concern) {
	at := concernClock(m)
	if at == m.GetRemedyEndTime() {
		d.emitClock(m.GetAgreementId(), at.AsTime(), &pb.Event{Change: &pb.Event_ConcernRemedyMissed{
			ConcernRemedyMissed: &pb.ConcernRemedyMissed{ConcernId: m.GetConcernId()},
		}})
		return
	}
	d.emitClock(m.GetAgreementId(), at.AsTime(), &pb.Event{Change: &pb.Event_ConcernResponseMissed{
		ConcernResponseMissed: &pb.ConcernResponseMissed{ConcernId: m.GetConcernId()},
	}})
}
