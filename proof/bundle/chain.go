package bundle

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
)

// chain is one chain of a bundle being checked.
type chain struct {
	id, at             string // its agreement, and its folder
	alone              bool   // the bundle has no other agreement
	key, events, state section
	history            section
	logKey             []byte
	next               []byte            // an entry with the label that its next event would have; nil if the chain is wrong
	recorded           []recorded        // when each of its events was, in order
	bare               []bare            // events whose texts are not there
	whole              []uint64          // versions whose texts are
	erased             map[uint64]uint64 // versions that a later one says were erased, and that one
	answers            map[string][]said // in rounds of the pulse that are open, by round
	report             ChainReport
}

// errFound ends what cannot go on behind a finding.
var errFound = errors.New("bundle: what is wrong was said")

// chain checks one chain from its first event to its records. It stops at the first thing that is wrong: what follows hangs
// on it.
func (v *verifier) chain(c *chain) {
	c.report.AgreementID = c.id
	key, err := v.read(c.at + fileKey)
	if err != nil {
		v.found.add(Tampered, CheckFile, c.at+fileKey, "It cannot be read: %v.", err)
		return
	}
	c.logKey, c.report.LogID = key, proof.LogID(key)
	state, err := v.replay(c)
	if err != nil {
		if !errors.Is(err, errFound) {
			v.found.add(Tampered, CheckReplay, c.at+fileEvents, "The rules do not carry version %d: %v.", c.report.Version, err)
		}
		return
	}
	if c.report.Version == 0 {
		v.found.add(Incomplete, CheckChain, c.at+fileEvents, "It holds no event.")
		return
	}
	v.texts(c, state)
	v.compare(c, state)
	c.next = proof.Entry(c.logKey, c.report.Version+1, nil, nil)
}

// replay carries the chain's events by the rules. Whatever stands in them, it comes back: an event on which the rules break
// is one that they never made.
func (v *verifier) replay(c *chain) (state *rules.State, err error) {
	defer func() {
		if r := recover(); r != nil {
			state, err = nil, fmt.Errorf("they break on it: %v", r)
		}
	}()
	state, err = rules.Follow(c.id, v.history(c), func(s *rules.State, e *pb.Event) {
		v.pulses(c, e)
		v.frozen(c, s, e)
		v.asked.look(c, s, e)
	})
	if err == nil {
		v.asked.end(c, state)
	}
	return state, err
}

// history yields the chain's events, each checked before it is yielded.
func (v *verifier) history(c *chain) iter.Seq2[*pb.Event, error] {
	return func(yield func(*pb.Event, error) bool) {
		in, words := v.messages(c.events), v.words(c)
		x, link, last := &bundlev1.ExportedEvent{}, make([]byte, proof.HashSize), int64(-1)
		for {
			more, err := in.next(x)
			if err != nil {
				v.found.add(Tampered, CheckFile, c.at+fileEvents, "Behind version %d it cannot be read: %v.", c.report.Version, err)
			}
			if err != nil || !more {
				if err != nil {
					yield(nil, errFound)
					return
				}
				words.end()
				return
			}
			version := c.report.Version + 1
			e, leaf, ok := v.event(c, x, version, last, link)
			if !ok {
				yield(nil, errFound)
				return
			}
			link, last, c.report.Version = leaf, int64(x.GetIndex()), version
			c.recorded = append(c.recorded, recorded{last, e.GetRecordTime().GetSeconds(), e.GetRecordTime().GetNanos()})
			words.follow(e)
			if !yield(e, nil) {
				return
			}
		}
	}
}

