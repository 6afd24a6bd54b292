package rules

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// An outlook says of each side alike what is likely to be late next. It is reckoned from what anybody can look up: how often
// the commitment was kept on time of late, and what the obligation waits for. docs/outlook.md has the formula.

// Bounds of an outlook.
const (
	// outlookDays is how far it looks ahead: two months, in which most that can be done about a delay can be done.
	outlookDays = 60
	// outlookMonths is how far back a commitment's history counts: a year, so that every quarterly promise was due four times.
	outlookMonths = 12
	// outlookLooked is how many obligations are looked at, so that asking stays cheap.
	outlookLooked = 1000
	// outlookItems is how many of a side are told: as many as people can attend to.
	outlookItems = 50
	// outlookPage is how many obligations are read at a time.
	outlookPage = 200
)

// outlook is a look ahead that is being taken.
type outlook struct {
	*Decision // to look at prerequisites as the rules do; it decides nothing
	id        string
	today     Day
	history   window
	look      ledger
	known     map[string]*prospect // by obligation
}

// Outlook says what of each side's obligations is likely to be late next, as the records of an agreement that exists are at a
// time. It reads open obligations by their index, and tallies.
func (s *State) Outlook(agreementID string, at time.Time) (*pb.Outlook, error) {
	a := s.agreement(agreementID)
	cal, wrong := NewCalendar(a.GetCalendar(), "calendar")
	if wrong != nil { // nothing is agreed yet
		cal, _ = NewCalendar(&pb.Calendar{TimeZone: "UTC"}, "calendar")
	}
	today := cal.DayAt(at)
	y, m, _ := today.Date()
	l := &outlook{
		Decision: &Decision{State: s, stamp: Stamp{At: at}}, id: agreementID, today: today, look: s.tallied(agreementID), known: map[string]*prospect{},
		history: window{DayOf(y, m-outlookMonths+1, 1), DayOf(y, m+1, 0)}, // whole months
	}
	until := today.Add(outlookDays)
	answer := &pb.Outlook{AgreementId: agreementID, AsOf: timestamppb.New(at), UntilDate: until.String()}
	items := map[pb.Side][]*pb.OutlookItem{}
	open, complete := l.open(until)
	for _, o := range open {
		items[o.GetObligor()] = append(items[o.GetObligor()], l.item(o))
	}
	answer.Vendor = sideOutlook(pb.Side_SIDE_VENDOR, a.GetVendorPartyId(), items[pb.Side_SIDE_VENDOR])
	answer.Client = sideOutlook(pb.Side_SIDE_CLIENT, a.GetClientPartyId(), items[pb.Side_SIDE_CLIENT])
	answer.Incomplete = !complete
	return answer, s.err
}

// open is the obligations that are to be done up to a day, and whether these are all.
func (l *outlook) open(until Day) (found []*pb.Obligation, complete bool) {
	inHand := []pb.ObligationState{scheduled, due, submitted, breached, curing} // those that lie beside each other; see the lists
	for after, looked := Place(""), 0; ; {
		page := l.State.Obligations(l.id, "", inHand, after, outlookPage)
		for _, o := range page {
			if day, err := ParseDay(o.GetDueDate()); err != nil || day > until {
				return found, true
			}
			if looked++; looked > outlookLooked {
				return found, false
			}
			if undone(o) {
				found = append(found, o)
			}
		}
		if len(page) < outlookPage {
			return found, true
		}
		after = PlaceOf(page[len(page)-1])
	}
}

// undone says of an obligation that it is its obligor's to do, and nothing is lost yet.
func undone(o *pb.Obligation) bool { return o.GetState() == scheduled || o.GetState() == due }

// sideOutlook is what a side has to do, the likeliest to be late first.
func sideOutlook(side pb.Side, party string, items []*pb.OutlookItem) *pb.SideOutlook {
	slices.SortFunc(items, func(a, b *pb.OutlookItem) int {
		return cmp.Or(cmp.Compare(b.GetChance(), a.GetChance()), cmp.Compare(a.GetDueDate(), b.GetDueDate()), cmp.Compare(a.GetObligationId(), b.GetObligationId()))
	})
	return &pb.SideOutlook{Side: side, PartyId: party, DueCount: int32(len(items)), Items: items[:min(len(items), outlookItems)]}
}

// item is an obligation that is to be done, and how likely it is to be late.
func (l *outlook) item(o *pb.Obligation) *pb.OutlookItem {
	p := l.prospect(o)
	return &pb.OutlookItem{
		ObligationId: o.GetObligationId(), CommitmentId: o.GetCommitmentId(), Title: o.GetTitle(), State: o.GetState(), DueDate: o.GetDueDate(),
		Chance: p.chance.float(), Reasons: p.reasons,
	}
}

// prospect is how likely an obligation is to be late, and why. Chances are reckoned in millionths, and each is rounded before
// it goes into another: so they stay exact and short however long the chain of what waits for what is.
type prospect struct {
	chance  decimal
	reasons []*pb.OutlookReason
}

