package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What waits for a prerequisite that is open: the notice of it, and the clock that stands still.

// What must hold to claim a delay.
const (
	lateFirst   = "the prerequisite is late, or its obligor said that it will be"
	claimInTime = "the days to claim the delay are not over"
	waitsForIt  = "it waits for this prerequisite"
)

// notifyObligation takes the obligor's notice that it waits for a prerequisite. If that is closed already, the delay counts
// at once.
func (d *Decision) notifyObligation(c *pb.NotifyObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "notify")
	if refused != nil {
		return refused
	}
	p, refused := d.claimable(a, o, c.GetPrerequisiteObligationId())
	if refused != nil {
		refused.Subject = "agreements/" + o.GetAgreementId() + "/obligations/" + o.GetObligationId()
		return refused
	}
	d.emit(o.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ObligationNoticeGiven{ObligationNoticeGiven: &pb.ObligationNoticeGiven{
		ObligationId: o.GetObligationId(),
		Notice:       &pb.ReliefNotice{ObligationId: p.GetObligationId(), Note: c.GetNote(), Time: timestamppb.New(d.stamp.At)},
	}}})
	if Final(p.GetState()) {
		d.passOn(p, d.State.obligation(o.GetAgreementId(), o.GetObligationId()), d.stamp.At)
	}
	d.answer(obligationRef(o.GetAgreementId(), o.GetObligationId()))
	return nil
}

// claimable is the prerequisite whose delay the obligor of an obligation claims, or why it cannot.
func (d *Decision) claimable(a *pb.Agreement, o *pb.Obligation, prerequisiteID string) (*pb.Obligation, *Error) {
	p, cal := d.State.obligation(o.GetAgreementId(), prerequisiteID), d.calendar(a)
	if cal == nil || p == nil || d.prerequisiteOf(o, p.GetCommitmentId()).GetObligationId() != prerequisiteID || !waitsFor(d.commitmentOf(o), p.GetCommitmentId()) {
		return nil, refuseGuard("obligation", "notify", waitsForIt, "Obligation %s does not wait for obligation %q.", o.GetObligationId(), prerequisiteID)
	}
	day := mustParse(p.GetDueDate())
	from := cal.EndOfDay(day)
	until := cal.EndOfDay(cal.AddBusinessDays(day, int(d.commitmentOf(o).GetClocks().GetNoticeBusinessDays())))
	late := cal.BusinessDaysBetween(day, doneBy(p, d.stamp.At, cal)) > 0 || p.GetPrerequisiteBusinessDays() > 0 && p.GetObligor() == o.GetObligor()
	switch {
	case !announced(p, d.stamp.At) && !late && !Final(p.GetState()):
		return nil, tooEarly("obligation", "notify", lateFirst, from, "Obligation %s is not late. Give notice when it is, or when its obligor has said that it will be.", prerequisiteID)
	case !d.stamp.At.Before(until):
		return nil, tooLate("obligation", "notify", claimInTime, until, "The delay of obligation %s could be claimed for %d business days. Ask for an extension.", prerequisiteID, d.commitmentOf(o).GetClocks().GetNoticeBusinessDays())
	case !late && !announced(p, d.stamp.At):
		return nil, refuseGuard("obligation", "notify", lateFirst, "Obligation %s was not late.", prerequisiteID)
	}
	return p, nil
}

// doneBy is the day on which an obligation was done, as far as anybody knows by a time.
func doneBy(o *pb.Obligation, at time.Time, cal *Calendar) Day {
	if closedBy(o, at) {
		at = doneTime(o)
	} else if s := o.GetSubmission().GetSubmitTime(); s != nil && s.AsTime().Before(at) {
		at = s.AsTime() // how long the judgement takes is not its obligor's
	}
	return cal.DayAt(at)
}

// closedBy says whether an obligation was closed by a time: the clock may look at what waits for it later than at itself.
func closedBy(o *pb.Obligation, at time.Time) bool {
	return Final(o.GetState()) && !o.GetCloseTime().AsTime().After(at)
}

// waits sees, when the grace period of an obligation ends, whether that waits for a prerequisite that is open and late. Then
// its clock stands still until that is closed: it is no breach. Nor is it one if what it waits for will never come.
func (d *Decision) waits(o *pb.Obligation, at time.Time) bool {
	required := d.commitmentOf(o).GetTerms().GetPrerequisites()
	cal := d.calendar(d.State.agreement(o.GetAgreementId()))
	if len(required) == 0 || cal == nil {
		return false
	}
	for _, id := range required {
		p := d.prerequisiteOf(o, id)
		if p == nil || !noticed(p, o, at) {
			continue
		}
		if closedBy(p, at) {
			if lost(p, o) {
				d.excuseBy(p, o, at)
				return true
			}
			continue
		}
		stands := p.GetObligor() == o.GetObligor() && p.GetBlockedBy() != ""
		if stands || passedOn(p, o, doneBy(p, at, cal), cal) > int(o.GetPrerequisiteBusinessDays()) {
			d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationBlocked{ObligationBlocked: &pb.ObligationBlocked{
				ObligationId: o.GetObligationId(), BlockedBy: p.GetObligationId(),
			}}})
			return true
		}
	}
	return false
}

// upstream brings what an obligation waits for up to an instant, so that what came of it has reached the obligation, however
// late the clock is.
func (d *Decision) upstream(o *pb.Obligation, at time.Time) {
	for _, id := range d.commitmentOf(o).GetTerms().GetPrerequisites() {
		d.bringUp(commitmentRef(o.GetAgreementId(), id), at)
	}
}

// downstream brings what waits for an obligation up to an instant at which that changes: by then it was as it is still.
func (d *Decision) downstream(o *pb.Obligation, at time.Time) {
	for _, id := range d.commitmentOf(o).GetDependents() {
		if waitsFor(d.State.commitment(o.GetAgreementId(), id), o.GetCommitmentId()) {
			d.bringUp(commitmentRef(o.GetAgreementId(), id), at)
		}
	}
}

// bringUp brings a commitment and its obligations up to an instant, once.
func (d *Decision) bringUp(ref Ref, at time.Time) {
	seen := visit{ref, at}
	if d.visited[seen] || d.State.Get(ref) == nil {
		return
	}
	if d.visited == nil {
		d.visited = map[visit]bool{}
	}
	d.visited[seen] = true
	was := d.most
	d.most = max(d.most, len(d.Events)+carryOneSize)
	d.comeUpBefore(ref, at)
	d.most = was
}

// visit is a commitment that was brought up to an instant.
type visit struct {
	commitment Ref
	at         time.Time
}
