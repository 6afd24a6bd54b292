package rules

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A change of an agreement may touch all its commitments and obligations: a pause, its end, an amendment. A decision
// carries a change as far as it has room. What is left is deferred, and the clock carries it on, in decisions of the same
// size. Until it has, the agreement is settling; whoever names a commitment or an obligation meets it with the change
// carried into it, so that nobody sees how far the clock has come. All that is told of it bears the time of the change.

// CarrySize is how many events a decision holds before the rest of a change is deferred: what is written in a few
// milliseconds, so that others need not wait for one large agreement.
const CarrySize = 128

// carryOneSize is how many events it may take to carry a change into one record that a command names: what maxComing lets
// come up before, and what follows.
const carryOneSize = 3 * maxComing

// carryPage is how many obligations are read at once to carry a change into them.
const carryPage = 64

// carrier says what a change means for the records that it is carried into.
//
// Its functions are told the change and a record as it is by then: first each commitment, then its obligations, time
// having passed for each of them up to the change's own, not including it. They emit what the change means for the record, with
// emitClock at the effective time of the change, and do nothing to one that has it behind it or that it does not concern:
// they are asked again about what they leave, so that asking must not cost much.
type carrier struct {
	// commitments are the states of those that may have the change still before them. None: the change names its
	// commitments, and only their obligations are concerned.
	commitments []pb.CommitmentState
	// obligations are likewise the states of those.
	obligations []pb.ObligationState
	// commitment carries the change into one commitment. It is called until it does nothing more, so that it may do a
	// long thing step by step.
	commitment func(d *Decision, change *pb.DeferredChange, ref Ref, c *pb.Commitment)
	// obligation carries the change into one obligation, at once.
	obligation func(d *Decision, change *pb.DeferredChange, o *pb.Obligation)
}

// carrierOf is the meaning of a change by its cause.
func carrierOf(cause pb.ChangeCause) carrier {
	switch cause {
	case pb.ChangeCause_CHANGE_CAUSE_SUSPENDED:
		return carrySuspended()
	case pb.ChangeCause_CHANGE_CAUSE_RESUMED:
		return carryResumed()
	case pb.ChangeCause_CHANGE_CAUSE_ENDED:
		return carryEnded()
	case pb.ChangeCause_CHANGE_CAUSE_AMENDED:
		return carryAmended()
	case pb.ChangeCause_CHANGE_CAUSE_IMPORTED:
		return carryImported()
	}
	return carrier{}
}

// cascade carries a change of an agreement into its commitments and obligations, as far as this decision has room, and
// defers the rest. It is called once the event of the change itself is told. The change is told by its cause, its
// effective time and what its carrier needs to know; commitment_ids only if the carrier wants them named.
//
// One change of the agreement as a whole is carried at a time: a command that would begin another asks refuseSettling
// first, and what the clock would change of the agreement waits.
func (d *Decision) cascade(agreementID string, change *pb.DeferredChange) {
	change = proto.CloneOf(change)
	d.asClock(func() {
		if !d.State.agreement(agreementID).GetSettling() && d.carry(agreementID, change) {
			return
		}
		number := d.pending(agreementID).GetDeferredCount() + 1
		d.emitClock(agreementID, change.GetEffectiveTime().AsTime(), &pb.Event{Change: &pb.Event_ChangeDeferred{
			ChangeDeferred: &pb.ChangeDeferred{Number: number, Change: change},
		}})
	})
}

// refuseSettling refuses a change of an agreement that the last one is still being carried into.
func refuseSettling(a *pb.Agreement) *Error {
	if !a.GetSettling() {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "The last change of the agreement is still being carried into its commitments. Try again in a moment.")
	e.Subject, e.Metadata = "agreements/"+a.GetAgreementId(), map[string]string{"limit": "changes at a time"}
	return e
}

// pending is the changes of an agreement that are being carried; nil before the first that was deferred.
func (d *Decision) pending(agreementID string) *journalv1.Cascade {
	return get[*journalv1.Cascade](d.State, cascadeRef(agreementID))
}

// room says whether a decision may carry a change into one more record.
func (d *Decision) room() bool { return len(d.Events) < max(d.most, d.State.carry) }

