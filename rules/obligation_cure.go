package rules

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// maxCurePlans is how many plans one breach may see: who finds none in ten that the other side can live with needs to talk,
// not to write.
const maxCurePlans = 10

// cureObligation takes the obligor's plan to make a breach good. It is no admission of liability, and it stops no clock.
func (d *Decision) cureObligation(c *pb.CureObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "cure")
	if refused != nil {
		return refused
	}
	number := o.GetCurePlan().GetNumber() + 1
	if number > maxCurePlans {
		return refuseGuard("obligation", "cure", atMostPlans, "There were %d plans already. Do it, and submit that it is done.", maxCurePlans).
			as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", "cure plans")
	}
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	if wrong := d.checkPlan(c, o, cal); wrong != nil {
		return Invalid(wrong...)
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationCurePlanned{ObligationCurePlanned: &pb.ObligationCurePlanned{
		ObligationId: o.GetObligationId(),
		Plan: &pb.CurePlan{
			Number: number, Cause: c.GetCause(), Effect: c.GetEffect(), Fix: c.GetFix(), Prevention: c.GetPrevention(),
			CureDate: c.GetCureDate(), Time: timestamppb.New(d.stamp.At),
		},
	}}})
	return nil
}

// checkPlan lists what a plan lacks: words for all of it, and a day on which there is still time.
func (d *Decision) checkPlan(c *pb.CureObligationRequest, o *pb.Obligation, cal *Calendar) (wrong []Violation) {
	for _, part := range []struct{ name, says, what string }{
		{"cause", c.GetCause(), "say what caused the breach"}, {"effect", c.GetEffect(), "say what it did to the other side"},
		{"fix", c.GetFix(), "say what makes it good"}, {"prevention", c.GetPrevention(), "say what keeps it from happening again"},
	} {
		if strings.TrimSpace(part.says) == "" {
			wrong = append(wrong, Violation{part.name, part.what})
		}
	}
	last := lastDayBefore(o.GetCureEndTime().AsTime(), cal)
	day, err := ParseDay(c.GetCureDate())
	switch {
	case err != nil:
		wrong = append(wrong, Violation{"cure_date", err.Error()})
	case day < cal.DayAt(d.stamp.At):
		wrong = append(wrong, Violation{"cure_date", "it is over; name a day to come"})
	case day > last:
		wrong = append(wrong, Violation{"cure_date", fmt.Sprintf("the cure period ends with %v; name a day up to then, or ask for an extension", last)})
	}
	return wrong
}

// objectObligation takes the beneficiary's objection to a plan: the obligor may make another one while the cure period runs.
func (d *Decision) objectObligation(c *pb.ObjectObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "object")
	if refused != nil {
		return refused
	}
	if strings.TrimSpace(c.GetInterest()) == "" {
		return Invalid(Violation{"interest", "say which legitimate interest of yours the plan would hurt"})
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationCureObjected{ObligationCureObjected: &pb.ObligationCureObjected{
		ObligationId: o.GetObligationId(), Interest: c.GetInterest(),
	}}})
	return nil
}
