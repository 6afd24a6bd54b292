package rules

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// WakeTime is when the clock must look at a record; false if time alone changes nothing about it. It is a function of
// the record, so that the timer index can be computed and is never tended.
func WakeTime(m proto.Message) (time.Time, bool) {
	switch r := m.(type) {
	case *pb.Agreement:
		return agreementWake(r)
	case *pb.Proposal:
		return proposalWake(r)
	case *journalv1.Cascade:
		if len(r.GetChanges()) > 0 {
			return r.GetChanges()[0].GetChange().GetEffectiveTime().AsTime(), true
		}
	case *pb.Commitment:
		if r.GetState() == dormant && r.GetOpenObligationCount() == 0 && r.GetRemedyOf() == "" { // else it rests
			return r.GetEffectiveTime().AsTime(), true
		}
	case *pb.PulseRound:
		return pulseWake(r)
	case *pb.Obligation:
		at := obligationClock(r)
		return at.AsTime(), at != nil
	case *pb.Concern:
		at := concernClock(r)
		return at.AsTime(), at != nil
	}
	return time.Time{}, false
}

// WakeFor is the command with which the clock looks at a record.
func WakeFor(ref Ref) *journalv1.Wake {
	w := &journalv1.Wake{AgreementId: ref.Agreement}
	switch ref.Kind {
	case KindProposal:
		w.Record = &journalv1.Wake_ProposalId{ProposalId: ref.ID}
	case KindCascade:
		w.Record = &journalv1.Wake_Cascade{Cascade: true}
	case KindCommitment:
		w.Record = &journalv1.Wake_CommitmentId{CommitmentId: ref.ID}
	case KindObligation:
		w.Record = &journalv1.Wake_ObligationId{ObligationId: ref.ID}
	case KindConcern:
		w.Record = &journalv1.Wake_ConcernId{ConcernId: ref.ID}
	case KindPulseRound:
		w.Record = &journalv1.Wake_PulseRoundId{PulseRoundId: ref.ID}
	}
	return w
}

// wake does what time brings to one record. A record whose time has not come, or that does not wait any more, is left
// alone: the clock may ask twice.
func (d *Decision) wake(c *journalv1.Wake) error {
	ref := agreementRef(c.GetAgreementId())
	switch r := c.GetRecord().(type) {
	case *journalv1.Wake_ProposalId:
		ref = proposalRef(c.GetAgreementId(), r.ProposalId)
	case *journalv1.Wake_Cascade:
		ref = cascadeRef(c.GetAgreementId())
	case *journalv1.Wake_CommitmentId:
		ref = commitmentRef(c.GetAgreementId(), r.CommitmentId)
	case *journalv1.Wake_ObligationId:
		ref = obligationRef(c.GetAgreementId(), r.ObligationId)
	case *journalv1.Wake_ConcernId:
		ref = concernRef(c.GetAgreementId(), r.ConcernId)
	case *journalv1.Wake_PulseRoundId:
		ref = pulseRoundRef(c.GetAgreementId(), r.PulseRoundId)
	}
	d.pass(ref)
	return nil
}

// maxPasses bounds what time brings to one record before a command: no record has more to live through than this before
// it waits for somebody, or for later.
const maxPasses = 8

// maxComing bounds how many obligations of one commitment a command has come up before it: a year of a daily promise. Who
// names one that lies farther behind the clock's back waits for the clock.
const maxComing = 400

// timePasses brings records up to the command's own time: a command meets a record as time has left it, however late the
// clock is. What it brings is told by the clock, each at its own time, as the clock would have. If the command is then
// refused none of it is written, and the clock comes to it by itself.
func (d *Decision) timePasses(refs ...Ref) {
	for _, ref := range refs {
		d.timePassesBefore(ref, d.stamp.At.Add(time.Nanosecond))
	}
}