// settlesFirst says of what waits for the clock whether the last change of its agreement must be carried out before it: a
// pending change, by itself, and what would change the agreement again.
func (d *Decision) settlesFirst(m proto.Message) bool {
	switch r := m.(type) {
	case *journalv1.Cascade:
		return true
	case *pb.Agreement:
		return r.GetSettling()
	case *pb.Proposal:
		return r.GetState() == accepted && d.State.agreement(r.GetAgreementId()).GetSettling()
	}
	return false
}

// carryOn carries the oldest pending change of an agreement on.
func (d *Decision) carryOn(agreementID string) {
	changes := d.pending(agreementID).GetChanges()
	if len(changes) == 0 || !d.room() {
		return
	}
	named := changes[0].GetChange().GetCommitmentIds()
	left, finished := proto.CloneOf(changes[0].GetChange()), false
	d.whileCarrying(max(d.most, d.State.carry), func() { finished = d.carry(agreementID, left) })
	d.emitClock(agreementID, left.GetEffectiveTime().AsTime(), &pb.Event{Change: &pb.Event_ChangeCarried{ChangeCarried: &pb.ChangeCarried{
		Number: changes[0].GetNumber(), CommitmentIds: named[:len(named)-len(left.GetCommitmentIds())], Finished: finished,
	}}})
}

// whileCarrying does something, with most events in the end, without carrying other changes into what it meets: these come
// later. All of it is the clock's doing, whoever met it first.
func (d *Decision) whileCarrying(most int, do func()) {
	was, wasMost := d.carrying, d.most
	d.carrying, d.most = true, most
	d.asClock(do)
	d.carrying, d.most = was, wasMost
}

// carry carries a change into an agreement's records while there is room. It strikes the commitments that are done off the
// change, if that names them, and says whether nothing is left.
func (d *Decision) carry(agreementID string, change *pb.DeferredChange) bool {
	by := carrierOf(change.GetCause())
	if len(by.commitments) == 0 {
		for len(change.GetCommitmentIds()) > 0 {
			id := change.GetCommitmentIds()[0]
			if !d.carryIntoCommitment(by, change, commitmentRef(agreementID, id)) || !d.carryIntoObligations(by, change, agreementID, id) {
				return false
			}
			change.CommitmentIds = change.CommitmentIds[1:]
		}
		return true
	}
	after := Place("")
	for page := carryPage; page == carryPage; {
		commitments := d.State.Commitments(agreementID, by.commitments, after, carryPage)
		for _, c := range commitments {
			if !d.carryIntoCommitment(by, change, commitmentRef(agreementID, c.GetCommitmentId())) {
				return false
			}
			after = PlaceOf(c)
		}
		page = len(commitments)
	}
	return d.carryIntoObligations(by, change, agreementID, "")
}

// carryIntoCommitment carries a change into one commitment, once it has brought forth what it would have before. It says
// whether there was room.
func (d *Decision) carryIntoCommitment(by carrier, change *pb.DeferredChange, ref Ref) bool {
	if !d.comeUpBefore(ref, change.GetEffectiveTime().AsTime()) {
		return false
	}
	for d.room() {
		c := d.State.commitment(ref.Agreement, ref.ID)
		told := len(d.Events)
		if by.commitment != nil && (len(by.commitments) == 0 || slices.Contains(by.commitments, c.GetState())) {
			by.commitment(d, change, ref, c)
		}
		if len(d.Events) == told {
			return true
		}
	}
	return false
}

// comeUpBefore has a commitment bring forth what it has before an instant, and time pass for all of it: the end of its last
// obligation may be its own. It says whether there was room.
func (d *Decision) comeUpBefore(ref Ref, at time.Time) bool {
	d.timePassesBefore(ref, at)
	for d.room() {
		newest := fmt.Sprintf("%s-%d", ref.ID, d.State.commitment(ref.Agreement, ref.ID).GetObligationCount())
		if !d.passBefore(obligationRef(ref.Agreement, newest), at) {
			return d.eachObligation(ref.Agreement, ref.ID, clocked, func(o Ref) { d.timePassesBefore(o, at) })
		}
	}
	return false
}

