package others

import (
	"fmt"
	"net/http"
	"slices"
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
