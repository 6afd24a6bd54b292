package rules

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// followsTheTables holds that every change of state is a row of the tables of life cycles, made by whom the row names.
func (w *world) followsTheTables(by Caller, command proto.Message, d *Decision) {
	w.t.Helper()
	for ref := range d.State.Changes() {
		was, is := w.records[ref], d.State.Get(ref)
		if was == nil {
			continue // how things come into being is no row
		}
		s, rows := w.stepOf(by, command, was, is)
		if s.noun == "" {
			continue
		}
		w.trace.moves[s] = true
		if s.from != s.to && !rows[s] {
			w.t.Fatalf("no row of the table of a life: %+v", s)
		}
	}
}

// stepOf is what a command did to one record, and the rows of the record's table.
func (w *world) stepOf(by Caller, command, was, is proto.Message) (step, map[step]bool) {
	switch before := was.(type) {
	case *pb.Obligation:
		who := Beneficiary
		if a := w.agreement(before.GetAgreementId()); by.SideOf(a) == before.GetObligor() {
			who = Obligor
		}
		return step{"obligation", word(before.GetState()), verbOf(command, "fall due"), actor(by, who), word(is.(*pb.Obligation).GetState())},
			rowsOf("obligation", ObligationMoves)
	case *pb.Proposal:
		return step{"proposal", word(before.GetState()), verbOf(command, "take effect"), actor(by, w.answering(by, before)), word(is.(*pb.Proposal).GetState())},
			rowsOf("proposal", ProposalMoves)
	case *pb.Agreement:
		who := Author
		if before.GetOpenProposalId() != "" {
			p, _ := w.records[proposalRef(before.GetAgreementId(), before.GetOpenProposalId())].(*pb.Proposal)
			who = w.answering(by, p)
		}
		return step{"agreement", word(before.GetState()), verbOf(command, "activate"), actor(by, who), word(is.(*pb.Agreement).GetState())},
			rowsOf("agreement", AgreementMoves)
	}
	return step{}, nil
}

func (w *world) agreement(id string) *pb.Agreement {
	a, _ := w.records[agreementRef(id)].(*pb.Agreement)
	return a
}

func (w *world) answering(by Caller, p *pb.Proposal) Who {
	if by.SideOf(w.agreement(p.GetAgreementId())) == p.GetTurn() {
		return Answerer
	}
	return Author
}

func actor(by Caller, who Who) Who {
	if by.PartyID == "" {
		return ClockActor
	}
	return who
}

// verbOf is the word of the tables for a command; what the clock does has the given word.
func verbOf(command proto.Message, clock string) string {
	switch command.(type) {
	case *journalv1.Wake:
		return clock
	case *pb.UpdateAgreementRequest:
		return "rewrite"
	case *pb.CreateProposalRequest:
		return "propose"
	}
	name := string(command.ProtoReflect().Descriptor().Name())
	end := strings.IndexFunc(name[1:], unicode.IsUpper) + 1
	return strings.ToLower(name[:max(end, 1)])
}

// rowsOf is a table as steps.
func rowsOf[S state](noun string, table []Move[S]) map[step]bool {
	rows := map[step]bool{}
	for _, m := range table {
		rows[step{noun, word(m.From), m.Verb, m.By, word(m.To)}] = true
	}
	return rows
}
