package journal_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

// archive is a desk whose log is signed.
type archive struct {
	*desk
	signer note.Signer
	policy []byte
}

const logOrigin = "log.test/concord"

func openArchive(t *testing.T) *archive {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, logOrigin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{openDesk(t, nil, nil), signer, []byte("log " + vkey + "\nquorum none\n")}
	a.run()
	return a
}

// publish signs and keeps a checkpoint of the log as it is.
func (a *archive) publish() uint64 {
	a.t.Helper()
	var size uint64
	var root tlog.Hash
	err := a.Tree(a.t.Context(), func(tree *journal.Tree) (err error) {
		size = tree.Size()
		root, err = tree.Root(size)
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	text := torchwood.Checkpoint{Origin: logOrigin, Tree: tlog.Tree{N: int64(size), Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, a.signer)
	if err == nil {
		err = a.KeepCheckpoint(a.t.Context(), &pb.Checkpoint{Size: size, RootHash: root[:], Note: string(signed)})
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return size
}

// export is a bundle, or why there is none.
func (a *archive) export(who rules.Caller, req *pb.ExportAuditRequest) ([]byte, error) {
	var out bytes.Buffer
	err := a.ExportAudit(a.t.Context(), who, req, a.policy, &out)
	return out.Bytes(), err
}

func (a *archive) check(b []byte) *bundle.Report {
	a.t.Helper()
	p, err := bundle.ReadPolicy(a.policy)
	if err != nil {
		a.t.Fatal(err)
	}
	return bundle.Verify(bytes.NewReader(b), int64(len(b)), bundle.Trust{Policies: []bundle.Policy{p}})
}

// deal has an agreement made, lived through for some days, and another only proposed and a third drafted.
func (a *archive) deal() {
	a.t.Helper()
	a.must(chief, party("acme"))
	a.must(chief, party("globex"))
	terms := text("deal", recurring("report", pb.Side_SIDE_VENDOR, "FREQ=DAILY"), oneOff("pay", pb.Side_SIDE_CLIENT, "2026-01-09"))
	a.propose("deal", terms)
	a.must(client, accepts("deal", terms))
	for day := range 4 {
		a.clock.set(morning.AddDate(0, 0, day).Add(time.Hour))
		a.wake()
	}
	a.propose("offer", text("offer", oneOff("pay", pb.Side_SIDE_CLIENT, "2026-01-09")))
	a.must(vendor, &pb.CreateAgreementRequest{AgreementId: "secret", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("secret")}})
}

// TestExportsVerify has everybody export what they may, and the checker find it sound: at the newest checkpoint and, byte
// for byte the same, after the agreements went on.
func TestExportsVerify(t *testing.T) {
	a := openArchive(t)
	a.deal()
	size := a.publish()
	exports := []struct {
		name   string
		who    rules.Caller
		req    *pb.ExportAuditRequest
		chains []string
	}{
		{"an agreement, by a side", vendor, &pb.ExportAuditRequest{AgreementId: "deal"}, []string{"deal"}},
		{"an agreement, by the other side", client, &pb.ExportAuditRequest{AgreementId: "deal"}, []string{"deal"}},
		{"an offer, by who got it", client, &pb.ExportAuditRequest{AgreementId: "offer"}, []string{"offer"}},
		{"a draft, by its author", vendor, &pb.ExportAuditRequest{AgreementId: "secret"}, []string{"secret"}},
		{"a party, by itself", vendor, &pb.ExportAuditRequest{PartyId: "acme"}, []string{"deal", "offer", "secret"}},
		{"a party, by the other side of its agreements", client, &pb.ExportAuditRequest{PartyId: "globex"}, []string{"deal", "offer"}},
		{"a party, by an auditor", eye, &pb.ExportAuditRequest{PartyId: "acme"}, []string{"deal", "offer"}},
		{"the service, by an auditor", eye, &pb.ExportAuditRequest{}, []string{"", "deal", "offer"}},
		{"the service, by its operator", chief, &pb.ExportAuditRequest{}, []string{""}},
	}
	first := map[string][]byte{}
	for round := range 2 {
		for _, x := range exports {
			x.req.Size = size
			b, err := a.export(x.who, x.req)
			if err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
			r := a.check(b)
			var chains []string
			for _, c := range r.Chains {
				chains = append(chains, c.AgreementID)
			}
			if r.Outcome != bundle.Sound || r.Size != int64(size) || !slices.Equal(chains, x.chains) || r.Others < 0 {
				t.Errorf("%s: %+v", x.name, r)
			}
			if round == 0 {
				first[x.name] = b
			} else if !bytes.Equal(first[x.name], b) {
				t.Errorf("%s: the same checkpoint, and other bytes", x.name)
			}
		}
		if round == 1 {
			break
		}
		for day := 4; day < 9; day++ {
			a.clock.set(morning.AddDate(0, 0, day).Add(time.Hour))
			a.wake()
		}
		a.must(chief, party("late"))
		a.propose("later", text("later", oneOff("pay", pb.Side_SIDE_CLIENT, "2026-02-09")))
		a.publish()
	}
	b, err := a.export(vendor, &pb.ExportAuditRequest{AgreementId: "deal", ProofsOnly: true})
	if r := a.check(b); err != nil || r.Outcome != bundle.Incomplete || len(r.Findings) != 1 || r.Findings[0].Check != bundle.CheckLabels {
		t.Errorf("proofs only: %v, %+v", err, r)
	}
}

func TestExportsThatAreRefused(t *testing.T) {
	a := openArchive(t)
	a.deal()
	named := rules.Caller{PrincipalID: "n", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: []string{"offer"}}
	if _, err := a.export(vendor, &pb.ExportAuditRequest{AgreementId: "deal"}); reason(err) != "NOT_FOUND" {
		t.Errorf("without a checkpoint: %v", err)
	}
	a.publish()
	a.propose("later", text("later"))
	for _, c := range []struct {
		name string
		who  rules.Caller
		req  *pb.ExportAuditRequest
		why  string
	}{
		{"an agreement that is not there", vendor, &pb.ExportAuditRequest{AgreementId: "none"}, "NOT_FOUND"},
		{"another's draft", client, &pb.ExportAuditRequest{AgreementId: "secret"}, "NOT_FOUND"},
		{"an agreement, by the operator", chief, &pb.ExportAuditRequest{AgreementId: "deal"}, "NOT_FOUND"},
		{"an agreement that the key does not name", named, &pb.ExportAuditRequest{AgreementId: "deal"}, "NOT_FOUND"},
		{"an agreement that the checkpoint does not reach", vendor, &pb.ExportAuditRequest{AgreementId: "later"}, "NOT_FOUND"},
		{"another party", vendor, &pb.ExportAuditRequest{PartyId: "globex"}, "NOT_FOUND"},
		{"a party, by the operator", chief, &pb.ExportAuditRequest{PartyId: "acme"}, "NOT_FOUND"},
		{"a party that is not there", eye, &pb.ExportAuditRequest{PartyId: "none"}, "NOT_FOUND"},
		{"the service, by a party", vendor, &pb.ExportAuditRequest{}, "ROLE_NOT_ALLOWED"},
		{"the service, by an auditor of some", named, &pb.ExportAuditRequest{}, "ROLE_NOT_ALLOWED"},
		{"both", eye, &pb.ExportAuditRequest{AgreementId: "deal", PartyId: "acme"}, "INVALID_FIELDS"},
		{"a checkpoint that is not there", eye, &pb.ExportAuditRequest{AgreementId: "deal", Size: 1}, "NOT_FOUND"},
	} {
		if b, err := a.export(c.who, c.req); reason(err) != c.why || len(b) > 0 {
			t.Errorf("%s: %v, %d bytes", c.name, err, len(b))
		}
	}
	if b, err := a.export(named, &pb.ExportAuditRequest{AgreementId: "offer"}); err != nil || a.check(b).Outcome != bundle.Sound {
		t.Errorf("an agreement that the key names: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.ExportAudit(gone, eye, &pb.ExportAuditRequest{}, a.policy, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("to nobody: %v", err)
	}
	full := errors.New("no room")
	if err := a.ExportAudit(t.Context(), eye, &pb.ExportAuditRequest{}, a.policy, broken{full}); !errors.Is(err, full) {
		t.Errorf("to a full disk: %v", err)
	}
}

// A checkpoint from when an agreement was a draft shows it to its author alone, also now that others see the agreement.
func TestAnEarlierDraftStaysItsAuthors(t *testing.T) {
	a := openArchive(t)
	a.must(chief, party("acme"))
	a.must(chief, party("globex"))
	a.must(vendor, &pb.CreateAgreementRequest{AgreementId: "deal", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("Lowest price 900")}})
	a.must(vendor, &pb.UpdateAgreementRequest{AgreementId: "deal", Agreement: &pb.Agreement{DraftTerms: text("Lowest price 1200")}})
	a.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "deal", Versions: []uint64{1}, Basis: "x"})
	size := a.publish()
	a.must(vendor, &pb.UpdateAgreementRequest{AgreementId: "deal", Agreement: &pb.Agreement{DraftTerms: text("deal")}})
	a.must(vendor, &pb.CreateProposalRequest{AgreementId: "deal", ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	a.publish()
	for _, who := range []rules.Caller{client, eye} {
		if b, err := a.export(who, &pb.ExportAuditRequest{AgreementId: "deal", Size: size}); reason(err) != "NOT_FOUND" || len(b) > 0 {
			t.Errorf("%s got the draft: %v, %d bytes, %v", who.PrincipalID, err, len(b), bytes.Contains(b, []byte("Lowest price")))
		}
	}
	for name, x := range map[string]struct {
		who    rules.Caller
		req    *pb.ExportAuditRequest
		chains int
	}{
		"the author":                       {vendor, &pb.ExportAuditRequest{AgreementId: "deal", Size: size}, 1},
		"the author's party":               {vendor, &pb.ExportAuditRequest{PartyId: "acme", Size: size}, 1},
		"the other party":                  {client, &pb.ExportAuditRequest{PartyId: "globex", Size: size}, 0},
		"an auditor of a party":            {eye, &pb.ExportAuditRequest{PartyId: "acme", Size: size}, 0},
		"an auditor of all":                {eye, &pb.ExportAuditRequest{Size: size}, 1},
		"the other side, once it may know": {client, &pb.ExportAuditRequest{AgreementId: "deal"}, 1},
	} {
		b, err := a.export(x.who, x.req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r := a.check(b); r.Outcome != bundle.Sound || len(r.Chains) != x.chains {
			t.Errorf("%s: %+v", name, r)
		}
		if x.who.PartyID != "acme" && bytes.Contains(b, []byte("Lowest price")) {
			t.Errorf("%s reads the draft", name)
		}
	}
}

// broken is a writer that takes nothing.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// TestProofsProve holds proofs of inclusion and consistency with nothing but the policy and the event's body.
func TestProofsProve(t *testing.T) {
	a := openArchive(t)
	a.deal()
	sizes := []uint64{a.publish()}
	for n := range 300 {
		a.must(chief, party(numbered("party-", n)))
		if n%100 == 0 {
			sizes = append(sizes, a.publish())
		}
	}
	sizes = append(sizes, a.publish())
	policy, err := torchwood.ParsePolicy(a.policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range a.history(vendor, "deal") {
		for _, size := range append(sizes, 0) {
			p, err := a.InclusionProof(t.Context(), client, &pb.GetInclusionProofRequest{AgreementId: "deal", Version: e.GetEvent().GetVersion(), Size: size})
			if err != nil {
				t.Fatal(err)
			}
			in, err := proof.CheckInclusion([]byte(p.GetTlogProof()), e.GetBody(), policy)
			if err != nil || uint64(in.Index)+1 != e.GetPosition() || p.GetPosition() != e.GetPosition() || in.Version != e.GetEvent().GetVersion() || uint64(in.Checkpoint.N) != p.GetSize() {
				t.Fatalf("event %d at %d: %+v, %v", e.GetEvent().GetVersion(), size, in, err)
			}
			if err := torchwood.VerifyProof(policy, tlog.Hash(e.GetEntryHash()), []byte(p.GetTlogProof())); err != nil {
				t.Fatal(err)
			}
		}
	}
	same, err := a.InclusionProof(t.Context(), eye, &pb.GetInclusionProofRequest{Position: 1})
	if err != nil || !strings.HasPrefix(same.GetTlogProof(), "c2sp.org/tlog-proof@v1\nextra ") || same.GetPosition() != 1 {
		t.Errorf("the first event: %v, %v", same, err)
	}
	for i, from := range sizes {
		for _, to := range append(sizes[i:], 0) {
			p, err := a.ConsistencyProof(t.Context(), &pb.GetConsistencyProofRequest{OldSize: from, NewSize: to})
			if err != nil {
				t.Fatal(err)
			}
			var hashes tlog.TreeProof
			for _, h := range p.GetHashes() {
				hashes = append(hashes, tlog.Hash(h))
			}
			if err := tlog.CheckTree(hashes, int64(p.GetNewSize()), a.root(p.GetNewSize()), int64(from), a.root(from)); err != nil || to != 0 && p.GetNewSize() != to {
				t.Errorf("from %d to %d: %v", from, to, err)
			}
		}
	}
}

// root is the root that was signed for a size.
func (a *archive) root(size uint64) tlog.Hash {
	a.t.Helper()
	c, err := a.Checkpoint(a.t.Context(), size)
	if err != nil {
		a.t.Fatal(err)
	}
	return tlog.Hash(c.GetRootHash())
}

func TestProofsThatAreRefused(t *testing.T) {
	a := openArchive(t)
	a.deal()
	size := a.publish()
	a.must(chief, party("late"))
	for _, c := range []struct {
		name string
		who  rules.Caller
		req  *pb.GetInclusionProofRequest
	}{
		{"an event that is not there", vendor, &pb.GetInclusionProofRequest{AgreementId: "deal", Version: 1000}},
		{"a position that is not there", eye, &pb.GetInclusionProofRequest{Position: 1 << 40}},
		{"an agreement that is not there", vendor, &pb.GetInclusionProofRequest{AgreementId: "none", Version: 1}},
		{"another's draft", client, &pb.GetInclusionProofRequest{AgreementId: "secret", Version: 1}},
		{"the service's event, by a party", vendor, &pb.GetInclusionProofRequest{Position: 1}},
		{"an agreement's event, by the operator", chief, &pb.GetInclusionProofRequest{AgreementId: "deal", Version: 1}},
		{"an event that the checkpoint does not reach", chief, &pb.GetInclusionProofRequest{Position: size + 1}},
		{"a checkpoint that is not there", vendor, &pb.GetInclusionProofRequest{AgreementId: "deal", Version: 1, Size: 1}},
	} {
		if p, err := a.InclusionProof(t.Context(), c.who, c.req); reason(err) != "NOT_FOUND" {
			t.Errorf("%s: %v, %v", c.name, p, err)
		}
	}
	for _, c := range []struct {
		from, to uint64
		why      string
	}{{size + 1, 0, "NOT_FOUND"}, {1, size + 1, "NOT_FOUND"}, {3, 2, "INVALID_FIELDS"}, {1 << 63, 1<<64 - 1, "NOT_FOUND"}} {
		if p, err := a.ConsistencyProof(t.Context(), &pb.GetConsistencyProofRequest{OldSize: c.from, NewSize: c.to}); reason(err) != c.why {
			t.Errorf("from %d to %d: %v, %v", c.from, c.to, p, err)
		}
	}
}

// TestErasureShowsInExports holds that what was erased is listed in a bundle that the order is in, and that one of before, made
// after, does not pass for whole.
func TestErasureShowsInExports(t *testing.T) {
	a := openArchive(t)
	a.deal()
	a.must(client, &pb.WaiveObligationRequest{AgreementId: "deal", ObligationId: "report-1", Reason: "Ann was ill."})
	before := a.publish()
	events := a.history(vendor, "deal")
	var versions []uint64
	for _, e := range events {
		if len(e.GetPrivate()) > 0 && !e.GetWithheld() {
			versions = append(versions, e.GetEvent().GetVersion())
		}
	}
	last := versions[len(versions)-1:]
	a.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "deal", Versions: last, Basis: "Article 17"})
	a.publish()
	b, err := a.export(client, &pb.ExportAuditRequest{AgreementId: "deal"})
	r := a.check(b)
	if err != nil || r.Outcome != bundle.Sound || !slices.Equal(r.Chains[0].Erased, last) || bytes.Contains(b, []byte("Ann was ill")) {
		t.Errorf("after: %v, %+v", err, r)
	}
	b, err = a.export(client, &pb.ExportAuditRequest{AgreementId: "deal", Size: before})
	r = a.check(b)
	if err != nil || r.Outcome != bundle.Incomplete || r.Findings[0].Check != bundle.CheckPrivate || bytes.Contains(b, []byte("Ann was ill")) {
		t.Errorf("before: %v, %+v", err, r)
	}
}

// TestErasureEndsAnExport holds that an export during which texts are erased ends: half of it would have them.
func TestErasureEndsAnExport(t *testing.T) {
	a := openArchive(t)
	a.deal()
	a.publish()
	erase := &pb.ErasePrivateDataRequest{AgreementId: "deal", Versions: []uint64{1}, Basis: "Article 17"}
	out := &erasing{erase: func() { a.must(chief, erase) }}
	if err := a.ExportAudit(t.Context(), vendor, &pb.ExportAuditRequest{AgreementId: "deal"}, a.policy, out); reason(err) != "CALL_ENDED" {
		t.Error(err)
	}
}

// erasing has something erased once a chain is being written.
type erasing struct {
	bytes.Buffer
	erase func()
}

func (e *erasing) Write(p []byte) (int, error) {
	if e.erase != nil && bytes.Contains(p, []byte("chains/deal/state")) {
		e.erase()
		e.erase = nil
	}
	return e.Buffer.Write(p)
}

// TestAnEditedStoreShows edits what lies in the store, as somebody with the disk in hands could, and holds that a bundle made
// from it says so.
func TestAnEditedStoreShows(t *testing.T) {
	for _, c := range []struct {
		name  string
		table store.Table
		has   string // in the value that is edited
		at    int    // from there
		check string
	}{
		{"the body of an event", "events", "report-1", 0, bundle.CheckInclusion},
		{"the entry of an event", "events", "acme", -1, bundle.CheckLog}, // at the first byte of the label
		{"a text that is kept apart", "events", "Ann was ill", 0, bundle.CheckPrivate},
		{"a record", "records", "Ann was ill", 0, bundle.CheckState},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := openArchive(t)
			a.deal()
			a.must(client, &pb.WaiveObligationRequest{AgreementId: "deal", ObligationId: "report-1", Reason: "Ann was ill."})
			a.publish()
			sound, err := a.export(client, &pb.ExportAuditRequest{AgreementId: "deal"})
			if r := a.check(sound); err != nil || r.Outcome != bundle.Sound {
				t.Fatalf("%v, %+v", err, r)
			}
			a.edit(c.table, c.has, c.at)
			b, err := a.export(client, &pb.ExportAuditRequest{AgreementId: "deal"})
			if err != nil {
				t.Fatal(err)
			}
			r := a.check(b)
			if r.Outcome != bundle.Tampered || !slices.ContainsFunc(r.Findings, func(f bundle.Finding) bool { return f.Check == c.check }) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// edit changes a byte of the newest value of a table that holds a text: of the text, or the second of all.
func (a *archive) edit(table store.Table, has string, at int) {
	a.t.Helper()
	var found store.Record
	var head uint64
	err := a.store.View(a.t.Context(), func(s store.Snapshot) error {
		head = s.Head()
		for r, err := range s.Scan(table, nil, nil) {
			if err != nil {
				return err
			}
			if bytes.Contains(r.Value, []byte(has)) {
				found = store.Record{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
			}
		}
		return nil
	})
	if err != nil || found.Key == nil {
		a.t.Fatalf("nothing in %s has %q: %v", table, has, err)
	}
	where := 1
	if at >= 0 {
		where = bytes.Index(found.Value, []byte(has)) + at
	}
	found.Value[where] ^= 1
	err = a.store.Commit(a.t.Context(), store.Change{Base: head, Head: head + 1, Writes: []store.Write{{Table: table, Key: found.Key, Value: found.Value}}})
	if err != nil {
		a.t.Fatal(err)
	}
}
