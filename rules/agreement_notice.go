package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// giveNotice ends an agreement after its notice period.
func (d *Decision) giveNotice(c *pb.GiveNoticeRequest) error {
	return d.unsupported(c.GetAgreementId(), "give notice")
}
