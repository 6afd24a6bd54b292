package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// measureObligation files the figure of a window.
func (d *Decision) measureObligation(c *pb.MeasureObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "measure an obligation")
}
