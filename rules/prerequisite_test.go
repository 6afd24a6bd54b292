package rules

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// lateDeeds are what tales of delays are made of.
var lateDeeds = []string{"admit", "submit", "accept", "acknowledge", "notify", "notify", "notify"}

// lateTurn draws something that happens to an obligation of care, by somebody who may, or a few hours.
func lateTurn(t *rapid.T, w *world) turn {
	if rapid.IntRange(0, 2).Draw(t, "time") == 0 {
		return turn{pass: time.Duration(rapid.SampledFrom([]int{1, 8, 24, 36, 60, 200}).Draw(t, "hours"))*time.Hour + time.Nanosecond}
	}
	id := rapid.SampledFrom(append(w.obligations("care"), "c0-99")).Draw(t, "obligation")
	o, _ := w.records[obligationRef("care", id)].(*pb.Obligation)
	verb := rapid.SampledFrom(lateDeeds).Draw(t, "verb")
	who := Beneficiary
	if verb == "admit" || verb == "submit" || verb == "notify" {
		who = Obligor
	}
	return turn{by: w.someone("care", o, who), command: randomDeed(t, w, "care", id, verb)}
}

// TestDelaysArePassedOn plays random tales of promises that wait for each other. What an obligation is moved by is never more
// than what some prerequisite of it was late by, and never its obligor's own delay; and it makes no difference how late the
// clock is, nor in how many parts a delay is passed on.
func TestDelaysArePassedOn(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		awake, asleep, parts := newWorld(t, begin), newWorld(t, begin), newWorld(t, begin)
		parts.carry = 1
		play := func(tn turn) {
			tn.command = withoutEtag(tn.command)
			events, err := awake.take(tn)
			for _, e := range events {
				seen[EventKind(e)]++
				checkPassedOn(t, awake, e)
			}
			_, thirdErr := parts.take(tn)
			tn.asleep = true
			_, otherErr := asleep.take(tn)
			if (err == nil) != (otherErr == nil) || (err == nil) != (thirdErr == nil) {
				t.Fatalf("at %v %T: with the clock awake %v, asleep %v, in parts %v", awake.now, tn.command, err, otherErr, thirdErr)
			}
		}
		terms := tightTerms(t)
		_, digest := Digest(terms)
		for _, id := range []string{"northwind", "acme"} {
			play(turn{by: operator, command: &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}}})
		}
		play(turn{by: vendor, command: &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: terms}}})
		play(turn{by: vendor, command: &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}})
		play(turn{by: client, command: &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, TermsDigest: digest}})
		for range walkLength / 2 { // it lives three times
			play(lateTurn(t, awake))
		}
		for _, w := range []*world{awake, asleep, parts} {
			w.until(w.now)
		}
		sameButForTheClock(t, awake, asleep)
		sameButForTheClock(t, awake, parts)
		awake.close()
	})
	for _, name := range []string{"obligation_shifted", "obligation_blocked", "obligation_excused", "obligation_notice_given"} {
		if seen[name] < 20 {
			t.Errorf("%s came to pass %d times: that proves little", name, seen[name])
		}
	}
}

// checkPassedOn holds what is true of every obligation that was moved or excused by a prerequisite.
func checkPassedOn(t *rapid.T, w *world, e *pb.Event) {
	t.Helper()
	of := func(id string) *pb.Obligation {
		o, _ := w.records[obligationRef("care", id)].(*pb.Obligation)
		return o
	}
	switch c := e.GetChange().(type) {
	case *pb.Event_ObligationShifted:
		o, step := of(c.ObligationShifted.GetObligationId()), c.ObligationShifted.GetDeadlines().GetStep()
		root := of(step.GetSubject())
		if step.GetCausedBy() != Other(o.GetObligor()) || root.GetObligor() == o.GetObligor() || step.GetBusinessDays() < 1 {
			t.Fatalf("%s, owed by %v, was moved by %v, because of %v", o.GetObligationId(), o.GetObligor(), step, root)
		}
		cal := calendarOf(t, w.agreement("care").GetCalendar())
		most := 0
		for _, id := range w.obligations("care") {
			if p := of(id); p.GetObligor() != o.GetObligor() {
				most = max(most, cal.BusinessDaysBetween(mustParse(p.GetAgreedDueDate()), cal.DayAt(w.now)))
			}
		}
		for ref, m := range w.records {
			if p, ok := m.(*pb.Obligation); ok && ref.Agreement == "care" && Final(p.GetState()) && p.GetObligor() != o.GetObligor() {
				most = max(most, cal.BusinessDaysBetween(mustParse(p.GetAgreedDueDate()), cal.DayAt(p.GetCloseTime().AsTime())))
			}
		}
		if int(c.ObligationShifted.GetPrerequisiteBusinessDays()) > most {
			t.Fatalf("%s was moved by %d days; the other side was late by %d at most", o.GetObligationId(), c.ObligationShifted.GetPrerequisiteBusinessDays(), most)
		}
	case *pb.Event_ObligationExcused:
		o := of(c.ObligationExcused.GetObligationId())
		if x := o.GetExcuse(); x.GetObligationId() != "" && (x.GetCausedBy() != Other(o.GetObligor()) || of(x.GetObligationId()) == nil) {
			t.Fatalf("%v", o)
		}
	}
}

// TestOneDelayCountsOnce holds that a pause that moved both is no delay, and that of what a prerequisite was moved by the
// waiting side itself nothing comes back to it.
func TestOneDelayCountsOnce(t *testing.T) {
	cal, _ := NewCalendar(&pb.Calendar{TimeZone: "UTC"}, "calendar")
	pause := func(days int32) []*pb.DueStep {
		return []*pb.DueStep{{Kind: pb.DueStepKind_DUE_STEP_KIND_PAUSE, BusinessDays: days}}
	}
	p := &pb.Obligation{Obligor: pb.Side_SIDE_CLIENT, AgreedDueDate: "2026-03-02", PrerequisiteBusinessDays: 2, Trace: pause(5)}
	o := &pb.Obligation{Obligor: pb.Side_SIDE_VENDOR, Trace: pause(3)}
	done := mustParse("2026-03-16") // ten business days later
	for want, change := range map[int]func(p, o *pb.Obligation){
		10 - 2 - 3: func(p, o *pb.Obligation) {},
		10 - 2:     func(p, o *pb.Obligation) { o.Trace = nil },
		10 - 3:     func(p, o *pb.Obligation) { p.PrerequisiteBusinessDays = 0 },
		2:          func(p, o *pb.Obligation) { o.Obligor = pb.Side_SIDE_CLIENT },
		0:          func(p, o *pb.Obligation) { p.AgreedDueDate = "2026-03-20" },
	} {
		p, o := proto.CloneOf(p), proto.CloneOf(o)
		change(p, o)
		if got := passedOn(p, o, done, cal); got != want {
			t.Errorf("%d days are passed on, not %d: %v %v", got, want, p, o)
		}
	}
}
