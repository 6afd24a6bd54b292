package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	pulseScheduled = pb.PulseRoundState_PULSE_ROUND_STATE_SCHEDULED
	pulseOpen      = pb.PulseRoundState_PULSE_ROUND_STATE_OPEN
	pulseClosed    = pb.PulseRoundState_PULSE_ROUND_STATE_CLOSED
	pulseCancelled = pb.PulseRoundState_PULSE_ROUND_STATE_CANCELLED
)

// What must hold for some of the moves below.
const (
	noRoundOpen = "no round is open"
	ownAnswer   = "each person once, and as many on each side as were agreed"
)

// PulseMoves is the life of a round of the pulse. One that a side asks for begins OPEN.
var PulseMoves = []Move[pb.PulseRoundState]{
	{From: pulseScheduled, Verb: "schedule", By: Rule, To: pulseScheduled, If: "another round is open at its time, or other terms hold"},
	{From: pulseScheduled, Verb: "open", By: ClockActor, To: pulseOpen, If: "its time has come, and " + noRoundOpen},
	{From: pulseScheduled, Verb: "cancel", By: Rule, To: pulseCancelled, If: "the agreement has ended, or its terms open no more rounds"},
	{From: pulseOpen, Verb: "answer", By: Either, To: pulseOpen, If: ownAnswer},
	{From: pulseOpen, Verb: "close", By: Rule, To: pulseClosed, If: "as many on each side as were agreed have answered"},
	{From: pulseOpen, Verb: "close", By: ClockActor, To: pulseClosed, If: "its time is over"},
}

// toEither says who a side is to what both sides may do alike.
func toEither(side pb.Side) func(Who) bool {
	return func(w Who) bool { return w == Either && side != pb.Side_SIDE_UNSPECIFIED }
}
