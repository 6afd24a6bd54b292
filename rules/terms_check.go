package rules

import (
	"cmp"
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
		if c.GetNotCurable() && c.GetClocks().GetCureBusinessDays() > 0 {
			wrong = append(wrong, Violation{at + ".clocks.cure_business_days", "what cannot be cured has no cure period: leave one of both out"})
		}
		wrong = append(wrong, checkSchedule(c, f, at)...)
		wrong = append(wrong, checkSurviving(c, at)...)
	}
	return wrong
}

// checkHistory lists what is wrong with the past that an agreement brings along: it must be of its promises, over before
// the day from which the promises go on, and in order, so that nobody is asked to consent to a thing twice.
func checkHistory(t *pb.Terms, f frame, field string) (wrong []Violation) {
	until := t.GetHistoryUntilDate()
	if _, err := ParseDay(until); until != "" && err != nil {
		return []Violation{{field + ".history_until_date", err.Error()}}
	}
	if until == "" && len(t.GetHistory()) > 0 {
		return []Violation{{field + ".history_until_date", "say from which day on the promises go on: everything due before it is in the history"}}
	}
	for i, past := range t.GetHistory() {
		at := fmt.Sprintf("%s.history[%d]", field, i)
		refuse := func(is bool, name, why string) {
			if is {
				wrong = append(wrong, Violation{at + "." + name, why})
			}
		}
		_, err := ParseDay(past.GetDueDate())
		refuse(f.byID[past.GetCommitmentId()] == nil, "commitment_id", fmt.Sprintf("there is no commitment %q", past.GetCommitmentId()))
		refuse(err != nil, "due_date", fmt.Sprintf("%q is no day", past.GetDueDate()))
		refuse(past.GetDueDate() >= until, "due_date", "it is not before history_until_date, "+until+": the promises bring it forth themselves")
		if i > 0 {
			before := t.GetHistory()[i-1]
			order := cmp.Or(cmp.Compare(before.GetCommitmentId(), past.GetCommitmentId()), cmp.Compare(before.GetDueDate(), past.GetDueDate()))
			refuse(order > 0, "due_date", "the history is not in order: by commitment, then by due date")
		}
		_, err = ParseDay(past.GetKeptDate())
		kept := past.GetState() == fulfilled || past.GetState() == cured
		refuse(kept && err != nil, "kept_date", "say on which day it was kept")
		refuse(kept && past.GetTimeliness() == pb.Timeliness_TIMELINESS_UNSPECIFIED, "timeliness", "say whether it was kept in time")
		refuse(!kept && past.GetKeptDate() != "", "kept_date", "it was not kept: leave it out")
		refuse(!kept && past.GetTimeliness() != pb.Timeliness_TIMELINESS_UNSPECIFIED, "timeliness", "it was not kept: leave it out")
	}
	return append(wrong, checkPrerequisites(t, f, field)...)
}
