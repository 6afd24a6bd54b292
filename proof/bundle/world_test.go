package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
)

const origin = "log.example/concord"

// world is a service as far as its log goes: it records, signs and exports. What it is told to lie about it lies about with
// a manifest that fits.
type world struct {
	t       testing.TB
	signers []note.Signer // the log's own key first, then witnesses
	policy  string
	entries [][]byte
	hashes  []tlog.Hash
	chains  map[string]*history
	order   []string
}

// history is a chain as the world keeps it.
type history struct {
	key    []byte
	link   []byte
	events []*bundlev1.ExportedEvent
}

// witness cosigns at a time of its own, in the format of C2SP tlog-cosignature: worlds that are told the same are the same, byte
// for byte, also those of the processes that a fuzz test runs in.
type witness struct {
	*torchwood.CosignatureSigner
	key ed25519.PrivateKey
}

// Sign implements note.Signer.
func (w witness) Sign(text []byte) ([]byte, error) {
	const at = 1_700_000_000
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(w.key, message)...), nil
}

// newWorld is a world with a key of its own, and witnesses of which a quorum must sign; 0: none.
func newWorld(t testing.TB, witnesses, quorum int) *world {
	w := &world{t: t, chains: map[string]*history{}}
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed("log")), origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	w.signers = append(w.signers, signer)
	policy, names := "log "+vkey+"\n", ""
	for i := range witnesses {
		name := fmt.Sprintf("witness%d.example", i+1)
		key := ed25519.NewKeyFromSeed(seed(name))
		s, err := torchwood.NewCosignatureSigner(name, key)
		if err != nil {
			t.Fatal(err)
		}
		w.signers = append(w.signers, witness{s, key})
		policy += fmt.Sprintf("witness w%d %s\n", i+1, s.Verifier())
		names += fmt.Sprintf(" w%d", i+1)
	}
	if witnesses == 0 {
		policy += "quorum none\n"
	} else {
		policy += fmt.Sprintf("group all %d%s\nquorum all\n", quorum, names)
	}
	w.policy = policy
	return w
}

// seed is 32 bytes that a word stands for.
func seed(word string) []byte {
	sum := sha256.Sum256([]byte(word))
	return sum[:]
}

// chain is a chain of the world, made on first use.
func (w *world) chain(id string) *history {
	if w.chains[id] == nil {
		w.chains[id] = &history{key: seed("key of " + id), link: make([]byte, proof.HashSize)}
		w.order = append(w.order, id)
	}
	return w.chains[id]
}

// record enters events into a chain and into the log.
func (w *world) record(id string, changes ...*pb.Event) {
	w.t.Helper()
	for _, e := range changes {
		h := w.chain(id)
		e.AgreementId, e.Version, e.PreviousEntryHash = id, uint64(len(h.events)+1), h.link
		e.RecordTime = timestamppb.New(time.Unix(1_700_000_000+int64(len(w.entries)), 0))
		e.EffectiveTime = e.RecordTime
		h.events = append(h.events, w.enter(h, e))
	}
}

// now is when the newest event was recorded, in seconds since 1970.
func (w *world) now() int64 { return 1_700_000_000 + int64(len(w.entries)) - 1 }

// dated enters an event with another record time than is due.
func (w *world) dated(t *testing.T, id string, e *pb.Event, at int64) {
	t.Helper()
	h := w.chain(id)
	e.AgreementId, e.Version, e.PreviousEntryHash = id, uint64(len(h.events)+1), h.link
	e.RecordTime = timestamppb.New(time.Unix(at, 0))
	h.events = append(h.events, w.enter(h, e))
}

// raw enters an event that is known to everyone, with some bytes behind its body.
func (w *world) raw(t *testing.T, id string, more []byte) {
	t.Helper()
	e := erased(1)
	e.RequestId = "a request"
	w.unsplit(t, id, e, more)
}

