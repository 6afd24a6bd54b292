package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// extendObligation gives the obligor more time.
func (d *Decision) extendObligation(c *pb.ExtendObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "extend an obligation")
}

// excuseObligation says that a miss is not the obligor's.
func (d *Decision) excuseObligation(c *pb.ExcuseObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "excuse an obligation")
}

// notifyObligation takes the obligor's notice that it waits for a prerequisite.
func (d *Decision) notifyObligation(c *pb.NotifyObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "give notice of a late prerequisite")
}
