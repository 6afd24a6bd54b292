package rules

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Stamp is all that the outside world tells a rule.
type Stamp struct {
	// By is who commands.
	By Caller
	// At is when: never before the newest recorded time.
	At time.Time
	// RequestID is what the caller named the request.
	RequestID string
	// NewID draws a sortable id that starts with prefix.
	NewID func(prefix string) string
	// NewSecret draws the secret of a key and tells its SHA-256.
	NewSecret func(keyID string) (secret string, hash []byte)
	// LogKey is the verifier key of a key that the service can sign a log with: the one that is asked for, or for "" one that
	// is not the log's yet. It refuses if there is none.
	LogKey func(l *pb.Log, asked string) (verifierKey string, err error)
}

// Decision is the answer to a command that no rule refused.
type Decision struct {
	// Events is what follows, in order; already applied to State.
	Events []*pb.Event
	// Answer is what the caller is told: the resource as it is now, which is to be presented.
	Answer proto.Message
	// Remembered is what a repeated request is told; nil: the Answer.
	Remembered proto.Message
	// State is the records as the events leave them.
	State *State

	stamp   Stamp
	command proto.Message
	clock   bool // what happens now is the clock's doing, whoever commands

	read    map[Ref]*text            // the terms read
	working *journalv1.PendingChange // the change that is being carried, pending or not
	later   []cascade                // the changes that come after it
	most    int                      // how many events there may be while one is carried; 0: see CarrySize
	full    bool                     // what is being carried must wait, whatever room there is
	reached map[reach]bool           // what was carried where already
	visited map[visit]bool           // what was brought up to an instant already
}

// emit records one change of an agreement (or of the service, for "") and applies it.
func (d *Decision) emit(agreementID string, side pb.Side, change *pb.Event) {
	d.emitAt(agreementID, side, d.stamp.At, change)
}

// emitAt is emit for a change that was true at another time than it is written at.
func (d *Decision) emitAt(agreementID string, side pb.Side, effective time.Time, change *pb.Event) {
	if d.clock {
		d.emitClock(agreementID, effective, change)
		return
	}
	change.RequestId = d.stamp.RequestID
	d.emitAs(d.stamp.By, agreementID, side, effective, change)
}

// emitClock records what time brought about. Nobody requested it.
func (d *Decision) emitClock(agreementID string, effective time.Time, change *pb.Event) {
	d.emitAs(Clock(), agreementID, pb.Side_SIDE_UNSPECIFIED, effective, change)
}

// asClock has what follows from do, all of it, told as the clock's doing.
func (d *Decision) asClock(do func()) {
	was := d.clock
	d.clock = true
	do()
	d.clock = was
}

// emitAs records a change that somebody made, and applies it.
func (d *Decision) emitAs(by Caller, agreementID string, side pb.Side, effective time.Time, change *pb.Event) {
	change.AgreementId = agreementID
	change.Version = d.State.Version(agreementID) + 1
	change.RecordTime = timestamppb.New(d.stamp.At)
	change.EffectiveTime = timestamppb.New(effective)
	change.Actor = &pb.Actor{PrincipalId: by.PrincipalID, PartyId: by.PartyID, Side: side}
	if err := Apply(d.State, change); err != nil && d.State.err == nil {
		d.State.err = err
	}
	d.Events = append(d.Events, change)
}

// answer tells the caller the record as it is now.
func (d *Decision) answer(ref Ref) { d.Answer = d.State.Get(ref) }

// Present fills into a record what callers see at a time beside what is stored, and is that record. It must be nobody
// else's: a copy, or read for this.
func Present(m proto.Message, now time.Time) proto.Message {
	switch r := m.(type) {
	case *pb.Obligation:
		presentObligation(r, now)
	case *pb.Revision:
		if r.Terms == nil && len(r.Body) > 0 {
			r.Terms = termsOf(r.Body)
		}
	case *pb.ProposalRevision:
		if r.Terms == nil && r.Motion == nil && len(r.Body) > 0 {
			r.Terms = termsOf(r.Body)
		}
	}
	return m
}

// presentObligation says in words how an obligation came to be due, and whether it is overdue: not before its due date is
// known, and not while it waits for the other side.
func presentObligation(o *pb.Obligation, now time.Time) {
	o.Overdue = o.GetState() == due && o.GetDueTime() != nil && o.GetBlockedBy() == "" && !now.Before(o.GetDueTime().AsTime())
	for _, step := range o.GetTrace() {
		if step.GetKind() == pb.DueStepKind_DUE_STEP_KIND_TRIGGER {
			step.Subject = o.GetTrigger().GetTitle() // kept once, so that it can be erased
		}
		step.Words = dueWords(step)
	}
}

// matchEtag refuses a command that quotes an etag the record no longer has.
func (d *Decision) matchEtag(current string) *Error {
	c, ok := d.command.(interface{ GetEtag() string })
	if !ok || c.GetEtag() == "" || c.GetEtag() == current {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_ETAG_MISMATCH, "It changed since you read it. Read it again and repeat what you meant to do, if you still mean to.")
	e.Metadata = map[string]string{"etag": current}
	return e
}

// newID is the id the caller chose, if no such record exists yet, or one the service draws.
func (d *Decision) newID(chosen, prefix, kind string, ref func(id string) Ref) (string, *Error) {
	if chosen == "" {
		return d.stamp.NewID(prefix), nil
	}
	if d.State.Get(ref(chosen)) != nil {
		return "", taken(kind, chosen)
	}
	return chosen, nil
}
