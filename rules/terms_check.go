package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// checkPromises lists what is wrong with the promises of a text, all at once.
func checkPromises(t *pb.Terms, f frame, field string) (wrong []Violation) {
	for i, c := range t.GetCommitments() {
		if f.byID[c.GetCommitmentId()] != nil {
			wrong = append(wrong, Violation{fmt.Sprintf("%s.commitments[%d].commitment_id", field, i), fmt.Sprintf("another commitment has the id %q", c.GetCommitmentId())})
		}
		f.byID[c.GetCommitmentId()] = c
	}
	credits := map[string]bool{}
	for i, c := range t.GetCommitments() {
		at := fmt.Sprintf("%s.commitments[%d]", field, i)
		id := c.GetMeasured().GetCredit().GetCommitmentId()
		if id != "" && credits[id] {
			wrong = append(wrong, Violation{at + ".measured.credit.commitment_id", "another credit has this id"})
		}
		credits[id] = true
		wrong = append(wrong, checkSchedule(c, f, at)...)
		wrong = append(wrong, checkSurviving(c, at)...)
	}
	return wrong
}
