package rules

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// kind is what one kind of commitment means: when its words cannot hold, what they bring forth, and what does not fit it.
type kind struct {
	// check lists why a commitment could never fall due as its words say; at is the path that violations start with.
	check func(c *pb.CommitmentTerms, f frame, at string) []Violation
	// next is the obligation that a commitment brings forth after those it has brought forth already; false if none. Its
	// cost does not grow with their number.
	next func(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool)
	// rests says that the commitment is DORMANT while nothing has happened that makes it fall due.
	rests bool
	// unfit says what to do instead of a verb that the table of moves allows but that means nothing here; empty if it
	// does.
	unfit func(o *pb.Obligation, verb string) string
}

// kinds is the kinds of commitments that can be promised.
var kinds = map[pb.CommitmentKind]kind{
	pb.CommitmentKind_COMMITMENT_KIND_ONE_OFF:     {check: checkOneOff, next: nextOneOff, unfit: unfitByDate},
	pb.CommitmentKind_COMMITMENT_KIND_RECURRING:   {check: checkRecurring, next: nextRecurring, unfit: unfitByDate},
	pb.CommitmentKind_COMMITMENT_KIND_CONDITIONAL: {check: checkConditional, next: nextConditional, rests: true, unfit: unfitConditional},
	pb.CommitmentKind_COMMITMENT_KIND_MEASURED:    {check: checkMeasured, next: nextMeasured, unfit: unfitMeasured},
	pb.CommitmentKind_COMMITMENT_KIND_STANDING:    {check: checkStanding, next: nextStanding, unfit: unfitStanding},
}

// frame is what the words of a commitment are held against: the first and the last day of the agreement, its calendar,
// and the text with its other commitments.
type frame struct {
	first Day
	last  *Day // nil: no end
	cal   *Calendar
	text  *pb.Terms
	byID  map[string]*pb.CommitmentTerms
}

// holds lists why a commitment could not be due on a day.
func (f frame) holds(c *pb.CommitmentTerms, day Day, at string) []Violation {
	switch {
	case day > latestDay:
		return []Violation{{at, tooFar(day)}}
	case day < f.first:
		return []Violation{{at, "it is due before the agreement begins"}}
	case f.last != nil && day > *f.last && !c.GetSurviving():
		return []Violation{{at, "it is due after the agreement ends"}}
	}
	return nil
}

// instance is what a commitment brings forth: one thing to be done by a day.
type instance struct {
	// route is the day and how it came about; no steps: it waits for something to happen, and has no day yet.
	route
	// until is when that can no longer happen; zero: as long as the agreement lasts.
	until time.Time
	// ruleDate is the date that its rule yielded; empty if it has no rule.
	ruleDate string
	// window is the first day of the window that it is about, which ends on the ruleDate; empty if it is about none.
	window string
	// counted is how many dates the rule yielded before this one that brought nothing forth.
	counted int32
}

// KindOf is the kind of a commitment: the name of the schedule it has.
func KindOf(c *pb.CommitmentTerms) pb.CommitmentKind {
	m := c.ProtoReflect()
	schedule := m.WhichOneof(m.Descriptor().Oneofs().ByName("schedule"))
	if schedule == nil {
		return pb.CommitmentKind_COMMITMENT_KIND_UNSPECIFIED
	}
	return pb.CommitmentKind(pb.CommitmentKind_value["COMMITMENT_KIND_"+strings.ToUpper(string(schedule.Name()))])
}

// checkSchedule lists why a commitment could never fall due as its words say.
func checkSchedule(c *pb.CommitmentTerms, f frame, at string) []Violation {
	k, known := kinds[KindOf(c)]
	if !known {
		return []Violation{{at + ".schedule", "say when it is due: by one of the schedules"}}
	}
	return k.check(c, f, at)
}

// nextInstance is what a commitment brings forth next.
func nextInstance(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool) {
	k, known := kinds[c.GetKind()]
	if !known {
		return instance{}, false
	}
	next, ok := k.next(a, c, cal)
	from, err := ParseDay(c.GetWordsFromDate())
	if err != nil || !ok || next.waits() || next.day >= from {
		return next, ok
	}
	// What is due before these words hold is not owed by them; a rule that counts its dates counts it.
	passed := proto.CloneOf(c)
	for ok && next.day < from && next.ruleDate != "" {
		advance(passed, next)
		next, ok = k.next(a, passed, cal)
	}
	next.counted = passed.GetRuleDateCount() - c.GetRuleDateCount()
	return next, ok && next.day >= from
}

// waits says whether it has no day yet.
func (i instance) waits() bool { return len(i.steps) == 0 }

// advance has a commitment go on behind what it has brought forth.
func advance(c *pb.Commitment, past instance) {
	c.LastRuleDate = past.ruleDate
	c.RuleDateCount++
}

// lasts says whether something can still fall due by a commitment on a day: up to the agreement's last one, unless it
// outlives the agreement.
func lasts(a *pb.Agreement, c *pb.Commitment, day Day, cal *Calendar) bool {
	return a.GetEndTime() == nil || c.GetTerms().GetSurviving() || cal.StartOfDay(day).Before(a.GetEndTime().AsTime())
}

// fits refuses a verb that means nothing for an obligation of its kind, or not yet.
func (d *Decision) fits(o *pb.Obligation, verb string) *Error {
	kind := d.commitmentOf(o).GetKind()
	e := d.whileItRuns(o, verb)
	if instead := kinds[kind].unfit(o, verb); instead != "" {
		e = wrongKind(verb, kind, "This is a %s commitment: %s.", strings.TrimPrefix(kind.String(), "COMMITMENT_KIND_"), instead)
	}
	return e.about(o)
}

// about is a refusal that names the obligation it is about.
func (e *Error) about(o *pb.Obligation) *Error {
	if e != nil {
		e.Subject = "agreements/" + o.GetAgreementId() + "/obligations/" + o.GetObligationId()
	}
	return e
}

// unfitByDate is what does not fit what falls due by a date.
func unfitByDate(_ *pb.Obligation, verb string) string {
	switch verb {
	case "trigger":
		return "it falls due by its date, whatever happens"
	case "measure":
		return "it is not judged by a figure; submit what was done"
	}
	return ""
}
