package rules

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// An amendment gives an agreement another text, from a day on. What is due from that day on and not yet answered for is
// superseded, and comes forth anew by the new words. What was due before, and what the obligor has answered for or must
// answer for already, stays under the words it was promised by: no outcome is rewritten, not even one in the making.

// What must hold for an amendment to be agreed to.
const (
	sameBase  = "the text that it changes is the one in force"
	notClosed = "no commitment whose words it changes has ended"
	endAhead  = "the last day that it names is still to come"
)

// wrongAmendment lists everything that is wrong with the text of an amendment.
func (d *Decision) wrongAmendment(a *pb.Agreement, c consent) []Violation {
	wrong := CheckTerms(c.terms, c.field)
	if wrong != nil {
		return wrong // what follows relies on dates that can be read
	}
	base := d.terms(a)
	refuse := func(field, words string) { wrong = append(wrong, Violation{c.field + "." + field, words}) }
	if c.terms.GetEffectiveDate() != base.GetEffectiveDate() {
		refuse("effective_date", "the agreement began on "+base.GetEffectiveDate()+"; say in holds_from_date from when the new text holds")
	}
	if len(c.terms.GetHistory()) > 0 || c.terms.GetHistoryUntilDate() != "" {
		refuse("history", "a past is agreed to with the first terms only: leave it out")
	}
	if c.terms.GetHoldsFromDate() != "" {
		wrong = append(wrong, d.checkDayAhead(a, c.terms.GetHoldsFromDate(), c.field+".holds_from_date")...)
	}
	if wrong != nil {
		return wrong
	}
	from := d.start(a, c)
	if _, end, err := span(c.terms); err != nil || !end.IsZero() && !end.After(from) {
		refuse("end_date", "the agreement would have ended before the text holds: name a later day, or propose an early end")
	}
	return append(append(wrong, d.wrongPromises(a, c, base, from)...), d.wrongObjectives(a, c)...)
}

// wrongPromises lists which promises of a new text cannot follow those of the old one.
func (d *Decision) wrongPromises(a *pb.Agreement, c consent, base *pb.Terms, from time.Time) (wrong []Violation) {
	after := amended(a, c.terms)
	cal, bad := NewCalendar(c.terms.GetCalendar(), c.field+".calendar")
	if bad != nil {
		return bad
	}
	day := cal.DayAt(from)
	for i, ct := range c.terms.GetCommitments() {
		at := fmt.Sprintf("%s.commitments[%d]", c.field, i)
		was := d.State.commitment(a.GetAgreementId(), ct.GetCommitmentId())
		old := wordsOf(base, ct.GetCommitmentId())
		if credit := ct.GetMeasured().GetCredit().GetCommitmentId(); credit != "" {
			if pays := d.State.commitment(a.GetAgreementId(), credit); pays != nil && pays.GetRemedyOf() != ct.GetCommitmentId() {
				wrong = append(wrong, Violation{at + ".measured.credit.commitment_id", "the agreement has, or had, another commitment \"" + credit + "\": give this one another id"})
			}
		}
		switch {
		case was == nil:
			if fresh := commitmentBy(c.terms, ct, day); fresh != nil {
				if _, ok := nextInstance(after, fresh, cal); !ok {
					wrong = append(wrong, Violation{at, "nothing falls due by it from " + day.String() + " on, when the text holds"})
				}
			}
		case old == nil:
			wrong = append(wrong, Violation{at + ".commitment_id", "the agreement had another commitment \"" + ct.GetCommitmentId() + "\" before: give this one another id"})
		case ct.GetObligor() != old.GetObligor():
			wrong = append(wrong, Violation{at + ".obligor", "who owes it cannot change: end it and give the new promise another id"})
		case KindOf(ct) != KindOf(old):
			wrong = append(wrong, Violation{at, "its kind cannot change: end it and give the new promise another id"})
		}
	}
	return wrong
}

// wordsOf is the words of a commitment in a text; nil if it has none.
func wordsOf(t *pb.Terms, id string) *pb.CommitmentTerms {
	for _, c := range t.GetCommitments() {
		if c.GetCommitmentId() == id {
			return c
		}
	}
	return nil
}

// amended is an agreement as it is by another text.
func amended(a *pb.Agreement, t *pb.Terms) *pb.Agreement {
	after := proto.CloneOf(a)
	after.Calendar, after.EndTime = t.GetCalendar(), nil
	if _, end, err := span(t); err == nil && !end.IsZero() {
		after.EndTime = timestamppb.New(end)
	}
	return after
}

