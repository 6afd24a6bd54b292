package rules

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// hopefulWorld has the agreement care with a round of the pulse, an objective of the client and an observation of it, each in a
// state it could have come to.
func hopefulWorld(t *testing.T, round pb.PulseRoundState, objective pb.ObjectiveState, observation pb.ObservationState) *world {
	t.Helper()
	w := agreedWorld(t)
	later := timestamppb.New(w.now.Add(time.Hour))
	a := proto.CloneOf(w.agreement("care"))
	a.EffectiveTime = timestamppb.New(begin)
	r := &pb.PulseRound{AgreementId: "care", PulseRoundId: "q1", State: round, OpenTime: later, EndTime: later, Respondents: 1, Etag: "7"}
	switch round {
	case pulseOpen:
		a.OpenPulseRoundId = "q1"
	case pulseScheduled:
		a.ScheduledPulseRoundId = "q1"
	}
	w.put(agreementRef("care"), a)
	w.put(pulseRoundRef("care", "q1"), r)
	w.put(objectiveRef("care", "calls"), &pb.Objective{AgreementId: "care", ObjectiveId: "calls", State: objective, Side: pb.Side_SIDE_CLIENT, Etag: "7"})
	w.put(observationRef("care", "may"), &pb.Observation{
		AgreementId: "care", ObservationId: "may", ObjectiveId: "calls", State: observation, By: pb.Side_SIDE_VENDOR, Value: "3", ObservedDate: "2025-12-01", Etag: "7",
	})
	return w
}

// TestEveryCellOfAPulseAndAnObjective tries every verb on a round, an objective and an observation in every state, by everybody:
// what the tables have is done, and all else refused by the rule that the table is.
func TestEveryCellOfAPulseAndAnObjective(t *testing.T) {
	view := &pb.PulseView{OfOther: &pb.Ratings{Trust: 1}, OfSelf: &pb.Ratings{Trust: 2}}
	today := DayOf(agreedWorld(t).now.Date()).String()
	cell := func(noun string, from int32, by Caller, do proto.Message, verb string, want outcome, build func() *world) {
		t.Run(fmt.Sprintf("%s/%d/%s/%s", noun, from, verb, by.PrincipalID), func(t *testing.T) {
			w := build()
			told := len(w.history)
			_, err := w.do(by, do)
			var e *Error
			switch {
			case slices.ContainsFunc(blind, func(c Caller) bool { return c.PrincipalID == by.PrincipalID }):
				want = outcome{reason: pb.ErrorReason_ERROR_REASON_NOT_FOUND}
			case by.PrincipalID == auditor.PrincipalID:
				want = outcome{reason: pb.ErrorReason_ERROR_REASON_WRONG_SIDE}
			}
			switch {
			case want.to != nil && err != nil:
				t.Errorf("refused: %v", err)
			case want.to != nil:
			case !errors.As(err, &e) || e.Reason != want.reason:
				t.Errorf("%v, not %v", err, want.reason)
			case want.reason != pb.ErrorReason_ERROR_REASON_NOT_FOUND && e.Rule != noun+" "+verb:
				t.Errorf("the rule is %q", e.Rule)
			case len(w.history) != told:
				t.Errorf("refused, and %d events followed", len(w.history)-told)
			}
		})
	}
	for _, by := range append(slices.Clone(blind), vendor, client, auditor) {
		for n := range pb.PulseRoundState_name {
			from := pb.PulseRoundState(n)
			cell("pulse round", n, by, &pb.AnswerPulseRequest{AgreementId: "care", PulseRoundId: "q1", View: view}, "answer",
				lawful(PulseMoves, from, "answer", Either, pb.ErrorReason_ERROR_REASON_WRONG_SIDE),
				func() *world { return hopefulWorld(t, from, objectiveInForce, pending) })
		}
		for n := range pb.ObjectiveState_name {
			from := pb.ObjectiveState(n)
			cell("objective", n, by, &pb.RecordObservationRequest{AgreementId: "care", ObjectiveId: "calls", Value: "1", ObservedDate: today}, "observe",
				lawful(ObjectiveMoves, from, "observe", Either, pb.ErrorReason_ERROR_REASON_WRONG_SIDE),
				func() *world { return hopefulWorld(t, pulseOpen, from, pending) })
		}
		for n := range pb.ObservationState_name {
			from := pb.ObservationState(n)
			who := Hopeful
			if by.PrincipalID != client.PrincipalID {
				who = Beneficiary // whom the table does not have
			}
			build := func() *world { return hopefulWorld(t, pulseOpen, objectiveInForce, from) }
			cell("observation", n, by, &pb.ConfirmObservationRequest{AgreementId: "care", ObservationId: "may"}, "confirm",
				lawful(ObservationMoves, from, "confirm", who, pb.ErrorReason_ERROR_REASON_WRONG_SIDE), build)
			cell("observation", n, by, &pb.ReturnObservationRequest{AgreementId: "care", ObservationId: "may", Reason: "no"}, "return",
				lawful(ObservationMoves, from, "return", who, pb.ErrorReason_ERROR_REASON_WRONG_SIDE), build)
		}
	}
}

