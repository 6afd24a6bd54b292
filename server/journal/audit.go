package journal

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// How much of a chain one View of an export reads: whoever takes the file may be slow, and must not keep old pages alive.
const (
	auditEvents = 512
	auditBytes  = 1 << 20
)

// audit is one export under way. What was recorded does not change, so each piece is read when it is due.
type audit struct {
	j      *Journal
	ctx    context.Context
	caller rules.Caller
	size   uint64 // of the log in the checkpoint
	w      *bundle.Writer
}

// ExportAudit writes an audit bundle of what the caller may see to out; policy is told in it. Nothing is written before it is
// known that the caller may have it.
func (j *Journal) ExportAudit(ctx context.Context, caller rules.Caller, req *pb.ExportAuditRequest, policy []byte, out io.Writer) error {
	chains, err := j.auditScope(ctx, caller, req)
	if err != nil {
		return err
	}
	c, err := j.Checkpoint(ctx, req.GetSize())
	if err != nil {
		return err
	}
	a := &audit{j: j, ctx: ctx, caller: caller, size: c.GetSize()}
	if id := req.GetAgreementId(); id != "" {
		if last, err := a.newest(id); err != nil || last == 0 {
			return cmp.Or[error](err, rules.Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "The checkpoint does not reach the agreement, or no more of it than a draft: the newest follows it within a second or so."))
		}
	}
	scope := bundle.Scope{AgreementID: req.GetAgreementId(), PartyID: req.GetPartyId()}
	if a.w, err = bundle.NewWriter(out, scope, []byte(c.GetNote()), policy, req.GetProofsOnly()); err != nil {
		return err
	}
	for id, err := range chains {
		if err == nil {
			err = a.chain(id)
		}
		if err != nil {
			return err
		}
	}
	if err := a.w.Log(a.tile); err != nil {
		return err
	}
	return a.w.Close()
}

// auditScope is the chains that were asked for, if the caller may see them.
func (j *Journal) auditScope(ctx context.Context, caller rules.Caller, req *pb.ExportAuditRequest) (iter.Seq2[string, error], error) {
	agreement, party := req.GetAgreementId(), req.GetPartyId()
	one := func(id string) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) { yield(id, nil) }
	}
	switch {
	case agreement != "" && party != "":
		const either = "name an agreement or a party, not both"
		return nil, rules.Invalid(rules.Violation{Field: "agreement_id", Description: either}, rules.Violation{Field: "party_id", Description: either})
	case agreement != "":
		return one(agreement), j.view(ctx, func(snap store.Snapshot) error {
			_, err := sighted(snap, caller, agreement)
			return err
		})
	case party != "":
		if _, err := j.Party(ctx, caller, party); err != nil || caller.Role != pb.Role_ROLE_AUDITOR && caller.PartyID != party {
			return nil, cmp.Or[error](err, rules.NotFound("party", party))
		}
		return j.auditAgreements(ctx, caller, party), nil
	case !caller.SeesService():
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_ROLE_NOT_ALLOWED, "The whole service is exported by its operator and by an auditor of everything. Name an agreement or your party.")
	case caller.Role == pb.Role_ROLE_OPERATOR:
		return one(""), nil
	}
	return func(yield func(string, error) bool) {
		if !yield("", nil) {
			return
		}
		j.auditAgreements(ctx, caller, "")(yield)
	}, nil
}

// auditAgreements yields the agreements that a caller may see, of a party or all, by id.
func (j *Journal) auditAgreements(ctx context.Context, caller rules.Caller, party string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		req := &pb.ListAgreementsRequest{PartyId: party, PageSize: MaxPageSize}
		for more := true; more; more = req.GetPageToken() != "" {
			page, err := j.Agreements(ctx, caller, req)
			if err != nil {
				yield("", err)
				return
			}
			for _, a := range page.GetAgreements() {
				if !yield(a.GetAgreementId(), nil) {
					return
				}
			}
			req.PageToken = page.GetNextPageToken()
		}
	}
}