// commitmentBy is a commitment as a text words it, that nothing has come of yet.
func commitmentBy(t *pb.Terms, ct *pb.CommitmentTerms, from Day) *pb.Commitment {
	return &pb.Commitment{
		CommitmentId: ct.GetCommitmentId(), Kind: KindOf(ct), Obligor: ct.GetObligor(), Terms: ct, Clocks: clocksOf(ct, t), WordsFromDate: from.String(),
	}
}

// amendable refuses an amendment of a text that is no longer the one in force, or soon will not be, and of what is over.
func (d *Decision) amendable(a *pb.Agreement, c consent, at time.Time) *Error {
	id := a.GetAgreementId()
	if c.base != a.GetRevision() {
		return staleBase(a)
	}
	for _, other := range a.GetAcceptedProposalIds() {
		if p := d.State.proposal(id, other); other != c.proposal && c.proposal != "" && p.GetKind() == c.kind {
			return staleBase(a)
		}
	}
	if end := amended(a, c.terms).GetEndTime(); end != nil && !end.AsTime().After(at) {
		e := refuseGuard("agreement", "amend", endAhead, "By this text the agreement would have ended already, on %s. Propose a later last day, or an early end.", c.terms.GetEndDate())
		e.Subject = "agreements/" + id
		return e
	}
	for _, ct := range diff(d.terms(a), c.terms).reworded {
		d.comeUpBefore(commitmentRef(id, ct), at)
		if d.State.commitment(id, ct).GetState() == ended {
			e := refuseGuard("agreement", "amend", notClosed, "Commitment %s has ended; its words cannot change. Leave them as they are, and give a new promise another id.", ct)
			e.Subject, e.Metadata = "agreements/"+id+"/commitments/"+ct, map[string]string{"commitment_id": ct}
			return e
		}
	}
	return nil
}

func staleBase(a *pb.Agreement) *Error {
	e := Refuse(pb.ErrorReason_ERROR_REASON_STALE_BASE, "Another amendment was accepted; this one would change a text that is, or soon will be, out of force. Propose it anew on the new text.")
	e.Rule, e.Subject = "agreement amend: "+sameBase, "agreements/"+a.GetAgreementId()
	e.Metadata = map[string]string{"revision": fmt.Sprint(a.GetRevision())}
	return e
}

// difference is how two texts differ, by the ids of commitments, each in the order of their texts.
type difference struct {
	added, ended []string
	// changed have other words or other clocks; reworded those of them with other words.
	changed, reworded []string
	// rewired are waited for by others than before, and otherwise the same; kept are the same altogether.
	rewired, kept []string
}

// diff compares two texts.
func diff(old, new *pb.Terms) (by difference) {
	was, is := dependentsOf(old), dependentsOf(new)
	words := map[string]*pb.CommitmentTerms{}
	for _, ct := range old.GetCommitments() {
		words[ct.GetCommitmentId()] = ct
	}
	for _, ct := range new.GetCommitments() {
		id := ct.GetCommitmentId()
		before, had := words[id]
		delete(words, id)
		switch {
		case !had:
			by.added = append(by.added, id)
		case !proto.Equal(before, ct):
			by.reworded = append(by.reworded, id)
			by.changed = append(by.changed, id)
		case !proto.Equal(clocksOf(before, old), clocksOf(ct, new)):
			by.changed = append(by.changed, id)
		case !slices.Equal(was[id], is[id]):
			by.rewired = append(by.rewired, id)
		default:
			by.kept = append(by.kept, id)
		}
	}
	for _, ct := range old.GetCommitments() {
		if words[ct.GetCommitmentId()] != nil {
			by.ended = append(by.ended, ct.GetCommitmentId())
		}
	}
	return by
}

// amend gives an agreement the text of an amendment.
func (d *Decision) amend(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	id, old := a.GetAgreementId(), d.terms(a)
	by := diff(old, c.terms)
	d.pulsePasses(id, at)
	after := amended(a, c.terms)
	d.emitClock(id, at, &pb.Event{Change: &pb.Event_AgreementAmended{AgreementAmended: &pb.AgreementAmended{
		Revision: a.GetRevision() + 1, BaseRevision: a.GetRevision(), ProposalId: p.GetProposalId(), Title: c.terms.GetTitle(),
		TermsDigest: p.GetTermsDigest(), EndTime: after.GetEndTime(), Calendar: after.GetCalendar(), NeutralPartyId: c.terms.GetNeutralPartyId(),
	}}})
	for _, other := range d.State.Proposals(id, []pb.ProposalState{open, accepted}, "", MaxOpenProposals) {
		if other.GetKind() == p.GetKind() {
			d.goStale(other, at, fmt.Sprintf("revision %d of the terms is in force, and it would change revision %d.", a.GetRevision()+1, other.GetBaseRevision()))
		}
	}
	d.schedulePulse(d.State.agreement(id), at, at)
	d.amendObjectives(d.State.agreement(id), old, at)
	if !endsLater(after, a) {
		by.kept = nil
	}
	d.cascade(id, &pb.DeferredChange{
		Cause: pb.ChangeCause_CHANGE_CAUSE_AMENDED, EffectiveTime: timestamppb.New(at), BaseRevision: a.GetRevision(),
		CommitmentIds: slices.Concat(by.ended, by.changed, by.rewired, by.kept, by.added),
	})
}

