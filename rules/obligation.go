package rules

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// onObligation reads the obligation a command names, as time has left it, and refuses what its life cycle, or a stale etag, does.
func (d *Decision) onObligation(agreementID, obligationID, verb string) (*pb.Agreement, *pb.Obligation, pb.Side, *Error) {
	a, side, refused := d.seen(agreementID)
	if refused != nil {
		return nil, nil, side, refused
	}
	o := d.obligationNow(agreementID, obligationID)
	if o == nil {
		return nil, nil, side, NotFound("obligation", obligationID)
	}
	isSide := toObligation(o, side)
	is := func(w Who) bool { return isSide(w) || w == Neutral && d.stamp.By.Neutral(a) }
	if e := move(ObligationMoves, "obligation", o.GetState(), verb, is); e != nil {
		e.Subject = "agreements/" + agreementID + "/obligations/" + obligationID
		return nil, nil, side, e
	}
	if e := d.matchEtag(o.GetEtag()); e != nil {
		return nil, nil, side, e
	}
	if e := d.fits(o, verb); e != nil {
		return nil, nil, side, e
	}
	return a, o, side, nil
}

// obligationNow is an obligation as time has left it, and what it waits for; nil if there is none.
func (d *Decision) obligationNow(agreementID, obligationID string) *pb.Obligation {
	ref := obligationRef(agreementID, obligationID)
	if d.State.Get(ref) == nil {
		d.comeUp(agreementID, obligationID)
	}
	d.awaken(agreementID, d.State.obligation(agreementID, obligationID).GetCommitmentId())
	d.timePasses(ref)
	return d.State.obligation(agreementID, obligationID)
}

// submitObligation is the obligor's word that it is done: in time, or late, or as the cure of a breach.
func (d *Decision) submitObligation(c *pb.SubmitObligationRequest) error {
	a, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "submit")
	if refused != nil {
		return refused
	}
	if len(c.GetEvidence()) == 0 && strings.TrimSpace(c.GetNote()) == "" {
		return Invalid(Violation{"evidence", "show what was done, or say it in a note"})
	}
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	claim := fulfilled
	if o.GetState() == curing {
		claim = cured
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationSubmitted{ObligationSubmitted: &pb.ObligationSubmitted{
		ObligationId: o.GetObligationId(),
		Submission: &pb.Submission{
			Number: o.GetSubmissionCount() + 1, Evidence: c.GetEvidence(), Note: c.GetNote(), From: o.GetState(), Claim: claim,
			SubmitTime: timestamppb.New(d.stamp.At), ReviewEndTime: timestamppb.New(reviewEnd(d.commitmentOf(o), d.stamp.At, cal)),
		},
	}}})
	return nil
}

func (d *Decision) acceptObligation(c *pb.AcceptObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "accept")
	if refused != nil {
		return refused
	}
	if e := judged(o, c.GetSubmission()); e != nil {
		return e
	}
	is := d.accepted(o)
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationAccepted{ObligationAccepted: &pb.ObligationAccepted{
		ObligationId: o.GetObligationId(), Note: c.GetNote(), To: is.to, KeptTime: is.kept, Timeliness: is.timeliness,
	}}})
	return nil
}

// acceptance is what an obligation is once its submission is accepted.
type acceptance struct {
	to         pb.ObligationState
	kept       *timestamppb.Timestamp // nil: it was not kept, but excused
	timeliness pb.Timeliness
}

// accepted is what becomes of an obligation whose submission is accepted, by word or by silence: what was claimed.
func (d *Decision) accepted(o *pb.Obligation) acceptance {
	s := o.GetSubmission()
	is := acceptance{to: keptAs(s.GetClaim())}
	if is.to == excused {
		return acceptance{to: excused}
	}
	is.kept, is.timeliness = d.kept(o, s.GetFrom(), s.GetSubmitTime().AsTime())
	return is
}

