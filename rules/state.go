package rules

import (
	"iter"
	"strconv"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Kind says what a record is. The order is the order in which the clock looks at records of the same instant: an
// agreement comes into force before its commitments do, and those before their obligations; a proposal takes effect, and
// what it changed is carried on, before anything else of that instant.
type Kind uint8

// The kinds of records, with their message types.
const (
	KindAgreement        Kind = iota + 1 // pb.Agreement
	KindRevision                         // pb.Revision, without its parsed terms
	KindProposal                         // pb.Proposal
	KindProposalRevision                 // pb.ProposalRevision, without its parsed terms
	KindCascade                          // journalv1.Cascade
	KindCommitment                       // pb.Commitment
	KindObligation                       // pb.Obligation
	KindParty                            // pb.Party
	KindApiKey                           // journalv1.StoredKey
	KindChain                            // journalv1.Chain: beside the obligations, which change with it
	KindLog                              // pb.Log: the one of the service
	KindConcern          Kind = 12       // pb.Concern
	KindPulseRound       Kind = 13       // pb.PulseRound
	KindPulseAnswer      Kind = 14       // pb.PulseAnswer
	KindObjective        Kind = 15       // pb.Objective
	KindObservation      Kind = 16       // pb.Observation
	KindReview           Kind = 17       // pb.Review
	KindTally            Kind = 18       // journalv1.Tally: see State.tally
)

// Ref names one record. An agreement's state is spread over records, so that a command costs what it touches.
type Ref struct {
	Kind Kind
	// Agreement is the agreement it belongs to; empty for parties, keys and the service's own chain.
	Agreement string
	// ID is its id within that; empty for the agreement and its chain.
	ID string
	// Number is the number of a revision, or of an answer within a round of the pulse, else 0.
	Number int32
}

// State is the records that a command sees, read on first use. A record got from it must not be changed: clone, change
// and put it back. It belongs to one goroutine.
type State struct {
	ground   Ground               // empty in a fork
	base     *State               // what a fork was made from
	records  tray[Ref, record]    // what was read or put
	versions tray[string, uint64] // newest event per chain, as put
	touched  map[string][]Ref     // what was put of each agreement's lists; nil until somebody asks
	carry    int                  // how many events a decision holds before it defers; see CarrySize
	err      error                // the first failure to read; sticky
}

// record is one record in a State. A nil message is one that is missing.
type record struct {
	was, now proto.Message // as read, if it was, and as it is
	put      bool
}

// NewState makes a state over a ground. An empty ground has no records.
func NewState(ground Ground) *State {
	return &State{ground: ground, carry: CarrySize}
}

// Fork makes a state that sees s and leaves it as it is. Nothing may be put into s until the fork is done with.
func (s *State) Fork() *State { return &State{base: s, carry: s.carry} }

// Merge takes over what fork, made from s, has put.
func (s *State) Merge(fork *State) {
	for ref, c := range fork.Changes() {
		s.Put(ref, c.Now)
	}
	for _, v := range fork.versions.slots {
		s.versions.put(v.key, v.value)
	}
}

// Change is what became of a record. Was is nil if it was new, or put without having been read.
type Change struct{ Was, Now proto.Message }

// Changes is what was put since the state was made, in the order in which it was first read or put.
func (s *State) Changes() iter.Seq2[Ref, Change] {
	return func(yield func(Ref, Change) bool) {
		for i := 0; i < len(s.records.slots); i++ { // more may be read meanwhile
			ref, r := s.records.slots[i].key, s.records.slots[i].value
			if r.put && !yield(ref, Change{r.was, r.now}) {
				return
			}
		}
	}
}

// Before is a record as it was when the state read it; nil if there was none, or nobody has read it.
func (s *State) Before(ref Ref) proto.Message {
	if r := s.records.find(ref); r != nil {
		return r.was
	}
	return nil
}

// Err is the first failure to read.
func (s *State) Err() error { return s.err }

// Known is a record as far as the state has it, read or put: it does not read.
func (s *State) Known(ref Ref) (m proto.Message, known bool) {
	if r := s.records.find(ref); r != nil {
		return r.now, true
	}
	return nil, false
}

// RefOf is where a record that the state knows lies: the very message, not one like it.
func (s *State) RefOf(m proto.Message) (Ref, bool) {
	for _, r := range s.records.slots {
		if r.value.now == m && m != nil {
			return r.key, true
		}
	}
	return Ref{}, false
}

// Get reads a record; nil if there is none, or if reading failed: then Decide
// says so.
func (s *State) Get(ref Ref) proto.Message {
	if r := s.records.find(ref); r != nil {
		return r.now
	}
	m, err := s.read(ref)
	if err != nil {
		s.err = err
	}
	if s.err != nil || s.base == nil && s.ground.Get == nil {
		return m
	}
	s.records.put(ref, record{was: m, now: m})
	return m
}

// read reads a record from what the state stands on.
func (s *State) read(ref Ref) (proto.Message, error) {
	switch {
	case s.base != nil:
		m := s.base.Get(ref) // before its err is looked at
		return m, s.base.err
	case s.err != nil || s.ground.Get == nil:
		return nil, nil
	}
	return s.ground.Get(ref)
}

// Put writes a record.
func (s *State) Put(ref Ref, m proto.Message) {
	again := false
	if r := s.records.find(ref); r != nil {
		again = r.put
		r.now, r.put = m, true
	} else {
		s.records.put(ref, record{now: m, put: true})
	}
	if s.touched != nil && !again {
		s.touch(ref)
	}
}

// Version is the number of the newest event of an agreement's chain, or of the service's for "".
func (s *State) Version(agreementID string) uint64 {
	if v := s.versions.find(agreementID); v != nil {
		return *v
	}
	if s.base != nil {
		return s.base.Version(agreementID)
	}
	return get[*journalv1.Chain](s, Ref{Kind: KindChain, Agreement: agreementID}).GetVersion()
}

// get reads a record of a known type; the zero value (nil) if there is none.
func get[M proto.Message](s *State, ref Ref) M {
	m, _ := s.Get(ref).(M)
	return m
}

// edit clones a record, lets change work on the clone and puts it. A record that is missing is an error of the history.
func edit[M proto.Message](s *State, ref Ref, change func(M)) {
	old := get[M](s, ref)
	if !old.ProtoReflect().IsValid() {
		if s.err == nil {
			s.err = Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "The history changes a record that it never made: %+v.", ref)
		}
		return
	}
	m := proto.CloneOf(old)
	change(m)
	s.Put(ref, m)
}

