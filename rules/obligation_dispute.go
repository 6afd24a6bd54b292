package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// disputeObligation opens a dispute.
func (d *Decision) disputeObligation(c *pb.DisputeObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "dispute an obligation")
}

// determineObligation settles a dispute by the neutral's word.
func (d *Decision) determineObligation(c *pb.DetermineObligationRequest) error {
	return d.unsupported(c.GetAgreementId(), "determine a dispute")
}
