package rules

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestWindowsTileTheAgreement holds of any period that the windows leave no day of the agreement out, count none twice,
// and are whole but for the first and the last.
func TestWindowsTileTheAgreement(t *testing.T) {
	cal := zoneCalendar(t, "Europe/Berlin")
	rapid.Check(t, func(t *rapid.T) {
		first := DayOf(1970, 1, 1).Add(rapid.IntRange(0, 40_000).Draw(t, "first day"))
		last := first.Add(rapid.IntRange(0, 2_000).Draw(t, "length"))
		a := &pb.Agreement{EndTime: timestamppb.New(cal.EndOfDay(last))}
		c := &pb.Commitment{EffectiveTime: timestamppb.New(cal.StartOfDay(first))}
		p := randomPeriod(t)
		next, windows := first, 0
		for {
			w, ok := nextWindow(a, c, p, nil, cal)
			if !ok {
				break
			}
			end := mustParse(w.ruleDate)
			if w.window != next.String() || end < next || end > last {
				t.Fatalf("window %d is from %s to %s; it must begin on %v", windows+1, w.window, w.ruleDate, next)
			}
			if start, whole := period(p, first, end); windows > 0 && start != next || end != last && whole != end {
				t.Fatalf("window %d, from %s to %s, is cut: it is a part of %v to %v", windows+1, w.window, w.ruleDate, start, whole)
			}
			advance(c, w)
			next, windows = end+1, windows+1
		}
		if next != last+1 {
			t.Fatalf("after %d windows %v is left out", windows, next)
		}
	})
}

func TestUnitsOfTheCalendar(t *testing.T) {
	for _, c := range []struct {
		unit             pb.PeriodUnit
		every            int32
		first, day       string
		from, to, reason string
	}{
		{pb.PeriodUnit_PERIOD_UNIT_DAY, 0, "2026-02-10", "2026-02-12", "2026-02-12", "2026-02-12", "a day"},
		{pb.PeriodUnit_PERIOD_UNIT_DAY, 2, "2026-02-10", "2026-02-13", "2026-02-12", "2026-02-13", "two days from the first"},
		{pb.PeriodUnit_PERIOD_UNIT_WEEK, 1, "2026-01-01", "2026-03-29", "2026-03-23", "2026-03-29", "weeks begin on Monday"},
		{pb.PeriodUnit_PERIOD_UNIT_MONTH, 1, "2024-01-31", "2024-02-01", "2024-02-01", "2024-02-29", "a leap year"},
		{pb.PeriodUnit_PERIOD_UNIT_MONTH, 5, "2026-02-10", "2026-08-01", "2026-07-01", "2026-11-30", "months from the first"},
		{pb.PeriodUnit_PERIOD_UNIT_QUARTER, 1, "2026-02-10", "2026-02-10", "2026-01-01", "2026-03-31", "quarters of the calendar"},
		{pb.PeriodUnit_PERIOD_UNIT_QUARTER, 3, "2026-12-10", "2027-04-01", "2026-10-01", "2027-06-30", "over the end of a year"},
		{pb.PeriodUnit_PERIOD_UNIT_YEAR, 2, "2026-12-10", "2028-12-31", "2028-01-01", "2029-12-31", "years from the first"},
	} {
		from, to := period(&pb.Period{Unit: c.unit, Every: c.every}, mustParse(c.first), mustParse(c.day))
		if from.String() != c.from || to.String() != c.to {
			t.Errorf("%s: from %v to %v, not from %s to %s", c.reason, from, to, c.from, c.to)
		}
	}
}

// TestDaysOfAPartnership holds the days of the story that the demonstration tells: what is due for its windows and periods,
// and after what happens in it.
func TestDaysOfAPartnership(t *testing.T) {
	cal, _ := NewCalendar(&pb.Calendar{
		TimeZone: "Europe/Berlin", Holidays: []string{"2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-25"},
	}, "calendar")
	a := &pb.Agreement{EffectiveTime: timestamppb.New(cal.StartOfDay(mustParse("2026-01-01"))), EndTime: timestamppb.New(cal.EndOfDay(mustParse("2027-12-31")))}
	for _, promise := range []struct {
		terms *pb.CommitmentTerms
		days  []string
	}{
		{&pb.CommitmentTerms{Schedule: &pb.CommitmentTerms_Measured{Measured: &pb.Measured{
			Window: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_MONTH}, Due: &pb.After{BusinessDays: 5},
		}}}, []string{"2026-02-06", "2026-03-06", "2026-04-09", "2026-05-08", "2026-06-05", "2026-07-07"}},
		{&pb.CommitmentTerms{Schedule: &pb.CommitmentTerms_Standing{Standing: &pb.Standing{
			Period: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_QUARTER}, Due: &pb.After{Days: 10},
		}}}, []string{"2026-04-10", "2026-07-10", "2026-10-10"}},
	} {
		c := &pb.Commitment{Terms: promise.terms, Kind: KindOf(promise.terms), EffectiveTime: a.GetEffectiveTime()}
		for _, want := range promise.days {
			next, ok := nextInstance(a, c, cal)
			if !ok || next.day.String() != want {
				t.Errorf("%v: %v, not %s", c.GetKind(), next.day, want)
			}
			advance(c, next)
		}
	}
	for _, event := range []struct {
		happened string
		within   int32
		due      string
	}{
		{"2026-03-17", 5, "2026-03-24"}, {"2026-06-09", 5, "2026-06-16"}, // incidents
		{"2026-02-10", 10, "2026-02-24"}, {"2026-05-20", 10, "2026-06-04"}, // decisions on what was delivered
		{"2026-04-09", 20, "2026-05-08"}, // the credit for March
	} {
		way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_TRIGGER, mustParse(event.happened), "")
		way.after(&pb.After{BusinessDays: event.within}, cal)
		if way.day.String() != event.due {
			t.Errorf("%d business days after %s is %v, not %s", event.within, event.happened, way.day, event.due)
		}
	}
}
