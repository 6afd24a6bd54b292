package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// cureObligation takes the obligor's plan to make a breach good.
func (d *Decision) cureObligation(c *pb.CureObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "plan a cure")
}

// objectObligation takes the beneficiary's objection to a plan.
func (d *Decision) objectObligation(c *pb.ObjectObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "object to a plan")
}
