package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the tables below.
const (
	objectiveInForce = pb.ObjectiveState_OBJECTIVE_STATE_IN_FORCE
	objectiveEnded   = pb.ObjectiveState_OBJECTIVE_STATE_ENDED
	pending          = pb.ObservationState_OBSERVATION_STATE_PENDING
	confirmed        = pb.ObservationState_OBSERVATION_STATE_CONFIRMED
	returned         = pb.ObservationState_OBSERVATION_STATE_RETURNED
)

// ObjectiveMoves is the life of an objective. It follows the terms.
var ObjectiveMoves = []Move[pb.ObjectiveState]{
	{From: objectiveInForce, Verb: "observe", By: Either, To: objectiveInForce},
	{From: objectiveInForce, Verb: "revise", By: Rule, To: objectiveInForce, If: "an amendment changed its words"},
	{From: objectiveInForce, Verb: "end", By: Rule, To: objectiveEnded, If: "an amendment left it out"},
}

// ObservationMoves is the life of an observation. One by the side whose objective it is about is confirmed by that.
var ObservationMoves = []Move[pb.ObservationState]{
	{From: pending, Verb: "confirm", By: Hopeful, To: confirmed},
	{From: pending, Verb: "return", By: Hopeful, To: returned},
}

// toObservation says who a side is to an observation of an objective.
func toObservation(objective *pb.Objective, side pb.Side) func(Who) bool {
	return func(w Who) bool { return w == Hopeful && side == objective.GetSide() }
}