// sighted is an agreement that the caller may see, for "" nil: the service, which not everybody may.
func sighted(snap store.Snapshot, caller rules.Caller, agreementID string) (*pb.Agreement, error) {
	if agreementID == "" {
		if !caller.SeesService() {
			return nil, rules.NotFound("event", "")
		}
		return nil, nil
	}
	m, err := readRecord(snap, rules.Ref{Kind: rules.KindAgreement, Agreement: agreementID})
	a, _ := m.(*pb.Agreement)
	if err == nil && !caller.Sees(a) {
		err = rules.NotFound("agreement", agreementID)
	}
	return a, err
}

// readHead is the head of a chain; an empty one if there is none.
func readHead(snap store.Snapshot, agreementID string) (*journalv1.Chain, error) {
	m, err := readRecord(snap, rules.Ref{Kind: rules.KindChain, Agreement: agreementID})
	c, _ := m.(*journalv1.Chain)
	return c, err
}

// chain writes one chain, as far as the checkpoint reaches. One that began later is not there yet.
func (a *audit) chain(id string) error {
	last, err := a.newest(id)
	if err != nil || last == 0 {
		return err
	}
	var head *journalv1.Chain
	var agreement *pb.Agreement
	err = a.j.view(a.ctx, func(snap store.Snapshot) (err error) {
		if agreement, err = sighted(snap, a.caller, id); err == nil {
			head, err = readHead(snap, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = a.w.Chain(bundle.Chain{AgreementID: id, LogKey: head.GetLogKey(), Events: a.events(id, head.GetLogKey(), agreement, last), Records: a.records(id, agreement, last)})
	if err != nil {
		return err
	}
	return a.unerased(id, head.GetVersion())
}

// newest is the version of the newest event of a chain that the checkpoint reaches; 0 if it reaches none, or nothing but a draft
// that is not the caller's: what the agreement was then is its author's alone, whoever may see what it is now.
func (a *audit) newest(id string) (last uint64, err error) {
	err = a.j.view(a.ctx, func(snap store.Snapshot) error {
		head, err := readHead(snap, id)
		if err != nil {
			return err
		}
		beyond := func(version int) bool {
			if err != nil {
				return true
			}
			var position uint64
			position, err = positionOf(snap, id, uint64(version)+1)
			return err == nil && position > a.size
		}
		last = uint64(sort.Search(int(head.GetVersion()), beyond))
		if err != nil || id == "" {
			return err
		}
		draft, err := a.draft(snap, id, last)
		if draft {
			last = 0
		}
		return err
	})
	return last, err
}

// draft says that an agreement was nothing but somebody else's draft when its newest event was event last.
func (a *audit) draft(snap store.Snapshot, id string, last uint64) (bool, error) {
	agreement, err := sighted(snap, a.caller, id)
	if err != nil || a.caller.SideOf(agreement) == agreement.GetAuthor() {
		return false, err
	}
	for r, err := range readChain(snap, id, 1, last) {
		if err != nil {
			return false, err
		}
		switch r.GetEvent().GetChange().(type) {
		case *pb.Event_AgreementDrafted, *pb.Event_DraftRewritten, *pb.Event_PrivateDataErased:
		default:
			return false, nil
		}
	}
	return true, nil
}

// events yields the events of a chain, each as the caller may see it.
func (a *audit) events(id string, key []byte, agreement *pb.Agreement, last uint64) iter.Seq2[*bundlev1.ExportedEvent, error] {
	return func(yield func(*bundlev1.ExportedEvent, error) bool) {
		for first := uint64(1); first <= last; {
			var page []*bundlev1.ExportedEvent
			held := 0
			err := a.j.view(a.ctx, func(snap store.Snapshot) error {
				for r, err := range readChain(snap, id, first, last) {
					if err != nil {
						return err
					}
					page = append(page, a.exported(r, key, agreement))
					if held += len(r.GetBody()) + len(r.GetPrivate()); held > auditBytes || len(page) == auditEvents {
						return nil
					}
				}
				return nil
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, x := range page {
				if !yield(x, nil) {
					return
				}
			}
			first += uint64(len(page))
		}
	}
}

// exported is an event as the bundle holds it. Its entry is made again, so that one that is wrong in the store shows.
func (a *audit) exported(r *pb.RecordedEvent, key []byte, agreement *pb.Agreement) *bundlev1.ExportedEvent {
	version := r.GetEvent().GetVersion()
	if agreement != nil {
		r = rules.Withhold(r, a.caller, agreement)
	}
	return &bundlev1.ExportedEvent{
		Index: r.GetPosition() - 1, Entry: proof.Entry(key, version, r.GetSalt(), r.GetBody()), Salt: r.GetSalt(), Body: r.GetBody(),
		Private: r.GetPrivate(), PrivateSalt: r.GetPrivateSalt(),
	}
}

// records yields what a chain had led to at the checkpoint, as far as the caller may see it: its records as they lie in the
// store, unless it went on since.
func (a *audit) records(id string, agreement *pb.Agreement, last uint64) iter.Seq2[*bundlev1.ExportedRecord, error] {
	return func(yield func(*bundlev1.ExportedRecord, error) bool) {
		list, err := a.stored(id, agreement, last)
		if err == nil && list == nil {
			list, err = a.replayed(id, agreement, last)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// stored is the records of a chain as they lie in the store; nil if it went on behind its event last.
func (a *audit) stored(id string, agreement *pb.Agreement, last uint64) (list []*bundlev1.ExportedRecord, err error) {
	type found struct {
		rules.Ref
		proto.Message
	}
	var all []found
	err = a.j.view(a.ctx, func(snap store.Snapshot) error {
		if head, err := readHead(snap, id); err != nil || head.GetVersion() != last {
			return err
		}
		for _, table := range []store.Table{tableRecords, tableTexts} {
			for r, err := range snap.Scan(table, join(id, sep, byte(0)), join(id, sep, subTimers)) {
				if err != nil {
					return err
				}
				ref, err := recordRef(r.Key)
				if err != nil {
					return err
				}
				if ref.Kind == rules.KindChain {
					continue
				}
				m := newRecord(ref.Kind)
				if err := proto.Unmarshal(r.Value, m); err != nil {
					return fmt.Errorf("journal: record %+v: %w", ref, err)
				}
				rules.WithholdRecord(m, a.caller, agreement)
				all = append(all, found{ref, m})
			}
		}
		list = make([]*bundlev1.ExportedRecord, 0, len(all))
		return nil
	})
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Number, b.Number))
	})
	for _, f := range all {
		list = append(list, bundle.ExportedRecord(f.Ref, f.Message))
	}
	return list, err
}

// replayed is the records of a chain as its events up to last lead to them.
func (a *audit) replayed(id string, agreement *pb.Agreement, last uint64) ([]*bundlev1.ExportedRecord, error) {
	s, err := rules.Replay(id, func(yield func(*pb.Event, error) bool) {
		for x, err := range a.events(id, nil, agreement, last) {
			var e *pb.Event
			if err == nil {
				e, err = bundle.Event(x)
			}
			if !yield(e, err) {
				return
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("journal: export: %w", err)
	}
	var list []*bundlev1.ExportedRecord
	for ref, m := range s.Records() {
		list = append(list, bundle.ExportedRecord(ref, m))
	}
	return list, nil
}

// unerased holds that no text of a chain was erased while it was exported: some would be there and some not.
func (a *audit) unerased(id string, since uint64) error {
	return a.j.view(a.ctx, func(snap store.Snapshot) error {
		head, err := readHead(snap, id)
		if err != nil {
			return err
		}
		for r, err := range readChain(snap, id, since+1, head.GetVersion()) {
			if err != nil {
				return err
			}
			if r.GetEvent().GetPrivateDataErased() != nil {
				return rules.Refuse(pb.ErrorReason_ERROR_REASON_CALL_ENDED, "Texts were erased while they were exported. Export again.")
			}
		}
		return nil
	})
}

// tile is a tile of the log, or for level −1 a bundle of entries as C2SP tlog-tiles has them.
func (a *audit) tile(t tlog.Tile) (data []byte, err error) {
	err = a.j.Tree(a.ctx, func(tree *Tree) error {
		if t.L >= 0 {
			data, err = tree.Tile(t.L, uint64(t.N), t.W)
			return err
		}
		entries, err := tree.Entries(uint64(t.N)<<proof.TileHeight, t.W)
		for entry := range slices.Chunk(entries, proof.EntrySize) {
			if err == nil {
				data, err = torchwood.AppendTileEntry(data, entry)
			}
		}
		return err
	})
	return data, err
}
