package journal

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// An order to erase is decided like any command. What it means for the store only the journal knows, and sees to it in the
// same batch, so that it is as durable as the event that tells of it: the private parts go; records that repeat them are made
// again from the history that is left; and answers that repeat them, kept for whoever asks again, are emptied. What an engine
// keeps of a value that was written over is told in docs/operations.md.

// Bounds of one order, so that it fits a Change with all that a batch may hold beside it.
const (
	// MaxErasedAnswers is how many answers it empties.
	MaxErasedAnswers = 100_000
	// MaxErasedBytes is how much it writes: records are written again as a whole, however little of them goes.
	MaxErasedBytes = 16 << 20
)

// erase carries out an order. It comes before the order is recorded, and puts the records that are left into the decision.
// If it fails, nothing is written.
func (b *batch) erase(d *rules.Decision, order *pb.Event) error {
	id, versions := order.GetAgreementId(), order.GetPrivateDataErased().GetVersions()
	snap, err := b.pending()
	if err != nil {
		return err
	}
	texts, writes, err := snap.takePrivate(id, versions)
	if err != nil || len(writes) == 0 {
		return err
	}
	var requests [][]byte // that may have been answered with the texts
	left, err := rules.Replay(id, func(yield func(*pb.Event, error) bool) {
		for r, err := range readChain(snap, id, 1, order.GetVersion()-1) {
			e := r.GetEvent()
			if err == nil && e.GetRequestId() != "" && e.GetVersion() >= versions[0] {
				requests = append(requests, receiptKey(rules.Caller{PrincipalID: e.GetActor().GetPrincipalId()}, e.GetRequestId()))
			}
			if !yield(e, err) {
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("journal: erase: %w", err)
	}
	answers, err := snap.repeating(requests, texts)
	if err != nil {
		return err
	}
	writes = append(writes, answers...)
	size := store.Change{Writes: writes}.Bytes()
	for ref, m := range left.Records() {
		if !proto.Equal(d.State.Get(ref), m) {
			d.State.Put(ref, m)
			size += proto.Size(m)
		}
	}
	if size > MaxErasedBytes {
		return tooMuch("bytes of what has erased texts", "What would be written again without these texts has more than %d bytes. Name fewer events at a time, or try again in a day.", MaxErasedBytes)
	}
	for _, w := range writes {
		b.write(w.Table, w.Key, w.Value)
		if w.Table == tableReceipts {
			b.receipts[string(w.Key)] = emptied(w.Value)
		}
	}
	return nil
}

// emptied is a receipt of which the time is left.
func emptied(value []byte) *receipt {
	return &receipt{&journalv1.Receipt{}, time.UnixMicro(int64(binary.BigEndian.Uint64(value))).UTC()}
}

// pending is the store as this batch and the one ahead will leave it, for those who get. A scan does not see what they wrote.
type pending struct {
	store.Snapshot
	written map[store.Table]map[string][]byte
}

func (b *batch) pending() (pending, error) {
	p := pending{b.snap, map[store.Table]map[string][]byte{tableEvents: {}, tableRecords: {}}}
	for _, batch := range []*batch{b.ahead, b} {
		if batch == nil {
			continue
		}
		for _, w := range batch.writes {
			if p.written[w.Table] == nil {
				p.written[w.Table] = map[string][]byte{}
			}
			p.written[w.Table][string(w.Key)] = w.Value
		}
	}
	for agreementID, chain := range b.chains { // which are written when the batch closes
		value, err := proto.Marshal(chain)
		if err != nil {
			return p, fmt.Errorf("journal: serialize chain: %w", err)
		}
		p.written[tableRecords][string(recordKey(rules.Ref{Kind: rules.KindChain, Agreement: agreementID}))] = value
	}
	return p, nil
}

// Get implements store.Snapshot.
func (p pending) Get(t store.Table, key []byte) ([]byte, error) {
	if value, known := p.written[t][string(key)]; known {
		return value, nil
	}
	return p.Snapshot.Get(t, key)
}

// takePrivate takes the private parts of events out of what is read from p. It returns all texts that were in them, and what
// is to be written. An event that has none, or none any more, is passed over.
func (p pending) takePrivate(agreementID string, versions []uint64) (texts map[string]bool, writes []store.Write, err error) {
	texts = map[string]bool{}
	along := spine{snap: p, agreementID: agreementID}
	for _, version := range versions {
		position, err := along.existing(version)
		if err != nil {
			return nil, nil, err
		}
		key := be64(position)
		value, err := p.Get(tableEvents, key)
		if err != nil {
			return nil, nil, err
		}
		r, err := recorded(position, value)
		if err != nil {
			return nil, nil, err
		}
		if r.GetPrivate() == nil {
			continue
		}
		for _, text := range proof.PrivateTexts(r.GetEvent()) {
			texts[text] = true
		}
		bare := slices.Clone(value[:bodyAt+len(r.GetBody())])
		p.written[tableEvents][string(key)] = bare
		writes = append(writes, store.Write{Table: tableEvents, Key: key, Value: bare})
	}
	return texts, writes, nil
}

// repeating finds the answers to requests that repeat one of the texts, and empties them: that they were asked stays known.
func (p pending) repeating(requests [][]byte, texts map[string]bool) (found []store.Write, err error) {
	for _, key := range requests {
		value, err := p.Get(tableReceipts, key)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		given, err := readReceipt(value)
		if err != nil {
			return nil, err
		}
		repeats, err := given.says(texts)
		if err != nil {
			return nil, err
		}
		if !repeats {
			continue
		}
		if len(found) == MaxErasedAnswers {
			return nil, tooMuch("answers with erased texts", "More than %d answers that are kept for whoever asks again repeat these texts. Name fewer events at a time, or try again in a day.", MaxErasedAnswers)
		}
		found = append(found, store.Write{Table: tableReceipts, Key: key, Value: slices.Clone(value[:8])})
	}
	return found, nil
}

// tooMuch refuses an order that is too large to be carried out at once.
func tooMuch(limit, words string, most int) error {
	e := rules.Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, words, most)
	e.Metadata = map[string]string{"limit": limit}
	return e
}

// says says whether an answer has one of the texts.
func (r *receipt) says(texts map[string]bool) (found bool, err error) {
	if r.GetAnswerType() == "" {
		return false, nil
	}
	answer, err := r.answer()
	if err != nil {
		return false, err
	}
	err = protorange.Range(answer.ProtoReflect(), func(at protopath.Values) error {
		if text, is := at.Index(-1).Value.Interface().(string); is && texts[text] {
			found = true
			return protorange.Terminate
		}
		return nil
	})
	return found, err
}
