package api

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/feed"
)

// Bounds of a calendar, so that asking for one, which programs do by themselves and for ever, stays cheap. What is cut off
// for them is said in the calendar.
const (
	// pastDays and comingDays are how far a calendar looks: back to what people may still ask about, ahead for a year and
	// the month in which the next one is planned.
	pastDays, comingDays = 31, 400
	// maxEntries is how many obligations one holds; programs get slow with more.
	maxEntries = 2000
	// maxCalendarAgreements is how many agreements of a party one holds.
	maxCalendarAgreements = 200
	// calendarPage is how many obligations of an agreement are read at a time: few of many agreements make a calendar.
	calendarPage = 50
)

// obliging are the states of an agreement in which it has obligations, those of agreements in force first: what is due can
// outlive its agreement.
var obliging = []pb.AgreementState{
	pb.AgreementState_AGREEMENT_STATE_ACTIVE, pb.AgreementState_AGREEMENT_STATE_ENDING, pb.AgreementState_AGREEMENT_STATE_SUSPENDED,
	pb.AgreementState_AGREEMENT_STATE_EXPIRED, pb.AgreementState_AGREEMENT_STATE_TERMINATED, pb.AgreementState_AGREEMENT_STATE_COMPLETED,
}

func (s calendars) GetCalendar(ctx context.Context, r *pb.GetCalendarRequest) (*pb.GetCalendarResponse, error) {
	if (r.GetAgreementId() == "") == (r.GetPartyId() == "") {
		const one = "name the agreement or the party, one of the two"
		return nil, rules.Invalid(rules.Violation{Field: "agreement_id", Description: one}, rules.Violation{Field: "party_id", Description: one})
	}
	c := feed.Calendar{Titles: map[string]string{}}
	agreements, err := s.calendarOf(ctx, r, &c)
	if err != nil {
		return nil, err
	}
	for _, a := range agreements {
		c.Titles[a.GetAgreementId()] = a.GetTitle()
	}
	for o, err := range s.dueIn(ctx, agreements) {
		if err != nil {
			return nil, err
		}
		if len(c.Obligations) == maxEntries {
			c.Note += fmt.Sprintf("Only the first %d entries are shown. ", maxEntries)
			break
		}
		c.Obligations = append(c.Obligations, o)
	}
	file, err := feed.Render(c)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(file)
	return &pb.GetCalendarResponse{Ics: file, Etag: hex.EncodeToString(sum[:16])}, nil
}

// calendarOf is the agreements whose obligations a calendar shows, and names it.
func (s calendars) calendarOf(ctx context.Context, r *pb.GetCalendarRequest, c *feed.Calendar) ([]*pb.Agreement, error) {
	caller := auth.Caller(ctx)
	if id := r.GetAgreementId(); id != "" {
		a, err := read[*pb.Agreement](ctx, s.j, rules.Ref{Kind: rules.KindAgreement, Agreement: id}, "agreement", &pb.GetAgreementRequest{})
		c.Name = a.GetTitle()
		return []*pb.Agreement{a}, err
	}
	if caller.Role != pb.Role_ROLE_AUDITOR && caller.PartyID != r.GetPartyId() {
		return nil, rules.NotFound("party", r.GetPartyId()) // others' calendars are theirs
	}
	party, err := s.j.Party(ctx, caller, r.GetPartyId())
	if err != nil {
		return nil, err
	}
	c.Name = party.GetDisplayName()
	var all []*pb.Agreement
	for _, state := range obliging {
		some, err := s.agreementsIn(ctx, r.GetPartyId(), state)
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); len(all) > maxCalendarAgreements {
			c.Note = fmt.Sprintf("Only the first %d agreements are shown. ", maxCalendarAgreements)
			return all[:maxCalendarAgreements], nil
		}
	}
	return all, nil
}

// agreementsIn is the agreements of a party that are in a state, by id, and at least one more than a calendar holds if there
// are so many. Those of which it is the neutral are not among them: a neutral owes nothing.
func (s calendars) agreementsIn(ctx context.Context, partyID string, state pb.AgreementState) ([]*pb.Agreement, error) {
	var all []*pb.Agreement
	for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
		req := &pb.ListAgreementsRequest{PartyId: partyID, Side: side, State: state, PageSize: maxCalendarAgreements + 1}
		for n := 0; n <= maxCalendarAgreements; {
			page, err := s.j.Agreements(ctx, auth.Caller(ctx), req)
			if err != nil {
				return nil, err
			}
			all, n = append(all, page.GetAgreements()...), n+len(page.GetAgreements())
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b *pb.Agreement) int { return cmp.Compare(a.GetAgreementId(), b.GetAgreementId()) })
	return all, nil
}

// dueIn goes through what is due in several agreements, in the order of days, agreements and ids.
func (s calendars) dueIn(ctx context.Context, agreements []*pb.Agreement) iter.Seq2[*pb.Obligation, error] {
	return func(yield func(*pb.Obligation, error) bool) {
		var all dueHeap
		defer func() {
			for _, l := range all {
				l.stop()
			}
		}()
		for _, a := range agreements {
			l := &dueList{}
			l.next, l.stop = iter.Pull2(s.due(ctx, a))
			if l.advance() {
				all = append(all, l)
			}
		}
		heap.Init(&all)
		for len(all) > 0 {
			l := all[0]
			if !yield(l.first, l.err) || l.err != nil {
				return
			}
			if l.advance() {
				heap.Fix(&all, 0)
			} else {
				heap.Pop(&all)
			}
		}
	}
}

// due goes through what is due in an agreement within the days a calendar shows, by due date.
func (s calendars) due(ctx context.Context, a *pb.Agreement) iter.Seq2[*pb.Obligation, error] {
	return func(yield func(*pb.Obligation, error) bool) {
		days, wrong := rules.NewCalendar(a.GetCalendar(), "calendar")
		if wrong != nil {
			return // a text that nobody has agreed on yet: nothing is due
		}
		today := days.DayAt(s.j.Now())
		req := &pb.ListObligationsRequest{
			AgreementId: a.GetAgreementId(), PageSize: calendarPage,
			DueFrom: today.Add(-pastDays).String(), DueBefore: today.Add(comingDays + 1).String(),
		}
		for {
			page, err := s.j.Obligations(ctx, auth.Caller(ctx), req)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, o := range page.GetObligations() {
				if !yield(o, nil) {
					return
				}
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return
			}
		}
	}
}

// dueList is one agreement's dues, standing at the first that is left.
type dueList struct {
	first *pb.Obligation
	err   error
	next  func() (*pb.Obligation, error, bool)
	stop  func()
}

func (l *dueList) advance() (more bool) {
	l.first, l.err, more = l.next()
	return more
}

// dueHeap has the list with the earliest due on top.
type dueHeap []*dueList

func (h dueHeap) Len() int      { return len(h) }
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h dueHeap) Less(i, j int) bool {
	a, b := h[i].first, h[j].first
	return cmp.Or(cmp.Compare(a.GetDueDate(), b.GetDueDate()), cmp.Compare(a.GetAgreementId(), b.GetAgreementId())) < 0
}

// Push implements heap.Interface; nothing is pushed once the heap is made.
func (h *dueHeap) Push(l any) { *h = append(*h, l.(*dueList)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = slices.Delete(*h, len(*h)-1, len(*h))
	return last
}
