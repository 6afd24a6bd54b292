package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	scheduled = pb.ObligationState_OBLIGATION_STATE_SCHEDULED
	due       = pb.ObligationState_OBLIGATION_STATE_DUE
	submitted = pb.ObligationState_OBLIGATION_STATE_SUBMITTED
	fulfilled = pb.ObligationState_OBLIGATION_STATE_FULFILLED
	breached  = pb.ObligationState_OBLIGATION_STATE_BREACHED
	curing    = pb.ObligationState_OBLIGATION_STATE_CURING
	waived    = pb.ObligationState_OBLIGATION_STATE_WAIVED
	suspended = pb.ObligationState_OBLIGATION_STATE_SUSPENDED
)

// ObligationMoves is the life of an obligation. Only the beneficiary closes one: nobody closes their own promise.
var ObligationMoves = []Move[pb.ObligationState]{
	{From: scheduled, Verb: "fall due", By: ClockActor, To: due},
	{From: due, Verb: "submit", By: Obligor, To: submitted, If: "with evidence or a note"},
	{From: due, Verb: "acknowledge", By: Beneficiary, To: fulfilled, If: "received already"},
	{From: due, Verb: "admit", By: Obligor, To: breached},
	{From: submitted, Verb: "accept", By: Beneficiary, To: fulfilled, If: "the submission that stands"},
	{From: submitted, Verb: "return", By: Beneficiary, To: due, If: "the submission that stands, made in time"},
	{From: submitted, Verb: "return", By: Beneficiary, To: breached, If: "the submission that stands, made late"},
	{From: scheduled, Verb: "waive", By: Beneficiary, To: waived},
	{From: due, Verb: "waive", By: Beneficiary, To: waived},
	{From: submitted, Verb: "waive", By: Beneficiary, To: waived},
	{From: breached, Verb: "waive", By: Beneficiary, To: waived},
	{From: curing, Verb: "waive", By: Beneficiary, To: waived},
	{From: suspended, Verb: "waive", By: Beneficiary, To: waived},
	{From: scheduled, Verb: "suspend", By: Rule, To: suspended, If: "the agreement is suspended"},
	{From: due, Verb: "suspend", By: Rule, To: suspended, If: "the agreement is suspended"},
	{From: submitted, Verb: "suspend", By: Rule, To: suspended, If: "the agreement is suspended"},
	{From: breached, Verb: "suspend", By: Rule, To: suspended, If: "the agreement is suspended"},
	{From: curing, Verb: "suspend", By: Rule, To: suspended, If: "the agreement is suspended"},
	{From: suspended, Verb: "resume", By: Rule, To: scheduled, If: "the pause is over, and it was SCHEDULED"},
	{From: suspended, Verb: "resume", By: Rule, To: due, If: "the pause is over, and it was DUE"},
	{From: suspended, Verb: "resume", By: Rule, To: submitted, If: "the pause is over, and it was SUBMITTED"},
	{From: suspended, Verb: "resume", By: Rule, To: breached, If: "the pause is over, and it was BREACHED"},
	{From: suspended, Verb: "resume", By: Rule, To: curing, If: "the pause is over, and it was CURING"},
}

// toObligation says who a side is to an obligation.
func toObligation(o *pb.Obligation, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		switch w {
		case Obligor:
			return side == o.GetObligor()
		case Beneficiary:
			return side == o.GetBeneficiary()
		case Either:
			return side == o.GetObligor() || side == o.GetBeneficiary()
		}
		return false
	}
}

// Final says whether an obligation in this state is closed for good.
func Final(s pb.ObligationState) bool {
	switch s {
	case fulfilled, waived, pb.ObligationState_OBLIGATION_STATE_CURED, pb.ObligationState_OBLIGATION_STATE_DEFAULTED,
		pb.ObligationState_OBLIGATION_STATE_EXCUSED, pb.ObligationState_OBLIGATION_STATE_SUPERSEDED,
		pb.ObligationState_OBLIGATION_STATE_DISCHARGED, pb.ObligationState_OBLIGATION_STATE_NOT_DETERMINED:
		return true
	}
	return false
}
