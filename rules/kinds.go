package rules

import (
	"strings"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// kind is what one kind of commitment means: when its words cannot hold, and what they bring forth.
type kind struct {
	// check lists why a commitment could never fall due as its words say; at is the path that violations start with.
	check func(c *pb.CommitmentTerms, f frame, at string) []Violation
	// next is the obligation that a commitment brings forth after those it has brought forth already; false if none. Its
	// cost does not grow with their number.
	next func(a *pb.Agreement, c *pb.Commitment, cal *Calendar) (instance, bool)
}

// kinds is the kinds of commitments that can be promised.
var kinds = map[pb.CommitmentKind]kind{
	pb.CommitmentKind_COMMITMENT_KIND_ONE_OFF:   {check: checkOneOff, next: nextOneOff},
	pb.CommitmentKind_COMMITMENT_KIND_RECURRING: {check: checkRecurring, next: nextRecurring},
}

// frame is what the words of a commitment are held against: the first and the last day of the agreement and its calendar.
type frame struct {
	first Day
	last  *Day // nil: no end
	cal   *Calendar
}

// instance is what a commitment brings forth: one thing to be done by a day.
type instance struct {
	// route is the day and how it came about.
	route
	// ruleDate is the date that its rule yielded; empty if it has no rule.
	ruleDate string
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
		return []Violation{{at + ".schedule", "this release keeps one_off and recurring commitments"}}
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
	if err != nil || !ok || next.day >= from {
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
