package others

import (
	"archive/zip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// enough is a log in which a tile of level 1 is whole.
const enough = torchwood.TileWidth*torchwood.TileWidth + 300

// TestOthersReadTheLog has a real service write a log in which tiles of three levels are whole or begun, kills it on the way, and
// has the programs of others check it.
func TestOthersReadTheLog(t *testing.T) {
	c := newConcordd(t, "--tlog-public=hashes")
	knows := c.trusts(t)
	half, _ := c.checkpoint(t, knows.policy)
	for now := half; now.N < enough; {
		c.work(t, 1000, 2*time.Second)
		c.kill()
		if said, serves := c.start(t); !serves {
			t.Fatalf("concordd does not serve after a kill:\n%s", said)
		}
		now, _ = c.checkpoint(t, knows.policy)
	}
	now, _ := c.checkpoint(t, knows.policy)
	t.Logf("%d entries", now.N)

	if said, agreed := fsck(t, c.http+"/tlog/", knows.vkey, "-bearer_token="+c.auditor); !agreed {
		t.Errorf("fsck refuses the log:\n%s", said)
	}
	if said, agreed := fsck(t, c.http+"/tlog/", knows.vkey); agreed {
		t.Errorf("fsck reads entries without a key:\n%s", said)
	}
	entries := c.entries(t, now)
	labels := map[string]bool{}
	for i, e := range entries {
		if len(e) != 65 || e[0] != 1 || labels[string(e[1:33])] {
			t.Fatalf("entry %d is %x", i, e)
		}
		labels[string(e[1:33])] = true
	}
	if int64(len(entries)) != now.N {
		t.Errorf("torchwood reads %d of %d entries", len(entries), now.N)
	}
	for path, want := range map[string]int{ // 0 to 65,535 are whole at level 0; nothing is shown beyond what is signed
		"tile/0/255": 200, "tile/1/000": 200, "tile/2/000.p/1": 200, "tile/0/000.p/7": 200,
		"tile/2/000": 404, "tile/3/000.p/1": 404, fmt.Sprintf("tile/0/%03d", now.N/256+1): 404, "tile/0/256.p/256": 404, "tile/0/1": 404,
	} {
		if status, _ := c.get(t, "", "/tlog/"+path); status != want {
			t.Errorf("%s: %d, not %d", path, status, want)
		}
	}
	if now.N <= half.N {
		t.Fatalf("%d entries after %d", now.N, half.N)
	}
	if root, err := tlog.TreeHash(half.N, c.hashes(t, now)); err != nil || root != half.Hash {
		t.Errorf("the log is not consistent with what it was before it was killed: %v", err)
	}
	t.Run("bundle", func(t *testing.T) { c.exported(t, knows, now) })
	t.Run("proofs", func(t *testing.T) { c.proved(t, knows) })
}

// exported has the whole service exported, and fsck and torchwood check the log in the bundle, as it is and with a bit changed.
func (c *concordd) exported(t *testing.T, knows trust, now torchwood.Checkpoint) {
	status, text := c.get(t, c.auditor, "/v1/audit.zip")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text[:min(len(text), 1000)])
	}
	dir := unzip(t, text)
	if said, agreed := fsck(t, "file://"+filepath.Join(dir, "log"), knows.vkey); !agreed {
		t.Errorf("fsck refuses the log in the bundle:\n%s", said)
	}
	files, err := torchwood.NewTileFS(os.DirFS(filepath.Join(dir, "log")))
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(files)
	if err != nil {
		t.Fatal(err)
	}
	opened, _, err := torchwood.VerifyCheckpoint([]byte(read(t, filepath.Join(dir, "checkpoint"))), knows.policy)
	if err != nil || opened.N < now.N {
		t.Fatalf("the checkpoint in the bundle: %v %v", opened, err)
	}
	n := int64(0)
	for range client.AllEntries(t.Context(), opened.Tree, 0) {
		n++
	}
	if n != opened.N || client.Err() != nil {
		t.Errorf("torchwood reads %d of %d entries of the bundle: %v", n, opened.N, client.Err())
	}
	entries := filepath.Join(dir, "log/tile/entries/007")
	write(t, entries, string(flip([]byte(read(t, entries)))))
	if said, agreed := fsck(t, "file://"+filepath.Join(dir, "log"), knows.vkey); agreed {
		t.Errorf("fsck agrees with a bundle in which a bit is another:\n%s", said)
	}
}

