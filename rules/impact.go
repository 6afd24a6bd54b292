package rules

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What an amendment would change is not reckoned: it is tried. On a copy of the records the amendment is accepted, time
// passes until it holds, and what then happens is told. So the impact that both sides are shown is what comes of it, unless
// somebody acts in between.

// MaxImpactIDs is how many obligations an impact names; proposal.proto says the same. It counts them all.
const MaxImpactIDs = 1000

// maxForeseen is how often the clock may have to look at something before an amendment holds: nothing else is decided while
// that is tried.
const maxForeseen = 5000

// foresee is what the amendment on the table would change if it were accepted now and only time passed until it holds. The
// event, if any, is what would put it there.
func (d *Decision) foresee(agreementID, proposalID string, side pb.Side, event *pb.Event) (*pb.Impact, *Error) {
	try := &Decision{State: d.State.Fork(), stamp: d.stamp, command: d.command}
	try.State.carry = math.MaxInt
	drawn := 0
	try.stamp.NewID = func(prefix string) string { // nobody will see them, but they differ
		drawn++
		return prefix + "foreseen_" + strconv.Itoa(drawn)
	}
	if event != nil {
		try.emit(agreementID, side, proto.CloneOf(event))
	}
	p := try.State.proposal(agreementID, proposalID)
	impact, e := try.happens(p, try.consentOf(p))
	if try.State.err != nil && d.State.err == nil {
		d.State.err = try.State.err
	}
	return impact, e
}

// happens accepts an amendment, lets time pass until it holds, and tells what that changes.
func (d *Decision) happens(p *pb.Proposal, c consent) (*pb.Impact, *Error) {
	id := p.GetAgreementId()
	a := d.State.agreement(id)
	base := d.terms(a)
	by, at, cal := diff(base, c.terms), d.start(a, c), d.calendar(amended(a, c.terms))
	if cal == nil {
		return nil, nil
	}
	d.emit(id, p.GetTurn(), &pb.Event{Change: &pb.Event_ProposalAccepted{ProposalAccepted: &pb.ProposalAccepted{
		ProposalId: p.GetProposalId(), Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest(), EffectiveTime: timestamppb.New(at),
	}}})
	if e := d.letTimePass(id, at); e != nil {
		return nil, e
	}
	var open []Ref
	for _, commitment := range slices.Concat(by.changed, by.ended) {
		d.comeUpBefore(commitmentRef(id, commitment), at)
		d.eachObligation(id, commitment, openStates, func(o Ref) { open = append(open, o) })
	}
	d.stamp.At = at
	d.agreementPasses(id)
	impact := &pb.Impact{
		BaseRevision: a.GetRevision(), EffectiveDate: cal.DayAt(at).String(),
		AddedCommitmentIds: by.added, ChangedCommitmentIds: by.changed, EndedCommitmentIds: by.ended,
	}
	impact.AddedObjectiveIds, impact.ChangedObjectiveIds, impact.EndedObjectiveIds = diffObjectives(base, c.terms)
	slices.SortFunc(open, func(a, b Ref) int { return cmp.Compare(PlaceOf(d.State.Get(a)), PlaceOf(d.State.Get(b))) })
	for _, ref := range open {
		switch o := get[*pb.Obligation](d.State, ref); {
		case o.GetState() == superseded:
			if impact.SupersededCount++; impact.SupersededCount <= MaxImpactIDs {
				impact.SupersededObligationIds = append(impact.SupersededObligationIds, ref.ID)
			}
		case !Final(o.GetState()):
			impact.UntouchedCount++
		}
	}
	return impact, nil
}

// openStates are the states of an obligation that is not closed for good.
var openStates = []pb.ObligationState{scheduled, due, submitted, breached, curing, suspended, disputed}

// letTimePass has the clock look at an agreement and all of it, each at its own instant, until one.
func (d *Decision) letTimePass(id string, until time.Time) *Error {
	if !until.After(d.stamp.At) {
		return nil
	}
	timers := d.timers(id)
	for n := 0; len(timers) > 0; n++ {
		next := heap.Pop(&timers).(timer)
		at, waits := WakeTime(d.State.Get(next.ref))
		switch {
		case !next.at.Before(until):
			return nil
		case !waits || !at.Equal(next.at):
			continue // it was looked at since
		case n > maxForeseen:
			e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "So much falls due before the text holds that what it would change cannot be foreseen. Name an earlier day in holds_from_date.")
			e.Subject, e.Metadata = "agreements/"+id, map[string]string{"limit": "foreseen changes"}
			return e
		}
		told := len(d.Events)
		if at.After(d.stamp.At) {
			d.stamp.At = at
		}
		d.pass(next.ref)
		for _, e := range d.Events[told:] {
			timers.add(d.State, changedBy(e))
		}
	}
	return nil
}

// timer is when the clock looks at a record.
type timer struct {
	at  time.Time
	ref Ref
}

// timers is a heap of timers, in the order of the clock.
type timers []timer

func (t timers) Len() int      { return len(t) }
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t timers) Less(i, j int) bool {
	a, b := t[i], t[j]
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.ID, b.ref.ID)) < 0
}

// Push and Pop are for the heap.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }

// Pop takes the last.
func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

func (t *timers) add(s *State, ref Ref) {
	if at, waits := WakeTime(s.Get(ref)); waits {
		heap.Push(t, timer{at, ref})
	}
}

// timers is when the clock looks at an agreement, at what both sides agreed to, and at all that is open of it.
func (d *Decision) timers(id string) (list timers) {
	list.add(d.State, agreementRef(id))
	for _, p := range d.State.agreement(id).GetAcceptedProposalIds() {
		list.add(d.State, proposalRef(id, p))
	}
	for _, c := range d.State.Commitments(id, []pb.CommitmentState{dormant}, "", 2*MaxCommitments) {
		list.add(d.State, commitmentRef(id, c.GetCommitmentId()))
	}
	d.eachObligation(id, "", clocked, func(ref Ref) { list.add(d.State, ref) })
	return list
}

// changedBy is the record that an event changes first of all.
func changedBy(e *pb.Event) Ref {
	noun, _, id := VerbOf(e)
	switch noun {
	case "proposal":
		return proposalRef(e.GetAgreementId(), id)
	case "commitment":
		return commitmentRef(e.GetAgreementId(), id)
	case "obligation":
		return obligationRef(e.GetAgreementId(), id)
	case "pulse round":
		return pulseRoundRef(e.GetAgreementId(), id)
	}
	return agreementRef(e.GetAgreementId())
}