// event checks one event: that it makes its entry, that the entry is where it should be in the log, and that it follows the
// one before it, whose leaf hash is link and which stands at last.
func (v *verifier) event(c *chain, x *bundlev1.ExportedEvent, version uint64, last int64, link []byte) (e *pb.Event, leaf []byte, ok bool) {
	wrong := func(check, what string, args ...any) (*pb.Event, []byte, bool) {
		v.found.add(Tampered, check, c.at+fileEvents, "Version "+number(version)+": "+what, args...)
		return nil, nil, false
	}
	entry := proof.Entry(c.logKey, version, x.GetSalt(), x.GetBody())
	if !bytes.Equal(entry, x.GetEntry()) || len(x.GetSalt()) != proof.KeySize {
		return wrong(CheckInclusion, "its body, salt and place do not make the entry that is beside them; the event was changed or moved, or belongs to another chain.")
	}
	index := int64(x.GetIndex())
	if index < 0 || index >= v.tree.N || index <= last {
		return wrong(CheckChain, "it is said to stand at %d in the log, which has %d entries; the event before it is at %d.", x.GetIndex(), v.tree.N, last)
	}
	leaf = proof.LeafHash(entry)
	logged, err := v.leaf(index)
	var missing missingError
	if errors.As(err, &missing) {
		v.found.add(Incomplete, CheckInclusion, string(missing), "It is missing, and proves version %d of %s.", version, c.at+fileEvents)
		return nil, nil, false
	}
	if err != nil || !bytes.Equal(leaf, logged) {
		return wrong(CheckInclusion, "the log has another entry at %d; this event was never recorded there.", index)
	}
	if e = v.body(c, x.GetBody(), version); e == nil {
		return nil, nil, false
	}
	switch {
	case e.GetAgreementId() != c.id:
		return wrong(CheckChain, "it belongs to %q.", e.GetAgreementId())
	case e.GetVersion() != version:
		return wrong(CheckChain, "it says that it is version %d; events are missing, or were moved.", e.GetVersion())
	case !bytes.Equal(e.GetPreviousEntryHash(), link):
		return wrong(CheckChain, "it follows another event than the one before it.")
	case !e.GetRecordTime().IsValid():
		return wrong(CheckTime, "it does not say when it was recorded.")
	}
	if what := c.private(e, x); what != "" {
		return wrong(CheckPrivate, "%s", what)
	}
	return e, leaf, true
}

// body reads an event of which every byte means something to this program, and the same to any other: one with fields that it
// does not know may say more than is replayed, and of a field that is there twice readers may take either. It is nil behind a
// finding.
func (v *verifier) body(c *chain, body []byte, version uint64) *pb.Event {
	e := &pb.Event{}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, e); err != nil {
		v.found.add(Tampered, CheckReplay, c.at+fileEvents, "Version %d: its body is no event: %v.", version, err)
		return nil
	}
	if proto.Size(e) == len(body) {
		return e
	}
	all := &pb.Event{}
	if err := proto.Unmarshal(body, all); err == nil && proto.Size(all) == len(body) {
		v.found.add(Incomplete, CheckReplay, c.at+fileEvents, "Version %d: its body has fields that this program does not know. If a newer release recorded it, check with that one.", version)
		return nil
	}
	v.found.add(Tampered, CheckReplay, c.at+fileEvents, "Version %d: its body is not written in the one way that it can be, and may be read in two.", version)
	return nil
}

// leaf is the hash of an entry as the tree has it.
func (v *verifier) leaf(index int64) ([]byte, error) {
	name := tilePath(hashTile(index, v.tree.N))
	s, ok := v.files[name]
	if !ok {
		return nil, missingError(name)
	}
	hash := make([]byte, proof.HashSize)
	_, err := v.in.ReadAt(hash, s.at+index%(1<<proof.TileHeight)*proof.HashSize)
	return hash, err
}