// endsLater says whether the last day of an agreement is after that of another, or it has none while the other has.
func endsLater(a, than *pb.Agreement) bool {
	return than.GetEndTime() != nil && (a.GetEndTime() == nil || a.GetEndTime().AsTime().After(than.GetEndTime().AsTime()))
}

// carryAmended carries new terms into the commitments that the change names: those that are added, changed, ended or only
// waited for by others than before; and all, if the agreement ends later, as those that had come to its end go on.
func carryAmended() carrier {
	return carrier{commitment: func(d *Decision, change *pb.DeferredChange, ref Ref, c *pb.Commitment) {
		a, at := d.State.agreement(ref.Agreement), change.GetEffectiveTime().AsTime()
		t := d.text(a)
		ct := t.words[ref.ID]
		same := proto.Equal(c.GetTerms(), ct) && proto.Equal(c.GetClocks(), clocksOf(ct, t.terms))
		switch {
		case c.GetState() == ended || c.GetRevision() == a.GetRevision():
		case ct == nil:
			d.supersede(a, c, at)
			d.endCommitment(c, pb.CommitmentEndReason_COMMITMENT_END_REASON_SUPERSEDED, at)
			d.endIfDone(ref.Agreement, ref.ID, at)
		case c == nil:
			d.agree(a, t, ct, at)
		case same && slices.Equal(c.GetDependents(), t.dependents[ref.ID]):
			if c.GetState() == inForce {
				d.scheduleNext(ref.Agreement, ref.ID, at)
			}
		case same:
			d.revise(a, &pb.CommitmentRevised{CommitmentId: ref.ID, Terms: ct, Clocks: c.GetClocks(), Dependents: t.dependents[ref.ID]}, at)
		default:
			d.supersede(a, c, at)
			d.reword(a, c, t, ct, at)
		}
	}}
}

// text is a revision of the terms, and what is looked up in it again and again.
type text struct {
	terms      *pb.Terms
	words      map[string]*pb.CommitmentTerms
	dependents map[string][]string
	past       map[string][]*pb.PastObligation
}

// text reads the terms of an agreement that are in force.
func (d *Decision) text(a *pb.Agreement) *text { return d.textOf(a.GetAgreementId(), a.GetRevision()) }

// textOf reads a revision of the terms of an agreement, once in a decision.
func (d *Decision) textOf(agreementID string, revision int32) *text {
	ref := revisionRef(agreementID, revision)
	if t := d.read[ref]; t != nil {
		return t
	}
	terms := termsOf(get[*pb.Revision](d.State, ref).GetBody())
	t := &text{terms: terms, words: map[string]*pb.CommitmentTerms{}, dependents: dependentsOf(terms), past: map[string][]*pb.PastObligation{}}
	for _, ct := range terms.GetCommitments() {
		t.words[ct.GetCommitmentId()] = ct
	}
	for _, past := range terms.GetHistory() {
		t.past[past.GetCommitmentId()] = append(t.past[past.GetCommitmentId()], past)
	}
	if d.read == nil {
		d.read = map[Ref]*text{}
	}
	d.read[ref] = t
	return t
}

// agree adds a commitment. It is in force at once, unless the agreement is paused.
func (d *Decision) agree(a *pb.Agreement, t *text, ct *pb.CommitmentTerms, at time.Time) {
	cal := d.calendar(a)
	if cal == nil {
		return
	}
	id := ct.GetCommitmentId()
	d.emitClock(a.GetAgreementId(), at, &pb.Event{Change: &pb.Event_CommitmentAgreed{CommitmentAgreed: &pb.CommitmentAgreed{
		CommitmentId: id, Terms: ct, Clocks: clocksOf(ct, t.terms), Dependents: t.dependents[id],
		EffectiveTime: timestamppb.New(at), Revision: a.GetRevision(), WordsFromDate: cal.DayAt(at).String(),
	}}})
	c := d.State.commitment(a.GetAgreementId(), id)
	if a.GetSuspension() != nil {
		d.suspendCommitment(c, at)
		return
	}
	d.enterIntoForce(c, at)
}

