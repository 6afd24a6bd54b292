package rules

import (
	"fmt"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Who may make a move.
type Who string

// The actors of the life cycles. Clock is time itself.
const (
	Obligor     Who = "obligor"
	Beneficiary Who = "beneficiary"
	Author      Who = "side whose text is on the table"
	Answerer    Who = "side whose turn it is"
	ClockActor  Who = "clock"
)

// state is a life cycle state: a generated enum.
type state interface {
	~int32
	fmt.Stringer
}

// Move is one row of a life cycle: from a state, by a verb, by an actor, to a state.
type Move[S state] struct {
	From S
	Verb string
	By   Who
	To   S
}

// Short names for the tables below.
const (
	scheduled = pb.ObligationState_OBLIGATION_STATE_SCHEDULED
	due       = pb.ObligationState_OBLIGATION_STATE_DUE
	submitted = pb.ObligationState_OBLIGATION_STATE_SUBMITTED
	fulfilled = pb.ObligationState_OBLIGATION_STATE_FULFILLED
	breached  = pb.ObligationState_OBLIGATION_STATE_BREACHED
	curing    = pb.ObligationState_OBLIGATION_STATE_CURING
	waived    = pb.ObligationState_OBLIGATION_STATE_WAIVED

	open      = pb.ProposalState_PROPOSAL_STATE_OPEN
	accepted  = pb.ProposalState_PROPOSAL_STATE_ACCEPTED
	effective = pb.ProposalState_PROPOSAL_STATE_EFFECTIVE
	declined  = pb.ProposalState_PROPOSAL_STATE_DECLINED
	withdrawn = pb.ProposalState_PROPOSAL_STATE_WITHDRAWN
)

// ObligationMoves is the life of an obligation. Only the beneficiary closes one: nobody closes their own promise.
var ObligationMoves = []Move[pb.ObligationState]{
	{scheduled, "fall due", ClockActor, due},
	{due, "submit", Obligor, submitted},
	{due, "acknowledge", Beneficiary, fulfilled},
	{due, "admit", Obligor, breached},
	{submitted, "accept", Beneficiary, fulfilled},
	{submitted, "return", Beneficiary, due},
	{submitted, "return", Beneficiary, breached},
	{scheduled, "waive", Beneficiary, waived},
	{due, "waive", Beneficiary, waived},
	{submitted, "waive", Beneficiary, waived},
	{breached, "waive", Beneficiary, waived},
	{curing, "waive", Beneficiary, waived},
}

// ProposalMoves is the life of a proposal.
var ProposalMoves = []Move[pb.ProposalState]{
	{open, "counter", Answerer, open},
	{open, "accept", Answerer, accepted},
	{open, "decline", Answerer, declined},
	{open, "withdraw", Author, withdrawn},
	{accepted, "take effect", ClockActor, effective},
}

// AgreementMoves is the life of an agreement as this release lives it. Its proposals move it; only the clock moves it
// by itself.
var AgreementMoves = []Move[pb.AgreementState]{
	{pb.AgreementState_AGREEMENT_STATE_DRAFT, "rewrite", Author, pb.AgreementState_AGREEMENT_STATE_DRAFT},
	{pb.AgreementState_AGREEMENT_STATE_DRAFT, "propose", Author, pb.AgreementState_AGREEMENT_STATE_PROPOSED},
	{pb.AgreementState_AGREEMENT_STATE_PROPOSED, "accept", Answerer, pb.AgreementState_AGREEMENT_STATE_ACCEPTED},
	{pb.AgreementState_AGREEMENT_STATE_PROPOSED, "decline", Answerer, pb.AgreementState_AGREEMENT_STATE_DECLINED},
	{pb.AgreementState_AGREEMENT_STATE_PROPOSED, "withdraw", Author, pb.AgreementState_AGREEMENT_STATE_WITHDRAWN},
	{pb.AgreementState_AGREEMENT_STATE_ACCEPTED, "activate", ClockActor, pb.AgreementState_AGREEMENT_STATE_ACTIVE},
}

// move refuses a verb that the table does not have for this state and actor. It looks at the actor first: what the
// other side alone may do is WRONG_SIDE in every state.
func move[S state](table []Move[S], noun string, from S, verb string, is func(Who) bool) *Error {
	var possible []string
	right, any := false, false
	var who Who
	for _, m := range table {
		if m.Verb != verb {
			continue
		}
		who = m.By
		right = right || is(m.By)
		any = any || m.From == from && is(m.By)
		possible = appendNew(possible, word(m.From))
	}
	rule := noun + " " + verb
	switch {
	case any:
		return nil
	case !right && who == Answerer, !right && who == Author:
		e := Refuse(pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN, "Only the %s may %s the %s.", who, verb, noun)
		e.Rule, e.Metadata = rule, map[string]string{"state": word(from)}
		return e
	case !right:
		e := Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only the %s may %s an %s.", who, verb, noun)
		e.Rule, e.Metadata = rule, map[string]string{"state": word(from)}
		return e
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_WRONG_STATE, "The %s is %s; to %s it, it must be %s.", noun, word(from), verb, strings.Join(possible, " or "))
	e.Rule, e.Metadata = rule, map[string]string{"state": word(from)}
	return e
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

// word is an enum value without its type's prefix: OBLIGATION_STATE_DUE is DUE.
func word[S state](s S) string {
	name := s.String()
	if i := strings.Index(name, "_STATE_"); i >= 0 {
		return name[i+len("_STATE_"):]
	}
	if i := strings.Index(name, "SIDE_"); i == 0 {
		return name[len("SIDE_"):]
	}
	return name
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}
