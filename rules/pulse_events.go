package rules

import pb "github.com/concordhq/concord/gen/concord/v1"

func pulseRoundRef(agreement, id string) Ref {
	return Ref{Kind: KindPulseRound, Agreement: agreement, ID: id}
}

// pulseAnswerRef names the n-th answer of a round.
func pulseAnswerRef(agreement, round string, n int32) Ref {
	return Ref{Kind: KindPulseAnswer, Agreement: agreement, ID: round, Number: n}
}

func (s *State) pulseScheduled(e *pb.Event, c *pb.PulseScheduled) {
	if !s.makePulse(e, c.GetPulseRoundId()) {
		return
	}
	s.editPulse(e, c.GetPulseRoundId(), func(r *pb.PulseRound) { r.State, r.OpenTime = pulseScheduled, c.GetOpenTime() })
	s.editAgreement(e, func(a *pb.Agreement) { a.ScheduledPulseRoundId = c.GetPulseRoundId() })
}

func (s *State) pulseOpened(e *pb.Event, c *pb.PulseOpened) {
	if !s.makePulse(e, c.GetPulseRoundId()) {
		return
	}
	s.editPulse(e, c.GetPulseRoundId(), func(r *pb.PulseRound) {
		r.State, r.OpenedBy, r.OpenTime = pulseOpen, e.GetActor().GetSide(), e.GetEffectiveTime()
		r.EndTime, r.Respondents = c.GetEndTime(), c.GetRespondents()
	})
	s.editAgreement(e, func(a *pb.Agreement) {
		a.OpenPulseRoundId = c.GetPulseRoundId()
		if a.GetScheduledPulseRoundId() == c.GetPulseRoundId() {
			a.ScheduledPulseRoundId = ""
		}
	})
}

// makePulse makes a round of an agreement, if it has none of that name yet, and says whether there is one.
func (s *State) makePulse(e *pb.Event, id string) bool {
	if !s.has(agreementRef(e.GetAgreementId())) {
		return false
	}
	if ref := pulseRoundRef(e.GetAgreementId(), id); s.Get(ref) == nil {
		s.Put(ref, &pb.PulseRound{AgreementId: e.GetAgreementId(), PulseRoundId: id, CreateTime: e.GetRecordTime()})
	}
	return s.err == nil
}

func (s *State) pulseAnswered(e *pb.Event, c *pb.PulseAnswered) {
	id, side := e.GetAgreementId(), e.GetActor().GetSide()
	s.editPulse(e, c.GetPulseRoundId(), func(r *pb.PulseRound) {
		if side == pb.Side_SIDE_VENDOR {
			r.VendorAnswerCount++
		} else {
			r.ClientAnswerCount++
		}
	})
	s.Put(pulseAnswerRef(id, c.GetPulseRoundId(), c.GetNumber()), &pb.PulseAnswer{
		AgreementId: id, PulseRoundId: c.GetPulseRoundId(), Number: c.GetNumber(), PrincipalId: e.GetActor().GetPrincipalId(), Side: side,
		AnswerTime: e.GetRecordTime(), View: c.GetView(),
	})
}

func (s *State) pulseClosed(e *pb.Event, c *pb.PulseClosed) {
	s.editPulse(e, c.GetPulseRoundId(), func(r *pb.PulseRound) {
		r.State, r.CloseTime, r.Result = pulseClosed, e.GetEffectiveTime(), c.GetResult()
		r.CloseDate = s.dayOf(r.GetAgreementId(), r.GetCloseTime().AsTime())
	})
	s.editAgreement(e, func(a *pb.Agreement) { a.OpenPulseRoundId = "" })
}

func (s *State) pulseCancelled(e *pb.Event, c *pb.PulseCancelled) {
	s.editPulse(e, c.GetPulseRoundId(), func(r *pb.PulseRound) { r.State = pulseCancelled })
	s.editAgreement(e, func(a *pb.Agreement) { a.ScheduledPulseRoundId = "" })
}

func (s *State) editPulse(e *pb.Event, id string, change func(*pb.PulseRound)) {
	ref := pulseRoundRef(e.GetAgreementId(), id)
	before := s.Get(ref)
	edit(s, ref, func(r *pb.PulseRound) {
		change(r)
		r.UpdateTime, r.Etag = e.GetRecordTime(), etag(e)
	})
	s.recount(e.GetAgreementId(), before, s.Get(ref))
}