// returnObligation gives a submission back: the obligation is what it was before, with the time of the review added to the
// clock that stood still meanwhile. Review time is not charged to the obligor.
func (d *Decision) returnObligation(c *pb.ReturnObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "return")
	if refused != nil {
		return refused
	}
	if e := judged(o, c.GetSubmission()); e != nil {
		return e
	}
	review := d.stamp.At.Sub(o.GetSubmission().GetSubmitTime().AsTime())
	back := &pb.ObligationReturned{
		ObligationId: o.GetObligationId(), Reason: c.GetReason(), To: o.GetSubmission().GetFrom(), DueTime: o.GetDueTime(), GraceEndTime: o.GetGraceEndTime(),
	}
	switch back.To {
	case breached, curing:
		back.CureEndTime = after(o.GetCureEndTime(), review)
	default:
		back.To, back.DueTime, back.GraceEndTime = due, after(o.GetDueTime(), review), after(o.GetGraceEndTime(), review)
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationReturned{ObligationReturned: back}})
	return nil
}

// acknowledgeObligation is the beneficiary's word that it has what it was owed, though nothing was submitted. A breach that
// is mended by a plan is cured; any other is kept late, or in time if it was received in time after all.
func (d *Decision) acknowledgeObligation(c *pb.AcknowledgeObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "acknowledge")
	if refused != nil {
		return refused
	}
	to, received := fulfilled, d.stamp.At
	if o.GetState() == curing {
		to = cured
	}
	if t := c.GetReceivedTime(); t != nil {
		switch {
		case !t.IsValid():
			return Invalid(Violation{"received_time", "not a valid time"})
		case t.AsTime().After(d.stamp.At):
			return Invalid(Violation{"received_time", "it lies in the future; acknowledge what you have"})
		}
		received = t.AsTime()
	}
	kept, timely := d.kept(o, o.GetState(), received)
	d.emitAt(o.GetAgreementId(), side, received, &pb.Event{Change: &pb.Event_ObligationReceiptAcknowledged{
		ObligationReceiptAcknowledged: &pb.ObligationReceiptAcknowledged{
			ObligationId: o.GetObligationId(), Note: c.GetNote(), To: to, KeptTime: kept, Timeliness: timely,
		},
	}})
	d.closed(o, d.stamp.At)
	d.answer(obligationRef(o.GetAgreementId(), o.GetObligationId()))
	return nil
}

func (d *Decision) waiveObligation(c *pb.WaiveObligationRequest) error {
	_, o, side, refused := d.onObligation(c.GetAgreementId(), c.GetObligationId(), "waive")
	if refused != nil {
		return refused
	}
	d.onObligationEvent(o, side, &pb.Event{Change: &pb.Event_ObligationWaived{ObligationWaived: &pb.ObligationWaived{
		ObligationId: o.GetObligationId(), Reason: c.GetReason(),
	}}})
	return nil
}

// onObligationEvent records a change of an obligation and what follows from it, and answers the command.
func (d *Decision) onObligationEvent(o *pb.Obligation, side pb.Side, change *pb.Event) {
	d.emit(o.GetAgreementId(), side, change)
	d.closed(o, d.stamp.At)
	d.answer(obligationRef(o.GetAgreementId(), o.GetObligationId()))
}

// closed does what the end of an obligation brings at a time, if it has ended; before is the obligation as it was. One
// that ends before it came up still makes room for the next one.
func (d *Decision) closed(before *pb.Obligation, at time.Time) {
	now := d.State.obligation(before.GetAgreementId(), before.GetObligationId())
	if !Final(now.GetState()) {
		return
	}
	if before.GetState() == scheduled {
		d.scheduleNext(before.GetAgreementId(), before.GetCommitmentId(), at)
	}
	d.endIfDone(before.GetAgreementId(), before.GetCommitmentId(), at)
	d.rest(before.GetAgreementId(), before.GetCommitmentId(), at)
	d.completed(now, at)
	d.prerequisites(now, at)
}

// judged refuses a judgement of a submission that is not the one that stands.
func judged(o *pb.Obligation, number int32) *Error {
	if number == 0 || number == o.GetSubmission().GetNumber() {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_WRONG_STATE, "Submission %d stands, not %d. Read it, then judge it.", o.GetSubmission().GetNumber(), number)
	e.Rule, e.Subject = "obligation judgement is of the submission that stands", "agreements/"+o.GetAgreementId()+"/obligations/"+o.GetObligationId()
	e.Metadata = map[string]string{"submission": fmt.Sprint(o.GetSubmission().GetNumber())}
	return e
}