func (s *State) agreement(id string) *pb.Agreement {
	return get[*pb.Agreement](s, agreementRef(id))
}

func (s *State) proposal(agreement, id string) *pb.Proposal {
	return get[*pb.Proposal](s, proposalRef(agreement, id))
}

func (s *State) review(agreement, id string) *pb.Review {
	return get[*pb.Review](s, reviewRef(agreement, id))
}

func (s *State) commitment(agreement, id string) *pb.Commitment {
	return get[*pb.Commitment](s, commitmentRef(agreement, id))
}

func (s *State) obligation(agreement, id string) *pb.Obligation {
	return get[*pb.Obligation](s, obligationRef(agreement, id))
}

func (s *State) concern(agreement, id string) *pb.Concern {
	return get[*pb.Concern](s, concernRef(agreement, id))
}

func partyRef(id string) Ref     { return Ref{Kind: KindParty, ID: id} }
func apiKeyRef(id string) Ref    { return Ref{Kind: KindApiKey, ID: id} }
func agreementRef(id string) Ref { return Ref{Kind: KindAgreement, Agreement: id} }

func revisionRef(agreement string, n int32) Ref {
	return Ref{Kind: KindRevision, Agreement: agreement, Number: n}
}

func proposalRef(agreement, id string) Ref {
	return Ref{Kind: KindProposal, Agreement: agreement, ID: id}
}

func proposalRevisionRef(agreement, id string, n int32) Ref {
	return Ref{Kind: KindProposalRevision, Agreement: agreement, ID: id, Number: n}
}

func reviewRef(agreement, id string) Ref {
	return Ref{Kind: KindReview, Agreement: agreement, ID: id}
}

func cascadeRef(agreement string) Ref { return Ref{Kind: KindCascade, Agreement: agreement} }

func commitmentRef(agreement, id string) Ref {
	return Ref{Kind: KindCommitment, Agreement: agreement, ID: id}
}

func obligationRef(agreement, id string) Ref {
	return Ref{Kind: KindObligation, Agreement: agreement, ID: id}
}

func concernRef(agreement, id string) Ref {
	return Ref{Kind: KindConcern, Agreement: agreement, ID: id}
}

// etag is what a resource carries after an event: the event's version within its chain.
func etag(e *pb.Event) string { return strconv.FormatUint(e.GetVersion(), 10) }
