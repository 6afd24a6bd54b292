package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Every key on disk is made in this file.
//
//	events     be64(position)                           → entry(65) ‖ salt(32) ‖ be32(length) ‖ body ‖ salt(32) ‖ private part
//	                                                                              history, only ever appended; its place in
//	                                                                              the log, which counts from 0, is one less.
//	                                                                              What the body leaves out stands behind it
//	                                                                              until it is erased
//	tiles      level be64(n)                            → hash(32)                the hash of the n-th whole tile of a level
//	                                                                              below, level from 1; see proof.Edge
//	checkpoints be64(size)                              → Checkpoint              every one that was published
//	records    agreement 00 kind id [00 be32(number)]   → the record, serialized  an agreement's records lie together;
//	                                                                              parties and keys have no agreement
//	           agreement 00 'C' be64(micros, sign flipped) kind id …  → nothing   the timers of one agreement: what the
//	                                                                              clock must look at, by time
//	           agreement 00 'E' be64(n)                 → be64(position) …        where the events of one agreement lie, a
//	                                                                              leaf of them at a time; see Chain
//	           agreement 00 'L' list filters order      → nothing                 the lists of one agreement; see group
//	                                                                              and rules.PlaceOf, which is the order
//	texts      like records                             → the record              revisions: large, and read when asked for,
//	                                                                              so that what changes lies on few pages
//	index      list filters order                       → nothing                 the lists across agreements; but for counts,
//	                                                                              whose value they are
//	alarms     be64(micros, sign flipped) agreement     → nothing                 one for each agreement that has timers,
//	                                                                              at the earliest or before; see alarm
//	receipts   principal 00 request_id                  → be64(micros) ‖ Receipt  answers given; time-ordered request
//	                                                                              ids keep it dense
//	meta       "stamp", "page-key"                      → Stamp, 32 bytes
//	           "checkpoint"                             → be64(size)              of the newest checkpoint
//
// List keys, timers and the rest of an index are computed from the record before and after a command, and the journal
// writes the difference: nobody tends them. Timers lie beside their records, so that a deadline that moves costs next to
// nothing; an alarm is far from them, and moves only if it must.
const (
	tableEvents      store.Table = "events"
	tableTiles       store.Table = "tiles"
	tableCheckpoints store.Table = "checkpoints"
	tableRecords     store.Table = "records"
	tableTexts       store.Table = "texts"
	tableIndex       store.Table = "index"
	tableAlarms      store.Table = "alarms"
	tableReceipts    store.Table = "receipts"
	tableMeta        store.Table = "meta"
)

// Tables is what the store must be opened with.
func Tables() []store.Table {
	return []store.Table{tableEvents, tableTiles, tableCheckpoints, tableRecords, tableTexts, tableIndex, tableAlarms, tableReceipts, tableMeta}
}

// WrittenOnce is those of them whose records do not grow once they are written. The records of the index do not either, but its
// lists get places in between.
func WrittenOnce() []store.Table {
	return []store.Table{tableEvents, tableTiles, tableCheckpoints, tableTexts, tableAlarms, tableReceipts}
}

// Apart is those of them that take about as long to write as the others together.
func Apart() []store.Table { return []store.Table{tableRecords} }

var (
	keyStamp      = []byte("stamp")
	keyPageKey    = []byte("page-key")
	keyCheckpoint = []byte("checkpoint")
)

// Below an agreement: single bytes that are no rules.Kind.
const (
	subTimers = 'C'
	subEvents = 'E'
	subLists  = 'L'
)

// The lists.
const (
	listObligations         = 'o' // agreement: side group | day id
	listByCommitment        = 'c' // agreement: commitment 00 group | day id
	listCommitments         = 'm' // agreement: side state | id
	listProposals           = 'p' // agreement: state | micros id
	listConcerns            = 'x' // agreement: raiser kind group | micros id
	listConcernsAbout       = 'b' // agreement: obligation 00 group | micros id
	listConcernsScored      = 'd' // agreement: respondent | day it counts on, id; see rules.ScoredPlace
	listRoundsScored        = 'e' // agreement: day it closed, id
	listPulseRounds         = 'u' // agreement: state | micros id
	listObjectives          = 'j' // agreement: side state | id
	listObservations        = 'v' // agreement: objective 00 state | day (from the latest) id
	listReviews             = 'r' // agreement: state | micros id
	listAgreements          = 'a' // across: party 00 side state | agreement; party "" and side 0: all
	listCounterparts        = 'q' // across: party 00 | other party
	listKeysOfAParty        = 'k' // across: party 00 | key, feeds among them
	listFeeds               = 'f' // across: party 00 | feed
	listAwaits              = 'w' // across: party 00 task | day since agreement 00 kind id 00 task; see portfolio.go
	listAwaited             = 'n' // across: party → Awaited: how many there are of each task
	keySeparator            = 0x00
	unspecified        byte = 0
)

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// microsAt is the first microsecond at which a time has come: what is looked at before its time is looked at in vain.
func microsAt(t time.Time) int64 { return t.Add(time.Microsecond - time.Nanosecond).UnixMicro() }

