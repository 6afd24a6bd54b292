package rules

import (
	"slices"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxTrace bounds how many steps of a due date are kept, so that an obligation that is moved again and again stays small:
// what its words come to, and fifty extensions, fit.
const MaxTrace = 64

// route is the way to a due day: where it has come to, and by which steps.
type route struct {
	day   Day
	steps []*pb.DueStep
}

// routeFrom begins at a day that something names.
func routeFrom(kind pb.DueStepKind, day Day, subject string) route {
	return route{day, []*pb.DueStep{{Kind: kind, Date: day.String(), Subject: subject}}}
}

// to goes on to a day by a step that it fills in.
func (r *route) to(day Day, step *pb.DueStep) {
	step.Date = day.String()
	r.day, r.steps = day, append(r.steps, step)
}

// nthBusinessDay goes to the n-th business day of the month, if n is not 0.
func (r *route) nthBusinessDay(n int32, cal *Calendar) {
	if n == 0 {
		return
	}
	year, month, _ := r.day.Date()
	r.to(cal.NthBusinessDay(year, month, int(n)), &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_BUSINESS_DAY, BusinessDays: n})
}

// after adds days, then business days, then rolls a day that is no business day. What changes nothing is no step.
func (r *route) after(a *pb.After, cal *Calendar) {
	if n := a.GetDays(); n != 0 {
		r.to(r.day.Add(int(n)), &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_OFFSET, Days: n})
	}
	if n := a.GetBusinessDays(); n != 0 {
		r.to(cal.AddBusinessDays(r.day, int(n)), &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_OFFSET, BusinessDays: n})
	}
	if day := cal.Roll(r.day, a.GetRoll()); day != r.day {
		r.to(day, &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_ROLL})
	}
}

// notBefore goes to the day something is recorded, where the way so far ends before it: nothing is due before anybody
// could know of it.
func (r *route) notBefore(day Day) {
	if r.day < day {
		r.to(day, &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_RECORDED})
	}
}

// addStep adds what moved a due date. Of too many moves the oldest is let go: how the date was agreed, and how it came to
// be what it is, are what is asked for.
func addStep(trace []*pb.DueStep, step *pb.DueStep) []*pb.DueStep {
	if len(trace) >= MaxTrace {
		oldest := slices.IndexFunc(trace, func(s *pb.DueStep) bool { return moved[s.GetKind()] })
		trace = slices.Delete(trace, max(oldest, 0), max(oldest, 0)+1)
	}
	return append(trace, step)
}

// moved is the steps that move a due date that there was.
var moved = map[pb.DueStepKind]bool{
	pb.DueStepKind_DUE_STEP_KIND_PREREQUISITE: true,
	pb.DueStepKind_DUE_STEP_KIND_EXTENSION:    true,
	pb.DueStepKind_DUE_STEP_KIND_PAUSE:        true,
	pb.DueStepKind_DUE_STEP_KIND_DISPUTE:      true,
}
