package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// importAgreement proposes an agreement that was made elsewhere, with its past.
func (d *Decision) importAgreement(*pb.ImportAgreementRequest) error {
	return unsupported("import agreements")
}
