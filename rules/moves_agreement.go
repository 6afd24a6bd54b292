package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	agreementDraft      = pb.AgreementState_AGREEMENT_STATE_DRAFT
	agreementProposed   = pb.AgreementState_AGREEMENT_STATE_PROPOSED
	agreementAccepted   = pb.AgreementState_AGREEMENT_STATE_ACCEPTED
	agreementActive     = pb.AgreementState_AGREEMENT_STATE_ACTIVE
	agreementSuspended  = pb.AgreementState_AGREEMENT_STATE_SUSPENDED
	agreementEnding     = pb.AgreementState_AGREEMENT_STATE_ENDING
	agreementTerminated = pb.AgreementState_AGREEMENT_STATE_TERMINATED
	agreementExpired    = pb.AgreementState_AGREEMENT_STATE_EXPIRED
	agreementCompleted  = pb.AgreementState_AGREEMENT_STATE_COMPLETED
)

// What must hold for some of the moves below.
const (
	heldCause   = "the obligation is DEFAULTED, its commitment is material, and none of its cure periods runs"
	nothingOpen = "nothing is open"
	notRenewed  = "it has no successor yet"
	heldRight   = "the terms give the side this right"
	sameRight   = "only who paused it resumes it"
	noticeOver  = "the notice period is over"
	lastDayOver = "its last day is over"
)

// AgreementMoves is the life of an agreement. What both sides do, they do by a proposal of one that the other accepts.
var AgreementMoves = []Move[pb.AgreementState]{
	{From: agreementDraft, Verb: "rewrite", By: Author, To: agreementDraft},
	{From: agreementDraft, Verb: "propose", By: Author, To: agreementProposed},
	{From: agreementProposed, Verb: "accept", By: Answerer, To: agreementAccepted},
	{From: agreementProposed, Verb: "decline", By: Answerer, To: pb.AgreementState_AGREEMENT_STATE_DECLINED},
	{From: agreementProposed, Verb: "withdraw", By: Author, To: pb.AgreementState_AGREEMENT_STATE_WITHDRAWN},
	{From: agreementProposed, Verb: "lapse", By: ClockActor, To: pb.AgreementState_AGREEMENT_STATE_LAPSED, If: "its first terms were not answered in time"},
	{From: agreementAccepted, Verb: "activate", By: ClockActor, To: agreementActive, If: "its first day has come"},
	{From: agreementActive, Verb: "amend", By: Both, To: agreementActive, If: sameBase},
	{From: agreementSuspended, Verb: "amend", By: Both, To: agreementSuspended, If: sameBase},
	{From: agreementEnding, Verb: "amend", By: Both, To: agreementEnding, If: sameBase},
	{From: agreementActive, Verb: "suspend", By: Both, To: agreementSuspended},
	{From: agreementSuspended, Verb: "resume", By: Both, To: agreementActive, If: sameRight},
	{From: agreementEnding, Verb: "resume", By: Both, To: agreementEnding, If: sameRight},
	{From: agreementActive, Verb: "suspend", By: Holder, To: agreementSuspended, If: heldRight},
	{From: agreementSuspended, Verb: "resume", By: Holder, To: agreementActive, If: sameRight},
	{From: agreementEnding, Verb: "resume", By: Holder, To: agreementEnding, If: sameRight},
	{From: agreementActive, Verb: "give notice", By: Either, To: agreementEnding},
	{From: agreementSuspended, Verb: "give notice", By: Either, To: agreementEnding},
	{From: agreementEnding, Verb: "withdraw notice", By: Both, To: agreementActive},
	{From: agreementEnding, Verb: "withdraw notice", By: Both, To: agreementSuspended, If: "a pause stands"},
	{From: agreementEnding, Verb: "end by notice", By: ClockActor, To: agreementTerminated, If: noticeOver},
	{From: agreementActive, Verb: "end early", By: Both, To: agreementTerminated},
	{From: agreementSuspended, Verb: "end early", By: Both, To: agreementTerminated},
	{From: agreementEnding, Verb: "end early", By: Both, To: agreementTerminated},
	{From: agreementActive, Verb: "terminate", By: Beneficiary, To: agreementTerminated, If: heldCause},
	{From: agreementSuspended, Verb: "terminate", By: Beneficiary, To: agreementTerminated, If: heldCause},
	{From: agreementEnding, Verb: "terminate", By: Beneficiary, To: agreementTerminated, If: heldCause},
	{From: agreementActive, Verb: "expire", By: ClockActor, To: agreementExpired, If: lastDayOver},
	{From: agreementEnding, Verb: "expire", By: ClockActor, To: agreementExpired, If: lastDayOver},
	{From: agreementActive, Verb: "renew", By: Both, To: agreementActive, If: notRenewed},
	{From: agreementExpired, Verb: "renew", By: Both, To: agreementExpired, If: notRenewed},
	{From: agreementActive, Verb: "complete", By: Both, To: agreementCompleted, If: nothingOpen},
}

// toDraft says who a side is to a draft. Once it is none, the state refuses, not the side.
func toDraft(a *pb.Agreement, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		return w == Author && (side == a.GetAuthor() || a.GetState() != agreementDraft)
	}
}

// toAgreement says who a side is to an agreement in force. Which right a side holds, its verb's own function looks at.
func toAgreement(side pb.Side) func(Who) bool {
	return func(w Who) bool {
		return side != pb.Side_SIDE_UNSPECIFIED && (w == Either || w == Holder || w == Beneficiary)
	}
}
