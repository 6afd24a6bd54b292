package seal_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var operator = rules.Caller{PrincipalID: "opal", Role: pb.Role_ROLE_OPERATOR}

const origin = "log.example/commitments"

// desk is a log that is signed by hand: a store, its journal, and a clock that stands still until it is moved.
type desk struct {
	*seal.Sealer
	t        *testing.T
	dir      string
	engine   store.Store
	journal  *journal.Journal
	keys     *seal.Keys
	policy   *seal.Policy
	named    string // what the configuration calls the log
	now      time.Time
	standing seal.Standing
	stop     func() // of the journal
	grown    int
}

// newDesk opens a log in a new store.
func newDesk(t *testing.T, policy string) *desk {
	t.Helper()
	engine, err := memory.Open(journal.Tables()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	d := &desk{t: t, dir: t.TempDir(), engine: engine, now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), policy: &seal.Policy{}, named: origin}
	if policy != "" {
		if d.policy, err = seal.ReadPolicy([]byte(policy)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) headFile() string { return filepath.Join(d.dir, "checkpoint") }

// head is what the file outside the store holds.
func (d *desk) head() string {
	d.t.Helper()
	text, err := os.ReadFile(d.headFile())
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d *desk) keyFile() string { return filepath.Join(d.dir, "log-keys") }

// open starts a service on what there is, as a restart does.
func (d *desk) open() error {
	d.t.Helper()
	if d.stop != nil {
		d.stop()
	}
	var err error
	if d.keys, err = seal.OpenKeys(d.keyFile(), rand.Reader); err != nil {
		return err
	}
	if d.journal, err = journal.Open(d.t.Context(), journal.Options{Store: d.engine, Now: func() time.Time { return d.now }, LogKey: d.keys.For}); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{}}
	d.t.Cleanup(client.CloseIdleConnections)
	d.Sealer, err = seal.New(d.t.Context(), seal.Options{
		Journal: d.journal, Keys: d.keys, Policy: d.policy, Origin: d.named, HeadFile: d.headFile(), Now: func() time.Time { return d.now },
		HTTP: client, Log: slog.New(slog.DiscardHandler), Observe: func(s seal.Standing) { d.standing = s },
	})
	if err != nil {
		return err
	}
	d.stop = run(d.t, d.journal)
	return d.Begin(d.t.Context(), func() string { return "drawn" })
}

// run runs a journal until the returned function is called, or the test ends.
func run(t *testing.T, j *journal.Journal) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := j.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// grow enters n events into the log.
func (d *desk) grow(n int) {
	d.t.Helper()
	for range n {
		d.grown++
		d.do(&pb.CreatePartyRequest{PartyId: fmt.Sprint("p", d.grown), Party: &pb.Party{DisplayName: "P"}})
	}
}

func (d *desk) do(command interface{ GetRequestId() string }) *pb.Log {
	d.t.Helper()
	var answer any
	var err error
	switch c := command.(type) {
	case *pb.CreatePartyRequest:
		answer, err = d.journal.Do(d.t.Context(), operator, c)
	case *pb.AddLogKeyRequest:
		answer, err = d.journal.Do(d.t.Context(), operator, c)
	case *pb.RetireLogKeyRequest:
		answer, err = d.journal.Do(d.t.Context(), operator, c)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	l, _ := answer.(*pb.Log)
	return l
}

// turn makes a Turn that must succeed, and says when the next one is worth while.
func (d *desk) turn() time.Time {
	d.t.Helper()
	next, err := d.Turn(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return next
}

// newest is the newest checkpoint, which a stranger has checked by the policy that is told: by every key's text.
func (d *desk) newest() (torchwood.Checkpoint, *note.Note) {
	d.t.Helper()
	kept, err := d.journal.Checkpoint(d.t.Context(), 0)
	if err != nil {
		d.t.Fatal(err)
	}
	l, err := d.journal.Log(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	var c torchwood.Checkpoint
	var n *note.Note
	for _, text := range d.policy.Tell(l).GetTexts() {
		policy, err := torchwood.ParsePolicy([]byte(text))
		if err != nil {
			d.t.Fatalf("%v in\n%s", err, text)
		}
		if c, n, err = torchwood.VerifyCheckpoint([]byte(kept.GetNote()), policy); err != nil {
			d.t.Fatalf("%v:\n%s\nby\n%s", err, kept.GetNote(), text)
		}
	}
	if c.N != int64(kept.GetSize()) || string(c.Hash[:]) != string(kept.GetRootHash()) {
		d.t.Errorf("the note says %v, beside it stand %d and %x", c, kept.GetSize(), kept.GetRootHash())
	}
	return c, n
}

// root is the root of the log at a size, as its tree has it.
func (d *desk) root(size uint64) (root tlog.Hash) {
	d.t.Helper()
	err := d.journal.Tree(d.t.Context(), func(t *journal.Tree) (err error) {
		root, err = t.Root(size)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return root
}

// neighbour is a witness, as C2SP tlog-witness has it: it remembers the log's size and root, and cosigns what continues them.
type neighbour struct {
	*httptest.Server
	signer *torchwood.CosignatureSigner

	mu    sync.Mutex
	size  int64
	root  tlog.Hash
	asked int
	moody func(w http.ResponseWriter) bool // answers instead, if it says so
}

func newNeighbour(t *testing.T, name string) *neighbour {
	t.Helper()
	signer, err := torchwood.NewCosignatureSigner(name, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	n := &neighbour{signer: signer}
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// line is the neighbour in a policy.
func (n *neighbour) line(name string) string {
	return fmt.Sprintf("witness %s %s %s/\n", name, n.signer.Verifier(), n.URL)
}

// set changes what it remembers, or how it is minded.
func (n *neighbour) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func (n *neighbour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if n.moody != nil && n.moody(w) {
		return
	}
	body, _ := io.ReadAll(r.Body)
	head, signed, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	old, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64)
	text, _, _ := strings.Cut(signed, "\n\n")
	c, wrong := torchwood.ParseCheckpoint(text + "\n")
	if !ok || r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" || err != nil || wrong != nil || old > c.N {
		http.Error(w, fmt.Sprint(r.Method, r.URL, err, wrong), http.StatusBadRequest)
		return
	}
	if old != n.size || old == c.N && n.root != c.Hash {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d\n", n.size)
		return
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		proof = append(proof, hash)
	}
	if old > 0 && tlog.CheckTree(proof, c.N, c.Hash, old, n.root) != nil {
		http.Error(w, "that is another history", http.StatusUnprocessableEntity)
		return
	}
	n.size, n.root = c.N, c.Hash
	cosigned, err := note.Sign(&note.Note{Text: text + "\n"}, n.signer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, lines2, _ := strings.Cut(string(cosigned), "\n\n")
	io.WriteString(w, lines2)
}
