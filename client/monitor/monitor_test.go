package monitor

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

const token = "the monitor's key"

// log is a log made by hand, served as /tlog/ is.
type log struct {
	t       *testing.T
	signer  note.Signer
	policy  Policy
	entries [][]byte
	hashes  []tlog.Hash
	shown   int64 // how many entries the checkpoint is of
	down    bool
	stray   bool         // something on the way answers for it
	asked   atomic.Int64 // requests
}

func newLog(t *testing.T) *log {
	skey, vkey, err := note.GenerateKey(nil, "log.example")
	if err != nil {
		t.Fatal(err)
	}
	l := &log{t: t}
	if l.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	trust, err := torchwood.ParsePolicy([]byte("log " + vkey + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	l.policy = Policy{trust}
	return l
}

// entry is the n-th entry of a chain that everybody may see.
func entry(n int, said string) []byte {
	return proof.Entry(make([]byte, proof.KeySize), uint64(n), make([]byte, proof.KeySize), []byte(said))
}

// grow adds entries, and shows them.
func (l *log) grow(entries ...[]byte) {
	for _, e := range entries {
		hashes, err := tlog.StoredHashes(int64(len(l.entries)), e, l)
		if err != nil {
			l.t.Fatal(err)
		}
		l.entries, l.hashes = append(l.entries, e), append(l.hashes, hashes...)
	}
	l.shown = int64(len(l.entries))
}

// growBy adds n entries of a chain.
func (l *log) growBy(n int) {
	for range n {
		l.grow(entry(len(l.entries), "as it was"))
	}
}

// forget takes all entries away, so that another history can be written.
func (l *log) forget() { l.entries, l.hashes, l.shown = nil, nil, 0 }

// ReadHashes implements tlog.HashReader.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = l.hashes[index]
	}
	return found, nil
}

func (l *log) checkpoint() []byte {
	root, err := tlog.TreeHash(l.shown, l)
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: "log.example", Tree: tlog.Tree{N: l.shown, Hash: root}}.String()}, l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

// ServeHTTP implements http.Handler.
func (l *log) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked.Add(1)
	path := strings.TrimPrefix(r.URL.Path, "/tlog/")
	tile, err := torchwood.ParseTilePath(path)
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token:
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case l.down:
		http.Error(w, "not now", http.StatusForbidden)
	case path == "checkpoint" && l.stray:
		_, _ = w.Write([]byte("<html>\n\nPlease sign in to this network.\n"))
	case path == "checkpoint":
		_, _ = w.Write(l.checkpoint())
	case err != nil || (tile.N<<8+int64(tile.W))<<(8*max(tile.L, 0)) > int64(len(l.entries)):
		http.NotFound(w, r)
	case tile.L < 0:
		var bundle []byte
		for _, e := range l.entries[tile.N<<8 : tile.N<<8+int64(tile.W)] {
			bundle, _ = torchwood.AppendTileEntry(bundle, e)
		}
		_, _ = w.Write(bundle)
	default:
		data, _ := tlog.ReadTileData(tile, l)
		_, _ = w.Write(data)
	}
}

// watch opens a monitor of the log over HTTP.
func (l *log) watch(dir string) *Monitor {
	l.t.Helper()
	web := httptest.NewServer(l)
	l.t.Cleanup(web.Close)
	at, err := HTTP(web.URL+"/tlog", token, &http.Transport{})
	if err != nil {
		l.t.Fatal(err)
	}
	m, err := Open(dir, at, l.policy)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { m.Close() })
	return m
}

