package rules

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// berlin has Good Friday and Easter Monday of 2026 and puts its clocks forward on 29 March.
func berlin(t testing.TB) *Calendar {
	t.Helper()
	cal, wrong := NewCalendar(&pb.Calendar{TimeZone: "Europe/Berlin", Holidays: []string{"2026-04-03", "2026-04-06"}}, "calendar")
	if wrong != nil {
		t.Fatal(wrong)
	}
	return cal
}

func withClocks(grace, lead, review int32) *pb.Commitment {
	return &pb.Commitment{
		EffectiveTime: timestamppb.New(at("2026-01-01T00:00:00+01:00")),
		Clocks: &pb.Clocks{
			GraceBusinessDays: proto.Int32(grace), LeadDays: proto.Int32(lead), ReviewBusinessDays: proto.Int32(review),
		},
	}
}

func same(t *testing.T, what string, got time.Time, want string) {
	t.Helper()
	if !got.Equal(at(want)) {
		t.Errorf("%s is %s, not %s", what, got.UTC(), want)
	}
}

func TestDeadlinesOfADueDay(t *testing.T) {
	cal := berlin(t)
	by := deadlinesOf(withClocks(2, 14, 10), mustParse("2026-04-02"), cal) // a Thursday before a long weekend
	same(t, "due", by.due, "2026-04-03T00:00:00+02:00")
	same(t, "the end of grace", by.graceEnd, "2026-04-09T00:00:00+02:00")
	same(t, "the lead", by.leadStart, "2026-03-19T00:00:00+01:00")
	by = deadlinesOf(withClocks(0, 14, 10), mustParse("2026-01-04"), cal) // a Sunday
	same(t, "the end of grace", by.graceEnd, "2026-01-05T00:00:00+01:00")
	same(t, "the lead", by.leadStart, "2026-01-01T00:00:00+01:00")
	same(t, "the review", reviewEnd(withClocks(0, 0, 2), at("2026-04-02T12:00:00+02:00"), cal), "2026-04-09T00:00:00+02:00")
}

func TestReviewTimeIsNotCharged(t *testing.T) {
	o := &pb.Obligation{
		DueTime: timestamppb.New(at("2026-03-14T00:00:00Z")), GraceEndTime: timestamppb.New(at("2026-03-18T00:00:00Z")),
		Submission: &pb.Submission{SubmitTime: timestamppb.New(at("2026-03-13T12:00:00Z"))},
	}
	due, graceEnd := reviewed(o, at("2026-03-15T18:00:00Z"))
	same(t, "due", due, "2026-03-16T06:00:00Z")
	same(t, "the end of grace", graceEnd, "2026-03-20T06:00:00Z")
}
