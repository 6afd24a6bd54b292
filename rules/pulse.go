package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The pulse asks people on both sides how they feel about the partnership. What anybody says is sealed until the round is
// closed, so that nobody answers an answer; then its sums are facts, and what they are sums of can be erased.

// What holds where the terms do not say otherwise; terms.proto says the same.
const (
	// DefaultPulseRespondents is how many people on each side are asked.
	DefaultPulseRespondents = 1
	// DefaultPulseBusinessDays is how long a round is open.
	DefaultPulseBusinessDays = 10
)

// requestPulse opens a round because a side asks for it.
func (d *Decision) requestPulse(c *pb.RequestPulseRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	id := a.GetAgreementId()
	d.pulsePasses(id, d.stamp.At.Add(time.Nanosecond))
	a = d.State.agreement(id)
	if e := asksForPulse(a, side); e != nil {
		return e
	}
	round, refused := d.newID(c.GetPulseRoundId(), "pls_", "pulse round", func(round string) Ref { return pulseRoundRef(id, round) })
	if refused != nil {
		return refused
	}
	d.openPulse(a, round, side, d.stamp.At)
	d.answer(pulseRoundRef(id, round))
	return nil
}

// asksForPulse refuses to open a round for who is no side, in an agreement that is not lived by, and while another is open.
func asksForPulse(a *pb.Agreement, side pb.Side) *Error {
	var e *Error
	switch {
	case side == pb.Side_SIDE_UNSPECIFIED:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only either side may ask how both feel.")
	case a.GetState() != agreementActive && a.GetState() != agreementSuspended && a.GetState() != agreementEnding:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_STATE, "The agreement is %s; to ask how both sides feel, it must be ACTIVE or SUSPENDED or ENDING.", word(a.GetState()))
	case a.GetOpenPulseRoundId() != "":
		e = refuseGuard("pulse round", "request", noRoundOpen, "Round %s is open. Answer that one.", a.GetOpenPulseRoundId())
		e.Subject, e.Metadata = "agreements/"+a.GetAgreementId(), map[string]string{"pulse_round_id": a.GetOpenPulseRoundId()}
		return e
	default:
		return nil
	}
	e.Rule, e.Subject = "pulse round request", "agreements/"+a.GetAgreementId()
	e.Metadata = map[string]string{"state": word(a.GetState())}
	return e
}

// answerPulse is one person's answer. Nobody answers twice, or for more than were asked.
func (d *Decision) answerPulse(c *pb.AnswerPulseRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	id, ref := a.GetAgreementId(), pulseRoundRef(c.GetAgreementId(), c.GetPulseRoundId())
	d.pulsePasses(id, d.stamp.At.Add(time.Nanosecond))
	r := get[*pb.PulseRound](d.State, ref)
	if r == nil {
		return NotFound("pulse round", c.GetPulseRoundId())
	}
	refused = move(PulseMoves, "pulse round", r.GetState(), "answer", toEither(side))
	if refused == nil {
		refused = d.mayAnswer(r, side)
	}
	if refused != nil {
		refused.Subject = "agreements/" + id + "/pulses/" + r.GetPulseRoundId()
		return refused
	}
	if e := d.matchEtag(r.GetEtag()); e != nil {
		return e
	}
	d.emit(id, side, &pb.Event{Change: &pb.Event_PulseAnswered{PulseAnswered: &pb.PulseAnswered{
		PulseRoundId: r.GetPulseRoundId(), Number: pulseAnswers(r) + 1, View: c.GetView(),
	}}})
	r = get[*pb.PulseRound](d.State, ref)
	all := r.GetVendorAnswerCount() >= r.GetRespondents() && r.GetClientAnswerCount() >= r.GetRespondents()
	if all && !c.GetValidateOnly() { // who only asks must not be told what the other side said
		d.closePulse(r, d.stamp.At)
	}
	d.answer(ref)
	return nil
}

// mayAnswer refuses a second answer of one person, and one more than a side was asked for.
func (d *Decision) mayAnswer(r *pb.PulseRound, side pb.Side) *Error {
	given := int32(0)
	for n := range pulseAnswers(r) {
		other := get[*pb.PulseAnswer](d.State, pulseAnswerRef(r.GetAgreementId(), r.GetPulseRoundId(), n+1))
		if other.GetPrincipalId() == d.stamp.By.PrincipalID {
			return refuseGuard("pulse round", "answer", ownAnswer, "You have answered. An answer stays as it was given.")
		}
		if other.GetSide() == side {
			given++
		}
	}
	if given >= r.GetRespondents() {
		return refuseGuard("pulse round", "answer", ownAnswer, "Your side has answered: %d of its people were asked. Agree on more in the terms of the pulse.", r.GetRespondents())
	}
	return nil
}

// pulseAnswers is how many answers a round has: the number of the newest.
func pulseAnswers(r *pb.PulseRound) int32 { return r.GetVendorAnswerCount() + r.GetClientAnswerCount() }

// openPulse has both sides asked from a time on: because one of them wishes to be, or for no side by the schedule.
func (d *Decision) openPulse(a *pb.Agreement, round string, side pb.Side, at time.Time) {
	cal := d.calendar(a)
	if cal == nil {
		return
	}
	t := d.text(a).terms.GetPulse()
	asked, days := int32(DefaultPulseRespondents), DefaultPulseBusinessDays
	if t != nil && t.Respondents != nil {
		asked = t.GetRespondents()
	}
	if t != nil && t.AnswerBusinessDays != nil {
		days = int(t.GetAnswerBusinessDays())
	}
	d.emitAt(a.GetAgreementId(), side, at, &pb.Event{Change: &pb.Event_PulseOpened{PulseOpened: &pb.PulseOpened{
		PulseRoundId: round, EndTime: timestamppb.New(cal.EndOfDay(cal.AddBusinessDays(cal.DayAt(at), days))), Respondents: asked,
	}}})
}

// closePulse ends a round and says what it came to. An answer that was erased says nothing.
func (d *Decision) closePulse(r *pb.PulseRound, at time.Time) {
	id, result := r.GetAgreementId(), &pb.PulseResult{Vendor: &pb.PulseSum{}, Client: &pb.PulseSum{}}
	for n := range pulseAnswers(r) {
		given := get[*pb.PulseAnswer](d.State, pulseAnswerRef(id, r.GetPulseRoundId(), n+1))
		if given.GetView() == nil {
			continue
		}
		sum := result.GetVendor()
		if given.GetSide() == pb.Side_SIDE_CLIENT {
			sum = result.GetClient()
		}
		sum.Respondents++
		sum.OfOther, sum.OfSelf = addRatings(sum.GetOfOther(), given.GetView().GetOfOther()), addRatings(sum.GetOfSelf(), given.GetView().GetOfSelf())
	}
	d.emitAt(id, d.side(id), at, &pb.Event{Change: &pb.Event_PulseClosed{PulseClosed: &pb.PulseClosed{PulseRoundId: r.GetPulseRoundId(), Result: result}}})
}

func addRatings(sums *pb.RatingSums, r *pb.Ratings) *pb.RatingSums {
	return &pb.RatingSums{
		Trust: sums.GetTrust() + r.GetTrust(), Communication: sums.GetCommunication() + r.GetCommunication(),
		Fairness: sums.GetFairness() + r.GetFairness(), Focus: sums.GetFocus() + r.GetFocus(), WouldRenew: sums.GetWouldRenew() + r.GetWouldRenew(),
	}
}
