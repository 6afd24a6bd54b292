package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// requestHash is what a request was, for telling a repeated one from another with the same id.
func requestHash(caller rules.Caller, cmd proto.Message) []byte {
	head := string(cmd.ProtoReflect().Descriptor().FullName()) + "\n" + caller.PartyID + "\n"
	body, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend([]byte(head), cmd)
	if err != nil {
		body = fmt.Append([]byte(head), err) // cannot be decided either
	}
	sum := sha256.Sum256(body)
	return sum[:]
}

// repeated is the answer a request got before; nil if it was never asked.
func (b *batch) repeated(it *item) (proto.Message, error) {
	key := receiptKey(it.caller, it.id)
	was := b.receipt(key)
	if was == nil {
		value, err := b.snap.Get(tableReceipts, key)
		if err != nil || value == nil {
			return nil, err
		}
		if was, err = readReceipt(value); err != nil {
			return nil, err
		}
		it.settled = true
	}
	it.at = was.at
	if len(was.GetRequestHash()) == 0 {
		return nil, reused(it, "The request_id %q was used before, and the answer repeated what was erased since. Read what you want to know anew.")
	}
	if string(was.GetRequestHash()) != string(it.hash) {
		return nil, reused(it, "The request_id %q was used before for another request. Draw a new one for every new request.")
	}
	if was.GetAnswerType() == "" {
		return b.unchanged(it, was)
	}
	return was.answer()
}

// reused refuses a request whose request_id was used before.
func reused(it *item, words string) error {
	e := rules.Refuse(pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED, words, it.id)
	e.Metadata = map[string]string{"request_id": it.id}
	return e
}

// unchanged answers again a request that changed nothing: with the record it was answered with, as it is now. If that was no
// record, it is decided again: what changes nothing and answers so, like closing what is closed, does it for ever.
func (b *batch) unchanged(it *item, was *receipt) (proto.Message, error) {
	it.settled = false // the record may be newer than what is durable
	if len(was.GetRecordKey()) == 0 {
		return nil, nil
	}
	ref, err := recordRef(was.GetRecordKey())
	if err != nil {
		return nil, err
	}
	it.at = b.at
	answer := b.state.Get(ref)
	return answer, b.state.Err()
}

// receipt is an answer that was given, and when.
type receipt struct {
	*journalv1.Receipt
	at time.Time
}

// readReceipt is a receipt as it lies in the store.
func readReceipt(value []byte) (*receipt, error) {
	r := &receipt{&journalv1.Receipt{}, time.UnixMicro(int64(binary.BigEndian.Uint64(value))).UTC()}
	if err := proto.Unmarshal(value[8:], r.Receipt); err != nil {
		return nil, fmt.Errorf("journal: receipt: %w", err)
	}
	return r, nil
}

// answer is what the request was answered with.
func (r *receipt) answer() (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(r.GetAnswerType()))
	if err != nil {
		return nil, fmt.Errorf("journal: receipt: %w", err)
	}
	answer := kind.New().Interface()
	return answer, proto.Unmarshal(r.GetAnswer(), answer)
}

// receipt is one that was given in this batch or in the one ahead; nil if there is none.
func (b *batch) receipt(key []byte) *receipt {
	r := b.receipts[string(key)]
	if r == nil && b.ahead != nil {
		r = b.ahead.receipts[string(key)]
	}
	return r
}

// serialized is an answer as it was written a moment ago, if it is a record that the decision has put; else nil.
func (b *batch) serialized(d *rules.Decision, answer proto.Message) []byte {
	for ref, c := range d.State.Changes() {
		if c.Now == answer {
			return b.writes[b.places[ref]].Value
		}
	}
	return nil
}

// receiptRoom is what a receipt takes beside the answer itself.
const receiptRoom = 128

// remember keeps the answer for the case that it is asked for again.
func (b *batch) remember(it *item, d *rules.Decision) error {
	given := &receipt{&journalv1.Receipt{RequestHash: it.hash}, b.at}
	if len(d.Events) == 0 {
		if ref, is := b.state.RefOf(d.Answer); is {
			given.RecordKey = recordKey(ref)
		}
	} else if err := given.keep(b, d); err != nil {
		return err
	}
	value := make([]byte, 0, len(given.GetAnswer())+receiptRoom)
	value, err := proto.MarshalOptions{}.MarshalAppend(binary.BigEndian.AppendUint64(value, uint64(b.at.UnixMicro())), given.Receipt)
	if err != nil {
		return fmt.Errorf("journal: receipt: %w", err)
	}
	key := receiptKey(it.caller, it.id)
	b.receipts[string(key)] = given
	b.write(tableReceipts, key, value)
	return nil
}

// keep puts an answer into a receipt.
func (r *receipt) keep(b *batch, d *rules.Decision) (err error) {
	answer := d.Remembered
	if answer == nil {
		answer = d.Answer
	}
	r.AnswerType = string(answer.ProtoReflect().Descriptor().FullName())
	if r.Answer = b.serialized(d, answer); r.Answer == nil {
		if r.Answer, err = proto.Marshal(answer); err != nil {
			err = fmt.Errorf("journal: receipt: %w", err)
		}
	}
	return err
}

// sweepPerTurn is how many receipts a turn looks at beyond one for each event it writes, so that the table stops
// growing without a worker of its own.
const sweepPerTurn = 16

// sweep forgets receipts that have been kept long enough, a few with every turn, going round the table. A round that is
// done knows when the oldest receipt it left will have been kept long enough; until then there is nothing to look for.
func (b *batch) sweep() error {
	s := &b.j.sweeping
	if b.at.Before(s.rest) {
		return nil
	}
	limit := sweepPerTurn + 2*max(b.events, len(b.receipts)) // faster than the table grows
	before := b.at.Add(-ReceiptRetention)
	var last []byte
	for r, err := range b.snap.Scan(tableReceipts, s.from, nil) {
		if err != nil {
			return fmt.Errorf("sweep receipts: %w", err)
		}
		last = append([]byte(nil), r.Key...)
		answered := time.UnixMicro(int64(binary.BigEndian.Uint64(r.Value)))
		if answered.Before(before) && b.receipt(last) == nil {
			b.write(tableReceipts, last, nil)
		} else if s.oldest.IsZero() || answered.Before(s.oldest) {
			s.oldest = answered
		}
		if limit--; limit == 0 {
			s.from = append(last, keySeparator)
			return nil
		}
	}
	if s.oldest.IsZero() {
		s.oldest = b.at
	}
	*s = sweeping{rest: s.oldest.Add(ReceiptRetention)}
	return nil
}

// sweeping is how far the sweep of old receipts has come.
type sweeping struct {
	from   []byte    // where it goes on
	oldest time.Time // the oldest receipt that this round left
	rest   time.Time // when the next round begins; kept in the stamp, so that a start does not begin one
}
