package rules

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The clocks of concerns where the terms do not say otherwise; terms.proto says the same.
const (
	DefaultResponseBusinessDays   = 2
	DefaultRemedyBusinessDays     = 10
	DefaultEscalationBusinessDays = 5
	DefaultReopenDays             = 30
)

// The levels of an escalation: owners, sponsors, mediator, neutral.
const (
	mediatorLevel = 3
	neutralLevel  = 4
)

// concernClocks are the clocks of concerns that hold: in business days, but reopen, in days.
type concernClocks struct {
	response, remedy, escalation, reopen int
	contacts                             []*pb.EscalationContact
}

// concernClocksOf are the clocks that terms name, or the defaults.
func concernClocksOf(t *pb.ConcernTerms) concernClocks {
	c := concernClocks{DefaultResponseBusinessDays, DefaultRemedyBusinessDays, DefaultEscalationBusinessDays, DefaultReopenDays, t.GetContacts()}
	if t != nil {
		for clock, days := range map[*int]*int32{&c.response: t.ResponseBusinessDays, &c.remedy: t.RemedyBusinessDays, &c.escalation: t.EscalationBusinessDays, &c.reopen: t.ReopenDays} {
			if days != nil {
				*clock = int(*days)
			}
		}
	}
	return c
}

// contactsAt are the people of a level, in the order the terms name them.
func (c concernClocks) contactsAt(level int32) (people []*pb.EscalationContact) {
	for _, p := range c.contacts {
		if p.GetLevel() == level {
			people = append(people, p)
		}
	}
	return people
}

// checkConcernTerms lists what is wrong with whom the terms name to be asked: owners and sponsors are of a side.
func checkConcernTerms(t *pb.Terms, field string) (wrong []Violation) {
	for i, p := range t.GetConcerns().GetContacts() {
		if p.GetLevel() < mediatorLevel && p.GetSide() == pb.Side_SIDE_UNSPECIFIED {
			wrong = append(wrong, Violation{fmt.Sprintf("%s.concerns.contacts[%d].side", field, i), "owners and sponsors are of a side: say of which"})
		}
	}
	return wrong
}