// sound demands that a Turn finds nothing wrong.
func sound(t *testing.T, m *Monitor) Seen {
	t.Helper()
	seen, err := m.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// found demands that a Turn finds something wrong, and says it in these words.
func found(t *testing.T, m *Monitor, words string) *Tampered {
	t.Helper()
	_, err := m.Turn(t.Context())
	var wrong *Tampered
	if !errors.As(err, &wrong) || !strings.Contains(wrong.What, words) {
		t.Fatalf("the monitor should have said %q, and said: %v", words, err)
	}
	return wrong
}

func TestALogThatGrowsIsFollowed(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	m := l.watch(dir)
	for _, more := range []int{1, 0, 254, 1, 1, 300, 77} {
		l.growBy(more)
		before := l.shown - int64(more)
		if seen := sound(t, m); seen.Size != l.shown || seen.Read != l.shown || seen.Before != before || !slices.Equal(seen.Signers, []string{"log.example"}) {
			t.Fatalf("with %d more: %+v", more, seen)
		}
	}
	kept, _ := os.ReadDir(filepath.Join(dir, dirCheckpoints))
	if len(kept) != 6 {
		t.Errorf("%d checkpoints were kept", len(kept))
	}
	again := l.watch(dir)
	l.asked.Store(0)
	if seen := sound(t, again); seen.Before != l.shown || seen.Read != l.shown || l.asked.Load() != 1 {
		t.Errorf("another process does not go on where this one was: %+v, %d requests", seen, l.asked.Load())
	}
}

// TestWhatIsWrongIsFound is the attacks a monitor is there for.
func TestWhatIsWrongIsFound(t *testing.T) {
	l := newLog(t)
	l.growBy(600)
	stranger := newLog(t)
	for name, c := range map[string]struct {
		words  string
		attack func(l *log)
	}{
		"the newest events are dropped": {"the log has shrunk: a checkpoint of 600 entries was signed, and the newest is of 599", func(l *log) { l.shown = 599 }},
		"an event is rewritten and everything signed again": {"checkpoint 601 is not consistent with checkpoint 600", func(l *log) {
			l.forget()
			l.growBy(300)
			l.grow(entry(300, "as it was not"))
			l.growBy(300)
		}},
		"the newest event is another": {"two checkpoints of 600 entries have different roots", func(l *log) {
			l.forget()
			l.growBy(599)
			l.grow(entry(599, "as it was not"))
		}},
		"two events are exchanged": {"not consistent", func(l *log) {
			all := slices.Clone(l.entries)
			all[7], all[8] = all[8], all[7]
			l.forget()
			l.grow(all...)
			l.growBy(1)
		}},
		"there are two versions 5":                 {"entries 5 and 600 have one label", func(l *log) { l.grow(entry(5, "as somebody else was told")) }},
		"there are two versions 700, told at once": {"entries 700 and 701 have one label", func(l *log) { l.growBy(100); l.grow(entry(700, "so"), entry(700, "or so")) }},
		"somebody else signs":                      {"has not the signatures", func(l *log) { l.signer = stranger.signer }},
		"an entry of another form":                 {"entry 600 has not the form of one", func(l *log) { l.grow([]byte("hello")) }},
		"an entry is not in the tree":              {"is not part of the tree", func(l *log) { l.growBy(5); l.entries[602] = entry(602, "not so") }},
		"a hash is not in the tree":                {"is not part of the tree", func(l *log) { l.growBy(5); l.hashes[tlog.StoredHashIndex(0, 513)][0] ^= 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			mine := &log{t: t, signer: l.signer, policy: l.policy}
			mine.grow(l.entries...)
			dir := t.TempDir()
			m := mine.watch(dir)
			sound(t, m)
			c.attack(mine)
			wrong := found(t, m, c.words)
			if again := mine.watch(dir); wrong.Evidence != nil || strings.Contains(c.words, "label") {
				found(t, again, c.words) // what is wrong stays wrong
			}
			evidence, _ := os.ReadDir(filepath.Join(dir, dirRefused))
			if (len(evidence) == 1) != (wrong.Evidence != nil) {
				t.Errorf("%d refused checkpoints were kept", len(evidence))
			}
			if wrong.Evidence != nil && !bytes.Equal(wrong.Evidence, mine.checkpoint()) {
				t.Error("the evidence is not the checkpoint")
			}
		})
	}
}

// TestALargeLogIsReadInTurns holds that a Turn reads what it may, that a monitor which was killed in between goes on, and that
// a label is found again which was read long before.
func TestALargeLogIsReadInTurns(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	l.growBy(1000)
	m := l.watch(dir)
	m.most = 300
	if seen := sound(t, m); seen.Size != 1000 || seen.Read != 300 {
		t.Fatalf("%+v", seen)
	}
	l.growBy(1)
	l.grow(entry(7, "as somebody else was told"))
	again := l.watch(dir)
	again.most = 400
	for _, read := range []int64{700} {
		if seen := sound(t, again); seen.Read != read || seen.Size != 1002 {
			t.Fatalf("%+v", seen)
		}
	}
	found(t, again, "entries 7 and 1001 have one label")
}

// TestLabelsThatBeginAlikeAreTwo holds that the monitor asks for the whole of labels before it speaks of a fork, and that it
// says so if its own file is at odds with the log.
func TestLabelsThatBeginAlikeAreTwo(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	alike := entry(9, "x")
	alike[1+beginningSize] ^= 1
	l.growBy(20)
	l.grow(alike)
	m := l.watch(dir)
	if seen := sound(t, m); seen.Read != 21 {
		t.Fatalf("%+v", seen)
	}
	labels := filepath.Join(dir, fileLabels)
	kept, err := os.ReadFile(labels)
	if err != nil {
		t.Fatal(err)
	}
	copy(kept[3*beginningSize:], kept[4*beginningSize:5*beginningSize])
	if err := os.WriteFile(labels, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	l.grow(entry(4, "again"))
	_, err = l.watch(dir).Turn(t.Context())
	var wrong *Tampered
	if err == nil || errors.As(err, &wrong) || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a file that is at odds with the log: %v", err)
	}
	// A file that ends in the midst of a label is read again from there.
	if err := os.Truncate(labels, 5*beginningSize+3); err != nil {
		t.Fatal(err)
	}
}

func TestALogThatIsAwayIsNotTampered(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	l.growBy(300)
	m := l.watch(dir)
	var pauses []time.Duration
	m.wait = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	sound(t, m)
	l.down = true
	var told []error
	err := m.Run(t.Context(), time.Hour, func(_ Seen, err error) { told = append(told, err) })
	var wrong *Tampered
	if err == nil || errors.As(err, &wrong) || len(told) != maxFailures || len(pauses) != maxFailures-1 || pauses[0] != time.Hour {
		t.Fatalf("%v after %d looks and %d pauses", err, len(told), len(pauses))
	}
	l.down, l.stray = false, true
	if _, err := m.Turn(t.Context()); err == nil || errors.As(err, &wrong) || !strings.Contains(err.Error(), "no signed note") {
		t.Fatalf("what another answered: %v", err)
	}
	l.stray = false
	ctx, cancel := context.WithCancel(t.Context())
	turns := 0
	m.most = 256
	err = m.Run(ctx, time.Hour, func(seen Seen, err error) {
		if turns++; err != nil || turns == 1 && seen.Read != 300 || turns == 5 && (seen.Size != 1800 || seen.Read != 300+2*256) {
			t.Errorf("turn %d: %+v, %v", turns, seen, err)
		}
		switch turns {
		case 3:
			l.growBy(1500)
		case 5:
			cancel()
		}
	})
	if err != nil || turns != 6 && turns != 5 {
		t.Errorf("%v after %d turns", err, turns)
	}
}

// TestThePolicyIsAskedOfWhatWasKept holds that a checkpoint which somebody put into the directory is not believed.
func TestThePolicyIsAskedOfWhatWasKept(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	l.growBy(3)
	sound(t, l.watch(dir))
	stranger := newLog(t)
	stranger.growBy(9)
	for name, signed := range map[string][]byte{"another's": stranger.checkpoint(), "of another size": l.checkpoint(), "none": nil} {
		if err := os.WriteFile(filepath.Join(dir, dirCheckpoints, "9"), signed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, nil, l.policy); err == nil {
			t.Errorf("a checkpoint that is %s was believed", name)
		}
	}
}

func TestTheKeyIsNotSentInTheClear(t *testing.T) {
	for at, want := range map[string]bool{
		"http://127.0.0.1:8400/tlog/": true, "https://log.example/tlog": true, "http://localhost/": true, "http://[::1]:1/": true,
		"http://log.example/tlog/": false, "ftp://log.example/": false, "log.example": false, "http:///tlog": false, ":": false,
	} {
		if _, err := HTTP(at, "a key", &http.Transport{}); (err == nil) != want {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, err := HTTP("http://log.example/tlog/", "", &http.Transport{}); err != nil {
		t.Errorf("without a key: %v", err)
	}
}

// TestTheKeyStaysWithItsHost holds that a server cannot have the key sent elsewhere, nor an answer read that has no end.
func TestTheKeyStaysWithItsHost(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the monitor followed") }))
	defer elsewhere.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "endless") {
			for _, err := w.Write(make([]byte, 1<<16)); err == nil; _, err = w.Write(make([]byte, 1<<16)) {
				continue
			}
			return
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	}))
	defer web.Close()
	at, err := HTTP(web.URL, token, &http.Transport{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at.ReadEndpoint(t.Context(), "checkpoint"); err == nil {
		t.Error("a redirection was taken for an answer")
	}
	if data, err := at.ReadEndpoint(t.Context(), "endless"); err != nil || len(data) != maxAnswer {
		t.Errorf("%d bytes were read: %v", len(data), err)
	}
}