// add adds a reason.
func (p *prospect) add(r *pb.OutlookReason, chance decimal) {
	r.Chance = chance.float()
	p.chance = decimalOne - ((decimalOne-p.chance)*(decimalOne-chance)+decimalOne/2)/decimalOne
	p.reasons = append(p.reasons, r)
}

// prospect looks at an obligation that is to be done. In no text anything waits for itself, but two obligations may wait for
// each other where each is by the words of another revision: then the second is told of the first what is known by then.
func (l *outlook) prospect(o *pb.Obligation) *prospect {
	p := l.known[o.GetObligationId()]
	if p != nil {
		return p
	}
	p = &prospect{}
	l.known[o.GetObligationId()] = p
	p.add(l.own(o))
	for _, id := range l.commitmentOf(o).GetTerms().GetPrerequisites() {
		if r, chance := l.prerequisite(o, id); r != nil {
			p.add(r, chance)
		}
	}
	return p
}

// own is how likely an obligation is to be late by what is known of its obligor.
func (l *outlook) own(o *pb.Obligation) (*pb.OutlookReason, decimal) {
	side := sideWord(o.GetObligor())
	switch {
	case l.dayOver(o):
		return &pb.OutlookReason{
			Kind: pb.OutlookReasonKind_OUTLOOK_REASON_KIND_DAY_OVER, Side: o.GetObligor(), Words: "Its day is over, and the " + side + " has not done it.",
		}, decimalOne
	case l.told(o):
		return &pb.OutlookReason{
			Kind: pb.OutlookReasonKind_OUTLOOK_REASON_KIND_TOLD, Side: o.GetObligor(), Words: "The " + side + " has told that it will be late.",
		}, decimalOne
	}
	return l.past(o.GetCommitmentId(), o.GetObligor())
}

// told says whether the obligor of an obligation that is to be done has told that it will be late, by a concern that stands,
// whoever told of it first.
func (l *outlook) told(o *pb.Obligation) bool {
	id := o.GetDisclosedConcernId()
	if o.GetDisclosedBy() != o.GetObligor() {
		id = o.GetLaterConcernId()
	}
	m := l.State.concern(l.id, id)
	return m != nil && !concernOver(m.GetState())
}

// dayOver says whether the day of an obligation that is to be done is over.
func (l *outlook) dayOver(o *pb.Obligation) bool { return o.GetDueDate() < l.today.String() }

// past is how likely the next of a commitment is to be late by how it was kept.
func (l *outlook) past(commitmentID string, side pb.Side) (*pb.OutlookReason, decimal) {
	n := l.look(commitmentID, l.history)
	missed := n.outcomes[classLate] + n.outcomes[classCured] + n.outcomes[classBroken]
	counted := n.outcomes[classOnTime] + missed
	words := "Nothing of it was due in the last 12 months."
	if counted > 0 {
		words = fmt.Sprintf("In the last 12 months the %s did not keep %d of %d on time.", sideWord(side), missed, counted)
	}
	r := &pb.OutlookReason{Kind: pb.OutlookReasonKind_OUTLOOK_REASON_KIND_HISTORY, Side: side, Missed: missed, Counted: counted, Words: words}
	part, of := decimal(missed+1), decimal(counted+2)
	return r, (2*part*decimalOne + of) / (2 * of) // half of a millionth up
}

// prerequisite is how likely an obligation is to be late by one that it waits for; nil if that is done.
func (l *outlook) prerequisite(o *pb.Obligation, commitmentID string) (*pb.OutlookReason, decimal) {
	c := l.State.commitment(l.id, commitmentID)
	r := &pb.OutlookReason{Kind: pb.OutlookReasonKind_OUTLOOK_REASON_KIND_PREREQUISITE, Side: c.GetObligor(), CommitmentId: commitmentID}
	p := l.prerequisiteOf(o, commitmentID)
	r.ObligationId = p.GetObligationId()
	how, chance := "", decimalOne
	state := p.GetState()
	held := state == suspended || state == disputed
	switch {
	case p == nil && (c == nil || c.GetState() == ended || l.nextDay(c) > o.GetAgreedDueDate()):
		return nil, 0 // nothing of it comes before
	case p == nil:
		how = "has not come up yet"
		_, chance = l.past(commitmentID, c.GetObligor())
	case broken(state), held && classOf(p) == classBroken, undone(p) && l.dayOver(p):
		how = "is late"
	case lost(p, o):
		how = "does not come any more"
	case undone(p):
		how, chance = "is due on "+p.GetDueDate()+" and may be late itself", l.prospect(p).chance
	case held:
		how = "is " + enumWord(state)
		_, chance = l.past(commitmentID, p.GetObligor())
	default:
		return nil, 0 // done, or to be judged, or not owed any more
	}
	r.Words = fmt.Sprintf("It waits for %s of the %s, which %s.", cmp.Or(r.GetObligationId(), commitmentID), sideWord(r.GetSide()), how)
	return r, chance
}
