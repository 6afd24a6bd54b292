package rules

import (
	"fmt"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Who may make a move.
type Who string

// The actors of the life cycles. Clock is time itself; a Rule is nobody's command, but follows from another move.
const (
	Obligor     Who = "obligor"
	Beneficiary Who = "beneficiary"
	Author      Who = "side whose text is on the table"
	Answerer    Who = "side whose turn it is"
	Raiser      Who = "side that raised it"
	Respondent  Who = "side that answers it"
	Either      Who = "either side"
	Both        Who = "both sides together"
	Holder      Who = "side that holds the right"
	Neutral     Who = "agreed neutral"
	Hopeful     Who = "side whose objective it is"
	Opener      Who = "side that opened it"
	ClockActor  Who = "clock"
	Rule        Who = "rule"
)

// the is the actor in a sentence.
func (w Who) the() string {
	switch w {
	case Either, Both:
		return string(w)
	}
	return "the " + string(w)
}

// state is a life cycle state: a generated enum.
type state interface {
	~int32
	fmt.Stringer
}

// Move is one row of a life cycle: from a state, by a verb, by an actor, to a state. If says in words what else must
// hold; the verb's own function sees to that, and what it refuses names these words as the rule.
type Move[S state] struct {
	From S
	Verb string
	By   Who
	To   S
	If   string
}

// move refuses a verb that the table does not have for this state and actor.
func move[S state](table []Move[S], noun string, from S, verb string, is func(Who) bool) *Error {
	for _, m := range table {
		if m.From == from && m.Verb == verb && is(m.By) {
			return nil
		}
	}
	return refuseMove(table, noun, from, verb, is)
}

// refuseMove says who may, or when. It looks at the actor first: what the other side alone may do is WRONG_SIDE in every
// state.
func refuseMove[S state](table []Move[S], noun string, from S, verb string, is func(Who) bool) *Error {
	var possible, whose []string
	turns := true
	for _, m := range table {
		if m.Verb != verb {
			continue
		}
		whose = appendNew(whose, m.By.the())
		turns = turns && (m.By == Answerer || m.By == Author)
		if is(m.By) {
			possible = appendNew(possible, word(m.From)) // for this actor
		}
	}
	var e *Error
	switch {
	case possible != nil:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_STATE, "The %s is %s; to %s it, it must be %s.", noun, word(from), verb, strings.Join(possible, " or "))
	case turns:
		e = Refuse(pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN, "Only %s may %s the %s.", strings.Join(whose, " or "), verb, noun)
	default:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only %s may %s %s %s.", strings.Join(whose, " or "), verb, article(noun), noun)
	}
	e.Rule, e.Metadata = noun+" "+verb, map[string]string{"state": word(from)}
	return e
}

// article is "a", or "an" before a vowel.
func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiouAEIOU", rune(noun[0])) {
		return "an"
	}
	return "a"
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