// TestAnObjectiveHasOnlySoManyObservations holds the bound, with words that say what to do.
func TestAnObjectiveHasOnlySoManyObservations(t *testing.T) {
	w := hopefulWorld(t, pulseOpen, objectiveInForce, pending)
	full := &pb.Objective{AgreementId: "care", ObjectiveId: "calls", State: objectiveInForce, Side: pb.Side_SIDE_CLIENT, ObservationCount: MaxObservations - 1}
	w.put(objectiveRef("care", "calls"), full)
	record := &pb.RecordObservationRequest{AgreementId: "care", ObjectiveId: "calls", Value: "1", ObservedDate: DayOf(w.now.Date()).String()}
	if _, err := w.do(vendor, record); err != nil {
		t.Fatal(err)
	}
	_, err := w.do(vendor, record)
	var e *Error
	if !errors.As(err, &e) || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED || e.Metadata["limit"] == "" {
		t.Errorf("one more: %v", err)
	}
	nobodyFillsItUp(t)
	aDayHasAnEnd(t)
	many := &pb.Terms{}
	for i := range MaxObjectives + 1 {
		many.Objectives = append(many.Objectives, &pb.ObjectiveTerms{ObjectiveId: fmt.Sprint(i), Side: pb.Side_SIDE_CLIENT, Target: "1", ByDate: "2026-01-01"})
	}
	if wrong := checkObjectives(many, frame{}, "terms"); len(wrong) != 1 || wrong[0].Field != fmt.Sprintf("terms.objectives[%d].side", MaxObjectives) {
		t.Errorf("too many objectives: %v", wrong)
	}
}

// nobodyFillsItUp holds that the other side has only so many observations wait, and that the side that hopes has its say all the same.
func nobodyFillsItUp(t *testing.T) {
	t.Helper()
	w := hopefulWorld(t, pulseOpen, objectiveInForce, pending) // one waits
	record := &pb.RecordObservationRequest{AgreementId: "care", ObjectiveId: "calls", Value: "1", ObservedDate: DayOf(w.now.Date()).String()}
	for range MaxPendingObservations - 1 {
		w.must(vendor, record)
	}
	_, err := w.do(vendor, record)
	var e *Error
	if !errors.As(err, &e) || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED || e.Subject != "agreements/care/objectives/calls" {
		t.Errorf("one more: %v", err)
	}
	w.must(client, record)
	w.must(client, &pb.ReturnObservationRequest{AgreementId: "care", ObservationId: "may", Reason: "no"})
	w.must(vendor, record)
}

// aDayHasAnEnd holds that of one day only so many are confirmed, by whichever word, and that another day has room.
func aDayHasAnEnd(t *testing.T) {
	t.Helper()
	w := hopefulWorld(t, pulseOpen, objectiveInForce, pending)
	record := &pb.RecordObservationRequest{AgreementId: "care", ObjectiveId: "calls", Value: "1", ObservedDate: "2025-12-01"}
	for range MaxConfirmedADay {
		w.must(client, record)
	}
	for _, one := range []proto.Message{record, &pb.ConfirmObservationRequest{AgreementId: "care", ObservationId: "may"}} {
		_, err := w.do(client, one)
		var e *Error
		if !errors.As(err, &e) || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED || e.Subject == "" {
			t.Errorf("one more: %v", err)
		}
	}
	record.ObservedDate = "2025-12-02"
	w.must(client, record)
}
