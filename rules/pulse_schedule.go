package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The terms may have rounds of the pulse open by a rule. The next of them is a record that waits for its time; when it has
// come, there is another next one.

// pulseWake is when time alone changes a round.
func pulseWake(r *pb.PulseRound) (time.Time, bool) {
	switch r.GetState() {
	case pulseScheduled:
		return r.GetOpenTime().AsTime(), true
	case pulseOpen:
		return r.GetEndTime().AsTime(), true
	}
	return time.Time{}, false
}

// passPulse does what time has brought to a round: it opens, or waits for the next date while another is open; or it closes.
func (d *Decision) passPulse(r *pb.PulseRound, at time.Time) {
	if r.GetState() == pulseOpen {
		d.closePulse(r, at)
		return
	}
	id := r.GetAgreementId()
	a := d.State.agreement(id)
	if a.GetOpenPulseRoundId() != "" { // which may be over by then
		d.timePassesBefore(pulseRoundRef(id, a.GetOpenPulseRoundId()), at.Add(time.Nanosecond))
		a = d.State.agreement(id)
	}
	if a.GetOpenPulseRoundId() == "" {
		d.openPulse(a, r.GetPulseRoundId(), pb.Side_SIDE_UNSPECIFIED, at)
	}
	d.schedulePulse(d.State.agreement(id), at, at.Add(time.Nanosecond))
}

// pulsePasses brings the rounds of an agreement up to an instant, not including it: the open one and the scheduled one, each
// at its own time. Who is farther behind than maxComing changes waits for the clock.
func (d *Decision) pulsePasses(id string, until time.Time) {
	for range maxComing {
		a := d.State.agreement(id)
		first := pulseRoundRef(id, a.GetOpenPulseRoundId())
		at, waits := WakeTime(d.State.Get(first))
		next := pulseRoundRef(id, a.GetScheduledPulseRoundId())
		if t, w := WakeTime(d.State.Get(next)); w && (!waits || t.Before(at)) {
			first = next
		}
		if !d.passBefore(first, until) {
			return
		}
	}
}

// schedulePulse has the next round open at the first date of the rule that is not before a time; if there is none, it is
// cancelled. What changes is told as of another time.
func (d *Decision) schedulePulse(a *pb.Agreement, at, from time.Time) {
	id, round := a.GetAgreementId(), a.GetScheduledPulseRoundId()
	next := d.nextPulse(a, d.text(a).terms, from)
	switch {
	case next == nil && round != "":
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_PulseCancelled{PulseCancelled: &pb.PulseCancelled{PulseRoundId: round}}})
	case next == nil, round != "" && next.AsTime().Equal(get[*pb.PulseRound](d.State, pulseRoundRef(id, round)).GetOpenTime().AsTime()):
	default:
		if round == "" {
			round = d.stamp.NewID("pls_")
		}
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_PulseScheduled{PulseScheduled: &pb.PulseScheduled{PulseRoundId: round, OpenTime: next}}})
	}
}

// firstPulse is the first round by the text of an agreement that both sides have just consented to; nil if it has none. What
// lies behind them nobody can answer for.
func (d *Decision) firstPulse(a *pb.Agreement, t *pb.Terms) *pb.Event {
	from := a.GetEffectiveTime().AsTime()
	if d.stamp.At.After(from) {
		from = d.stamp.At
	}
	next := d.nextPulse(a, t, from)
	if next == nil {
		return nil
	}
	return &pb.Event{Change: &pb.Event_PulseScheduled{PulseScheduled: &pb.PulseScheduled{PulseRoundId: d.stamp.NewID("pls_"), OpenTime: next}}}
}

// nextPulse is when the rule of a text opens the next round, at a time or after it; nil if it does not.
func (d *Decision) nextPulse(a *pb.Agreement, t *pb.Terms, from time.Time) *timestamppb.Timestamp {
	cal := d.calendar(a)
	if cal == nil || t.GetPulse().GetRrule() == "" {
		return nil
	}
	first := cal.DayAt(from)
	if cal.StartOfDay(first).Before(from) {
		first++
	}
	day, ok := ruleDateFrom(t.GetPulse().GetRrule(), cal.DayAt(a.GetEffectiveTime().AsTime()), first)
	opens := cal.StartOfDay(day)
	if !ok || day > latestDay || a.GetEndTime() != nil && !opens.Before(a.GetEndTime().AsTime()) {
		return nil
	}
	return timestamppb.New(opens)
}

// ruleDateFrom is the first date, from a day on, of a rule that starts on another; false if there is none.
func ruleDateFrom(text string, start, from Day) (Day, bool) {
	rule, problems := parseRecurrence(text)
	if problems != nil {
		return 0, false
	}
	rule.begin(start)
	begin, limit := max(start, from), 1
	if rule.count > 0 {
		begin, limit = start, rule.count // those before count, too
	}
	for _, date := range rule.dates(begin, max(start, from).addYears(recurrenceGapYears), limit) {
		if date >= from {
			return date, true
		}
	}
	return 0, false
}

// endPulse has no more rounds open by the schedule of an agreement that ends at a time. One that is open goes on: what people
// felt when it ended is worth knowing.
func (d *Decision) endPulse(id string, at time.Time) {
	d.pulsePasses(id, at)
	if round := d.State.agreement(id).GetScheduledPulseRoundId(); round != "" {
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_PulseCancelled{PulseCancelled: &pb.PulseCancelled{PulseRoundId: round}}})
	}
}

// checkPulse lists what is wrong with the terms of the pulse.
func checkPulse(t *pb.Terms, f frame, field string) []Violation {
	if t.GetPulse().GetRrule() == "" {
		return nil
	}
	return CheckRecurring(&pb.Recurring{Rrule: t.GetPulse().GetRrule()}, f.first, f.last, f.cal, field+".pulse")
}
