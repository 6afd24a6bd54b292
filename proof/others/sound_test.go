package others

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const handmadeSize = 3*torchwood.TileWidth + 7

// TestFsckTellsLogsApart shows that fsck agrees with a log that is sound, over files, HTTP and behind a token, and finds
// each of the faults it is made to find. Elsewhere it is only asked whether it agrees.
func TestFsckTellsLogsApart(t *testing.T) {
	signer, vkey := newKey(t, "handmade.example")
	_, another := newKey(t, "handmade.example")
	sound := makeLog(t, signer.Name(), signer, numbered(handmadeSize)...).publish(t)
	if said, agreed := fsck(t, "file://"+sound, vkey); !agreed {
		t.Fatalf("fsck refuses a sound log:\n%s", said)
	}
	const token = "open sesame"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		http.FileServer(http.Dir(sound)).ServeHTTP(w, r)
	}))
	defer web.Close()
	if said, agreed := fsck(t, web.URL+"/", vkey, "-bearer_token="+token); !agreed {
		t.Errorf("fsck refuses a sound log over HTTP:\n%s", said)
	}
	if said, agreed := fsck(t, web.URL+"/", vkey); agreed {
		t.Errorf("fsck agrees with what it was not shown:\n%s", said)
	}
	if said, agreed := fsck(t, "file://"+sound, another); agreed {
		t.Errorf("fsck agrees with a checkpoint that somebody else signed:\n%s", said)
	}
	for _, name := range []string{"checkpoint", "tile/0/001", "tile/1/000.p/3", "tile/entries/002", "tile/entries/003.p/7"} {
		file := filepath.Join(sound, name)
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, string(flip(was)))
		if said, agreed := fsck(t, "file://"+sound, vkey); agreed {
			t.Errorf("fsck agrees although a bit of %s is another:\n%s", name, said)
		}
		write(t, file, string(was))
	}
	if said, agreed := fsck(t, "file://"+sound, vkey); !agreed {
		t.Errorf("fsck refuses the log after it was mended:\n%s", said)
	}
}

// flip is the same bytes with a bit in their midst changed.
func flip(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// TestTheWitnessTellsHistoriesApart shows that litewitness cosigns a log that grows, and neither one that shrinks nor one
// that was rewritten, though its operator signed it.
func TestTheWitnessTellsHistoriesApart(t *testing.T) {
	signer, vkey := newKey(t, "handmade.example")
	w := startWitness(t, "witness.example/one")
	log := makeLog(t, signer.Name(), signer, numbered(handmadeSize)...)
	prove := func(h *handmade, size, old int64) tlog.TreeProof {
		proof, err := tlog.ProveTree(size, old, h)
		if err != nil {
			t.Fatal(err)
		}
		return proof
	}
	expect := func(what string, want int, old int64, proof tlog.TreeProof, checkpoint string) string {
		t.Helper()
		status, said := w.ask(t, old, proof, checkpoint)
		if status != want {
			t.Errorf("%s: litewitness answers %d %s, not %d", what, status, said, want)
		}
		return said
	}
	expect("a log it does not know", http.StatusNotFound, 0, nil, log.checkpoint(t, 300))
	w.learn(t, log.origin, vkey)
	cosignature := expect("the first checkpoint", http.StatusOK, 0, nil, log.checkpoint(t, 300))
	expect("growth", http.StatusOK, 300, prove(log, 700, 300), log.checkpoint(t, 700))
	expect("a rollback", http.StatusConflict, 300, prove(log, 500, 300), log.checkpoint(t, 500))
	expect("growth without a proof", http.StatusUnprocessableEntity, 700, nil, log.checkpoint(t, 701))
	another := numbered(handmadeSize)
	another[5] = []byte("it was otherwise")
	rewritten := makeLog(t, signer.Name(), signer, another...)
	expect("history rewritten and signed again", http.StatusUnprocessableEntity, 700, prove(rewritten, 701, 700), rewritten.checkpoint(t, 701))
	if said, agreed := fsck(t, "file://"+rewritten.publish(t), vkey); !agreed {
		t.Errorf("fsck is not made to find a history that was rewritten whole, and yet:\n%s", said)
	}
	stranger, _ := newKey(t, log.origin)
	log.signers = []note.Signer{stranger}
	expect("somebody else's signature", http.StatusForbidden, 700, prove(log, 701, 700), log.checkpoint(t, 701))
	log.signers = []note.Signer{signer}

	checkpoint := log.checkpoint(t, 300)
	policy, err := torchwood.ParsePolicy([]byte("log " + vkey + "\nwitness one " + w.vkey + "\nquorum one\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint([]byte(checkpoint+cosignature), policy); err != nil {
		t.Errorf("torchwood refuses a checkpoint that was cosigned: %v", err)
	}
	if _, _, err := torchwood.VerifyCheckpoint([]byte(checkpoint), policy); err == nil {
		t.Error("torchwood takes a checkpoint whose cosignature was lost")
	}
}

// TestTorchwoodReadsEveryEntry shows that torchwood's client reads a sound log whole, and finds an entry that was changed.
func TestTorchwoodReadsEveryEntry(t *testing.T) {
	signer, _ := newKey(t, "handmade.example")
	log := makeLog(t, signer.Name(), signer, numbered(handmadeSize)...)
	dir := log.publish(t)
	read := func() ([][]byte, error) {
		files, err := torchwood.NewTileFS(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		client, err := torchwood.NewClient(files)
		if err != nil {
			t.Fatal(err)
		}
		root, _ := tlog.TreeHash(handmadeSize, log)
		var all [][]byte
		for _, entry := range client.AllEntries(t.Context(), tlog.Tree{N: handmadeSize, Hash: root}, 0) {
			all = append(all, entry)
		}
		return all, client.Err()
	}
	all, err := read()
	if err != nil || !slices.EqualFunc(all, log.entries, bytes.Equal) {
		t.Fatalf("%d of %d entries were read: %v", len(all), handmadeSize, err)
	}
	file := filepath.Join(dir, "tile/entries/001")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(flip(was)))
	if _, err := read(); err == nil {
		t.Error("torchwood did not notice an entry that was changed")
	}
}
