package rules

import (
	"cmp"
	"math"
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

// carryOneSize is how many events it may take to carry a change into one commitment that a command names: what maxComing
// lets come up before, and what follows.
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
	case pb.ChangeCause_CHANGE_CAUSE_PREREQUISITE:
		return carryPrerequisite()
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
//
// Changes are carried in the order of their times. What time brings on the way to a change comes before it; what the change
// itself brings about comes after it, whether it is carried at once or in parts.
func (d *Decision) cascade(agreementID string, change *pb.DeferredChange) {
	c := cascade{agreementID, proto.CloneOf(change)}
	switch {
	case d.working == nil || change.GetEffectiveTime().AsTime().Before(d.working.GetChange().GetEffectiveTime().AsTime()):
		d.carryAll(c)
	default:
		d.later = append(d.later, c)
	}
}

// cascade is a change of an agreement that is to be carried.
type cascade struct {
	agreementID string
	change      *pb.DeferredChange
}

// carryNow carries a change as far as there is room, unless one that comes before it is pending, and leaves the rest to the
// clock. Then whatever it was on the way to must wait, too.
func (d *Decision) carryNow(c cascade) {
	was, next := d.working, &journalv1.PendingChange{Number: math.MaxInt32, Change: c.change}
	wasFull := d.full
	d.working, d.full = next, false
	done := !slices.ContainsFunc(d.pending(c.agreementID).GetChanges(), func(p *journalv1.PendingChange) bool {
		return comesBefore(p, next)
	}) && d.carry(c.agreementID, c.change)
	d.working, d.full = was, wasFull
	if done {
		return
	}
	d.full = wasFull || was != nil
	d.emitClock(c.agreementID, c.change.GetEffectiveTime().AsTime(), &pb.Event{Change: &pb.Event_ChangeDeferred{
		ChangeDeferred: &pb.ChangeDeferred{Number: d.pending(c.agreementID).GetDeferredCount() + 1, Change: c.change},
	}})
}

// comesBefore says whether a change is carried before another one: by their times, then as they were told.
func comesBefore(a, b *journalv1.PendingChange) bool {
	return cmp.Or(a.GetChange().GetEffectiveTime().AsTime().Compare(b.GetChange().GetEffectiveTime().AsTime()), cmp.Compare(a.GetNumber(), b.GetNumber())) < 0
}

// carryAll carries changes, and what they bring about, one after the other.
func (d *Decision) carryAll(changes ...cascade) {
	later := d.later
	d.asClock(func() {
		for len(changes) > 0 {
			d.later = nil
			d.carryNow(changes[0])
			changes = append(changes[1:], d.later...)
		}
	})
	d.later = later
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
func (d *Decision) room() bool { return !d.full && len(d.Events) < max(d.most, d.State.carry) }

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
	brought := d.whileCarrying(&journalv1.PendingChange{Number: changes[0].GetNumber(), Change: left}, max(d.most, d.State.carry), func() {
		finished = d.carry(agreementID, left)
	})
	d.emitClock(agreementID, left.GetEffectiveTime().AsTime(), &pb.Event{Change: &pb.Event_ChangeCarried{ChangeCarried: &pb.ChangeCarried{
		Number: changes[0].GetNumber(), CommitmentIds: named[:len(named)-len(left.GetCommitmentIds())], Finished: finished,
	}}})
	d.carryAll(brought...)
}

// whileCarrying does something as the clock, for a pending change and with most events in the end. It answers with the
// changes that are brought about.
func (d *Decision) whileCarrying(change *journalv1.PendingChange, most int, do func()) (brought []cascade) {
	was, wasMost, wasFull, wasLater := d.working, d.most, d.full, d.later
	d.working, d.most, d.full, d.later = change, most, false, nil
	d.asClock(do)
	brought = d.later
	d.working, d.most, d.full, d.later = was, wasMost, wasFull, wasLater
	return brought
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
		if !d.newestPasses(ref, at) {
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

// carryOne carries the pending changes of its agreement into a commitment, named itself or by one of its obligations, so that
// nobody meets it otherwise: all of them, or those that come before the one that is being carried. It says whether there was
// room.
func (d *Decision) carryOne(ref Ref) bool {
	if !d.State.agreement(ref.Agreement).GetSettling() {
		return true
	}
	if ref.Kind == KindObligation {
		ref = commitmentRef(ref.Agreement, d.State.obligation(ref.Agreement, ref.ID).GetCommitmentId())
	}
	for p := d.nextPending(ref); p != nil; p = d.nextPending(ref) {
		by, done, overtaken := carrierOf(p.GetChange().GetCause()), false, false
		brought := d.whileCarrying(p, len(d.Events)+carryOneSize, func() {
			done = d.carryIntoCommitment(by, p.GetChange(), ref) && d.carryIntoObligations(by, p.GetChange(), ref.Agreement, ref.ID)
			overtaken = d.full
		})
		if !done && !overtaken || len(d.Events) > carryOneSize*maxPasses {
			return false
		}
		if d.reached == nil {
			d.reached = map[reach]bool{}
		}
		d.reached[reach{ref, p.GetNumber()}] = done // what was overtaken begins anew
		d.carryAll(brought...)
	}
	return true
}

// nextPending is the pending change that is to be carried into a commitment next; nil if none is.
func (d *Decision) nextPending(ref Ref) *journalv1.PendingChange {
	fresh := d.State.Get(ref) == nil // it comes with a change that names it
	for _, p := range d.pending(ref.Agreement).GetChanges() {
		named := slices.Contains(p.GetChange().GetCommitmentIds(), ref.ID)
		all := len(carrierOf(p.GetChange().GetCause()).commitments) > 0
		if (named || all && !fresh) && !d.reached[reach{ref, p.GetNumber()}] && (d.working == nil || comesBefore(p, d.working)) {
			return p
		}
	}
	return nil
}

// reach is a pending change, by its number, that was carried into a commitment.
type reach struct {
	commitment Ref
	number     int32
}

func (s *State) changeDeferred(e *pb.Event, c *pb.ChangeDeferred) {
	id := e.GetAgreementId()
	s.editAgreement(e, func(a *pb.Agreement) { a.Settling = true })
	was := get[*journalv1.Cascade](s, cascadeRef(id))
	at := slices.IndexFunc(was.GetChanges(), func(p *journalv1.PendingChange) bool {
		return p.GetChange().GetEffectiveTime().AsTime().After(c.GetChange().GetEffectiveTime().AsTime())
	})
	if at < 0 {
		at = len(was.GetChanges())
	}
	s.Put(cascadeRef(id), &journalv1.Cascade{AgreementId: id, DeferredCount: c.GetNumber(), Changes: slices.Insert(
		slices.Clone(was.GetChanges()), at, &journalv1.PendingChange{Number: c.GetNumber(), Change: c.GetChange()},
	)})
}

func (s *State) changeCarried(e *pb.Event, c *pb.ChangeCarried) {
	ref, settled := cascadeRef(e.GetAgreementId()), false
	edit(s, ref, func(m *journalv1.Cascade) {
		for i, p := range m.GetChanges() {
			if p.GetNumber() != c.GetNumber() {
				continue
			}
			if left := p.GetChange(); left != nil {
				left.CommitmentIds = slices.DeleteFunc(left.GetCommitmentIds(), func(id string) bool { return slices.Contains(c.GetCommitmentIds(), id) })
			}
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
