package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// checkKept lists the words of a text that no rule keeps yet. Nobody should be asked to consent to words that would mean
// nothing.
func checkKept(t *pb.Terms, field string) (wrong []Violation) {
	refuse := func(says bool, name string) {
		if says {
			wrong = append(wrong, Violation{field + "." + name, "this release does not keep this yet: leave it out"})
		}
	}
	refuse(t.GetClocks() != nil && t.GetClocks().NoticeBusinessDays != nil, "clocks.notice_business_days")
	for i, c := range t.GetCommitments() {
		at := fmt.Sprintf("commitments[%d].", i)
		refuse(len(c.GetPrerequisites()) > 0, at+"prerequisites")
		refuse(c.GetClocks() != nil && c.GetClocks().NoticeBusinessDays != nil, at+"clocks.notice_business_days")
	}
	return wrong
}
