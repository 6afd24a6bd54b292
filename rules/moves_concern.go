package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	raised         = pb.ConcernState_CONCERN_STATE_OPEN
	acknowledged   = pb.ConcernState_CONCERN_STATE_ACKNOWLEDGED
	admitted       = pb.ConcernState_CONCERN_STATE_ADMITTED
	contested      = pb.ConcernState_CONCERN_STATE_CONTESTED
	remedyProposed = pb.ConcernState_CONCERN_STATE_REMEDY_PROPOSED
	escalated      = pb.ConcernState_CONCERN_STATE_ESCALATED
	resolved       = pb.ConcernState_CONCERN_STATE_RESOLVED
	takenBack      = pb.ConcernState_CONCERN_STATE_WITHDRAWN
)

// What some rows ask for besides, where a refusal names it.
const (
	unheard      = "nobody has acknowledged it yet"
	stepOver     = "the time of the step it is at is over; level 4 is the last, and needs a neutral"
	fromLevel    = "both sides from level 3 on, the neutral at level 4"
	inReopenDays = "within the agreed days, and 20 times at most"
)

// ConcernMoves is the life of a concern. Whoever answers, it is the other side than the one that spoke.
var ConcernMoves = []Move[pb.ConcernState]{
	{From: raised, Verb: "acknowledge", By: Respondent, To: acknowledged},
	{From: raised, Verb: "acknowledge", By: Respondent, To: resolved, If: "an appreciation"},
	{From: remedyProposed, Verb: "acknowledge", By: Respondent, To: remedyProposed, If: unheard},
	{From: escalated, Verb: "acknowledge", By: Respondent, To: escalated, If: unheard},
	{From: raised, Verb: "go unheard", By: ClockActor, To: raised, If: "the time to acknowledge it is over"},
	{From: remedyProposed, Verb: "go unheard", By: ClockActor, To: remedyProposed, If: "the time to acknowledge it is over"},
	{From: escalated, Verb: "go unheard", By: ClockActor, To: escalated, If: "the time to acknowledge it is over"},
	{From: raised, Verb: "reply to", By: Respondent, To: resolved, If: "feedback"},
	{From: acknowledged, Verb: "reply to", By: Respondent, To: resolved, If: "feedback"},
	{From: acknowledged, Verb: "admit", By: Respondent, To: admitted},
	{From: contested, Verb: "admit", By: Respondent, To: admitted},
	{From: escalated, Verb: "admit", By: Respondent, To: admitted},
	{From: acknowledged, Verb: "admit", By: Respondent, To: resolved, If: "a claim for relief, which is granted"},
	{From: contested, Verb: "admit", By: Respondent, To: resolved, If: "a claim for relief, which is granted"},
	{From: escalated, Verb: "admit", By: Respondent, To: resolved, If: "a claim for relief, which is granted"},
	{From: acknowledged, Verb: "contest", By: Respondent, To: contested},
	{From: raised, Verb: "propose a remedy for", By: Either, To: remedyProposed},
	{From: acknowledged, Verb: "propose a remedy for", By: Either, To: remedyProposed},
	{From: admitted, Verb: "propose a remedy for", By: Either, To: remedyProposed},
	{From: contested, Verb: "propose a remedy for", By: Either, To: remedyProposed},
	{From: escalated, Verb: "propose a remedy for", By: Either, To: remedyProposed},
	{From: acknowledged, Verb: "wait too long", By: ClockActor, To: acknowledged, If: "the time to propose a remedy is over"},
	{From: admitted, Verb: "wait too long", By: ClockActor, To: admitted, If: "the time to propose a remedy is over"},
	{From: contested, Verb: "wait too long", By: ClockActor, To: contested, If: "the time to propose a remedy is over"},
	{From: remedyProposed, Verb: "wait too long", By: ClockActor, To: remedyProposed, If: "the time to answer the remedy is over"},
	{From: remedyProposed, Verb: "accept the remedy of", By: Answerer, To: resolved},
	{From: remedyProposed, Verb: "reject the remedy of", By: Answerer, To: acknowledged, If: "it was OPEN or ACKNOWLEDGED before"},
	{From: remedyProposed, Verb: "reject the remedy of", By: Answerer, To: admitted, If: "it was ADMITTED before"},
	{From: remedyProposed, Verb: "reject the remedy of", By: Answerer, To: contested, If: "it was CONTESTED before"},
	{From: remedyProposed, Verb: "reject the remedy of", By: Answerer, To: escalated, If: "it was ESCALATED before"},
	{From: raised, Verb: "escalate", By: Either, To: escalated, If: stepOver},
	{From: acknowledged, Verb: "escalate", By: Either, To: escalated, If: stepOver},
	{From: admitted, Verb: "escalate", By: Either, To: escalated, If: stepOver},
	{From: contested, Verb: "escalate", By: Either, To: escalated, If: "at once"},
	{From: remedyProposed, Verb: "escalate", By: Either, To: escalated, If: stepOver},
	{From: escalated, Verb: "escalate", By: Either, To: escalated, If: stepOver},
	{From: escalated, Verb: "determine", By: Either, To: escalated, If: "from level 3 on, while the other side has not said the same"},
	{From: escalated, Verb: "determine", By: Either, To: resolved, If: "from level 3 on, once the other side has said the same"},
	{From: escalated, Verb: "determine", By: Neutral, To: resolved, If: "at level 4"},
	{From: raised, Verb: "withdraw", By: Raiser, To: takenBack},
	{From: acknowledged, Verb: "withdraw", By: Raiser, To: takenBack},
	{From: admitted, Verb: "withdraw", By: Raiser, To: takenBack},
	{From: contested, Verb: "withdraw", By: Raiser, To: takenBack},
	{From: remedyProposed, Verb: "withdraw", By: Raiser, To: takenBack},
	{From: escalated, Verb: "withdraw", By: Raiser, To: takenBack},
	{From: resolved, Verb: "reopen", By: Either, To: acknowledged, If: inReopenDays},
	{From: resolved, Verb: "reopen", By: Either, To: admitted, If: inReopenDays},
	{From: resolved, Verb: "reopen", By: Either, To: contested, If: inReopenDays},
	{From: resolved, Verb: "reopen", By: Either, To: escalated, If: inReopenDays},
}

// toConcern says who a side is to a concern. While no remedy is on the table, the state refuses to answer one, not the turn.
func toConcern(m *pb.Concern, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		switch w {
		case Raiser:
			return side == m.GetRaisedBy()
		case Respondent:
			return side == m.GetRespondent()
		case Either:
			return side != pb.Side_SIDE_UNSPECIFIED
		case Answerer:
			return side != pb.Side_SIDE_UNSPECIFIED && (m.GetState() != remedyProposed || side == Other(m.GetRemedy().GetBy()))
		}
		return false
	}
}

// openConcerns are the states in which a concern is not closed.
var openConcerns = []pb.ConcernState{raised, acknowledged, admitted, contested, remedyProposed, escalated}

// concernOver says whether a concern in this state is closed.
func concernOver(s pb.ConcernState) bool { return s == resolved || s == takenBack }
