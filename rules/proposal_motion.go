package rules

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxReleased is how many obligations one proposal may let go: all are changed at once, in one decision. proposal.proto says
// the same.
const MaxReleased = 100

// How long a proposal can be answered: unless it says otherwise, and at most. proposal_service.proto says the same.
const (
	DefaultProposalValidity = 30 * 24 * time.Hour
	MaxProposalValidity     = 366 * 24 * time.Hour
)

// checkConsent lists everything that is wrong with a text or a motion before anyone is asked to consent to it.
func (d *Decision) checkConsent(k proposalKind, a *pb.Agreement, c consent) (wrong []Violation) {
	if k.text {
		if c.motion != nil {
			wrong = append(wrong, Violation{"motion", "it has a text, and no motion"})
		}
		wrong = append(wrong, d.checkNeutral(a, c)...)
		return append(wrong, k.words(d, a, c)...)
	}
	if c.terms != nil {
		wrong = append(wrong, Violation{c.field, "it has a motion, and no text"})
	}
	wrong = append(wrong, Check(c.motion, "motion")...)
	if m := c.motion; m.GetKind() != c.kind {
		wrong = append(wrong, Violation{"motion.kind", fmt.Sprintf("the proposal is of the kind %s: leave it out", enumWord(c.kind))})
	}
	return append(append(wrong, d.checkStart(k, a, c)...), checkAbout(k, c)...)
}

// checkStart lists what is wrong with the day from which a motion is to hold.
func (d *Decision) checkStart(k proposalKind, a *pb.Agreement, c consent) []Violation {
	date := c.motion.GetEffectiveDate()
	if date == "" {
		return nil
	}
	if k.obligations > 0 {
		return []Violation{{"motion.effective_date", "it holds from the moment it is accepted: leave it out"}}
	}
	return d.checkDayAhead(a, date, "motion.effective_date")
}

// checkDayAhead lists what is wrong with a day from which something new is to hold.
func (d *Decision) checkDayAhead(a *pb.Agreement, date, field string) []Violation {
	day, err := promisedDay(date)
	if err != nil {
		return []Violation{{field, err.Error()}}
	}
	cal := d.calendar(a)
	switch {
	case cal == nil:
	case day < cal.DayAt(d.stamp.At):
		return []Violation{{field, "it has passed: name today or a later day, or leave it out"}}
	case a.GetEndTime() != nil && !cal.StartOfDay(day).Before(a.GetEndTime().AsTime()):
		return []Violation{{field, "the agreement has ended by then"}}
	}
	return nil
}

// checkAbout lists what is wrong with what a motion is about.
func checkAbout(k proposalKind, c consent) (wrong []Violation) {
	ids := c.motion.GetObligationIds()
	switch {
	case k.obligations == 0 && len(ids) > 0:
		wrong = append(wrong, Violation{"motion.obligation_ids", "it is about no single obligations: leave them out"})
	case k.obligations > 0 && len(ids) == 0:
		wrong = append(wrong, Violation{"motion.obligation_ids", "name what it is about"})
	case len(ids) > k.obligations:
		wrong = append(wrong, Violation{"motion.obligation_ids", fmt.Sprintf("there are %d; at most %d at once", len(ids), k.obligations)})
	}
	settles := c.kind == pb.ProposalKind_PROPOSAL_KIND_SETTLE_DISPUTE
	switch {
	case settles && c.motion.GetSettlement() == nil:
		wrong = append(wrong, Violation{"motion.settlement", "say how the dispute ends"})
	case !settles && c.motion.GetSettlement() != nil:
		wrong = append(wrong, Violation{"motion.settlement", "only a SETTLE_DISPUTE settles one: leave it out"})
	}
	return wrong
}

// checkExpiry lists what is wrong with the time until which a proposal can be answered, and is that time.
func (d *Decision) checkExpiry(asked *timestamppb.Timestamp) (*timestamppb.Timestamp, []Violation) {
	switch {
	case asked == nil:
		return timestamppb.New(d.stamp.At.Add(DefaultProposalValidity)), nil
	case !asked.IsValid():
		return nil, []Violation{{"expire_time", "not a valid time"}}
	case !asked.AsTime().After(d.stamp.At):
		return nil, []Violation{{"expire_time", "it has passed: leave the other side time to answer"}}
	case asked.AsTime().After(d.stamp.At.Add(MaxProposalValidity)):
		return nil, []Violation{{"expire_time", "it is more than 366 days away"}}
	}
	return asked, nil
}

