package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A first day that lies far back would have the clock catch up with more than its share; a few years of one promise, or
// a day of many, are what agreements that were signed late bring along.
func TestABacklogIsBounded(t *testing.T) {
	now := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	terms := func(first string, promises int) *pb.Terms {
		text := &pb.Terms{Title: "t", Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: first}
		for i := range promises {
			text.Commitments = append(text.Commitments, &pb.CommitmentTerms{
				CommitmentId: fmt.Sprintf("c%d", i), Obligor: pb.Side_SIDE_CLIENT, Title: "t", Category: pb.Category_CATEGORY_OTHER, Weight: 1,
				Schedule: &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: "FREQ=DAILY"}},
			})
		}
		return text
	}
	for _, c := range []struct {
		first    string
		promises int
		refused  bool
	}{
		{"2026-07-01", 2000, false},
		{"1999-07-01", 2, false}, // 27 years of two
		{"1999-07-01", 3, true},
		{"1970-01-01", 1, true},
		{"2026-06-01", 2000, true},
		{"2030-01-01", 2000, false},
	} {
		text := terms(c.first, c.promises)
		if wrong := CheckTerms(text, "terms"); wrong != nil {
			t.Fatalf("%+v: %v", c, wrong)
		}
		wrong := checkBacklog(text, now, "terms")
		for _, c := range text.GetCommitments() { // so much conduct, looked at every day, is as much
			c.Schedule = &pb.CommitmentTerms_Standing{Standing: &pb.Standing{Conduct: "Be kind.", Period: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_DAY}}}
		}
		if also := checkBacklog(text, now, "terms"); (also != nil) != (wrong != nil) {
			t.Errorf("%+v: by windows %v, by dates %v", c, also, wrong)
		}
		if (wrong != nil) != c.refused || c.refused && !strings.HasPrefix(wrong[0].Field, "terms.effective_date") {
			t.Errorf("%+v: %v", c, wrong)
		}
	}
}
