package rules

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

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
func berlin(t rapid.TB) *Calendar {
	t.Helper()
	cal, wrong := NewCalendar(&pb.Calendar{TimeZone: "Europe/Berlin", Holidays: []string{"2026-04-03", "2026-04-06"}}, "calendar")
	if wrong != nil {
		t.Fatal(wrong)
	}
	return cal
}

func withClocks(grace, lead, review, cure int32) *pb.Commitment {
	return &pb.Commitment{
		EffectiveTime: timestamppb.New(at("2026-01-01T00:00:00+01:00")),
		Clocks: &pb.Clocks{
			GraceBusinessDays: proto.Int32(grace), LeadDays: proto.Int32(lead), ReviewBusinessDays: proto.Int32(review), CureBusinessDays: proto.Int32(cure),
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
	by := deadlinesOf(withClocks(2, 14, 10, 20), mustParse("2026-04-02"), cal) // a Thursday before a long weekend
	same(t, "due", by.due, "2026-04-03T00:00:00+02:00")
	same(t, "the end of grace", by.graceEnd, "2026-04-09T00:00:00+02:00")
	same(t, "the lead", by.leadStart, "2026-03-19T00:00:00+01:00")
	by = deadlinesOf(withClocks(0, 14, 10, 20), mustParse("2026-01-04"), cal) // a Sunday
	same(t, "the end of grace", by.graceEnd, "2026-01-05T00:00:00+01:00")
	same(t, "the lead", by.leadStart, "2026-01-01T00:00:00+01:00")
	same(t, "the review", reviewEnd(withClocks(0, 0, 2, 0), at("2026-04-02T12:00:00+02:00"), cal), "2026-04-09T00:00:00+02:00")
}

// Who admits a miss before the grace is over has as long to cure it as who waits for the clock.
func TestCandourCostsNoTime(t *testing.T) {
	cal, c := berlin(t), withClocks(2, 14, 10, 20)
	graceEnd := at("2026-03-18T00:00:00+01:00") // the end of the 17th
	for breach, want := range map[string]string{
		"2026-03-10T09:00:00+01:00": "2026-04-17T00:00:00+02:00",
		"2026-03-18T00:00:00+01:00": "2026-04-17T00:00:00+02:00", // by the clock
		"2026-03-18T00:00:01+01:00": "2026-04-18T00:00:00+02:00", // a day later by the calendar
	} {
		same(t, "the cure of a breach at "+breach, cureEnd(c, graceEnd, at(breach), cal), want)
	}
	same(t, "no time to cure", cureEnd(withClocks(0, 0, 0, 0), graceEnd, graceEnd, cal), "2026-03-18T00:00:00+01:00")
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

// TestDeadlinesMoveByBusinessDays holds that the end of a day moves to the end of a day, and that what is left of a day
// stays what it was, also where a day has 23 hours.
func TestDeadlinesMoveByBusinessDays(t *testing.T) {
	cal := berlin(t)
	same(t, "Friday to Monday", movedBusinessDays(at("2026-03-28T00:00:00+01:00"), 1, cal), "2026-03-31T00:00:00+02:00")
	same(t, "mid-day", movedBusinessDays(at("2026-03-27T18:00:00+01:00"), 1, cal), "2026-03-30T18:00:00+02:00")
	same(t, "by nothing", movedBusinessDays(at("2026-03-29T18:00:00+01:00"), 0, cal), "2026-03-29T18:00:00+01:00")
	rapid.Check(t, func(t *rapid.T) {
		cal := calendarOf(t, &pb.Calendar{TimeZone: rapid.SampledFrom([]string{"Europe/Berlin", "America/Sao_Paulo", "Pacific/Auckland"}).Draw(t, "zone")})
		day := DayOf(2026, 1, 1).Add(rapid.IntRange(-6000, 6000).Draw(t, "day"))
		days := rapid.IntRange(1, 60).Draw(t, "days")
		if got, want := movedBusinessDays(cal.EndOfDay(day), days, cal), cal.EndOfDay(cal.AddBusinessDays(day, days)); !got.Equal(want) {
			t.Fatalf("the end of %v moves to %v, not %v", day, got, want)
		}
		left := time.Duration(rapid.IntRange(0, 22*3600).Draw(t, "left")) * time.Second
		deadline := cal.EndOfDay(day).Add(-left)
		moved := movedBusinessDays(deadline, days, cal)
		if !moved.After(deadline) {
			t.Fatalf("%v moves back to %v", deadline, moved)
		}
		if again := movedBusinessDays(moved, days, cal); cal.BusinessDaysBetween(lastDay(moved, cal), lastDay(again, cal)) != days {
			t.Fatalf("%v moves to %v", moved, again)
		}
	})
}