// unzip writes what is in an archive into a directory.
func unzip(t *testing.T, archive string) (dir string) {
	t.Helper()
	from, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, from); err != nil {
		t.Fatal(err)
	}
	return dir
}

// proved has events proved, and torchwood check the proofs: of what was recorded, and of something else. The entry is computed
// here, from the specification (docs/log-format.md, sections 3 and 7).
func (c *concordd) proved(t *testing.T, knows trust) {
	const agreement = "draft-1"
	var told struct {
		Events []struct {
			Body, Salt []byte
			Event      struct{ Version string }
		}
	}
	status, text := c.get(t, c.vendor, "/v1/agreements/"+agreement+"/events")
	if err := json.Unmarshal([]byte(text), &told); err != nil || len(told.Events) == 0 {
		t.Fatalf("%d %s %v", status, text, err)
	}
	for _, e := range told.Events {
		var proof struct{ TlogProof string }
		status, text := c.get(t, c.vendor, "/v1/agreements/"+agreement+"/events/"+e.Event.Version+"/proof")
		if err := json.Unmarshal([]byte(text), &proof); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s %v", status, text, err)
		}
		extra, err := torchwood.ProofExtraData([]byte(proof.TlogProof))
		if err != nil || len(extra) != 32+32+8 || string(extra[:32]) != string(e.Salt) {
			t.Fatalf("extra data %x: %v", extra, err)
		}
		mac := func(key []byte, parts ...[]byte) []byte {
			h := hmac.New(sha256.New, key)
			h.Write(slices.Concat(parts...))
			return h.Sum(nil)
		}
		entry := func(body []byte) []byte {
			return slices.Concat([]byte{1}, mac(extra[32:64], []byte("label/v1\n"), extra[64:]), mac(extra[:32], body))
		}
		if err := torchwood.VerifyProof(knows.policy, tlog.RecordHash(entry(e.Body)), []byte(proof.TlogProof)); err != nil {
			t.Errorf("torchwood refuses the proof of version %s: %v", e.Event.Version, err)
		}
		if torchwood.VerifyProof(knows.policy, tlog.RecordHash(entry(flip(e.Body))), []byte(proof.TlogProof)) == nil {
			t.Errorf("torchwood takes the proof of version %s for another body", e.Event.Version)
		}
	}
}

// tiles is torchwood's reader of the log, as the auditor.
func (c *concordd) tiles(t *testing.T) *torchwood.TileFetcher {
	t.Helper()
	fetcher, err := torchwood.NewTileFetcher(c.http+"/tlog/", torchwood.WithHTTPClient(&http.Client{Transport: bearer(c.auditor)}), torchwood.WithConcurrencyLimit(8))
	if err != nil {
		t.Fatal(err)
	}
	return fetcher
}

func (c *concordd) hashes(t *testing.T, now torchwood.Checkpoint) tlog.HashReader {
	return torchwood.TileHashReaderWithContext(t.Context(), now.Tree, c.tiles(t))
}

// entries is all entries, as torchwood reads and checks them.
func (c *concordd) entries(t *testing.T, now torchwood.Checkpoint) (all [][]byte) {
	t.Helper()
	client, err := torchwood.NewClient(c.tiles(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range client.AllEntries(t.Context(), now.Tree, 0) {
		all = append(all, slices.Clone(entry))
	}
	if err := client.Err(); err != nil {
		t.Fatalf("torchwood: %v", err)
	}
	return all
}

// bearer is a transport that says who calls.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}
