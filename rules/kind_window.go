package rules

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What is looked at once per window (MEASURED) or period (STANDING): stretches of the calendar, one after the other, that
// leave no day of the promise out and count none twice. An obligation is DUE from the first day of its window, so that its
// obligor can admit a miss when it happens, and is answered for when the window is over. Silence about it is
// NOT_DETERMINED.

// MaxWindows bounds the windows of one commitment; terms.proto says the same. It is as many as a rule may yield dates.
const MaxWindows = MaxOccurrences

// unitOf is the number of the calendar unit in which a day lies.
func unitOf(unit pb.PeriodUnit, d Day) int {
	year, month, _ := d.Date()
	switch unit {
	case pb.PeriodUnit_PERIOD_UNIT_WEEK:
		return (int(d) + 3) / 7 // 1970-01-01, day 0, was a Thursday
	case pb.PeriodUnit_PERIOD_UNIT_MONTH:
		return year*12 + int(month) - 1
	case pb.PeriodUnit_PERIOD_UNIT_QUARTER:
		return year*4 + (int(month)-1)/3
	case pb.PeriodUnit_PERIOD_UNIT_YEAR:
		return year
	}
	return int(d)
}

// unitStart is the first day of a calendar unit.
func unitStart(unit pb.PeriodUnit, n int) Day {
	switch unit {
	case pb.PeriodUnit_PERIOD_UNIT_WEEK:
		return Day(n*7 - 3)
	case pb.PeriodUnit_PERIOD_UNIT_MONTH:
		return DayOf(n/12, time.Month(n%12+1), 1)
	case pb.PeriodUnit_PERIOD_UNIT_QUARTER:
		return DayOf(n/4, time.Month(n%4*3+1), 1)
	case pb.PeriodUnit_PERIOD_UNIT_YEAR:
		return DayOf(n, time.January, 1)
	}
	return Day(n)
}

// period is the whole period in which a day lies; several units are counted from the one in which first lies.
func period(p *pb.Period, first, d Day) (start, end Day) {
	every := max(1, int(p.GetEvery()))
	from := unitOf(p.GetUnit(), first)
	from += (unitOf(p.GetUnit(), d) - from) / every * every
	return unitStart(p.GetUnit(), from), unitStart(p.GetUnit(), from+every) - 1
}

// nextWindow is the obligation of the window after the newest one. The first is cut at the first day of the promise, the
// last at the last day of the agreement; what is owed for it may fall due after that.
func nextWindow(a *pb.Agreement, c *pb.Commitment, p *pb.Period, due *pb.After, cal *Calendar) (instance, bool) {
	first := cal.DayAt(c.GetEffectiveTime().AsTime())
	start := first
	if last, err := ParseDay(c.GetLastRuleDate()); err == nil {
		start = max(first, last+1)
	}
	if !lasts(a, c, start, cal) {
		return instance{}, false
	}
	_, end := period(p, first, start)
	if a.GetEndTime() != nil {
		end = min(end, lastDayBefore(a.GetEndTime().AsTime(), cal))
	}
	way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_WINDOW, end, "")
	way.after(due, cal)
	return instance{route: way, ruleDate: end.String(), window: start.String()}, way.day <= latestDay
}

// checkWindows lists why windows, or what is owed for them, could not hold.
func checkWindows(c *pb.CommitmentTerms, p *pb.Period, due *pb.After, f frame, at, name string) (wrong []Violation) {
	refuse := func(is bool, field, format string, args ...any) {
		if is {
			wrong = append(wrong, Violation{at + "." + field, fmt.Sprintf(format, args...)})
		}
	}
	if f.last != nil {
		start, end := period(p, f.first, f.first)
		refuse(end-start > *f.last-f.first, name, "it is longer than the agreement: none would ever be whole")
		n := (unitOf(p.GetUnit(), *f.last)-unitOf(p.GetUnit(), f.first))/max(1, int(p.GetEvery())) + 1
		refuse(n > MaxWindows, name, "there would be %d of them; at most %d fit: make them longer", n, MaxWindows)
	}
	back := due.GetRoll() == pb.DayRoll_DAY_ROLL_PRECEDING || due.GetRoll() == pb.DayRoll_DAY_ROLL_MODIFIED_FOLLOWING
	refuse(back, "due.roll", "it could roll back to a day that is not over yet: take DAY_ROLL_FOLLOWING")
	hasty := due.GetDays() == 0 && due.GetBusinessDays() == 0 && clocksOf(c, f.text).GetGraceBusinessDays() == 0
	refuse(hasty, "due", "with no days of grace nobody could say in time how it went: give at least a day")
	return wrong
}

// windowEnd is when the window of an obligation is over; false if it has none.
func (d *Decision) windowEnd(o *pb.Obligation) (time.Time, bool) {
	if o.GetWindowEndDate() == "" {
		return time.Time{}, false
	}
	last, err := ParseDay(o.GetWindowEndDate())
	cal := d.calendar(d.State.agreement(o.GetAgreementId()))
	if err != nil || cal == nil {
		return time.Time{}, false
	}
	return cal.EndOfDay(last), true
}

// whileItRuns refuses to judge a window that is not over.
func (d *Decision) whileItRuns(o *pb.Obligation, verb string) *Error {
	end, windowed := d.windowEnd(o)
	judges := verb == "measure" || verb == "acknowledge" && o.GetState() == due
	if !windowed || !judges || !d.stamp.At.Before(end) {
		return nil
	}
	return tooEarly("obligation", verb, windowOver, end, "It is about the time until %s, which is not over.", o.GetWindowEndDate())
}

// stayUnknown is the clock's word that nobody said in time how a window went.
func (d *Decision) stayUnknown(o *pb.Obligation, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationNotDetermined{
		ObligationNotDetermined: &pb.ObligationNotDetermined{ObligationId: o.GetObligationId()},
	}})
	d.closed(o, at)
}

// kept is when an obligation was kept whose performance came at a time, and whether that was in time. A window that was not
// missed was kept when it ended, however long the figures took.
func (d *Decision) kept(o *pb.Obligation, from pb.ObligationState, at time.Time) (*timestamppb.Timestamp, pb.Timeliness) {
	if end, windowed := d.windowEnd(o); windowed && from == due {
		return timestamppb.New(end), pb.Timeliness_TIMELINESS_ON_TIME
	}
	return timestamppb.New(at), timeliness(o, at)
}
