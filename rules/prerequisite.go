package rules

import (
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// prerequisites does what the end of an obligation at a time brings to those that wait for it.
func (d *Decision) prerequisites(_ *pb.Obligation, _ time.Time) {}
