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

// TestWhoConsentsLateHasTheGraceFromThen holds that nobody breaches what they had not promised yet.
func TestWhoConsentsLateHasTheGraceFromThen(t *testing.T) {
	c := withClocks(2, 14, 10)
	c.CreateTime = timestamppb.New(at("2026-03-31T23:30:00+02:00")) // a Tuesday
	by := deadlinesOf(c, mustParse("2026-01-05"), berlin(t))
	same(t, "due", by.due, "2026-01-06T00:00:00+01:00")
	same(t, "the end of grace", by.graceEnd, "2026-04-03T00:00:00+02:00")
	by = deadlinesOf(c, mustParse("2026-04-02"), berlin(t))
	same(t, "the end of grace of what is due later", by.graceEnd, "2026-04-09T00:00:00+02:00")
}

// TestCandourCostsNoTime holds that a cure period ends no sooner for a breach that is admitted before the clock tells it.
func TestCandourCostsNoTime(t *testing.T) {
	c := &pb.Commitment{Clocks: &pb.Clocks{CureBusinessDays: proto.Int32(2)}}
	graceEnd := at("2026-03-31T00:00:00+02:00") // the end of a Monday
	for breach, want := range map[string]string{
		"2026-02-01T09:00:00+01:00": "2026-04-02T00:00:00+02:00",
		"2026-03-31T00:00:00+02:00": "2026-04-02T00:00:00+02:00", // the clock's own
		"2026-03-31T00:00:01+02:00": "2026-04-03T00:00:00+02:00",
		"2026-04-02T09:00:00+02:00": "2026-04-09T00:00:00+02:00", // over Easter
	} {
		same(t, "the end of the cure period of a breach at "+breach, cureEndOf(c, graceEnd, at(breach), berlin(t)), want)
	}
	noon := at("2026-03-30T12:00:00+02:00") // moved there by a review
	same(t, "the end of the cure period", cureEndOf(c, noon, noon, berlin(t)), "2026-04-02T00:00:00+02:00")
	c.Clocks.CureBusinessDays = proto.Int32(0)
	same(t, "the end of no cure period", cureEndOf(c, graceEnd, graceEnd, berlin(t)), "2026-03-31T00:00:00+02:00")
}
