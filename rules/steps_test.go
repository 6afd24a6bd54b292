package rules

import (
	"cmp"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// tables is the rows of every life cycle, by noun.
var tables = map[string]map[step]bool{
	"agreement":   rowsOf("agreement", AgreementMoves),
	"proposal":    rowsOf("proposal", ProposalMoves),
	"commitment":  rowsOf("commitment", CommitmentMoves),
	"obligation":  rowsOf("obligation", ObligationMoves),
	"objective":   rowsOf("objective", ObjectiveMoves),
	"observation": rowsOf("observation", ObservationMoves),
	"concern":     rowsOf("concern", ConcernMoves),
	"pulse round": rowsOf("pulse round", PulseMoves),
	"review":      rowsOf("review", ReviewMoves),
}

// rowsOf is a table as steps.
func rowsOf[S state](noun string, table []Move[S]) map[step]bool {
	rows := map[step]bool{}
	for _, m := range table {
		rows[step{noun, word(m.From), m.Verb, m.By, word(m.To)}] = true
	}
	return rows
}

// everyone is all that may stand in a row.
var everyone = []Who{Obligor, Beneficiary, Author, Answerer, Raiser, Respondent, Either, Both, Holder, Neutral, Hopeful, Opener, ClockActor, Rule}

// followsTheTables holds that every change of state that an event makes is a row of the tables of life cycles: the
// event's verb, by whom the row names. It takes the events one by one, because one decision may move many records, and one
// record many times.
func (w *world) followsTheTables(d *Decision) {
	w.t.Helper()
	s := NewState(w.ground())
	for _, e := range d.Events {
		next := s.Fork()
		if err := Apply(next, fromDisk(w.t, e)); err != nil {
			w.t.Fatalf("applying %v: %v", e, err)
		}
		for ref := range next.Changes() {
			if was := s.Get(ref); was != nil { // how things come into being is no row
				w.followsATable(s, e, was, next.Get(ref))
			}
		}
		s.Merge(next)
	}
}

// followsATable looks for the row of what an event did to one record.
func (w *world) followsATable(s *State, e *pb.Event, was, is proto.Message) {
	w.t.Helper()
	noun := nounOf(was)
	if noun == "" {
		return
	}
	_, verb, _ := VerbOf(e)
	gone := false
	for _, who := range everyone {
		row := step{noun, stateWord(was), verb, who, stateWord(is)}
		if tables[noun][row] && may(s, e, was, who) {
			w.trace.moves[row], gone = true, true
		}
	}
	if !gone && stateWord(was) != stateWord(is) {
		w.t.Fatalf("no row of the table of a life: %s %s by %v from %s to %s", noun, verb, e.GetActor(), stateWord(was), stateWord(is))
	}
}

func nounOf(m proto.Message) string {
	switch m.(type) {
	case *pb.Agreement:
		return "agreement"
	case *pb.Proposal:
		return "proposal"
	case *pb.Commitment:
		return "commitment"
	case *pb.Obligation:
		return "obligation"
	case *pb.PulseRound:
		return "pulse round"
	case *pb.Objective:
		return "objective"
	case *pb.Observation:
		return "observation"
	case *pb.Concern:
		return "concern"
	case *pb.Review:
		return "review"
	}
	return ""
}

// may says whether who acted in an event was, to a record, whom a row names.
func may(s *State, e *pb.Event, was proto.Message, who Who) bool {
	side, clock := e.GetActor().GetSide(), e.GetActor().GetPrincipalId() == Clock().PrincipalID
	switch who {
	case Rule:
		return true // it follows, whoever acted
	case ClockActor, Both: // what both agreed takes effect by the clock
		return clock
	case Neutral:
		return !clock && side == pb.Side_SIDE_UNSPECIFIED && e.GetActor().GetPartyId() != ""
	case Either, Holder:
		return !clock && side != pb.Side_SIDE_UNSPECIFIED
	}
	if clock || side == pb.Side_SIDE_UNSPECIFIED {
		return false
	}
	switch r := was.(type) {
	case *pb.Obligation:
		return who == Obligor && side == r.GetObligor() || who == Beneficiary && side == r.GetBeneficiary()
	case *pb.Commitment:
		return who == Obligor && side == r.GetObligor() || who == Beneficiary && side == r.GetBeneficiary()
	case *pb.Observation:
		return who == Hopeful && side == get[*pb.Objective](s, objectiveRef(r.GetAgreementId(), r.GetObjectiveId())).GetSide()
	case *pb.Concern:
		return who == Raiser && side == r.GetRaisedBy() || who == Respondent && side == Other(r.GetRaisedBy()) || who == Answerer && side == Other(r.GetRemedy().GetBy())
	case *pb.Proposal:
		return who == answering(s, r, side)
	case *pb.Review:
		return who == Opener && side == r.GetOpenedBy()
	case *pb.Agreement:
		if id := e.GetAgreementEnded().GetObligationId(); id != "" {
			return who == Beneficiary && side == s.obligation(r.GetAgreementId(), id).GetBeneficiary()
		}
		if p := s.proposal(r.GetAgreementId(), cmp.Or(proposalOf(e), r.GetOpenProposalId())); p != nil {
			return who == answering(s, p, side)
		}
		return who == Author && side == r.GetAuthor()
	}
	return false
}

// proposalOf is the proposal that an event names, if any.
func proposalOf(e *pb.Event) string {
	m := e.ProtoReflect()
	change := m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("change"))).Message()
	if f := change.Descriptor().Fields().ByName("proposal_id"); f != nil {
		return change.Get(f).String()
	}
	return ""
}

// answering is who a side is to the newest text of a proposal, also when it has been answered.
func answering(s *State, p *pb.Proposal, side pb.Side) Who {
	text := get[*pb.ProposalRevision](s, proposalRevisionRef(p.GetAgreementId(), p.GetProposalId(), p.GetRevision()))
	if text.GetAuthor() == side {
		return Author
	}
	return Answerer
}

func (w *world) agreement(id string) *pb.Agreement {
	a, _ := w.records[agreementRef(id)].(*pb.Agreement)
	return a
}
