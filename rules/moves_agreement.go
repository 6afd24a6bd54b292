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
}

// toDraft says who a side is to a draft. Once it is none, the state refuses, not the side.
func toDraft(a *pb.Agreement, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		return w == Author && (side == a.GetAuthor() || a.GetState() != pb.AgreementState_AGREEMENT_STATE_DRAFT)
	}
}
