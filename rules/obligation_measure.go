package rules

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// measureObligation files the figure of a window. Nobody closes their own promise: the obligor's good figure is a claim,
// its bad one binds, and so does the beneficiary's. When both have filed, the first figure stands if the second agrees with
// it; else they are in dispute.
func (d *Decision) measureObligation(c *pb.MeasureObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "measure")
	if refused != nil {
		return refused
	}
	words := d.commitmentOf(o).GetTerms().GetMeasured()
	if wrong := checkFigures(words, c); wrong != nil {
		return Invalid(wrong...)
	}
	filed := &pb.Measurement{
		By: side, Value: c.GetValue(), QualifyingValue: c.GetQualifyingValue(), Evidence: c.GetEvidence(), Note: c.GetNote(), Time: timestamppb.New(d.stamp.At),
	}
	is, refused := d.measured(o, words, filed)
	if refused != nil {
		return refused.about(o)
	}
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	anew := is.GetTo() == breached && o.GetState() == due
	switch {
	case anew:
		is.CureEndTime = d.cureEnd(o, d.stamp.At)
	case is.GetTo() == submitted:
		is.ReviewEndTime = timestamppb.New(reviewEnd(d.commitmentOf(o), d.stamp.At, cal))
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationMeasured{ObligationMeasured: is}})
	if v := judge(words, filed); len(o.GetMeasurements()) == 0 && v.to == breached {
		d.owe(o, v.short, d.stamp.At)
	}
	if anew {
		d.missed(o, d.stamp.At)
		d.answer(obligationRef(o.GetAgreementId(), o.GetObligationId()))
	}
	return nil
}

// checkFigures lists what is wrong with figures.
func checkFigures(m *pb.Measured, c *pb.MeasureObligationRequest) (wrong []Violation) {
	if _, err := parseDecimal(c.GetValue()); err != nil {
		wrong = append(wrong, Violation{"value", err.Error()})
	}
	_, err := parseDecimal(c.GetQualifyingValue())
	switch q := m.GetQualifying(); {
	case q == nil && c.GetQualifyingValue() != "":
		wrong = append(wrong, Violation{"qualifying_value", "every window counts by these words: leave it out"})
	case q != nil && c.GetQualifyingValue() == "":
		wrong = append(wrong, Violation{"qualifying_value", fmt.Sprintf("whether the window counts depends on %q: file that figure, too", q.GetMeasure())})
	case q != nil && err != nil:
		wrong = append(wrong, Violation{"qualifying_value", err.Error()})
	}
	return wrong
}

// measured is what a figure makes of an obligation.
func (d *Decision) measured(o *pb.Obligation, words *pb.Measured, filed *pb.Measurement) (*pb.ObligationMeasured, *Error) {
	is, v := &pb.ObligationMeasured{ObligationId: o.GetObligationId(), Measurement: filed, To: o.GetState()}, judge(words, filed)
	if len(o.GetMeasurements()) > 0 {
		return is, d.second(is, o, words)
	}
	switch o.GetState() {
	case submitted:
		return nil, refuseGuard("obligation", "measure", onceEach, "What was submitted makes a miss good. Accept it, or return it.")
	case breached, curing:
		if v.to != breached {
			return nil, refuseGuard("obligation", "measure", onceEach, "The miss was admitted, and this figure is none. The beneficiary may waive it, or excuse it.")
		}
	case due:
		if filed.GetBy() == o.GetObligor() && v.to != breached {
			is.To, is.Claim, is.Excuse = submitted, v.to, v.excuse
		} else {
			d.bind(is, o, v)
		}
	}
	return is, nil
}

// second fills in what the second figure makes of an obligation. If it agrees with the first, that one stands.
func (d *Decision) second(is *pb.ObligationMeasured, o *pb.Obligation, words *pb.Measured) *Error {
	first, filed := o.GetMeasurements()[0], is.GetMeasurement()
	for _, m := range o.GetMeasurements() {
		if m.GetBy() == filed.GetBy() {
			return refuseGuard("obligation", "measure", onceEach, "You have measured %s. Dispute it if that was wrong.", m.GetValue())
		}
	}
	switch {
	case !agree(words, first, filed):
		is.To, is.Disagreement = disputed, fmt.Sprintf("%s and %s differ by more than %s, or in whether the window counts.", first.GetValue(), filed.GetValue(), figure(words.GetTolerance()))
	case o.GetState() == submitted && o.GetSubmission().GetFrom() == due:
		d.bind(is, o, judge(words, first))
	}
	return nil
}

// bind fills in what becomes of an obligation by a figure that nobody has to accept any more.
func (d *Decision) bind(is *pb.ObligationMeasured, o *pb.Obligation, v verdict) {
	is.To, is.Excuse = v.to, v.excuse
	if v.to == fulfilled {
		is.KeptTime, is.Timeliness = d.kept(o, due, d.stamp.At)
	}
}
