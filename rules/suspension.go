package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// suspendAgreement pauses an agreement by the right of one side.
func (d *Decision) suspendAgreement(c *pb.SuspendAgreementRequest) error {
	return d.unsupported(c.GetAgreementId(), "suspend an agreement")
}

// resumeAgreement ends a pause that one side began by its right.
func (d *Decision) resumeAgreement(c *pb.ResumeAgreementRequest) error {
	return d.unsupported(c.GetAgreementId(), "resume an agreement")
}
