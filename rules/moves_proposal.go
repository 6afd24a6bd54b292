package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

// Short names for the table below.
const (
	open      = pb.ProposalState_PROPOSAL_STATE_OPEN
	accepted  = pb.ProposalState_PROPOSAL_STATE_ACCEPTED
	effective = pb.ProposalState_PROPOSAL_STATE_EFFECTIVE
	declined  = pb.ProposalState_PROPOSAL_STATE_DECLINED
	withdrawn = pb.ProposalState_PROPOSAL_STATE_WITHDRAWN
	lapsed    = pb.ProposalState_PROPOSAL_STATE_LAPSED
	outdated  = pb.ProposalState_PROPOSAL_STATE_STALE
)

// ProposalMoves is the life of a proposal.
var ProposalMoves = []Move[pb.ProposalState]{
	{From: open, Verb: "counter", By: Answerer, To: open, If: "the revision on the table"},
	{From: open, Verb: "accept", By: Answerer, To: accepted, If: "the revision and the digest on the table"},
	{From: open, Verb: "decline", By: Answerer, To: declined},
	{From: open, Verb: "withdraw", By: Author, To: withdrawn},
	{From: open, Verb: "lapse", By: ClockActor, To: lapsed, If: "it was not answered in time"},
	{From: accepted, Verb: "take effect", By: ClockActor, To: effective, If: "its time has come, and it still can be"},
	{From: open, Verb: "go stale", By: Rule, To: outdated, If: "it can no longer be"},
	{From: accepted, Verb: "go stale", By: Rule, To: outdated, If: "it can no longer be"},
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
