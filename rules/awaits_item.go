package rules

import (
	"cmp"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Item is what a party is shown of a record that waits for something: whose portfolio it is, and how that party sees the task.
func (w Await) Item(a *pb.Agreement, m proto.Message, party string, task pb.PortfolioTask, now time.Time) *pb.PortfolioItem {
	item := &pb.PortfolioItem{AgreementId: a.GetAgreementId(), AgreementTitle: a.GetTitle(), Task: task}
	switch party {
	case a.GetVendorPartyId():
		item.CounterpartPartyId = a.GetClientPartyId()
	case a.GetClientPartyId():
		item.CounterpartPartyId = a.GetVendorPartyId()
	}
	if w.Task != toSettle {
		item.WaitingOn, item.WaitingOnPartyId = w.On, PartyOn(a, w.On)
	}
	switch r := m.(type) {
	case *pb.Obligation:
		item.Record = &pb.PortfolioItem_ObligationId{ObligationId: r.GetObligationId()}
		item.Title, item.Words, item.Time = r.GetTitle(), obligationTask(r), obligationEnd(r)
		item.Date, item.Overdue = r.GetDueDate(), r.GetBlockedBy() == "" && over(r.GetDueTime(), now)
		if r.GetState() == submitted {
			item.Date, item.Overdue = lastDay(a, item.Time), over(item.Time, now)
		}
		return item
	case *pb.Proposal:
		item.Record = &pb.PortfolioItem_ProposalId{ProposalId: r.GetProposalId()}
		item.Title, item.Words, item.Time = "Proposal: "+enumWord(r.GetKind()), "Accept, counter or decline it.", r.GetExpireTime()
	case *pb.Review:
		item.Record = &pb.PortfolioItem_ReviewId{ReviewId: r.GetReviewId()}
		item.Title, item.Words = cmp.Or(r.GetTitle(), "Joint review"), "Write what was found, and sign its paper."
	case *pb.Observation:
		item.Record = &pb.PortfolioItem_ObservationId{ObservationId: r.GetObservationId()}
		item.Title = r.GetObjectiveId() + " at " + r.GetValue() + " on " + r.GetObservedDate()
		item.Words = "Confirm it, or return it and say what is wrong."
	case *pb.PulseRound:
		item.Record = &pb.PortfolioItem_PulseRoundId{PulseRoundId: r.GetPulseRoundId()}
		item.Title, item.Words, item.Time = "Pulse", "Say how both sides are; it is sealed until both have said so.", r.GetEndTime()
	case *pb.Concern:
		item.Record = &pb.PortfolioItem_ConcernId{ConcernId: r.GetConcernId()}
		item.Title, item.Words, item.Time = cmp.Or(r.GetTitle(), enumWord(r.GetKind())), concernTask(r), concernEnd(r)
	}
	item.Date, item.Overdue = lastDay(a, item.Time), over(item.Time, now)
	return item
}

// over says whether an end has come; there is none for nil.
func over(end *timestamppb.Timestamp, now time.Time) bool {
	return end != nil && !now.Before(end.AsTime())
}

// PartyOn is the party on a side of an agreement; its neutral, or empty, where none is named.
func PartyOn(a *pb.Agreement, side pb.Side) string {
	switch side {
	case pb.Side_SIDE_VENDOR:
		return a.GetVendorPartyId()
	case pb.Side_SIDE_CLIENT:
		return a.GetClientPartyId()
	}
	return a.GetNeutralPartyId()
}

// lastDay is the last day before an instant, as an agreement counts days. Nobody has agreed on that before its first
// acceptance: then it counts those of UTC.
func lastDay(a *pb.Agreement, end *timestamppb.Timestamp) string {
	if end == nil {
		return ""
	}
	if cal, wrong := NewCalendar(a.GetCalendar(), "calendar"); wrong == nil {
		return lastDayBefore(end.AsTime(), cal).String()
	}
	return dayBefore(end).String()
}

// obligationEnd is the end of the clock that runs for who has the task.
func obligationEnd(o *pb.Obligation) *timestamppb.Timestamp {
	switch o.GetState() {
	case submitted:
		return o.GetSubmission().GetReviewEndTime()
	case breached, curing:
		return o.GetCureEndTime()
	case disputed:
		return nil // the sides have the time they need
	}
	return o.GetDueTime()
}

// obligationTask is what is to be done about an obligation.
func obligationTask(o *pb.Obligation) string {
	switch o.GetState() {
	case due:
		switch {
		case o.GetStanding():
			return "Confirm it once its period is over, or raise what went wrong."
		case o.GetBlockedBy() != "":
			return "Do it once " + o.GetBlockedBy() + ", which it waits for, is done."
		case o.GetWindowEndDate() != "":
			return "Measure it once its window is over."
		}
		return "Do it, and submit it."
	case breached:
		return "Make it good: submit it late, or say by a plan how and when."
	case curing:
		return "Make it good by the plan, and submit it."
	case submitted:
		return "Accept it or return it; silence accepts it."
	case disputed:
		return "Agree on how it ends, or let the neutral determine it."
	}
	return ""
}

// concernTask is what is to be said to a concern.
func concernTask(m *pb.Concern) string {
	feedback := m.GetKind() == pb.ConcernKind_CONCERN_KIND_FEEDBACK
	switch m.GetState() {
	case raised, acknowledged:
		switch {
		case feedback:
			return "Reply to it: whether you take it, and why."
		case m.GetState() == raised:
			return "Acknowledge it."
		case m.GetAbout() == m.GetRaisedBy():
			return "Propose what helps."
		}
		return "Admit it, contest it, or propose a remedy."
	case admitted:
		return "Propose a remedy."
	case contested:
		return "Propose a remedy, escalate it, or withdraw it."
	case remedyProposed:
		return "Accept the remedy or reject it."
	case escalated:
		if m.GetLevel() == neutralLevel {
			return "Determine it together, or let the neutral do so."
		}
		return "Agree on a remedy with the people of this level."
	}
	return ""
}
