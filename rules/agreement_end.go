package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// terminateAgreement ends an agreement for cause.
func (d *Decision) terminateAgreement(c *pb.TerminateAgreementRequest) error {
	return d.unsupported(c.GetAgreementId(), "terminate an agreement")
}