// unsplit enters an event with its texts in the body, and some bytes behind it.
func (w *world) unsplit(t *testing.T, id string, e *pb.Event, more []byte) {
	t.Helper()
	h := w.chain(id)
	e.AgreementId, e.Version, e.PreviousEntryHash = id, uint64(len(h.events)+1), h.link
	e.RecordTime = timestamppb.New(time.Unix(w.now()+1, 0))
	body, err := deterministic.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	x := &bundlev1.ExportedEvent{Index: uint64(len(w.entries)), Salt: seed("salt"), Body: append(body, more...)}
	x.Entry = proof.Entry(h.key, e.GetVersion(), x.GetSalt(), x.GetBody())
	h.link = proof.LeafHash(x.GetEntry())
	w.append(x.GetEntry())
	h.events = append(h.events, x)
}

// verifierKey is the log's.
func (w *world) verifierKey() string {
	_, key, _ := strings.Cut(strings.SplitN(w.policy, "\n", 2)[0], " ")
	return key
}

// enter enters an event into the log, whatever it says.
func (w *world) enter(h *history, e *pb.Event) *bundlev1.ExportedEvent {
	w.t.Helper()
	body, err := deterministic.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	x := &bundlev1.ExportedEvent{Index: uint64(len(w.entries)), Salt: seed(fmt.Sprint("salt ", len(w.entries)))}
	x.Body, x.Private, x.PrivateSalt, err = proof.Split(body, func(salt []byte) { copy(salt, seed(fmt.Sprint("private salt ", len(w.entries)))) })
	if err != nil {
		w.t.Fatal(err)
	}
	x.Entry = proof.Entry(h.key, e.GetVersion(), x.GetSalt(), x.GetBody())
	h.link = proof.LeafHash(x.GetEntry())
	w.append(x.GetEntry())
	return x
}

func (w *world) append(entry []byte) {
	hashes, err := tlog.StoredHashes(int64(len(w.entries)), entry, tlog.HashReaderFunc(w.readHashes))
	if err != nil {
		w.t.Fatal(err)
	}
	w.hashes, w.entries = append(w.hashes, hashes...), append(w.entries, entry)
}

func (w *world) readHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		found[i] = w.hashes[n]
	}
	return found, nil
}

// replaced makes the log again from other entries.
func (w *world) replaced(entries [][]byte) {
	w.entries, w.hashes = nil, nil
	for _, e := range entries {
		w.append(e)
	}
}

// sign signs the log as it was when it had size entries.
func (w *world) sign(size int, by ...note.Signer) []byte {
	w.t.Helper()
	root, err := tlog.TreeHash(int64(size), tlog.HashReaderFunc(w.readHashes))
	if err != nil {
		w.t.Fatal(err)
	}
	if by == nil {
		by = w.signers
	}
	text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: int64(size), Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, by...)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

