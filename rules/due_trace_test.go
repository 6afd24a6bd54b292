package rules

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Every kind of step has words, and no two the same.
func TestEveryStepHasWords(t *testing.T) {
	said := map[string]bool{}
	for n := range pb.DueStepKind_name {
		if n == 0 {
			continue
		}
		words := dueWords(&pb.DueStep{Kind: pb.DueStepKind(n), Date: "2026-03-02", BusinessDays: 1, Subject: "manual-1"})
		if said[words] || !strings.HasSuffix(words, ".") || !strings.Contains(words, "2026-03-02") {
			t.Errorf("%v: %q", pb.DueStepKind(n), words)
		}
		said[words] = true
	}
	for n, want := range map[int32]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 13: "13th", 21: "21st", -1: "last", -3: "3rd last"} {
		if got := ordinalWord(n); got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
}

// Days come first, then business days, then the roll; what changes nothing is no step.
func TestARouteGoesStepByStep(t *testing.T) {
	way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_WINDOW, mustParse("2026-03-31"), "")
	way.after(&pb.After{Days: 2, BusinessDays: 1, Roll: pb.DayRoll_DAY_ROLL_FOLLOWING}, berlin(t)) // over Good Friday and Easter Monday
	way.notBefore(mustParse("2026-04-01"))
	if len(way.steps) != 3 || way.steps[1].GetDate() != "2026-04-02" || way.day.String() != "2026-04-07" {
		t.Errorf("%v leads to %v", way.steps, way.day)
	}
	way.notBefore(mustParse("2026-04-09"))
	if way.day.String() != "2026-04-09" || way.steps[3].GetKind() != pb.DueStepKind_DUE_STEP_KIND_RECORDED {
		t.Errorf("%v leads to %v", way.steps, way.day)
	}
}

// However often a date is moved, the trace stays small, and keeps how the date was agreed and what moved it last.
func TestATraceIsBounded(t *testing.T) {
	trace := routeFrom(pb.DueStepKind_DUE_STEP_KIND_DATE, mustParse("2026-03-02"), "").steps
	for n := range int32(3 * MaxTrace) {
		trace = addStep(trace, &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_PREREQUISITE, BusinessDays: n})
	}
	if len(trace) != MaxTrace || trace[0].GetKind() != pb.DueStepKind_DUE_STEP_KIND_DATE || trace[MaxTrace-1].GetBusinessDays() != 3*MaxTrace-1 {
		t.Errorf("%d steps: %v", len(trace), trace)
	}
}

// What is due before the words hold is not owed by them, and yet counted.
func TestWordsBeginWithTheirDay(t *testing.T) {
	a := &pb.Agreement{EffectiveTime: timestamppb.New(at("2026-01-01T00:00:00+01:00"))}
	weekly := &pb.Commitment{
		Kind: pb.CommitmentKind_COMMITMENT_KIND_RECURRING, WordsFromDate: "2026-01-20",
		Terms: &pb.CommitmentTerms{Schedule: &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: "FREQ=WEEKLY;BYDAY=MO;COUNT=5"}}},
	}
	next, ok := nextInstance(a, weekly, berlin(t))
	if !ok || next.day.String() != "2026-01-26" || next.counted != 3 {
		t.Errorf("%v %v, %d before it", next.day, ok, next.counted)
	}
	weekly.WordsFromDate = "2026-02-03"
	if next, ok := nextInstance(a, weekly, berlin(t)); ok {
		t.Errorf("the rule is used up, and yet: %v", next)
	}
	once := &pb.Commitment{
		Kind: pb.CommitmentKind_COMMITMENT_KIND_ONE_OFF, WordsFromDate: "2026-02-03",
		Terms: &pb.CommitmentTerms{Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-02-02"}}},
	}
	if next, ok := nextInstance(a, once, berlin(t)); ok {
		t.Errorf("it was due before, and yet: %v", next)
	}
}

// An obligation that waits for its day is not overdue, nor is one that waits for the other side.
func TestWhatWaitsIsNotOverdue(t *testing.T) {
	now := at("2026-03-02T00:00:00Z")
	past := timestamppb.New(at("2026-03-01T00:00:00Z"))
	for overdue, list := range map[bool][]*pb.Obligation{
		true:  {{State: due, DueTime: past}, {State: due, DueTime: timestamppb.New(now)}},
		false: {{State: due}, {State: scheduled}, {State: due, DueTime: past, BlockedBy: "manual-1"}, {State: submitted, DueTime: past}},
	} {
		for _, o := range list {
			if presentObligation(o, now); o.GetOverdue() != overdue {
				t.Errorf("overdue is not %v: %v", overdue, o)
			}
		}
	}
}
