package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// agreementWake is when time alone changes an agreement.
func agreementWake(a *pb.Agreement) (time.Time, bool) {
	switch a.GetState() {
	case pb.AgreementState_AGREEMENT_STATE_ACCEPTED:
		return a.GetEffectiveTime().AsTime(), true
	case pb.AgreementState_AGREEMENT_STATE_ACTIVE:
		return notBefore(a.GetEndTime(), a.GetResumeTime())
	case pb.AgreementState_AGREEMENT_STATE_ENDING:
		end := a.GetEndTime()
		if notice := a.GetNotice().GetEndTime(); end == nil || notice.AsTime().Before(end.AsTime()) {
			end = notice
		}
		return notBefore(end, a.GetNotice().GetGiveTime())
	}
	return time.Time{}, false
}

// notBefore is a time that waits for another, where there is one: what is paused does not end while it is.
func notBefore(t, other *timestamppb.Timestamp) (time.Time, bool) {
	if t == nil {
		return time.Time{}, false
	}
	if other != nil && other.AsTime().After(t.AsTime()) {
		t = other
	}
	return t.AsTime(), true
}

// proposalWake is when time alone changes a proposal: it lapses, or it takes effect. First terms take effect with their
// agreement; proposals from before there were times to answer wait for ever.
func proposalWake(p *pb.Proposal) (time.Time, bool) {
	switch {
	case p.GetState() == open && p.GetExpireTime() != nil:
		return p.GetExpireTime().AsTime(), true
	case p.GetState() == accepted && p.GetKind() != pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS:
		return p.GetEffectiveTime().AsTime(), true
	}
	return time.Time{}, false
}

// agreementPasses brings an agreement up to the command's own time, with what it waits for: its first terms, and proposals
// that were accepted. What comes first in time comes first; at one instant the agreement does.
func (d *Decision) agreementPasses(id string) {
	for {
		first := agreementRef(id)
		a := d.State.agreement(id)
		at, waits := WakeTime(a)
		waiting := a.GetAcceptedProposalIds()
		if a.GetState() == pb.AgreementState_AGREEMENT_STATE_PROPOSED {
			waiting = []string{a.GetOpenProposalId()}
		}
		for _, p := range waiting {
			if t, w := WakeTime(d.State.proposal(id, p)); w && (!waits || t.Before(at)) {
				first, at, waits = proposalRef(id, p), t, true
			}
		}
		told := len(d.Events)
		if waits {
			d.withRoom(func() { d.pass(first) })
		}
		if len(d.Events) == told {
			return
		}
	}
}

// withRoom does what a command needs to have done before it is judged: it may take more than what a change is carried in at
// a time.
func (d *Decision) withRoom(do func()) {
	was := d.most
	d.most = len(d.Events) + carryOneSize
	do()
	d.most = was
}

// passProposal does what time has brought to a proposal: it lapses unanswered, or what both sides agreed to holds from now
// on. What can no longer be is stale.
func (d *Decision) passProposal(p *pb.Proposal, at time.Time) {
	id := p.GetAgreementId()
	if p.GetState() == open {
		d.emitClock(id, at, &pb.Event{Change: &pb.Event_ProposalLapsed{ProposalLapsed: &pb.ProposalLapsed{ProposalId: p.GetProposalId()}}})
		return
	}
	a, agreed := d.State.agreement(id), d.consentOf(p)
	k, _ := proposalKindOf(p.GetKind())
	switch e := d.stands(k, a, agreed, at); {
	case e == nil:
	case e.Reason == pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED:
		return // not yet
	default:
		d.goStale(p, at, e.Message)
		return
	}
	revision := a.GetRevision()
	if p.GetKind() == pb.ProposalKind_PROPOSAL_KIND_AMENDMENT {
		revision++
	}
	d.emitClock(id, at, &pb.Event{Change: &pb.Event_ProposalTookEffect{ProposalTookEffect: &pb.ProposalTookEffect{
		ProposalId: p.GetProposalId(), Revision: revision,
	}}})
	k.takeEffect(d, a, p, agreed, at)
}

func (d *Decision) goStale(p *pb.Proposal, at time.Time, reason string) {
	d.emitClock(p.GetAgreementId(), at, &pb.Event{Change: &pb.Event_ProposalBecameStale{ProposalBecameStale: &pb.ProposalBecameStale{
		ProposalId: p.GetProposalId(), Reason: reason,
	}}})
}

// passAgreement does what time has brought to an agreement.
func (d *Decision) passAgreement(a *pb.Agreement, at time.Time) {
	if a.GetState() == pb.AgreementState_AGREEMENT_STATE_ACCEPTED {
		d.activate(a, at)
		return
	}
	d.timeIsUp(a, at)
}

func (d *Decision) activate(a *pb.Agreement, at time.Time) {
	id := a.GetAgreementId()
	proposal := get[*pb.Revision](d.State, revisionRef(id, a.GetRevision())).GetProposalId()
	d.emitClock(id, at, &pb.Event{Change: &pb.Event_ProposalTookEffect{ProposalTookEffect: &pb.ProposalTookEffect{
		ProposalId: proposal, Revision: a.GetRevision(),
	}}})
	d.emitClock(id, at, &pb.Event{Change: &pb.Event_AgreementActivated{AgreementActivated: &pb.AgreementActivated{From: a.GetState()}}})
}
