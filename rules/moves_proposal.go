package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	open      = pb.ProposalState_PROPOSAL_STATE_OPEN
	accepted  = pb.ProposalState_PROPOSAL_STATE_ACCEPTED
	effective = pb.ProposalState_PROPOSAL_STATE_EFFECTIVE
	declined  = pb.ProposalState_PROPOSAL_STATE_DECLINED
	withdrawn = pb.ProposalState_PROPOSAL_STATE_WITHDRAWN
)

// ProposalMoves is the life of a proposal.
var ProposalMoves = []Move[pb.ProposalState]{
	{From: open, Verb: "counter", By: Answerer, To: open, If: "the revision on the table"},
	{From: open, Verb: "accept", By: Answerer, To: accepted, If: "the revision and the digest on the table"},
	{From: open, Verb: "decline", By: Answerer, To: declined},
	{From: open, Verb: "withdraw", By: Author, To: withdrawn},
	{From: accepted, Verb: "take effect", By: ClockActor, To: effective},
}

// toProposal says who a side is to a proposal. Once it is answered, the state refuses, not the turn.
func toProposal(p *pb.Proposal, side pb.Side) func(Who) bool {
	return func(w Who) bool {
		switch w {
		case Answerer:
			return side == p.GetTurn() || p.GetState() != open
		case Author:
			return side == Other(p.GetTurn()) || p.GetState() != open
		}
		return false
	}
}