// clocked are the states in which time alone may change an obligation.
var clocked = []pb.ObligationState{scheduled, due, submitted, breached, curing}

// eachObligation does something to each obligation of an agreement, or of one of its commitments, that is in one of the
// states. It says whether there was room for all of them.
func (d *Decision) eachObligation(agreementID, commitmentID string, states []pb.ObligationState, do func(Ref)) bool {
	after := Place("")
	for page := carryPage; page == carryPage; {
		obligations := d.State.Obligations(agreementID, commitmentID, states, after, carryPage)
		for _, o := range obligations {
			if !d.room() {
				return false
			}
			do(obligationRef(agreementID, o.GetObligationId()))
			after = PlaceOf(o)
		}
		page = len(obligations)
	}
	return true
}

// carryIntoObligations carries a change into the obligations of an agreement, or of one of its commitments, that may have
// it still before them. It says whether there was room for all of them.
func (d *Decision) carryIntoObligations(by carrier, change *pb.DeferredChange, agreementID, commitmentID string) bool {
	return by.obligation == nil || d.eachObligation(agreementID, commitmentID, by.obligations, func(ref Ref) { d.carryIntoObligation(by, change, ref) })
}

func (d *Decision) carryIntoObligation(by carrier, change *pb.DeferredChange, ref Ref) {
	d.timePassesBefore(ref, change.GetEffectiveTime().AsTime())
	o := d.State.obligation(ref.Agreement, ref.ID)
	if by.obligation != nil && slices.Contains(by.obligations, o.GetState()) {
		by.obligation(d, change, o)
	}
}

// carryOne carries all pending changes of its agreement into one commitment or obligation, so that nobody meets it
// otherwise. It says whether there was room.
func (d *Decision) carryOne(ref Ref) bool {
	if d.carrying || !d.State.agreement(ref.Agreement).GetSettling() {
		return true
	}
	commitment := ref
	if ref.Kind == KindObligation {
		commitment = commitmentRef(ref.Agreement, d.State.obligation(ref.Agreement, ref.ID).GetCommitmentId())
	}
	fresh, done := d.State.Get(commitment) == nil, true // a fresh one comes with a change that names it
	d.whileCarrying(len(d.Events)+carryOneSize, func() {
		for _, p := range d.pending(ref.Agreement).GetChanges() {
			by := carrierOf(p.GetChange().GetCause())
			if (fresh || len(by.commitments) == 0) && !slices.Contains(p.GetChange().GetCommitmentIds(), commitment.ID) {
				continue
			}
			if done = d.carryIntoCommitment(by, p.GetChange(), commitment); !done {
				return
			}
			if ref.Kind == KindObligation {
				d.carryIntoObligation(by, p.GetChange(), ref)
			}
		}
	})
	return done
}

func (s *State) changeDeferred(e *pb.Event, c *pb.ChangeDeferred) {
	id := e.GetAgreementId()
	s.editAgreement(e, func(a *pb.Agreement) { a.Settling = true })
	was := get[*journalv1.Cascade](s, cascadeRef(id))
	m := &journalv1.Cascade{AgreementId: id, DeferredCount: c.GetNumber()}
	m.Changes = append(slices.Clone(was.GetChanges()), &journalv1.PendingChange{Number: c.GetNumber(), Change: c.GetChange()})
	s.Put(cascadeRef(id), m)
}

func (s *State) changeCarried(e *pb.Event, c *pb.ChangeCarried) {
	ref, settled := cascadeRef(e.GetAgreementId()), false
	edit(s, ref, func(m *journalv1.Cascade) {
		for i, p := range m.GetChanges() {
			if p.GetNumber() != c.GetNumber() {
				continue
			}
			p.Change.CommitmentIds = slices.DeleteFunc(p.GetChange().GetCommitmentIds(), func(id string) bool {
				return slices.Contains(c.GetCommitmentIds(), id)
			})
			if c.GetFinished() {
				m.Changes = slices.Delete(m.Changes, i, i+1)
			}
			break
		}
		settled = len(m.GetChanges()) == 0
	})
	if settled {
		s.editAgreement(e, func(a *pb.Agreement) { a.Settling = false })
	}
}
