package rules

import (
	"cmp"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The tasks, as who has them sees them.
const (
	toDo     = pb.PortfolioTask_PORTFOLIO_TASK_TO_DO
	toJudge  = pb.PortfolioTask_PORTFOLIO_TASK_TO_JUDGE
	toAnswer = pb.PortfolioTask_PORTFOLIO_TASK_TO_ANSWER
	toSettle = pb.PortfolioTask_PORTFOLIO_TASK_TO_SETTLE
)

// Theirs is what a task is to the other side of who has it; not set for TO_SETTLE, which is everybody's own.
func Theirs(task pb.PortfolioTask) pb.PortfolioTask {
	switch task {
	case toDo:
		return pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_DO
	case toJudge:
		return pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_JUDGE
	case toAnswer:
		return pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_ANSWER
	}
	return pb.PortfolioTask_PORTFOLIO_TASK_UNSPECIFIED
}

// NoDay sorts behind all days.
const NoDay Day = math.MaxInt32

// Await is one thing that a record waits for.
type Await struct {
	// Task is TO_DO, TO_JUDGE, TO_ANSWER or TO_SETTLE.
	Task pb.PortfolioTask
	// On is the side that it waits on; not set: the neutral that both agreed on.
	On pb.Side
	// Day is the day by which; NoDay if there is none. What waits until an instant has its day in UTC: a record does not
	// know in which time zone its agreement counts days, and that may change without it.
	Day Day
}

// Awaits appends what a record waits for, if for anything. It is a function of the record, so that portfolios can be computed
// and are never tended. A draft waits for nobody.
func Awaits(found []Await, m proto.Message) []Await {
	switch r := m.(type) {
	case *pb.Obligation:
		return obligationAwaits(found, r)
	case *pb.Proposal:
		if r.GetState() == open {
			return append(found, Await{toAnswer, r.GetTurn(), dayBefore(r.GetExpireTime())})
		}
	case *pb.Review:
		for _, side := range twoSides {
			if r.GetState() == reviewOpen && !hasSigned(r, side) {
				found = append(found, Await{toAnswer, side, NoDay})
			}
		}
	}
	return found
}

var twoSides = [...]pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT}

// hasSigned says whether a side has signed the paper of a review as it is.
func hasSigned(r *pb.Review, side pb.Side) bool {
	return slices.ContainsFunc(r.GetSignatures(), func(s *pb.ReviewSignature) bool { return s.GetSide() == side })
}

func obligationAwaits(found []Await, o *pb.Obligation) []Await {
	switch o.GetState() {
	case due:
		if o.GetStanding() { // nothing need be submitted
			return append(found, Await{toJudge, o.GetBeneficiary(), dayOf(o.GetDueDate())})
		}
		return append(found, Await{toDo, o.GetObligor(), dayOf(o.GetDueDate())})
	case breached, curing:
		return append(found, Await{toDo, o.GetObligor(), dayOf(o.GetDueDate())})
	case submitted:
		return append(found, Await{toJudge, o.GetBeneficiary(), dayBefore(o.GetSubmission().GetReviewEndTime())})
	case disputed:
		day := dayOf(o.GetDueDate())
		return append(found, Await{toSettle, pb.Side_SIDE_UNSPECIFIED, day}, Await{toSettle, o.GetObligor(), day}, Await{toSettle, o.GetBeneficiary(), day})
	}
	return found
}

// Lingers is the await that a record had before, and goes back to if it is returned: a submission is TO_DO again. It keeps its
// place in the lists meanwhile, so that a submission moves few keys. False if there is none.
func Lingers(m proto.Message) (Await, bool) {
	if o, ok := m.(*pb.Obligation); ok && o.GetState() == submitted && !(o.GetStanding() && o.GetSubmission().GetFrom() == due) {
		return Await{toDo, o.GetObligor(), dayOf(o.GetDueDate())}, true
	}
	return Await{}, false
}

// dayOf is a day that a record names.
func dayOf(date string) Day {
	if day, err := ParseDay(date); err == nil {
		return day
	}
	return NoDay
}

// dayBefore is the last day of UTC that begins before an instant.
func dayBefore(end *timestamppb.Timestamp) Day {
	if end == nil {
		return NoDay
	}
	return DayOf(end.AsTime().Add(-time.Nanosecond).Date())
}

// Item is what a party is shown of a record that waits for something. It fills in what follows from the record and its
// agreement; party is whose portfolio it is, task how it sees it.
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
		item.Title, item.Words = r.GetTitle(), obligationTask(r)
		item.Date, item.Time = r.GetDueDate(), obligationEnd(r)
		item.Overdue = r.GetBlockedBy() == "" && r.GetDueTime() != nil && !now.Before(r.GetDueTime().AsTime())
		if r.GetState() == submitted {
			item.Date = lastDay(a, item.Time)
			item.Overdue = !now.Before(item.Time.AsTime())
		}
	case *pb.Proposal:
		item.Record = &pb.PortfolioItem_ProposalId{ProposalId: r.GetProposalId()}
		item.Title, item.Words = proposalTitle(r), "Accept, counter or decline it."
		item.Date, item.Time = lastDay(a, r.GetExpireTime()), r.GetExpireTime()
		item.Overdue = item.Time != nil && !now.Before(item.Time.AsTime())
	case *pb.Review:
		item.Record = &pb.PortfolioItem_ReviewId{ReviewId: r.GetReviewId()}
		item.Title, item.Words = cmp.Or(r.GetTitle(), "Joint review"), "Write what was found, and sign its paper."
	}
	return item
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

// proposalTitle is what a proposal would do.
func proposalTitle(p *pb.Proposal) string {
	return "Proposal: " + enumWord(p.GetKind())
}
