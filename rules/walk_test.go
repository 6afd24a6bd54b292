package rules

import (
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// walkLength bounds a random tale, so that the tests of the package stay a matter of seconds.
const walkLength = 130

// TestRandomTalesKeepThePromisesOfTheProduct plays random commands over random agreements. What holds for every single
// command, the world checks; what must hold at any time stands here.
func TestRandomTalesKeepThePromisesOfTheProduct(t *testing.T) {
	all := newTrace()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		w.trace, w.carry = all, rapid.SampledFrom([]int{1, 4, CarrySize}).Draw(t, "carry")
		for _, tn := range randomTale(t) {
			w.take(tn)
		}
		for range walkLength {
			events, _ := w.take(randomTurn(t, w))
			for _, e := range events {
				checkCloser(t, w, e)
				checkEffective(t, w, e)
			}
			checkCommitments(t, w)
		}
		checkShown(t, w)
		checkAhead(t, w)
		w.close()
	})
	elsewhere := map[string]bool{ // amendments: TestImpactIsWhatHappens; delays: TestDelaysArePassedOn
		"commitment_agreed": true, "obligation_cure_objected": true, "party_updated": true, "api_key_issued": true, "api_key_revoked": true, "log_opened": true, "log_key_added": true, "log_key_retired": true, "private_data_erased": true,
		"agreement_amended": true, "commitment_revised": true, "obligation_superseded": true, "agreement_renewed": true, "obligation_imported": true,
		"objective_agreed": true, "objective_revised": true, "objective_ended": true, "observation_returned": true,
		"obligation_shifted": true, "obligation_blocked": true, "obligation_notice_given": true,
	}
	for i := range changes().Len() {
		if name := string(changes().Get(i).Name()); !all.events[name] && !elsewhere[name] && !strings.HasPrefix(name, "concern_") { // TestConcernsKeepThePromisesOfTheProduct
			t.Errorf("no random tale came to %s: it proves nothing about it", name)
		}
	}
}

// checkCloser holds that who closes an obligation is who it is owed to.
func checkCloser(t *rapid.T, w *world, e *pb.Event) {
	t.Helper()
	var id string
	switch c := e.GetChange().(type) {
	case *pb.Event_ObligationAccepted:
		id = c.ObligationAccepted.GetObligationId()
	case *pb.Event_ObligationReceiptAcknowledged:
		id = c.ObligationReceiptAcknowledged.GetObligationId()
	case *pb.Event_ObligationWaived:
		id = c.ObligationWaived.GetObligationId()
	default:
		return
	}
	o := w.records[obligationRef(e.GetAgreementId(), id)].(*pb.Obligation)
	a := w.agreement(e.GetAgreementId())
	party := map[pb.Side]string{pb.Side_SIDE_VENDOR: a.GetVendorPartyId(), pb.Side_SIDE_CLIENT: a.GetClientPartyId()}
	if e.GetActor().GetPartyId() != party[o.GetBeneficiary()] || e.GetActor().GetPartyId() == party[o.GetObligor()] {
		t.Fatalf("%v closed what is owed by %v", e.GetActor(), o.GetObligor())
	}
}

// checkEffective holds that nothing the clock brings was true before the agreement held.
func checkEffective(t *rapid.T, w *world, e *pb.Event) {
	t.Helper()
	if noun, _, _ := VerbOf(e); noun == "concern" {
		return // the sides may speak before, and are to be heard
	}
	if a := w.agreement(e.GetAgreementId()); e.GetActor().GetPrincipalId() == "clock" && e.GetEffectiveTime().AsTime().Before(a.GetEffectiveTime().AsTime()) {
		t.Fatalf("the agreement holds from %v on, but this was true before: %v", a.GetEffectiveTime().AsTime(), e)
	}
}

// tally is how many obligations of a commitment there are, and how many of them in some states.
type tally struct{ all, open, ahead, paused, disputed int }