// tile is a tile of the log, or a bundle of its entries.
func (w *world) tile(t tlog.Tile) ([]byte, error) {
	if t.L >= 0 {
		return tlog.ReadTileData(t, tlog.HashReaderFunc(w.readHashes))
	}
	var data []byte
	for _, e := range w.entries[t.N<<8:][:t.W] {
		var err error
		if data, err = torchwood.AppendTileEntry(data, e); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// export is a bundle of everything, or of one agreement.
func (w *world) export(scope Scope, proofsOnly bool) []byte {
	w.t.Helper()
	return w.exportAt(scope, proofsOnly, w.sign(len(w.entries)))
}

func (w *world) exportAt(scope Scope, proofsOnly bool, checkpoint []byte) []byte {
	w.t.Helper()
	var out bytes.Buffer
	b, err := NewWriter(&out, scope, checkpoint, []byte(w.policy), proofsOnly)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, id := range w.order {
		if scope.AgreementID != "" && scope.AgreementID != id || scope.PartyID != "" && id == "" {
			continue
		}
		h := w.chains[id]
		if err := b.Chain(Chain{AgreementID: id, LogKey: h.key, Events: all(h.events), Records: w.records(id)}); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := b.Log(w.tile); err != nil {
		w.t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

// all yields some messages.
func all[M any](list []M) iter.Seq2[M, error] {
	return func(yield func(M, error) bool) {
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// records are the records that a chain has led to; none if it leads nowhere.
func (w *world) records(id string) iter.Seq2[*bundlev1.ExportedRecord, error] {
	var list []*bundlev1.ExportedRecord
	s, err := rules.Replay(id, func(yield func(*pb.Event, error) bool) {
		for _, x := range w.chains[id].events {
			if e, err := Event(x); !yield(e, err) {
				return
			}
		}
	})
	if err == nil {
		for ref, m := range s.Records() {
			list = append(list, ExportedRecord(ref, m))
		}
	}
	return all(list)
}

// A short history: two parties, and two agreements of which one is in force.
func (w *world) story() *world {
	w.record("", party("vale", "Vale & Sons"), party("cliff", "Cliff Ltd"))
	w.record("alpha", drafted("vale", "cliff"), proposed("first", "We deliver."), declined("first", "too dear"))
	w.record("beta", drafted("cliff", "vale"))
	w.record("", renamed("vale", "Vale and Daughters"))
	w.record("beta", proposed("p1", "We host."), declined("p1", "not now"))
	return w
}

func party(id, name string) *pb.Event {
	return &pb.Event{Change: &pb.Event_PartyRegistered{PartyRegistered: &pb.PartyRegistered{PartyId: id, DisplayName: name}}}
}

func renamed(id, name string) *pb.Event {
	return &pb.Event{Change: &pb.Event_PartyUpdated{PartyUpdated: &pb.PartyUpdated{PartyId: id, DisplayName: name}}}
}

func logOpened(key string) *pb.Event {
	return &pb.Event{Change: &pb.Event_LogOpened{LogOpened: &pb.LogOpened{Origin: origin, VerifierKey: key}}}
}

func keyAdded(key string) *pb.Event {
	return &pb.Event{Change: &pb.Event_LogKeyAdded{LogKeyAdded: &pb.LogKeyAdded{VerifierKey: key}}}
}

func keyRetired(id string) *pb.Event {
	return &pb.Event{Change: &pb.Event_LogKeyRetired{LogKeyRetired: &pb.LogKeyRetired{LogKeyId: id}}}
}

func drafted(vendor, client string) *pb.Event {
	return &pb.Event{Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{VendorPartyId: vendor, ClientPartyId: client, Author: pb.Side_SIDE_VENDOR}}}
}

func proposed(id, title string) *pb.Event {
	body, digest := rules.Digest(&pb.Terms{Title: title})
	return &pb.Event{Change: &pb.Event_ProposalMade{ProposalMade: &pb.ProposalMade{
		ProposalId: id, Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Proposer: pb.Side_SIDE_VENDOR, Body: body, TermsDigest: digest,
	}}}
}

// erased says that the texts of some versions are gone.
func erased(versions ...uint64) *pb.Event {
	return &pb.Event{Change: &pb.Event_PrivateDataErased{PrivateDataErased: &pb.PrivateDataErased{Versions: versions, Basis: "Article 17"}}}
}

// forget takes the texts of an event out of what the world keeps.
func (h *history) forget(version int) {
	x := proto.CloneOf(h.events[version-1])
	x.Private, x.PrivateSalt = nil, nil
	h.events[version-1] = x
}

func declined(id, reason string) *pb.Event {
	return &pb.Event{Change: &pb.Event_ProposalDeclined{ProposalDeclined: &pb.ProposalDeclined{ProposalId: id, Reason: reason}}}
}

// trust is what an auditor of the world relies on.
func (w *world) trust() Trust {
	p, err := ReadPolicy([]byte(w.policy))
	if err != nil {
		w.t.Fatal(err)
	}
	return Trust{Policies: []Policy{p}}
}

func verify(b []byte, trust Trust) *Report { return Verify(bytes.NewReader(b), int64(len(b)), trust) }

// files are the files of a bundle, which reseal makes a bundle again, with a manifest that fits.
func files(t testing.TB, b []byte) (names []string, data map[string][]byte) {
	t.Helper()
	zr, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	data = map[string][]byte{}
	for _, f := range zr.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if data[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
	}
	return names, data
}

func reseal(t testing.TB, made manifest, names []string, data map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	made.Files = nil
	w := &Writer{zip: zip.NewWriter(&out), made: made}
	for _, name := range names {
		if name == fileManifest {
			continue
		}
		if err := w.put(name, data[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// told is what a report found, for messages of tests.
func told(r *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", r.Outcome)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n  %v, %s, %s: %s", f.Outcome, f.Check, f.Where, f.What)
	}
	return b.String()
}