// motion is what a motion says, with its kind: consent covers that, too.
func motion(kind pb.ProposalKind, said *pb.Motion) *pb.Motion {
	m := &pb.Motion{}
	if said != nil {
		m = proto.CloneOf(said)
	}
	if m.Kind == pb.ProposalKind_PROPOSAL_KIND_UNSPECIFIED {
		m.Kind = kind
	}
	return m
}

// body is the stored form of what is proposed, and its SHA-256 in hexadecimal.
func (c consent) body() (body []byte, digest string) {
	if c.terms != nil {
		return Digest(c.terms)
	}
	return Digest(c.motion)
}

// start is when what both sides agree to now takes effect: on its day, or at once.
func (d *Decision) start(a *pb.Agreement, c consent) time.Time {
	date := c.motion.GetEffectiveDate()
	if c.terms != nil {
		date, a = c.terms.GetHoldsFromDate(), amended(a, c.terms)
	}
	cal := d.calendar(a)
	if date == "" || cal == nil {
		return d.stamp.At
	}
	if day := cal.StartOfDay(mustParse(date)); day.After(d.stamp.At) {
		return day
	}
	return d.stamp.At
}

// releasable refuses to let go what is not open.
func (d *Decision) releasable(a *pb.Agreement, c consent, _ time.Time) *Error {
	for _, id := range c.motion.GetObligationIds() {
		if e := d.mayBoth(a, id, "release"); e != nil {
			return e
		}
	}
	return nil
}

// mayBoth refuses what both sides cannot do to an obligation, as time has left it.
func (d *Decision) mayBoth(a *pb.Agreement, obligationID, verb string) *Error {
	o := d.obligationNow(a.GetAgreementId(), obligationID)
	if o == nil {
		return NotFound("obligation", obligationID)
	}
	e := move(ObligationMoves, "obligation", o.GetState(), verb, func(w Who) bool { return w == Both })
	if e != nil {
		e.Subject = "agreements/" + a.GetAgreementId() + "/obligations/" + obligationID
	}
	return e
}

// release lets obligations go: all of them first, and then what follows, which may be that others of them are let go.
func (d *Decision) release(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	var released []*pb.Obligation
	for _, id := range c.motion.GetObligationIds() {
		released = append(released, d.State.obligation(a.GetAgreementId(), id))
		d.emitClock(a.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ObligationDischarged{ObligationDischarged: &pb.ObligationDischarged{
			ObligationId: id, Cause: pb.DischargeCause_DISCHARGE_CAUSE_RELEASED, ProposalId: p.GetProposalId(),
		}}})
	}
	for _, o := range released {
		d.closed(o, at)
	}
}

// suspendTogether pauses an agreement as both sides agreed.
func (d *Decision) suspendTogether(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	d.suspend(a.GetAgreementId(), at, &pb.AgreementSuspended{
		Cause: pb.SuspensionCause_SUSPENSION_CAUSE_BOTH, Reason: c.motion.GetReason(), ProposalId: p.GetProposalId(),
	})
}

// pausedTogether refuses that both sides end a pause that they did not begin together.
func (d *Decision) pausedTogether(a *pb.Agreement, _ consent, _ time.Time) *Error {
	s := a.GetSuspension()
	var e *Error
	switch {
	case s == nil:
		e = refuseGuard("agreement", "resume", sameRight, "The agreement is not suspended.")
	case s.GetCause() != pb.SuspensionCause_SUSPENSION_CAUSE_BOTH:
		e = refuseGuard("agreement", "resume", sameRight, "The %s suspended the agreement by its right %s, and it alone resumes it.", sideWord(s.GetSide()), s.GetRightId())
	default:
		return nil
	}
	e.Subject = "agreements/" + a.GetAgreementId()
	return e
}

// resumeTogether ends a pause as both sides agreed.
func (d *Decision) resumeTogether(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	d.resume(a.GetAgreementId(), at, &pb.AgreementResumed{Reason: c.motion.GetReason(), ProposalId: p.GetProposalId()})
}

// settleable refuses to settle what is not disputed.
func (d *Decision) settleable(a *pb.Agreement, c consent, _ time.Time) *Error {
	return d.mayBoth(a, c.motion.GetObligationIds()[0], "settle")
}

// settleTogether ends a dispute as both sides agreed.
func (d *Decision) settleTogether(a *pb.Agreement, p *pb.Proposal, c consent, at time.Time) {
	o := d.State.obligation(a.GetAgreementId(), c.motion.GetObligationIds()[0])
	d.settle(o, c.motion.GetSettlement(), p.GetProposalId(), at)
}
