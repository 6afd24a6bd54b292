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
	suspended  = pb.ObligationState_OBLIGATION_STATE_SUSPENDED
	discharged = pb.ObligationState_OBLIGATION_STATE_DISCHARGED
	unknown    = pb.ObligationState_OBLIGATION_STATE_NOT_DETERMINED
	disputed   = pb.ObligationState_OBLIGATION_STATE_DISPUTED
	superseded = pb.ObligationState_OBLIGATION_STATE_SUPERSEDED
)

// What some rows ask for besides, where a refusal names it.
const (
	atMostPlans    = "at most 10 plans"
	grounds        = "what it is about is there; a trigger by who did not record it, within the review window"
	missedNothing  = "the miss that it makes good was none"
	happenedLately = "it waits for something, which has happened since the promise holds and within the notice days"
	windowOver     = "the window is over"
	onceEach       = "each side files one figure: a miss that was admitted, or the second figure, which agrees with the first"
	knownDay       = "a due date is known, the new one is later, and it is extended 50 times at most"
)

// ObligationMoves is the life of an obligation. Nobody closes their own promise: the beneficiary does, or time.
var ObligationMoves = []Move[pb.ObligationState]{
	{From: scheduled, Verb: "fall due", By: ClockActor, To: due, If: "its lead time has begun"},
	{From: scheduled, Verb: "fall due", By: Rule, To: due, If: "it makes good a miss"},
	{From: scheduled, Verb: "lapse", By: ClockActor, To: discharged, If: "what it waits for can no longer happen"},
	{From: scheduled, Verb: "lapse", By: Rule, To: discharged, If: "what it waits for ended otherwise, or the agreement has ended"},
	{From: suspended, Verb: "lapse", By: Rule, To: discharged, If: "what it waits for ended otherwise, or the agreement has ended"},
	{From: due, Verb: "lapse", By: Rule, To: discharged, If: missedNothing},
	{From: submitted, Verb: "lapse", By: Rule, To: discharged, If: missedNothing},
	{From: breached, Verb: "lapse", By: Rule, To: discharged, If: missedNothing},
	{From: curing, Verb: "lapse", By: Rule, To: discharged, If: missedNothing},
	{From: disputed, Verb: "lapse", By: Rule, To: discharged, If: missedNothing},
	{From: scheduled, Verb: "be dated", By: Rule, To: scheduled, If: "what it waits for was kept or waived"},
	{From: scheduled, Verb: "trigger", By: Either, To: due, If: happenedLately},
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
	{From: due, Verb: "breach", By: Rule, To: breached, If: "a concern about it was upheld"},
	{From: due, Verb: "stay unknown", By: ClockActor, To: unknown, If: "it is about a window, and nobody said in time how that went"},
	{From: due, Verb: "measure", By: Obligor, To: submitted, If: "the window is over, and met or does not count: a claim"},
	{From: due, Verb: "measure", By: Obligor, To: breached, If: "the window is over, and missed"},
	{From: due, Verb: "measure", By: Beneficiary, To: fulfilled, If: "the window is over, and met"},
	{From: due, Verb: "measure", By: Beneficiary, To: excused, If: "the window is over, and does not count"},
	{From: due, Verb: "measure", By: Beneficiary, To: breached, If: "the window is over, and missed"},
	{From: submitted, Verb: "measure", By: Beneficiary, To: fulfilled, If: "the figures agree: met"},
	{From: submitted, Verb: "measure", By: Beneficiary, To: excused, If: "the figures agree: it does not count"},
	{From: submitted, Verb: "measure", By: Beneficiary, To: disputed, If: "the figures differ"},
	{From: breached, Verb: "measure", By: Obligor, To: breached, If: onceEach},
	{From: breached, Verb: "measure", By: Beneficiary, To: breached, If: onceEach},
	{From: breached, Verb: "measure", By: Obligor, To: disputed, If: "the figures differ"},
	{From: breached, Verb: "measure", By: Beneficiary, To: disputed, If: "the figures differ"},
	{From: curing, Verb: "measure", By: Obligor, To: curing, If: onceEach},
	{From: curing, Verb: "measure", By: Beneficiary, To: curing, If: onceEach},
	{From: curing, Verb: "measure", By: Obligor, To: disputed, If: "the figures differ"},
	{From: curing, Verb: "measure", By: Beneficiary, To: disputed, If: "the figures differ"},
	{From: breached, Verb: "cure", By: Obligor, To: curing, If: atMostPlans},
	{From: curing, Verb: "object", By: Beneficiary, To: breached, If: "a legitimate interest is stated"},
	{From: breached, Verb: "default", By: ClockActor, To: defaulted, If: "the cure period is over, or there is none"},
	{From: curing, Verb: "default", By: ClockActor, To: defaulted, If: "the cure period is over"},
	{From: scheduled, Verb: "extend", By: Beneficiary, To: scheduled, If: knownDay},
	{From: due, Verb: "extend", By: Beneficiary, To: due, If: knownDay},
	{From: submitted, Verb: "extend", By: Beneficiary, To: submitted, If: knownDay},
	{From: breached, Verb: "extend", By: Beneficiary, To: due, If: knownDay},
	{From: curing, Verb: "extend", By: Beneficiary, To: due, If: knownDay},
	{From: scheduled, Verb: "excuse", By: Beneficiary, To: excused},
	{From: due, Verb: "excuse", By: Beneficiary, To: excused},
	{From: submitted, Verb: "excuse", By: Beneficiary, To: excused},
	{From: breached, Verb: "excuse", By: Beneficiary, To: excused},
	{From: curing, Verb: "excuse", By: Beneficiary, To: excused},
	{From: suspended, Verb: "excuse", By: Beneficiary, To: excused},
	{From: disputed, Verb: "excuse", By: Beneficiary, To: excused},
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
	{From: suspended, Verb: "release", By: Both, To: discharged},
	{From: scheduled, Verb: "supersede", By: Rule, To: superseded, If: "an amendment words it anew"},
	{From: due, Verb: "supersede", By: Rule, To: superseded, If: "an amendment words it anew, and it is due when that holds"},
	{From: suspended, Verb: "supersede", By: Rule, To: superseded, If: "it was SCHEDULED or DUE, and an amendment words it anew"},
	{From: suspended, Verb: "waive", By: Beneficiary, To: waived},
	{From: disputed, Verb: "waive", By: Beneficiary, To: waived},
	{From: disputed, Verb: "release", By: Both, To: discharged},
	{From: due, Verb: "dispute", By: Either, To: disputed, If: grounds},
	{From: submitted, Verb: "dispute", By: Either, To: disputed, If: grounds},
	{From: breached, Verb: "dispute", By: Either, To: disputed, If: grounds},
	{From: curing, Verb: "dispute", By: Either, To: disputed, If: grounds},
	{From: disputed, Verb: "settle", By: Both, To: due, If: "it was DUE before"},
	{From: disputed, Verb: "settle", By: Both, To: submitted, If: "it was SUBMITTED before"},
	{From: disputed, Verb: "settle", By: Both, To: breached, If: "it was BREACHED before, or is held to be"},
	{From: disputed, Verb: "settle", By: Both, To: curing, If: "it was CURING before"},
	{From: disputed, Verb: "settle", By: Both, To: fulfilled},
	{From: disputed, Verb: "settle", By: Both, To: cured},
	{From: disputed, Verb: "settle", By: Both, To: excused},
	{From: disputed, Verb: "settle", By: Both, To: defaulted},
	{From: disputed, Verb: "settle", By: Both, To: waived},
	{From: disputed, Verb: "settle", By: Both, To: discharged},
	{From: disputed, Verb: "settle", By: Both, To: unknown},
	{From: disputed, Verb: "determine", By: Neutral, To: due, If: "it was DUE before"},
	{From: disputed, Verb: "determine", By: Neutral, To: submitted, If: "it was SUBMITTED before"},
	{From: disputed, Verb: "determine", By: Neutral, To: breached, If: "it was BREACHED before, or is held to be"},
	{From: disputed, Verb: "determine", By: Neutral, To: curing, If: "it was CURING before"},
	{From: disputed, Verb: "determine", By: Neutral, To: fulfilled},
	{From: disputed, Verb: "determine", By: Neutral, To: cured},
	{From: disputed, Verb: "determine", By: Neutral, To: excused},
	{From: disputed, Verb: "determine", By: Neutral, To: defaulted},
	{From: disputed, Verb: "determine", By: Neutral, To: waived},
	{From: disputed, Verb: "determine", By: Neutral, To: discharged},
	{From: disputed, Verb: "determine", By: Neutral, To: unknown},
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
	{From: scheduled, Verb: "notify", By: Obligor, To: scheduled, If: claimed},
	{From: due, Verb: "notify", By: Obligor, To: due, If: claimed},
	{From: due, Verb: "be blocked", By: ClockActor, To: due, If: "the grace period is over, and what it waits for is open and late"},
	{From: scheduled, Verb: "shift", By: Rule, To: scheduled, If: movedBy},
	{From: due, Verb: "shift", By: Rule, To: due, If: movedBy},
	{From: submitted, Verb: "shift", By: Rule, To: submitted, If: movedBy},
	{From: breached, Verb: "shift", By: Rule, To: breached, If: movedBy},
	{From: curing, Verb: "shift", By: Rule, To: curing, If: movedBy},
	{From: suspended, Verb: "shift", By: Rule, To: suspended, If: movedBy},
	{From: disputed, Verb: "shift", By: Rule, To: disputed, If: movedBy},
	{From: breached, Verb: "shift", By: Rule, To: due, If: movedBy + ", and the new grace period runs"},
	{From: curing, Verb: "shift", By: Rule, To: due, If: movedBy + ", and the new grace period runs"},
	{From: scheduled, Verb: "be excused", By: Rule, To: excused, If: lostTo},
	{From: due, Verb: "be excused", By: Rule, To: excused, If: lostTo},
	{From: breached, Verb: "be excused", By: Rule, To: excused, If: lostTo},
	{From: curing, Verb: "be excused", By: Rule, To: excused, If: lostTo},
	{From: suspended, Verb: "be excused", By: Rule, To: excused, If: lostTo},
}

// What must hold for a prerequisite to count.
const (
	claimed = "a prerequisite of the other side is late, or announced to be, and the days to claim it are not over"
	movedBy = "what it waits for was late by the other side's doing, and somebody said so in time"
	lostTo  = "what it waits for will not be kept, or came too late to help, by the other side's doing; or a claim for relief was upheld"
)

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
	case fulfilled, cured, defaulted, waived, excused, discharged, unknown, superseded:
		return true
	}
	return false
}