// sortableMicros is a time in bytes that sort like it.
func sortableMicros(micros int64) []byte { return be64(uint64(micros) ^ 1<<63) }

// join makes a key of parts: bytes, strings and single bytes.
func join(parts ...any) []byte {
	key := make([]byte, 0, 96)
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			key = append(key, p...)
		case string:
			key = append(key, p...)
		case byte:
			key = append(key, p)
		case rune:
			key = append(key, byte(p))
		default:
			panic("journal: a key of what is neither bytes nor text") // told of no part: so none of them need be on the heap
		}
	}
	return key
}

// recordTable is the table of a kind of record.
func recordTable(kind rules.Kind) store.Table {
	if kind == rules.KindRevision || kind == rules.KindProposalRevision {
		return tableTexts
	}
	return tableRecords
}

// recordKey is where a record lies.
func recordKey(ref rules.Ref) []byte {
	key := make([]byte, 0, len(ref.Agreement)+len(ref.ID)+8)
	return appendRef(append(append(key, ref.Agreement...), keySeparator), ref)
}

// appendRef appends to a key what names a record within its agreement.
func appendRef(key []byte, ref rules.Ref) []byte {
	key = append(append(key, byte(ref.Kind)), ref.ID...)
	if numbered(ref.Kind) {
		key = append(key, keySeparator)
		key = binary.BigEndian.AppendUint32(key, uint32(ref.Number))
	}
	return key
}

// numbered says of a kind whether its records have numbers.
func numbered(kind rules.Kind) bool {
	switch kind {
	case rules.KindRevision, rules.KindProposalRevision, rules.KindPulseAnswer, rules.KindTally:
		return true
	}
	return false
}

// recordRef is the record that lies at a key.
func recordRef(key []byte) (rules.Ref, error) {
	agreement, rest, ok := bytes.Cut(key, []byte{keySeparator})
	if !ok || len(rest) == 0 {
		return rules.Ref{}, fmt.Errorf("journal: %q is not the key of a record", key)
	}
	ref := rules.Ref{Kind: rules.Kind(rest[0]), Agreement: string(agreement)}
	id := rest[1:]
	if numbered(ref.Kind) {
		const tail = 1 + 4 // the separator and be32(number)
		at := len(id) - tail
		if at < 0 || id[at] != keySeparator {
			return rules.Ref{}, fmt.Errorf("journal: %q is not the key of a record with a number", key)
		}
		ref.Number = int32(binary.BigEndian.Uint32(id[at+1:]))
		id = id[:at]
	}
	ref.ID = string(id)
	return ref, nil
}

// newRecord is an empty message of the type that a kind of record has.
func newRecord(kind rules.Kind) proto.Message {
	switch kind {
	case rules.KindChain:
		return &journalv1.Chain{}
	case rules.KindAgreement:
		return &pb.Agreement{}
	case rules.KindRevision:
		return &pb.Revision{}
	case rules.KindProposal:
		return &pb.Proposal{}
	case rules.KindProposalRevision:
		return &pb.ProposalRevision{}
	case rules.KindCascade:
		return &journalv1.Cascade{}
	case rules.KindCommitment:
		return &pb.Commitment{}
	case rules.KindObligation:
		return &pb.Obligation{}
	case rules.KindParty:
		return &pb.Party{}
	case rules.KindApiKey:
		return &journalv1.StoredKey{}
	case rules.KindLog:
		return &pb.Log{}
	case rules.KindConcern:
		return &pb.Concern{}
	case rules.KindPulseRound:
		return &pb.PulseRound{}
	case rules.KindPulseAnswer:
		return &pb.PulseAnswer{}
	case rules.KindObjective:
		return &pb.Objective{}
	case rules.KindObservation:
		return &pb.Observation{}
	case rules.KindReview:
		return &pb.Review{}
	case rules.KindTally:
		return &journalv1.Tally{}
	}
	panic(fmt.Sprintf("journal: a record of kind %d", kind))
}