func talliesOf(w *world) map[Ref]tally {
	tallies := map[Ref]tally{}
	for _, m := range w.records {
		o, ok := m.(*pb.Obligation)
		if !ok {
			continue
		}
		ref := commitmentRef(o.GetAgreementId(), o.GetCommitmentId())
		n := tallies[ref]
		n.all++
		if !Final(o.GetState()) {
			n.open++
		}
		switch o.GetState() {
		case scheduled:
			if o.GetDueDate() == o.GetAgreedDueDate() { // where its words put it
				n.ahead++
			}
		case suspended:
			n.paused++
		case disputed:
			n.disputed++
		}
		tallies[ref] = n
	}
	return tallies
}

// checkCommitments counts what the records say by themselves.
func checkCommitments(t *rapid.T, w *world) {
	t.Helper()
	tallies := talliesOf(w)
	for ref, m := range w.records {
		c, ok := m.(*pb.Commitment)
		if !ok {
			continue
		}
		n := tallies[ref]
		if n.all != int(c.GetObligationCount()) || n.open != int(c.GetOpenObligationCount()) {
			t.Fatalf("%+v counts %d open of %d; there are %d of %d", ref, c.GetOpenObligationCount(), c.GetObligationCount(), n.open, n.all)
		}
		if w.agreement(ref.Agreement).GetSettling() {
			continue // on its way
		}
		if kinds[c.GetKind()].rests || c.GetTerms().GetOneOff().GetRelative() != nil {
			checkResting(t, c, n.open, n.ahead)
			continue
		}
		if c.GetTerms().GetMeasured() != nil || c.GetTerms().GetStanding() != nil {
			checkTiles(t, w, c)
			continue
		}
		days := dueDays(t, w, c)
		done := n.all == len(days)
		switch c.GetState() {
		case pb.CommitmentState_COMMITMENT_STATE_DORMANT:
			if n.all > 0 {
				t.Fatalf("%+v is dormant and has %d obligations", ref, n.all)
			}
		case pb.CommitmentState_COMMITMENT_STATE_IN_FORCE:
			cut := c.GetTerms().GetRecurring() != nil && (done || c.GetWordsFromDate() != "") // an amendment may move the last day
			if n.open == 0 && !cut || n.ahead > 1 || n.ahead == 0 && !done && c.GetWordsFromDate() == "" {
				t.Fatalf("%+v is in force with %d open, %d ahead; its words are used up: %v", ref, n.open, n.ahead, done)
			}
		case pb.CommitmentState_COMMITMENT_STATE_SUSPENDED:
			if n.open != n.paused+n.disputed { // the clocks of both stand still
				t.Fatalf("%+v is suspended, and of %d open ones only %d", ref, n.open, n.paused)
			}
		case pb.CommitmentState_COMMITMENT_STATE_ENDED:
			if n.ahead > 0 || n.paused > 0 {
				t.Fatalf("%+v ended with %d ahead and %d paused", ref, n.ahead, n.paused)
			}
			if c.GetEndReason() != pb.CommitmentEndReason_COMMITMENT_END_REASON_COMPLETED {
				break // its agreement ended it, with or without something open
			}
			if n.open > 0 || !done && c.GetWordsFromDate() == "" {
				t.Fatalf("%+v ended with %d open; its words are used up: %v", ref, n.open, done)
			}
		}
		checkDays(t, w, c, days)
	}
}

// checkTiles holds that the windows of a commitment tile the time of the promise: no day is counted twice, and none left
// out, unless a pause came between.
func checkTiles(t *rapid.T, w *world, c *pb.Commitment) {
	t.Helper()
	next := calendarOf(t, w.agreement(c.GetAgreementId()).GetCalendar()).DayAt(c.GetEffectiveTime().AsTime())
	for n := range c.GetObligationCount() {
		o := w.records[obligationRef(c.GetAgreementId(), obligationID(c, n+1))].(*pb.Obligation)
		gap := o.GetWindowStartDate() != next.String()
		if gap && (c.GetWordsFromDate() == "" || o.GetWindowStartDate() < next.String()) || o.GetWindowEndDate() < o.GetWindowStartDate() || o.GetDueDate() < o.GetWindowEndDate() && o.GetState() == scheduled {
			t.Fatalf("window %d begins on %s, not on %v: %v", n+1, o.GetWindowStartDate(), next, o)
		}
		next = mustParse(o.GetWindowEndDate()) + 1
	}
}

