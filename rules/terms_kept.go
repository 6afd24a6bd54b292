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
	refuse(t.GetNeutralPartyId() != "", "neutral_party_id")
	refuse(t.GetHoldsFromDate() != "", "holds_from_date")
	refuse(len(t.GetSuspensionRights()) > 0, "suspension_rights")
	refuse(len(t.GetHistory()) > 0, "history")
	refuse(t.GetHistoryUntilDate() != "", "history_until_date")
	refuse(t.GetClocks() != nil && t.GetClocks().NoticeBusinessDays != nil, "clocks.notice_business_days")
	for i, c := range t.GetCommitments() {
		at := fmt.Sprintf("commitments[%d].", i)
		refuse(c.GetSurviving(), at+"surviving")
		refuse(c.GetMaterial(), at+"material")
		refuse(len(c.GetPrerequisites()) > 0, at+"prerequisites")
		refuse(c.GetClocks() != nil && c.GetClocks().NoticeBusinessDays != nil, at+"clocks.notice_business_days")
	}
	return wrong
}

// checkFirst lists what first terms are not proposed with.
func checkFirst(c *pb.CreateProposalRequest) (wrong []Violation) {
	if c.GetTerms() != nil {
		wrong = append(wrong, Violation{"terms", "first terms are those of the draft: write them there"})
	}
	if c.GetMotion() != nil {
		wrong = append(wrong, Violation{"motion", "first terms are a text, and no motion"})
	}
	if c.GetExpireTime() != nil {
		wrong = append(wrong, Violation{"expire_time", "this release does not let proposals lapse: leave it out"})
	}
	if c.GetSuccessorAgreementId() != "" {
		wrong = append(wrong, Violation{"successor_agreement_id", "only a RENEW makes a successor"})
	}
	return wrong
}

// checkCounter lists what first terms are not countered with.
func checkCounter(c *pb.CounterProposalRequest) (wrong []Violation) {
	if c.GetMotion() != nil {
		wrong = append(wrong, Violation{"motion", "first terms are a text, and no motion"})
	}
	if c.GetExpireTime() != nil {
		wrong = append(wrong, Violation{"expire_time", "this release does not let proposals lapse: leave it out"})
	}
	return wrong
}