// compare holds that the exported records are those that the events have led to.
func (v *verifier) compare(c *chain, state *rules.State) {
	in, x := v.messages(c.state), &bundlev1.ExportedRecord{}
	where := c.at + fileState
	for ref, m := range state.Records() {
		c.report.Records++
		if l, ok := m.(*pb.Log); ok {
			v.keys(c, l)
		}
		name := fmt.Sprintf("%s %q", m.ProtoReflect().Descriptor().Name(), ref.ID)
		if more, err := in.next(x); err != nil {
			v.found.add(Tampered, CheckFile, where, "Behind record %d it cannot be read: %v.", c.report.Records-1, err)
			return
		} else if !more {
			v.found.add(Tampered, CheckState, where, "The events lead to %s, and the state ends before it.", name)
			return
		}
		if x.GetType() != string(m.ProtoReflect().Descriptor().FullName()) || x.GetId() != ref.ID || x.GetNumber() != ref.Number {
			v.found.add(Tampered, CheckState, where, "The events lead to %s, and in its place the state has %s %q.", name, x.GetType(), x.GetId())
			return
		}
		should, err := deterministic.Marshal(m)
		if err == nil && bytes.Equal(should, x.GetRecord()) {
			continue
		}
		is := m.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(x.GetRecord(), is); err != nil || !proto.Equal(is, m) {
			v.found.add(Tampered, CheckState, where, "%s is not what the events have led to%s.", name, differing(is, m))
			return
		}
		v.found.add(Incomplete, CheckState, where, "%s says what the events have led to, but is not written as this program writes it.", name)
		return
	}
	if more, err := in.next(x); err != nil || more {
		v.found.add(Tampered, CheckState, where, "Behind the last record that the events lead to there is more: %s %q.", x.GetType(), x.GetId())
	}
}

// keys holds that the checkpoint is of the log that the events open, and that the keys of the log which signed it were its keys
// when it was as large as that.
func (v *verifier) keys(c *chain, l *pb.Log) {
	if l.GetOrigin() != v.report.Origin {
		v.found.add(Tampered, CheckCheckpoint, c.at+fileEvents, "The events open the log %q, and the checkpoint is one of %q.", l.GetOrigin(), v.report.Origin)
	}
	for _, s := range v.signed {
		id := fmt.Sprintf("%08x", s.Hash)
		active := slices.ContainsFunc(rules.ActiveLogKeys(l), func(k *pb.LogKey) bool { return k.GetLogKeyId() == id })
		if s.Name == l.GetOrigin() && !active {
			v.found.add(Tampered, CheckCheckpoint, c.at+fileEvents, "The checkpoint is signed with the key %s of the log, and by the events this was no key of it when it had %d entries: it was retired, or never added.", id, v.tree.N)
		}
	}
}

// differing names the first field in which two records differ.
func differing(is, should proto.Message) string {
	fields := should.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !is.ProtoReflect().Get(f).Equal(should.ProtoReflect().Get(f)) {
			return ": " + string(f.Name()) + " differs"
		}
	}
	return ""
}

// messages reads the messages of a file, one behind the other, each behind its length.
func (v *verifier) messages(s section) *messages {
	return &messages{in: bufio.NewReaderSize(io.NewSectionReader(v.in, s.at, s.size), int(min(s.size, 1<<16))), left: s.size}
}

// messages is a file of messages. Its buffers are used again and again.
type messages struct {
	in         *bufio.Reader
	left       int64
	raw, again []byte
}

// next reads a message into m, and says whether there was one. What is not written in the one way in which it can be is
// refused: the fields in order, without those that this program does not know.
func (f *messages) next(m proto.Message) (bool, error) {
	if f.left == 0 {
		return false, nil
	}
	length, err := binary.ReadUvarint(f.in)
	if err != nil {
		return false, fmt.Errorf("a length is cut off: %w", err)
	}
	f.left -= int64(protowire.SizeVarint(length))
	if length > maxMessage || int64(length) > f.left {
		return false, fmt.Errorf("a length of %d bytes, where %d are left and %d at most are read", length, f.left, maxMessage)
	}
	f.left -= int64(length)
	if uint64(cap(f.raw)) < length {
		f.raw = make([]byte, length)
	}
	f.raw = f.raw[:length]
	if _, err := io.ReadFull(f.in, f.raw); err != nil {
		return false, fmt.Errorf("a message is cut off: %w", err)
	}
	if err := proto.Unmarshal(f.raw, m); err != nil {
		return false, fmt.Errorf("it is no message: %w", err)
	}
	f.again, err = deterministic.MarshalAppend(f.again[:0], m)
	if err != nil || !bytes.Equal(f.again, f.raw) {
		return false, errors.New("a message is not written as it is in a bundle")
	}
	return true, nil
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }
