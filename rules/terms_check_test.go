package rules

import (
	"slices"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A past that could not be agreed to is refused with everything that is wrong with it.
func TestAPastIsOverAndInOrder(t *testing.T) {
	text := &pb.Terms{HistoryUntilDate: "2026-01-01"}
	f := frame{byID: map[string]*pb.CommitmentTerms{"fee": {}, "manual": {}}}
	past := func(id, day string, state pb.ObligationState, kept string, timely pb.Timeliness) {
		text.History = append(text.History, &pb.PastObligation{CommitmentId: id, DueDate: day, State: state, KeptDate: kept, Timeliness: timely})
	}
	past("fee", "2025-11-01", fulfilled, "2025-11-02", pb.Timeliness_TIMELINESS_LATE)
	past("fee", "2025-12-01", waived, "", 0)
	past("manual", "2025-10-01", cured, "2025-11-02", pb.Timeliness_TIMELINESS_LATE)
	if wrong := checkHistory(text, f, "terms"); wrong != nil {
		t.Errorf("refused: %v", wrong)
	}
	past("fee", "2025-12-31", fulfilled, "", 0)
	past("gift", "2026-01-01", defaulted, "2026-01-01", pb.Timeliness_TIMELINESS_ON_TIME)
	past("manual", "2025-02-30", waived, "", 0)
	var fields []string
	for _, v := range checkHistory(text, f, "terms") {
		fields = append(fields, v.Field)
	}
	want := []string{
		"terms.history[3].due_date", "terms.history[3].kept_date", "terms.history[3].timeliness",
		"terms.history[4].commitment_id", "terms.history[4].due_date", "terms.history[4].kept_date", "terms.history[4].timeliness", "terms.history[5].due_date",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("%v", fields)
	}
	text.HistoryUntilDate = ""
	if wrong := checkHistory(text, f, "terms"); len(wrong) != 1 || wrong[0].Field != "terms.history_until_date" {
		t.Errorf("%v", wrong)
	}
}