// timerKey is where a record waits for the clock. Built by hand: a submission makes two.
func timerKey(ref rules.Ref, at time.Time) []byte {
	key := make([]byte, 0, len(ref.Agreement)+len(ref.ID)+16)
	key = append(append(key, ref.Agreement...), keySeparator, subTimers)
	return appendRef(append(key, sortableMicros(microsAt(at))...), ref)
}

// timerOf is the timer at a key of an agreement.
func timerOf(agreementID string, key []byte) (Timer, error) {
	rest := key[len(agreementID)+2:]
	if len(rest) < 8 {
		return Timer{}, fmt.Errorf("journal: %q is not the key of a timer", key)
	}
	ref, err := recordRef(join(agreementID, sep, rest[8:]))
	return Timer{Ref: ref, At: timerTime(rest)}, err
}

// alarmKey is where an agreement waits for the clock.
func alarmKey(agreementID string, micros int64) []byte {
	return join(sortableMicros(micros), agreementID)
}

// leafEvents is how many events of a chain a leaf has. Its head has what makes no leaf yet.
const leafEvents = 16

// leafOf is in which leaf of its chain an event is, and where there.
func leafOf(version uint64) (n, at uint64) {
	return (version - 1) / leafEvents, (version - 1) % leafEvents
}

// leafKey is where a leaf of a chain lies.
func leafKey(agreementID string, n uint64) []byte {
	return join(agreementID, byte(keySeparator), subEvents, be64(n))
}

// tileKey is where the hash of a whole tile lies.
func tileKey(level int, n uint64) []byte { return join(byte(level), be64(n)) }

func receiptKey(caller rules.Caller, requestID string) []byte {
	return join(caller.PrincipalID, byte(keySeparator), requestID)
}

// group is what stands for an obligation's state in keys. Those in which one is worked on share a group, so that its keys
// stay where they are from the day it falls due until its end is known: keys that move are what a command costs most.
func group(state byte) byte {
	switch pb.ObligationState(state) {
	case pb.ObligationState_OBLIGATION_STATE_SUBMITTED, pb.ObligationState_OBLIGATION_STATE_BREACHED, pb.ObligationState_OBLIGATION_STATE_CURING:
		return byte(pb.ObligationState_OBLIGATION_STATE_DUE)
	}
	return state
}

// concernGroup is group for concerns: those that are open share one.
func concernGroup(state byte) byte {
	switch pb.ConcernState(state) {
	case pb.ConcernState_CONCERN_STATE_RESOLVED, pb.ConcernState_CONCERN_STATE_WITHDRAWN:
		return state
	}
	return byte(pb.ConcernState_CONCERN_STATE_OPEN)
}

// groups are the groups of states of obligations, each once.
func groups(states []byte) []byte { return grouped(states, group) }

// grouped are the groups of states, each once.
func grouped(states []byte, group func(byte) byte) []byte {
	for i, state := range states {
		states[i] = group(state)
	}
	slices.Sort(states)
	return slices.Compact(states)
}

// entry is one computed key.
type entry struct {
	table store.Table
	key   []byte
}

// stays says of an entry that it is never taken away: two parties that once shared an agreement know of each other, and may
// share another.
func (e entry) stays() bool { return e.table == tableIndex && e.key[0] == listCounterparts }

// timer appends where a record waits for the clock, if it does.
func timer(found []entry, ref rules.Ref, m proto.Message) []entry {
	if at, waits := rules.WakeTime(m); waits {
		found = append(found, entry{tableRecords, timerKey(ref, at)})
	}
	return found
}

// inPlace says of a record that changed whether its places in lists are still the same. It knows it of obligations, which
// change most.
func inPlace(was, now proto.Message) bool {
	o, ok := was.(*pb.Obligation)
	then, same := now.(*pb.Obligation)
	return ok && same && group(byte(o.GetState())) == group(byte(then.GetState())) && rules.SamePlace(o, then)
}