// reword gives a commitment whose open obligations have given way its new words. They hold from a day on: a rule that counts
// its dates counts those before, too. What the commitment has brought forth and did not give way (it was due before, kept
// early, or is being judged) has its place in the new rule, which goes on behind it: nothing is owed twice.
func (d *Decision) reword(a *pb.Agreement, c *pb.Commitment, t *text, ct *pb.CommitmentTerms, at time.Time) {
	cal := d.calendar(a)
	if cal == nil {
		return
	}
	from := cal.DayAt(at)
	anew := commitmentBy(t.terms, ct, from)
	anew.EffectiveTime, anew.RemedyOf, anew.WordsFromDate = c.GetEffectiveTime(), c.GetRemedyOf(), ""
	d.begin(a, c, anew, from, cal)
	id := c.GetCommitmentId()
	d.revise(a, &pb.CommitmentRevised{
		CommitmentId: id, Terms: ct, Clocks: anew.GetClocks(), Dependents: t.dependents[id], Superseding: true,
		WordsFromDate: from.String(), LastRuleDate: anew.GetLastRuleDate(), RuleDateCount: anew.GetRuleDateCount(),
	}, at)
	if c.GetState() == inForce || c.GetState() == dormant && c.GetObligationCount() > 0 { // it rests, and waits anew
		d.scheduleNext(a.GetAgreementId(), id, at)
		d.endIfDone(a.GetAgreementId(), id, at)
	}
}

// begin has new words of a commitment begin behind what does not give way to them.
func (d *Decision) begin(a *pb.Agreement, c, anew *pb.Commitment, from Day, cal *Calendar) {
	kept := d.newestKept(c)
	if kept != nil && kept.GetRuleDate() == "" {
		anew.RuleDateCount = 1 // what comes once has come
		return
	}
	for {
		next, ok := kinds[anew.GetKind()].next(a, anew, cal)
		if !ok || next.ruleDate == "" || next.day >= from && next.ruleDate > kept.GetRuleDate() {
			return
		}
		advance(anew, next)
	}
}

// newestKept is the newest obligation of a commitment that did not give way to other words; nil if there is none.
func (d *Decision) newestKept(c *pb.Commitment) *pb.Obligation {
	for n := c.GetObligationCount(); n > 0; n-- {
		if o := d.State.obligation(c.GetAgreementId(), obligationID(c, n)); o.GetState() != superseded {
			return o
		}
	}
	return nil
}

// revise gives a commitment the words of the revision in force.
func (d *Decision) revise(a *pb.Agreement, r *pb.CommitmentRevised, at time.Time) {
	r.Revision = a.GetRevision()
	d.emitClock(a.GetAgreementId(), at, &pb.Event{Change: &pb.Event_CommitmentRevised{CommitmentRevised: r}})
}

// supersede has obligations of a commitment give way to an amendment: all of them at once, so that nobody meets the
// commitment between its old words and its new ones. There are as many as come up within a lead time.
func (d *Decision) supersede(a *pb.Agreement, c *pb.Commitment, at time.Time) {
	cal := d.calendar(a)
	if cal == nil {
		return
	}
	for list := d.givingWay(c, cal.DayAt(at)); len(list) > 0; list = d.givingWay(c, cal.DayAt(at)) {
		for _, o := range list {
			d.emitClock(a.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationSuperseded{ObligationSuperseded: &pb.ObligationSuperseded{
				ObligationId: o.GetObligationId(), Revision: a.GetRevision(),
			}}})
		}
	}
}

// givingWay is the obligations of a commitment that give way to new words that hold from a day on, as many as are read at
// once: those due from that day on, and those that wait for something to happen, that nobody has acted on. Of what is looked
// at by windows, those that begin from that day on.
func (d *Decision) givingWay(c *pb.Commitment, from Day) (list []*pb.Obligation) {
	after := placeOfDay(from)
	for {
		page := d.State.Obligations(c.GetAgreementId(), c.GetCommitmentId(), []pb.ObligationState{scheduled, due, suspended}, after, carryPage)
		for _, o := range page {
			after = PlaceOf(o)
			acted := o.GetState() == suspended && o.GetPriorState() != scheduled && o.GetPriorState() != due
			begun := o.GetWindowStartDate() != "" && o.GetWindowStartDate() < from.String()
			if !acted && !begun {
				list = append(list, o)
			}
		}
		if len(page) < carryPage || len(list) > 0 {
			return list
		}
	}
}

// placeOfDay is before the places of all obligations that are due on a day or later.
func placeOfDay(d Day) Place { return Place(binary.BigEndian.AppendUint32(nil, uint32(d))) }
