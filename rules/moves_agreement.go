package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// AgreementMoves is the life of an agreement as this release lives it. Its proposals move it; only the clock moves it
// by itself.
var AgreementMoves = []Move[pb.AgreementState]{
	{From: pb.AgreementState_AGREEMENT_STATE_DRAFT, Verb: "rewrite", By: Author, To: pb.AgreementState_AGREEMENT_STATE_DRAFT},
	{From: pb.AgreementState_AGREEMENT_STATE_DRAFT, Verb: "propose", By: Author, To: pb.AgreementState_AGREEMENT_STATE_PROPOSED},
	{From: pb.AgreementState_AGREEMENT_STATE_PROPOSED, Verb: "accept", By: Answerer, To: pb.AgreementState_AGREEMENT_STATE_ACCEPTED},
	{From: pb.AgreementState_AGREEMENT_STATE_PROPOSED, Verb: "decline", By: Answerer, To: pb.AgreementState_AGREEMENT_STATE_DECLINED},
	{From: pb.AgreementState_AGREEMENT_STATE_PROPOSED, Verb: "withdraw", By: Author, To: pb.AgreementState_AGREEMENT_STATE_WITHDRAWN},
	{From: pb.AgreementState_AGREEMENT_STATE_PROPOSED, Verb: "lapse", By: ClockActor, To: pb.AgreementState_AGREEMENT_STATE_LAPSED, If: "its first terms were not answered in time"},
	{From: pb.AgreementState_AGREEMENT_STATE_ACCEPTED, Verb: "activate", By: ClockActor, To: pb.AgreementState_AGREEMENT_STATE_ACTIVE},
	{From: pb.AgreementState_AGREEMENT_STATE_ACTIVE, Verb: "suspend", By: Holder, To: pb.AgreementState_AGREEMENT_STATE_SUSPENDED, If: heldRight},
	{From: pb.AgreementState_AGREEMENT_STATE_SUSPENDED, Verb: "resume", By: Holder, To: pb.AgreementState_AGREEMENT_STATE_ACTIVE, If: sameRight},
	{From: pb.AgreementState_AGREEMENT_STATE_ENDING, Verb: "resume", By: Holder, To: pb.AgreementState_AGREEMENT_STATE_ENDING, If: sameRight},
}

// What must hold for a side to suspend by itself, and to resume.
const (
	heldRight = "the terms give the side this right"
	sameRight = "only who paused it resumes it"
)

// toAgreement says who a side is to an agreement in force. Which right a side holds, its verb's own function looks at.
func toAgreement(side pb.Side) func(Who) bool {
	return func(w Who) bool {
		return side != pb.Side_SIDE_UNSPECIFIED && (w == Either || w == Holder || w == Beneficiary)
	}
}

// toDraft says who a side is to a draft. Once it is none, the state refuses, not the side.
func toDraft(a *pb.Agreement, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		return w == Author && (side == a.GetAuthor() || a.GetState() != pb.AgreementState_AGREEMENT_STATE_DRAFT)
	}
}
