package journal

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// recall reads where the store stands, and on the very first start lays down what never changes.
func (j *Journal) recall(ctx context.Context) error {
	stamp := &journalv1.Stamp{}
	err := j.opts.Store.View(ctx, func(snap store.Snapshot) error {
		j.head = snap.Head()
		value, err := snap.Get(tableMeta, keyStamp)
		if err == nil {
			err = proto.Unmarshal(value, stamp)
		}
		if err != nil {
			return err
		}
		service, err := readRecord(snap, rules.Ref{Kind: rules.KindChain})
		if err != nil {
			return err
		}
		if chain, _ := service.(*journalv1.Chain); chain != nil {
			j.serviceSeen.Store(chain.GetVersion())
		}
		key, err := snap.Get(tableMeta, keyPageKey)
		j.pageKey = append([]byte(nil), key...)
		return err
	})
	if err != nil {
		return fmt.Errorf("journal: open: %w", err)
	}
	if j.edge, err = proof.ReadEdge(stamp.GetPosition(), stamp.GetEdge()); err != nil {
		return fmt.Errorf("journal: open: %w", err)
	}
	j.position.Store(stamp.GetPosition())
	if stamp.GetRecordTime() != nil {
		j.lastMicro.Store(stamp.GetRecordTime().AsTime().UnixMicro())
	}
	if stamp.GetSweepTime() != nil {
		j.sweeping.rest = stamp.GetSweepTime().AsTime()
	}
	if len(j.pageKey) > 0 {
		return nil
	}
	j.pageKey = make([]byte, proof.KeySize)
	j.opts.Random(j.pageKey)
	change := store.Change{Base: j.head, Head: j.head + 1, Writes: []store.Write{{Table: tableMeta, Key: keyPageKey, Value: j.pageKey}}}
	if err := j.opts.Store.Commit(ctx, change); err != nil {
		return fmt.Errorf("journal: first start: %w", err)
	}
	j.head++
	return nil
}

// readRecord is a record as it lies in the store; nil if there is none.
func readRecord(snap store.Snapshot, ref rules.Ref) (proto.Message, error) {
	value, err := snap.Get(recordTable(ref.Kind), recordKey(ref))
	if err != nil || value == nil {
		return nil, err
	}
	m := newRecord(ref.Kind)
	if err := proto.Unmarshal(value, m); err != nil {
		return nil, fmt.Errorf("journal: record %+v: %w", ref, err)
	}
	return m, nil
}

// Read is a record of an agreement that the caller may see, as it is now. What is missing and what the caller may not see are
// answered alike. noun says what was looked for.
func (j *Journal) Read(ctx context.Context, caller rules.Caller, ref rules.Ref, noun string) (proto.Message, error) {
	return j.ReadAsOf(ctx, caller, ref, noun, nil)
}

// ReadAsOf is Read for a record as it was known at a time; nil: now. A time to come is refused.
func (j *Journal) ReadAsOf(ctx context.Context, caller rules.Caller, ref rules.Ref, noun string, asOf *timestamppb.Timestamp) (proto.Message, error) {
	var found proto.Message
	err := j.seeing(ctx, caller, ref.Agreement, asOf, func(s sight, a *pb.Agreement) (err error) {
		if found = a; ref.Kind != rules.KindAgreement {
			found, err = readRecord(s, ref)
		}
		if err == nil && found == nil {
			return rules.NotFound(noun, refName(ref))
		}
		found = rules.Present(found, s.at)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// seeing runs fn over the records of an agreement that the caller may see: as they are, or as they were at a time. What was
// is seen by who could see it then and still can.
func (j *Journal) seeing(ctx context.Context, caller rules.Caller, agreementID string, asOf *timestamppb.Timestamp, fn func(sight, *pb.Agreement) error) error {
	at, err := j.moment(ctx, asOf)
	if err != nil {
		return err
	}
	return j.seeingAt(ctx, caller, agreementID, asOf != nil, at, fn)
}

// seeingAt is seeing as of a moment, or for what is not past as it is.
func (j *Journal) seeingAt(ctx context.Context, caller rules.Caller, agreementID string, past bool, at time.Time, fn func(sight, *pb.Agreement) error) error {
	var version uint64
	over := false // things have changed since
	err := j.view(ctx, func(snap store.Snapshot) error {
		a, err := seen(snap, caller, agreementID)
		if err != nil {
			return err
		}
		if past {
			then, now, err := versionAt(snap, agreementID, at)
			if version, over = then, then < now; over || err != nil {
				return err
			}
		}
		return fn(sight{Snapshot: snap, at: at}, a)
	})
	if err != nil || !over {
		return err
	}
	return j.then(ctx, agreementID, version, at, func(s sight) error {
		a, err := seen(s, caller, agreementID)
		if err != nil {
			return err
		}
		return fn(s, a)
	})
}

// seen is an agreement that the caller may see.
func seen(snap store.Snapshot, caller rules.Caller, agreementID string) (*pb.Agreement, error) {
	m, err := readRecord(snap, rules.Ref{Kind: rules.KindAgreement, Agreement: agreementID})
	if err != nil {
		return nil, err
	}
	a, _ := m.(*pb.Agreement)
	if !caller.Sees(a) {
		return nil, rules.NotFound("agreement", agreementID)
	}
	return a, nil
}

// view is a View of the store whose faults are told apart from refusals.
func (j *Journal) view(ctx context.Context, fn func(store.Snapshot) error) error {
	err := j.opts.Store.View(ctx, fn)
	if err == nil || IsRefusal(err) || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("journal: read: %w", err)
}

func refName(ref rules.Ref) string {
	if ref.Number > 0 {
		return fmt.Sprint(ref.Number)
	}
	return ref.ID
}

// Party is a party that the caller may know of: its own, one it shares an agreement with, or any for the operator and
// an auditor of everything.
func (j *Journal) Party(ctx context.Context, caller rules.Caller, id string) (*pb.Party, error) {
	var party *pb.Party
	err := j.view(ctx, func(snap store.Snapshot) error {
		if !caller.SeesService() && caller.PartyID != id {
			shared, err := snap.Get(tableIndex, join(listCounterparts, caller.PartyID, byte(keySeparator), id))
			if err != nil {
				return err
			}
			if shared == nil {
				return rules.NotFound("party", id)
			}
		}
		m, err := readRecord(snap, rules.Ref{Kind: rules.KindParty, ID: id})
		party, _ = m.(*pb.Party)
		if err == nil && party == nil {
			return rules.NotFound("party", id)
		}
		return err
	})
	return party, err
}

// Key is an API key with the hash of its secret; nil if there is none.
func (j *Journal) Key(ctx context.Context, id string) (*journalv1.StoredKey, error) {
	var key *journalv1.StoredKey
	err := j.view(ctx, func(snap store.Snapshot) error {
		m, err := readRecord(snap, rules.Ref{Kind: rules.KindApiKey, ID: id})
		key, _ = m.(*journalv1.StoredKey)
		return err
	})
	return key, err
}
