package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// triggerObligation records that what an obligation waits for has happened.
func (d *Decision) triggerObligation(c *pb.TriggerObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "trigger an obligation")
}
