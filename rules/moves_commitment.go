package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	dormant = pb.CommitmentState_COMMITMENT_STATE_DORMANT
	inForce = pb.CommitmentState_COMMITMENT_STATE_IN_FORCE
	resting = pb.CommitmentState_COMMITMENT_STATE_SUSPENDED
	ended   = pb.CommitmentState_COMMITMENT_STATE_ENDED
)

// CommitmentMoves is the life of a commitment. Nobody commands one: it follows its agreement and its obligations.
var CommitmentMoves = []Move[pb.CommitmentState]{
	{From: dormant, Verb: "enter into force", By: ClockActor, To: inForce, If: "the agreement has begun"},
	{From: dormant, Verb: "enter into force", By: Rule, To: inForce, If: "it makes good a miss, and one was found"},
	{From: dormant, Verb: "trigger", By: Either, To: inForce, If: "it waits for something, which has happened"},
	{From: inForce, Verb: "rest", By: Rule, To: dormant, If: "it waits for something, and nothing that happened is open"},
	{From: dormant, Verb: "end", By: Rule, To: ended, If: "what it waits for can no longer happen, or binds no more"},
	{From: dormant, Verb: "suspend", By: Rule, To: resting, If: "the agreement is suspended"},
	{From: inForce, Verb: "suspend", By: Rule, To: resting, If: "the agreement is suspended"},
	{From: resting, Verb: "resume", By: Rule, To: dormant, If: "the pause is over, and it was DORMANT"},
	{From: resting, Verb: "resume", By: Rule, To: inForce, If: "the pause is over, and it was IN_FORCE"},
	{From: dormant, Verb: "end", By: Rule, To: ended, If: "the agreement has ended, or an amendment left it out"},
	{From: resting, Verb: "end", By: Rule, To: ended, If: "the agreement has ended, or an amendment left it out"},
	{From: inForce, Verb: "end", By: Rule, To: ended, If: "nothing is open and its words bring forth nothing more, the agreement has ended, or an amendment left it out"},
}
