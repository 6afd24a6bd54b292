package others

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// TestTheWitnessHoldsConcordToItsHistory has litewitness cosign the checkpoints of a real service. A checkpoint whose cosignature
// was lost is not believed; a store that was rolled back is not served; a history that was rewritten is not cosigned, though
// the log's own key signed it.
func TestTheWitnessHoldsConcordToItsHistory(t *testing.T) {
	w := startWitness(t, "witness.example/one")
	asked := filepath.Join(t.TempDir(), "witnesses")
	write(t, asked, "witness one "+w.vkey+" "+w.url+"\nquorum one\n")
	head := filepath.Join(t.TempDir(), "head")
	c := newConcordd(t, "--log-witness-policy-file="+asked, "--log-fail=open", "--log-head-file="+head)
	knows := c.trusts(t)
	if !strings.Contains(knows.text, "quorum one") {
		t.Fatalf("the service tells another policy than it was given:\n%s", knows.text)
	}
	alone, err := torchwood.ParsePolicy([]byte("log " + knows.vkey + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}

	// The witness does not know the log yet.
	lonely, signed := c.checkpoint(t, alone)
	if _, _, err := torchwood.VerifyCheckpoint([]byte(signed), knows.policy); err == nil {
		t.Error("torchwood believes a checkpoint that nobody cosigned")
	}
	w.learn(t, knows.origin, knows.vkey)
	var now torchwood.Checkpoint
	eventually(t, "litewitness cosigns", func() bool {
		_, signed = c.get(t, c.auditor, "/tlog/checkpoint")
		var err error
		now, _, err = torchwood.VerifyCheckpoint([]byte(signed), knows.policy)
		return err == nil
	})
	if now.N < lonely.N {
		t.Errorf("%d entries after %d", now.N, lonely.N)
	}
	lines := strings.SplitAfter(signed, "\n")
	lost := strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "— "+w.name+" ") }), "")
	if _, _, err := torchwood.VerifyCheckpoint([]byte(lost), knows.policy); err == nil || lost == signed {
		t.Error("torchwood believes a checkpoint whose cosignature was lost")
	}

	// An old copy of the store is put back, with the head file that belongs to it.
	c.kill()
	old, oldHead := filepath.Join(t.TempDir(), "old"), read(t, head)
	if err := os.CopyFS(old, os.DirFS(c.dir)); err != nil {
		t.Fatal(err)
	}
	serve(t, c)
	grown, _ := c.checkpoint(t, alone)
	eventually(t, "litewitness cosigns again", func() bool {
		_, signed = c.get(t, c.auditor, "/tlog/checkpoint")
		cosigned, _, err := torchwood.VerifyCheckpoint([]byte(signed), knows.policy)
		return err == nil && cosigned.N >= grown.N
	})
	entries, signer := c.entries(t, grown), c.signer(t)
	c.kill()
	newest := c.dir
	replace(t, newest, old)
	if said, serves := c.start(t); serves || !strings.Contains(said, "rolled back") {
		t.Errorf("an old copy of the store is served (%v):\n%s", serves, said)
	}
	write(t, head, oldHead)
	if said, serves := c.start(t); serves || !strings.Contains(said, "rolled back") || !strings.Contains(said, "witness") {
		t.Errorf("an old copy of the store and of its head is served, though the witness knows more (%v):\n%s", serves, said)
	}

	// The operator has the key, and writes another history.
	proves := func(h *handmade, old int64) tlog.TreeProof {
		proof, err := tlog.ProveTree(int64(len(h.entries)), old, h)
		if err != nil {
			t.Fatal(err)
		}
		return proof
	}
	more := append([]byte{1}, make([]byte, 64)...)
	honest := makeLog(t, knows.origin, signer, append(slices.Clone(entries), more)...)
	another := slices.Clone(entries)
	another[1] = flip(another[1])
	rewritten := makeLog(t, knows.origin, signer, append(another, more)...)
	size := int64(len(rewritten.entries))
	if status, said := w.ask(t, grown.N, proves(rewritten, grown.N), rewritten.checkpoint(t, size)); status != http.StatusUnprocessableEntity {
		t.Errorf("litewitness answers %d %s to a history that was rewritten", status, said)
	}
	if status, said := w.ask(t, lonely.N, proves(rewritten, lonely.N), rewritten.checkpoint(t, size)); status != http.StatusConflict {
		t.Errorf("litewitness answers %d %s to a history that goes on from an older one", status, said)
	}
	monitored(t, c, knows, rewritten, honest, signed)
	if status, said := w.ask(t, grown.N, proves(honest, grown.N), honest.checkpoint(t, size)); status != http.StatusOK {
		t.Errorf("litewitness answers %d %s to the history as it was", status, said)
	}
}

// monitored shows the histories to concord audit watch, which knows the checkpoint that was cosigned last.
func monitored(t *testing.T, c *concordd, knows trust, rewritten, honest *handmade, cosigned string) {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy")
	write(t, policy, "log "+knows.vkey+"\nquorum none\n")
	now, _, err := torchwood.VerifyCheckpoint([]byte(cosigned), knows.policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []*handmade{honest, rewritten} {
		web := httptest.NewServer(http.FileServer(http.Dir(h.publish(t))))
		defer web.Close()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "checkpoints", strconv.FormatInt(now.N, 10)), cosigned)
		said, err := shell(t, nil, program(t, "concord"), "audit", "watch", web.URL, "--policy", policy, "--dir", dir, "--once")
		found := strings.Contains(said, "the history was rewritten") && code(err) == 1
		if wrong := h == rewritten; found != wrong {
			t.Errorf("rewritten %v, and concord audit watch says (exit code %d):\n%s", wrong, code(err), said)
		}
	}
}

func serve(t *testing.T, c *concordd) {
	t.Helper()
	if said, serves := c.start(t); !serves {
		t.Fatalf("concordd does not serve:\n%s", said)
	}
}

// replace puts a copy of one directory in another's place.
func replace(t *testing.T, dir, copied string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
}