// timePassesBefore brings a record up to an instant, not including what that brings. What an obligation waits for comes
// first.
func (d *Decision) timePassesBefore(ref Ref, at time.Time) {
	if ref.Kind == KindObligation && d.State.Get(ref) != nil {
		d.upstream(d.State.obligation(ref.Agreement, ref.ID), at)
	}
	for n := 0; n < maxPasses && d.passBefore(ref, at); n++ {
	}
}

// comeUp brings about an obligation that does not exist yet, if time has brought it by now: its commitment enters into
// force, and those before it come up one after the other, as each brings forth the next.
func (d *Decision) comeUp(agreementID, obligationID string) {
	cut := strings.LastIndexByte(obligationID, '-')
	if cut < 0 {
		return
	}
	commitmentID := obligationID[:cut]
	if !d.carryOne(commitmentRef(agreementID, commitmentID)) || d.State.commitment(agreementID, commitmentID) == nil {
		return
	}
	d.timePasses(commitmentRef(agreementID, commitmentID))
	for range maxComing {
		if d.newest(d.State.commitment(agreementID, commitmentID)).GetObligationId() == obligationID ||
			!d.newestPasses(commitmentRef(agreementID, commitmentID), d.stamp.At.Add(time.Nanosecond)) {
			return
		}
	}
}

// newestPasses does what time brings to the newest obligation of a commitment before an instant, what that waits for first,
// and says whether it has. It may bring forth the next.
func (d *Decision) newestPasses(commitment Ref, at time.Time) bool {
	newest := d.newest(d.State.commitment(commitment.Agreement, commitment.ID))
	d.upstream(newest, at)
	ref := obligationRef(commitment.Agreement, newest.GetObligationId())
	return d.State.obligation(ref.Agreement, ref.ID).GetEtag() != newest.GetEtag() || d.passBefore(ref, at)
}

// pass does what time has brought to one record, if anything, and says whether it has.
func (d *Decision) pass(ref Ref) bool { return d.passBefore(ref, d.stamp.At.Add(time.Nanosecond)) }

// passBefore does what time brings to one record before an instant, if anything, and says whether it has. A change of its
// agreement that is still to be carried into it comes first.
func (d *Decision) passBefore(ref Ref, until time.Time) bool {
	told := len(d.Events)
	if ref.Kind == KindCommitment || ref.Kind == KindObligation {
		if !d.carryOne(ref) || len(d.Events) > told {
			return len(d.Events) > told
		}
	}
	m := d.State.Get(ref)
	at, waits := WakeTime(m)
	if !waits || !at.Before(until) {
		return false
	}
	d.asClock(func() {
		if d.settlesFirst(m) {
			d.carryOn(ref.Agreement)
			return
		}
		switch r := m.(type) {
		case *pb.Agreement:
			d.passAgreement(r, at)
		case *pb.Proposal:
			d.passProposal(r, at)
		case *pb.Commitment:
			if d.State.agreement(r.GetAgreementId()).GetState() != pb.AgreementState_AGREEMENT_STATE_ACCEPTED {
				d.enterIntoForce(r, at)
			} // else it waits for its agreement, which the clock wakes too
		case *pb.Obligation:
			d.obligationWakes(r, at)
		case *pb.Concern:
			d.concernWakes(r)
		case *pb.PulseRound:
			d.passPulse(r, at)
		}
	})
	return len(d.Events) > told
}

func (d *Decision) enterIntoForce(c *pb.Commitment, at time.Time) {
	if !kinds[c.GetKind()].rests {
		d.emitClock(c.GetAgreementId(), at, &pb.Event{Change: &pb.Event_CommitmentEnteredIntoForce{
			CommitmentEnteredIntoForce: &pb.CommitmentEnteredIntoForce{CommitmentId: c.GetCommitmentId(), From: c.GetState()},
		}})
	}
	d.scheduleNext(c.GetAgreementId(), c.GetCommitmentId(), at)
	d.endIfDone(c.GetAgreementId(), c.GetCommitmentId(), at)
}