// places appends the places of a record in lists.
func places(found []entry, ref rules.Ref, m proto.Message) []entry {
	add := func(t store.Table, key []byte) { found = append(found, entry{t, key}) }
	switch r := m.(type) {
	case *pb.Obligation:
		place, state := string(rules.PlaceOf(r)), group(byte(r.GetState()))
		add(tableRecords, join(ref.Agreement, sep, subLists, listObligations, byte(r.GetObligor()), state, place))
		add(tableRecords, join(ref.Agreement, sep, subLists, listByCommitment, r.GetCommitmentId(), sep, state, place))
	case *pb.Objective:
		add(tableRecords, join(ref.Agreement, sep, subLists, listObjectives, byte(r.GetSide()), byte(r.GetState()), string(rules.PlaceOf(r))))
	case *pb.Observation:
		add(tableRecords, join(ref.Agreement, sep, subLists, listObservations, r.GetObjectiveId(), sep, byte(r.GetState()), string(rules.PlaceOf(r))))
	case *pb.Commitment:
		add(tableRecords, join(ref.Agreement, sep, subLists, listCommitments, byte(r.GetObligor()), byte(r.GetState()), string(rules.PlaceOf(r))))
	case *pb.Proposal:
		add(tableRecords, join(ref.Agreement, sep, subLists, listProposals, byte(r.GetState()), string(rules.PlaceOf(r))))
	case *pb.Concern:
		place, state := string(rules.PlaceOf(r)), concernGroup(byte(r.GetState()))
		add(tableRecords, join(ref.Agreement, sep, subLists, listConcerns, byte(r.GetRaisedBy()), byte(r.GetKind()), state, place))
		for _, id := range r.GetObligationIds() {
			add(tableRecords, join(ref.Agreement, sep, subLists, listConcernsAbout, id, sep, state, place))
		}
		if counts := string(rules.ScoredPlace(r)); counts != "" {
			add(tableRecords, join(ref.Agreement, sep, subLists, listConcernsScored, byte(r.GetRespondent()), counts))
		}
	case *pb.PulseRound:
		add(tableRecords, join(ref.Agreement, sep, subLists, listPulseRounds, byte(r.GetState()), string(rules.PlaceOf(r))))
		if counts := string(rules.ScoredPlace(r)); counts != "" {
			add(tableRecords, join(ref.Agreement, sep, subLists, listRoundsScored, counts))
		}
	case *pb.Review:
		add(tableRecords, join(ref.Agreement, sep, subLists, listReviews, byte(r.GetState()), string(rules.PlaceOf(r))))
	case *pb.Agreement:
		state := byte(r.GetState())
		vendor, client := r.GetVendorPartyId(), r.GetClientPartyId()
		draft := r.GetState() == pb.AgreementState_AGREEMENT_STATE_DRAFT
		if !draft || r.GetAuthor() == pb.Side_SIDE_VENDOR {
			add(tableIndex, join(listAgreements, vendor, sep, byte(pb.Side_SIDE_VENDOR), state, ref.Agreement))
		}
		if !draft || r.GetAuthor() == pb.Side_SIDE_CLIENT {
			add(tableIndex, join(listAgreements, client, sep, byte(pb.Side_SIDE_CLIENT), state, ref.Agreement))
		}
		if !draft {
			add(tableIndex, join(listAgreements, sep, unspecified, state, ref.Agreement))
			add(tableIndex, join(listCounterparts, vendor, sep, client))
			add(tableIndex, join(listCounterparts, client, sep, vendor))
		}
		if neutral := r.GetNeutralPartyId(); neutral != "" {
			add(tableIndex, join(listAgreements, neutral, sep, unspecified, state, ref.Agreement))
			for _, side := range []string{vendor, client} {
				add(tableIndex, join(listCounterparts, neutral, sep, side))
				add(tableIndex, join(listCounterparts, side, sep, neutral))
			}
		}
	case *pb.Party:
		add(tableIndex, join(listCounterparts, ref.ID, sep, ref.ID)) // a party knows of itself
	case *journalv1.StoredKey:
		holder := r.GetApiKey().GetPrincipal()
		if holder.GetPartyId() != "" {
			add(tableIndex, join(listKeysOfAParty, holder.GetPartyId(), sep, ref.ID))
		}
		if rules.IsFeed(holder.GetRole()) {
			add(tableIndex, join(listFeeds, holder.GetPartyId(), sep, ref.ID))
		}
	}
	return found
}
