package rules

import (
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
	// Since is when it was handed in to be judged, in microseconds since 1970: of one day, what came first is first. 0, and so
	// before that, for what else waits.
	Since int64
}

func await(task pb.PortfolioTask, on pb.Side, day Day) Await {
	return Await{Task: task, On: on, Day: day}
}

func (w Await) since(handedIn *timestamppb.Timestamp) Await {
	w.Since = handedIn.AsTime().UnixMicro()
	return w
}

// Awaits appends what a record waits for, if for anything. It is a function of the record, so that portfolios can be computed
// and are never tended. A draft waits for nobody.
func Awaits(found []Await, m proto.Message) []Await {
	switch r := m.(type) {
	case *pb.Obligation:
		return obligationAwaits(found, r)
	case *pb.Proposal:
		if r.GetState() == open {
			return append(found, await(toAnswer, r.GetTurn(), dayBefore(r.GetExpireTime())))
		}
	case *pb.Review:
		for _, side := range twoSides {
			if r.GetState() == reviewOpen && !hasSigned(r, side) {
				found = append(found, await(toAnswer, side, NoDay))
			}
		}
	case *pb.Observation: // one by the side whose objective it is about is confirmed at once
		if r.GetState() == pending {
			return append(found, await(toJudge, Other(r.GetBy()), NoDay).since(r.GetCreateTime()))
		}
	case *pb.PulseRound:
		for i, given := range [...]int32{r.GetVendorAnswerCount(), r.GetClientAnswerCount()} {
			if r.GetState() == pulseOpen && given < r.GetRespondents() {
				found = append(found, await(toAnswer, twoSides[i], dayBefore(r.GetEndTime())))
			}
		}
	case *pb.Concern:
		return concernAwaits(found, r)
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
			return append(found, await(toJudge, o.GetBeneficiary(), dayOf(o.GetDueDate())))
		}
		return append(found, await(toDo, o.GetObligor(), dayOf(o.GetDueDate())))
	case breached, curing:
		return append(found, await(toDo, o.GetObligor(), dayOf(o.GetDueDate())))
	case submitted:
		return append(found, await(toJudge, o.GetBeneficiary(), dayBefore(o.GetSubmission().GetReviewEndTime())).since(o.GetSubmission().GetSubmitTime()))
	case disputed:
		day := dayOf(o.GetDueDate())
		return append(found, await(toSettle, pb.Side_SIDE_UNSPECIFIED, day), await(toSettle, o.GetObligor(), day), await(toSettle, o.GetBeneficiary(), day))
	}
	return found
}

// Lingers is the await that a record had before, and goes back to if it is returned: a submission is TO_DO again. It keeps its
// place in the lists meanwhile, so that a submission moves few keys. False if there is none.
func Lingers(m proto.Message) (Await, bool) {
	if o, ok := m.(*pb.Obligation); ok && o.GetState() == submitted && !(o.GetStanding() && o.GetSubmission().GetFrom() == due) {
		return await(toDo, o.GetObligor(), dayOf(o.GetDueDate())), true
	}
	return Await{}, false
}

// concernAwaits is whose word a concern waits for. Once it is escalated both sides are asked together, and at the last level the
// neutral too.
func concernAwaits(found []Await, m *pb.Concern) []Await {
	day := dayBefore(concernEnd(m))
	switch m.GetState() {
	case raised, acknowledged, admitted:
		return append(found, await(toAnswer, m.GetRespondent(), day))
	case contested:
		return append(found, await(toAnswer, m.GetRaisedBy(), day))
	case remedyProposed:
		return append(found, await(toAnswer, Other(m.GetRemedy().GetBy()), day))
	case escalated:
		if m.GetLevel() == neutralLevel {
			found = append(found, await(toSettle, pb.Side_SIDE_UNSPECIFIED, day))
		}
		return append(found, await(toSettle, m.GetRaisedBy(), day), await(toSettle, m.GetRespondent(), day))
	}
	return found
}

// concernEnd is the end of the clock that runs for who is asked; nil if there is none.
func concernEnd(m *pb.Concern) *timestamppb.Timestamp {
	switch m.GetState() {
	case raised:
		return m.GetResponseEndTime()
	case escalated:
		return m.GetStepEndTime()
	}
	return m.GetRemedyEndTime()
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
