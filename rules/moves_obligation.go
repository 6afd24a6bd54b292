package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	scheduled  = pb.ObligationState_OBLIGATION_STATE_SCHEDULED
	due        = pb.ObligationState_OBLIGATION_STATE_DUE
	submitted  = pb.ObligationState_OBLIGATION_STATE_SUBMITTED
	fulfilled  = pb.ObligationState_OBLIGATION_STATE_FULFILLED
	breached   = pb.ObligationState_OBLIGATION_STATE_BREACHED
	curing     = pb.ObligationState_OBLIGATION_STATE_CURING
	cured      = pb.ObligationState_OBLIGATION_STATE_CURED
	defaulted  = pb.ObligationState_OBLIGATION_STATE_DEFAULTED
	waived     = pb.ObligationState_OBLIGATION_STATE_WAIVED
	excused    = pb.ObligationState_OBLIGATION_STATE_EXCUSED
	discharged = pb.ObligationState_OBLIGATION_STATE_DISCHARGED
)

// ObligationMoves is the life of an obligation. Nobody closes their own promise: the beneficiary does, or time.
var ObligationMoves = []Move[pb.ObligationState]{
	{From: scheduled, Verb: "fall due", By: ClockActor, To: due, If: "its lead time has begun"},
	{From: scheduled, Verb: "lapse", By: ClockActor, To: discharged, If: "what it waits for can no longer happen"},
	{From: due, Verb: "submit", By: Obligor, To: submitted, If: "with evidence or a note"},
	{From: breached, Verb: "submit", By: Obligor, To: submitted, If: "with evidence or a note: late performance"},
	{From: curing, Verb: "submit", By: Obligor, To: submitted, If: "with evidence or a note: the cure"},
	{From: submitted, Verb: "accept", By: Beneficiary, To: fulfilled, If: "the submission that stands"},
	{From: submitted, Verb: "accept", By: Beneficiary, To: cured, If: "the submission that stands, of a cure"},
	{From: submitted, Verb: "accept", By: Beneficiary, To: excused, If: "the submission that stands, of an excuse"},
	{From: submitted, Verb: "return", By: Beneficiary, To: due, If: "the submission that stands, made when DUE"},
	{From: submitted, Verb: "return", By: Beneficiary, To: breached, If: "the submission that stands, made when BREACHED"},
	{From: submitted, Verb: "return", By: Beneficiary, To: curing, If: "the submission that stands, made when CURING"},
	{From: submitted, Verb: "be deemed", By: ClockActor, To: fulfilled, If: "the review window is over"},
	{From: submitted, Verb: "be deemed", By: ClockActor, To: cured, If: "the review window is over, of a cure"},
	{From: submitted, Verb: "be deemed", By: ClockActor, To: excused, If: "the review window is over, of an excuse"},
	{From: due, Verb: "acknowledge", By: Beneficiary, To: fulfilled, If: "received already"},
	{From: breached, Verb: "acknowledge", By: Beneficiary, To: fulfilled, If: "received already"},
	{From: curing, Verb: "acknowledge", By: Beneficiary, To: cured, If: "received already"},
	{From: due, Verb: "admit", By: Obligor, To: breached},
	{From: due, Verb: "breach", By: ClockActor, To: breached, If: "the grace period is over"},
	{From: breached, Verb: "default", By: ClockActor, To: defaulted, If: "the cure period is over, or there is none"},
	{From: curing, Verb: "default", By: ClockActor, To: defaulted, If: "the cure period is over"},
	{From: scheduled, Verb: "waive", By: Beneficiary, To: waived},
	{From: due, Verb: "waive", By: Beneficiary, To: waived},
	{From: submitted, Verb: "waive", By: Beneficiary, To: waived},
	{From: breached, Verb: "waive", By: Beneficiary, To: waived},
	{From: curing, Verb: "waive", By: Beneficiary, To: waived},
	{From: scheduled, Verb: "release", By: Both, To: discharged},
	{From: due, Verb: "release", By: Both, To: discharged},
	{From: submitted, Verb: "release", By: Both, To: discharged},
	{From: breached, Verb: "release", By: Both, To: discharged},
	{From: curing, Verb: "release", By: Both, To: discharged},
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
	case fulfilled, cured, defaulted, waived, excused, discharged,
		pb.ObligationState_OBLIGATION_STATE_SUPERSEDED, pb.ObligationState_OBLIGATION_STATE_NOT_DETERMINED:
		return true
	}
	return false
}