// checkResting holds of what waits for something to happen that it rests while nothing that happened is open, and that at
// most one obligation waits for it.
func checkResting(t *rapid.T, c *pb.Commitment, open, ahead int) {
	t.Helper()
	entered := c.GetObligationCount() > 0
	rests := kinds[c.GetKind()].rests && entered && c.GetState() != ended && c.GetState() != resting
	switch state := c.GetState(); {
	case ahead > 1, state == ended && (ahead > 0 || open > 0 && c.GetEndReason() == pb.CommitmentEndReason_COMMITMENT_END_REASON_COMPLETED), entered && state != ended && state != resting && open == 0 && c.GetRemedyOf() == "":
		t.Fatalf("%s is %s with %d open, %d ahead", c.GetCommitmentId(), word(state), open, ahead)
	case rests && (state == dormant) != (open == ahead):
		t.Fatalf("%s is %s with %d open, %d ahead", c.GetCommitmentId(), word(state), open, ahead)
	}
}

// dueDays is every day a commitment falls due by its words, counted from the start; at most one more than it has
// brought forth.
func dueDays(t *rapid.T, w *world, c *pb.Commitment) (days []string) {
	t.Helper()
	a := w.agreement(c.GetAgreementId())
	cal := calendarOf(t, a.GetCalendar())
	r := c.GetTerms().GetRecurring()
	if r == nil {
		return []string{c.GetTerms().GetOneOff().GetDueDate()}
	}
	start, last := ruleStart(r, a, cal), Day(-1)
	for count := 0; count <= int(c.GetObligationCount()); count++ {
		date, due, ok := NextDue(r, start, last, count, cal)
		if !ok || a.GetEndTime() != nil && !c.GetTerms().GetSurviving() && cal.EndOfDay(due).After(a.GetEndTime().AsTime()) {
			break
		}
		days, last = append(days, due.String()), date
	}
	return days
}

func calendarOf(t *rapid.T, c *pb.Calendar) *Calendar {
	t.Helper()
	cal, wrong := NewCalendar(c, "calendar")
	if wrong != nil {
		t.Fatal(wrong)
	}
	return cal
}

// checkDays holds that the obligations are those the words name, in order and without a gap.
func checkDays(t *rapid.T, w *world, c *pb.Commitment, days []string) {
	t.Helper()
	for i := range int(c.GetObligationCount()) {
		o, _ := w.records[obligationRef(c.GetAgreementId(), c.GetCommitmentId()+"-"+strconv.Itoa(i+1))].(*pb.Obligation)
		if c.GetWordsFromDate() == "" && (i >= len(days) || o.GetAgreedDueDate() != days[i]) || int(o.GetOrdinal()) != i+1 {
			t.Fatalf("obligation %d of %s is due on %q; the words say %v", i+1, c.GetCommitmentId(), o.GetAgreedDueDate(), days)
		}
		if o.GetLeadStartTime().AsTime().After(o.GetDueTime().AsTime()) || o.GetGraceEndTime().AsTime().Before(o.GetDueTime().AsTime()) {
			t.Fatalf("the clocks of an obligation are out of order: %v", o)
		}
		kept := o.GetState() == fulfilled || o.GetState() == cured
		if (o.GetKeptTime() != nil) != kept || (o.GetTimeliness() != 0) != kept {
			t.Fatalf("kept, or not? %v", o)
		}
	}
}

// checkShown holds that everything can be shown as JSON, with words.
func checkShown(t *rapid.T, w *world) {
	t.Helper()
	for ref, m := range w.records {
		if _, err := protojson.Marshal(Present(proto.Clone(m), w.now)); err != nil {
			t.Fatalf("%+v cannot be shown: %v", ref, err)
		}
	}
	for _, e := range w.history {
		if words := Words(e); !strings.HasSuffix(words, ".") && !strings.Contains(words, ": ") {
			t.Fatalf("no sentence: %q", words)
		}
	}
}
