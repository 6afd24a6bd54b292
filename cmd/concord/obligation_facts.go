package main

import (
	"fmt"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// obligationFacts is all there is to say of an obligation: what it is, how its day came about, and what each side said.
func obligationFacts(o *pb.Obligation) []fact {
	facts := []fact{
		{"agreement", o.GetAgreementId()}, {"obligation", o.GetObligationId()}, {"promise", o.GetTitle()},
		{"commitment", o.GetCommitmentId()}, {"who to whom", promise(o.GetObligor(), o.GetBeneficiary())},
		{"state", obligationState(o)}, {"before that", word(o.GetPriorState())}, {"due", obligationDue(o)},
	}
	facts = append(facts, traceFacts(o.GetTrace())...)
	if o.GetAgreedDueDate() != o.GetDueDate() {
		facts = append(facts, fact{"agreed was", o.GetAgreedDueDate()})
	}
	facts = append(facts, fact{"about", span(o.GetWindowStartDate(), o.GetWindowEndDate())},
		fact{"due until", moment(o.GetDueTime())}, fact{"on time until", moment(o.GetGraceEndTime())}, fact{"comes up", moment(o.GetLeadStartTime())},
		fact{"can be triggered until", moment(o.GetConditionEndTime())}, fact{"can be cured until", moment(o.GetCureEndTime())},
		fact{"waits for", o.GetBlockedBy()}, fact{"makes good", o.GetRemedyOf()}, fact{"amount", strings.TrimSpace(o.GetAmount().GetCurrency() + " " + o.GetAmount().GetValue())})
	facts = append(facts, performanceFacts(o)...)
	facts = append(facts, judgementFacts(o)...)
	facts = append(facts, reliefFacts(o)...)
	if o.GetImported() {
		facts = append(facts, fact{"imported", "with the agreement"})
	}
	return append(facts, fact{"kept", moment(o.GetKeptTime())}, fact{"timeliness", word(o.GetTimeliness())},
		fact{"breached", moment(o.GetBreachTime())}, fact{"first said by", word(o.GetDisclosedBy())}, fact{"discharged because", word(o.GetDischargeCause())},
		fact{"scheduled", moment(o.GetCreateTime())}, fact{"changed", moment(o.GetUpdateTime())}, fact{"etag", o.GetEtag()})
}

// traceFacts says in words how a due date came about, a line a step.
func traceFacts(trace []*pb.DueStep) []fact {
	facts := make([]fact, 0, len(trace))
	for _, step := range trace {
		facts = append(facts, fact{"  because", step.GetWords()})
	}
	return facts
}

// span is the days that a window or period covers.
func span(from, to string) string {
	if from == to {
		return from
	}
	return from + " to " + to
}

// performanceFacts is what was recorded of what happened: a trigger, measurements, a submission, a cure plan.
func performanceFacts(o *pb.Obligation) (facts []fact) {
	said := func(text string, evidence []*pb.Evidence) {
		facts = append(facts, fact{"  says", text})
		for _, e := range evidence {
			facts = append(facts, fact{"  evidence", evidenceText(e)})
		}
	}
	if t := o.GetTrigger(); t != nil {
		facts = append(facts, fact{"happened", t.GetOccurredDate() + ": " + t.GetTitle()}, fact{"  recorded", fmt.Sprintf("by the %s, %s", word(t.GetBy()), moment(t.GetTime()))})
		said(t.GetNote(), t.GetEvidence())
	}
	for _, m := range o.GetMeasurements() {
		facts = append(facts, fact{"measured", fmt.Sprintf("%s by the %s, %s", m.GetValue(), word(m.GetBy()), moment(m.GetTime()))}, fact{"  qualifying", m.GetQualifyingValue()})
		said(m.GetNote(), m.GetEvidence())
	}
	if s := o.GetSubmission(); s != nil {
		facts = append(facts, fact{"submission", fmt.Sprintf("%d, %s", s.GetNumber(), moment(s.GetSubmitTime()))})
		said(s.GetNote(), s.GetEvidence())
		facts = append(facts, fact{"  review until", moment(s.GetReviewEndTime())})
	}
	if p := o.GetCurePlan(); p != nil {
		facts = append(facts, fact{"cure plan", fmt.Sprintf("%d, %s", p.GetNumber(), moment(p.GetTime()))}, fact{"  cause", p.GetCause()}, fact{"  effect", p.GetEffect()},
			fact{"  fix", p.GetFix()}, fact{"  prevention", p.GetPrevention()}, fact{"  done by", p.GetCureDate()})
	}
	return facts
}

// judgementFacts is what one side said of it.
func judgementFacts(o *pb.Obligation) (facts []fact) {
	for _, said := range []struct {
		what string
		j    *pb.Judgement
	}{
		{"accepted", o.GetAcceptance()}, {"returned", o.GetReturn()}, {"waived", o.GetWaiver()}, {"admitted", o.GetAdmission()},
		{"objected", o.GetObjection()}, {"extended", o.GetExtension()},
	} {
		if said.j != nil {
			facts = append(facts, fact{said.what, fmt.Sprintf("by the %s, %s", word(said.j.GetSide()), moment(said.j.GetTime()))}, fact{"  says", said.j.GetNote()})
		}
	}
	if o.GetDeemed() {
		facts = append(facts, fact{"deemed", "accepted, because nobody answered within the review window"})
	}
	return facts
}

// reliefFacts is why it is not, or not yet, owed, and what is argued about.
func reliefFacts(o *pb.Obligation) (facts []fact) {
	for _, n := range o.GetReliefNotices() {
		facts = append(facts, fact{"notice given", "that it waits for " + n.GetObligationId() + ", " + moment(n.GetTime())}, fact{"  says", n.GetNote()})
	}
	if e := o.GetExcuse(); e != nil {
		facts = append(facts, fact{"excused", e.GetReason()}, fact{"  caused by", word(e.GetCausedBy())}, fact{"  through", e.GetObligationId()}, fact{"  as measured", e.GetMeasure()})
	}
	if d := o.GetDispute(); d != nil {
		facts = append(facts, fact{"disputed", fmt.Sprintf("by the %s about %s, %s", word(d.GetOpenedBy()), word(d.GetGround()), moment(d.GetOpenTime()))},
			fact{"  says", d.GetReason()})
		for _, e := range d.GetEvidence() {
			facts = append(facts, fact{"  evidence", evidenceText(e)})
		}
		if s := d.GetSettlement(); s != nil {
			facts = append(facts, fact{"  settled", word(s.GetOutcome()) + ", " + moment(d.GetSettleTime())}, fact{"  says", s.GetReason()})
		}
	}
	return facts
}
