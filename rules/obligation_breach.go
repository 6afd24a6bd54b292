package rules

import (
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// admitObligation is the obligor's own word that it misses the date. Candour never costs time: who admits early has as long
// to make it good as who lets the clock speak.
func (d *Decision) admitObligation(c *pb.AdmitObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "admit")
	if refused != nil {
		return refused
	}
	if e := d.admissible(o); e != nil {
		return e
	}
	d.admitMiss(o, side, c.GetReason())
	d.answer(obligationRef(o.GetAgreementId(), o.GetObligationId()))
	return nil
}

// admissible refuses to hold missed, by mere words, what only a figure can.
func (d *Decision) admissible(o *pb.Obligation) *Error {
	if words := d.commitmentOf(o).GetTerms(); words.GetNotCurable() && words.GetMeasured().GetCredit() != nil {
		return wrongKind("admit", KindOf(words), "A miss that cannot be made good ends this, and is worth a credit that only a figure tells. File the figure when the window is over.").about(o)
	}
	return nil
}

// admitMiss records that the obligor admits a miss, and what follows.
func (d *Decision) admitMiss(o *pb.Obligation, side pb.Side, reason string) {
	d.emit(o.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ObligationMissAdmitted{ObligationMissAdmitted: &pb.ObligationMissAdmitted{
		ObligationId: o.GetObligationId(), Reason: reason, BeforeDue: d.stamp.At.Before(o.GetDueTime().AsTime()),
		CureEndTime: d.cureEnd(o, d.stamp.At),
	}}})
	d.missed(o, d.stamp.At)
}

// breachNow is the clock's word that an obligation was not kept.
func (d *Decision) breachNow(o *pb.Obligation, at time.Time) {
	d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationBreached{ObligationBreached: &pb.ObligationBreached{
		ObligationId: o.GetObligationId(), CureEndTime: d.cureEnd(o, at),
	}}})
	d.missed(o, at)
}

// missed does what follows when an obligation has been breached, whoever said so: what cannot be made good is in default at
// once.
func (d *Decision) missed(o *pb.Obligation, at time.Time) {
	if d.commitmentOf(o).GetTerms().GetNotCurable() {
		d.defaultNow(d.State.obligation(o.GetAgreementId(), o.GetObligationId()), at)
	}
}

// defaultNow is the clock's word that a breach is for good.
func (d *Decision) defaultNow(o *pb.Obligation, at time.Time) {
	d.asClock(func() {
		d.emitClock(o.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationDefaulted{
			ObligationDefaulted: &pb.ObligationDefaulted{ObligationId: o.GetObligationId()},
		}})
		d.closed(o, at)
	})
}

// commitmentOf is the commitment that an obligation is an instance of, in the words and with the clocks by which it was
// promised: what an amendment has changed since is for those to come.
func (d *Decision) commitmentOf(o *pb.Obligation) *pb.Commitment {
	c := d.State.commitment(o.GetAgreementId(), o.GetCommitmentId())
	if o.GetRevision() == c.GetRevision() {
		return c
	}
	t := d.textOf(o.GetAgreementId(), o.GetRevision())
	ct := t.words[o.GetCommitmentId()]
	if ct == nil {
		return c // it makes good the miss of another
	}
	as := proto.CloneOf(c)
	as.Terms, as.Clocks = ct, clocksOf(ct, t.terms)
	return as
}
