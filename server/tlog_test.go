package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

// file reads a file of the log, with the key of who, if they have one.
func file(t *testing.T, s *servertest.Server, who servertest.Caller, path string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.URL("/tlog/"+path), nil)
	if err != nil {
		t.Fatal(err)
	}
	if who.Key != "" {
		request.Header.Set("Authorization", "Bearer "+who.Key)
	}
	response, err := s.HTTP().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

// bearer adds a key to every request of a client that knows nothing of keys.
type bearer struct {
	key string
	to  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return b.to.RoundTrip(r)
}

// grown writes until the log has at least so many entries, and seals it.
func grown(t *testing.T, s *servertest.Server, entries uint64) {
	t.Helper()
	for s.Written(t) < entries {
	}
	s.Seal(t)
}

// checkpoint is the newest one, as a stranger verifies it who was given the policy.
func checkpoint(t *testing.T, s *servertest.Server, who servertest.Caller) torchwood.Checkpoint {
	t.Helper()
	told := s.GRPC().Must(t, who, &pb.GetLogPolicyRequest{}).(*pb.LogPolicy)
	policy, err := torchwood.ParsePolicy([]byte(told.GetTexts()[0]))
	if err != nil {
		t.Fatal(err)
	}
	_, signed := file(t, s, who, "checkpoint")
	c, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		t.Fatalf("%v:\n%s", err, signed)
	}
	return c
}

// A client that was written by others, and knows nothing of Concord but its own standard, reads every entry and checks each
// against the checkpoint; and the entries are those of the events.
func TestAStrangerReadsTheLog(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	eye := s.auditor
	grown(t, s.Server, 600)
	head := checkpoint(t, s.Server, eye)
	fetcher, err := torchwood.NewTileFetcher(s.URL("/tlog/"), torchwood.WithHTTPClient(&http.Client{Transport: bearer{eye.Key, s.HTTP().Transport}}))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := torchwood.NewClient(fetcher)
	if err != nil {
		t.Fatal(err)
	}
	var leaves []byte
	for _, entry := range reader.AllEntries(t.Context(), head.Tree, 0) {
		if len(entry) != proof.EntrySize {
			t.Fatalf("an entry of %d bytes", len(entry))
		}
		leaves = append(leaves, proof.LeafHash(entry)...)
	}
	if err := reader.Err(); err != nil || int64(len(leaves)) != head.N*proof.HashSize {
		t.Fatalf("%d of %d entries: %v", len(leaves)/proof.HashSize, head.N, err)
	}
	events := s.GRPC().Must(t, eye, &pb.ListEventsRequest{AgreementId: "running"}).(*pb.ListEventsResponse).GetEvents()
	if len(events) < 10 {
		t.Fatalf("only %d events", len(events))
	}
	for _, e := range events {
		at := (e.GetPosition() - 1) * proof.HashSize
		if !bytes.Equal(leaves[at:at+proof.HashSize], e.GetEntryHash()) {
			t.Errorf("the entry of event %d is not in its place", e.GetPosition())
		}
	}
}

// The files are exactly those that tlog-tiles has: no tile before it is full but as a part, nothing beyond the checkpoint, no
// other spelling.
func TestTheFilesOfTheLog(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	eye := s.Key(t, &pb.Principal{Role: auditor})
	s.Written(t)
	grown(t, s, 300)
	n := int(checkpoint(t, s, eye).N)
	for n < 300 || n > 500 {
		t.Fatalf("a log of %d entries is not what this test is about", n)
	}
	s.Written(t) // beyond the checkpoint
	for path, size := range map[string]int{
		"tile/0/000": 256 * 32, "tile/0/000.p/1": 32, "tile/0/000.p/255": 255 * 32, fmt.Sprint("tile/0/001.p/", n-256): (n - 256) * 32,
		"tile/1/000.p/1": 32, "tile/entries/000": 256 * 67, "tile/entries/000.p/7": 7 * 67, fmt.Sprint("tile/entries/001.p/", n-256): (n - 256) * 67,
	} {
		response, body := file(t, s, eye, path)
		h := response.Header
		if response.StatusCode != http.StatusOK || len(body) != size {
			t.Errorf("%s: %s, %d bytes, not %d", path, response.Status, len(body), size)
		}
		if h.Get("Content-Type") != "application/octet-stream" || h.Get("Cache-Control") != "private, max-age=31536000, immutable" {
			t.Errorf("%s: %v", path, h)
		}
	}
	response, body := file(t, s, eye, "checkpoint")
	if h := response.Header; h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" || !bytes.Contains(body, fmt.Appendf(nil, "\n%d\n", n)) {
		t.Errorf("checkpoint: %v\n%s", h, body)
	}
	for _, path := range []string{
		"", "tile", "tile/0/001", fmt.Sprint("tile/0/001.p/", n-255), "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/63/000.p/1", "tile/64/000.p/1",
		"tile/4294967296/000.p/1", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/0", "tile/0/x000/000", "tile/00/000", "tile/-1/000", "tile/0/000.p", "tile/0/000/",
		"tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x009/x223/x372/x036/x854/x775/807", "tile/data/000.p/1", "tile/8/0/000", "tile/entries/001", "tile/entries/000.p/0", "tile/entries/", "Checkpoint", "tile/0/000%2ep/1",
		"tile//0/000", "../v1/caller", "checkpoint/", "entries/000",
	} {
		if response, body := file(t, s, eye, path); response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("%q: %s %.60q", path, response.Status, body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		request, _ := http.NewRequest(method, s.URL("/tlog/checkpoint"), nil)
		response, err := s.HTTP().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s", method, response.Status)
		}
	}
}

// Who may read which file: what the operator opened, anyone; hashes, everyone with a key; entries, an auditor.
func TestWhoReadsTheFiles(t *testing.T) {
	const (
		ok        = http.StatusOK
		unknown   = http.StatusUnauthorized
		forbidden = http.StatusForbidden
	)
	for _, row := range []struct {
		public                           string
		anyone, anyonesEntries, cacheAll int
	}{{server.PublicNothing, unknown, unknown, 0}, {server.PublicHashes, ok, unknown, 1}, {server.PublicAll, ok, ok, 2}} {
		t.Run(row.public, func(t *testing.T) {
			s := setStage(t, servertest.Options{Configure: func(c *server.Config) { c.TlogPublic = row.public }})
			s.Seal(t)
			entries := forbidden
			if row.public == server.PublicAll {
				entries = ok
			}
			for name, c := range map[string]struct {
				who             servertest.Caller
				hashes, entries int
			}{
				"anyone":                      {servertest.Caller{}, row.anyone, row.anyonesEntries},
				"an auditor":                  {s.auditor, ok, ok},
				"an auditor of one agreement": {s.Key(t, &pb.Principal{Role: auditor, AgreementIds: []string{"running"}}), ok, ok},
				"a member":                    {s.acme, ok, entries},
				"the operator":                {s.operator, ok, entries},
				"a calendar":                  {s.feed(t, acme, "", calendarFeed), map[bool]int{true: ok, false: forbidden}[row.anyone == ok], entries},
			} {
				for path, want := range map[string]int{"checkpoint": c.hashes, "tile/0/000.p/2": c.hashes, "tile/entries/000.p/2": c.entries} {
					response, body := file(t, s.Server, c.who, path)
					if response.StatusCode != want {
						t.Errorf("%s, %s: %s, not %d: %.100s", name, path, response.Status, want, body)
					}
					if public := strings.HasPrefix(response.Header.Get("Cache-Control"), "public"); public != (want == ok && c.who.Key == "" && path != "checkpoint") {
						t.Errorf("%s, %s: %s", name, path, response.Header.Get("Cache-Control"))
					}
					if want == unknown && response.Header.Get("Www-Authenticate") == "" {
						t.Errorf("%s, %s: not told how to come in", name, path)
					}
				}
			}
			if response, _ := file(t, s.Server, servertest.Caller{Key: "concord.x.y"}, "tile/entries/000.p/2"); response.StatusCode != row.anyonesEntries {
				t.Errorf("a wrong key: %s", response.Status)
			}
		})
	}
}

// A log goes on over restarts, and each checkpoint continues the one before; a store that was put back from an older copy is
// refused by the file beside it, and what is public stays where it was.
func TestTheLogGoesOnAndNeverBack(t *testing.T) {
	dir, aside := t.TempDir(), t.TempDir()
	head := filepath.Join(aside, "head")
	configure := func(c *server.Config) { c.LogHeadFile, c.LogOrigin = head, "log.example/desk" }
	s := servertest.Start(t, servertest.Options{Dir: dir, Configure: configure})
	s.Party(t, acme)
	s.Seal(t)
	heads := []torchwood.Checkpoint{checkpoint(t, s, s.Operator)}
	copied := filepath.Join(aside, "backup")
	for i := range 3 {
		s.Party(t, fmt.Sprint("party", i))
		s = s.Restart(t)
		heads = append(heads, checkpoint(t, s, s.Operator)) // of what was written before the end
		if i == 1 {
			s.Stop(t)
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			s = s.Restart(t)
		}
	}
	for i, after := range heads[1:] {
		before := heads[i]
		if after.N <= before.N || after.Origin != "log.example/desk" {
			t.Fatalf("%v, then %v", before, after)
		}
		list := s.GRPC().Must(t, s.Operator, &pb.GetCheckpointRequest{Size: uint64(before.N)}).(*pb.Checkpoint)
		if string(list.GetRootHash()) != string(before.Hash[:]) {
			t.Errorf("the checkpoint of %d has become another", before.N)
		}
		tiles := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return hashes(t, s, after.N, indexes), nil })
		consistent, err := tlog.ProveTree(after.N, before.N, tiles)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(consistent, after.N, after.Hash, before.N, before.Hash); err != nil {
			t.Errorf("%d does not continue %d: %v", after.N, before.N, err)
		}
	}
	s.Stop(t)
	config := server.Default()
	config.GRPCAddr, config.HTTPAddr, config.DataDir = "127.0.0.1:0", "127.0.0.1:0", copied
	configure(&config)
	built, err := server.New(t.Context(), config, io.Discard)
	if err == nil {
		built.Close()
		t.Fatal("an older copy of the store was taken")
	}
	if want := fmt.Sprintf("holds a checkpoint of %d", heads[3].N); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), head) {
		t.Errorf("it says %v", err)
	}
}

// hashes reads stored hashes out of the tiles that the API serves.
func hashes(t *testing.T, s *servertest.Server, size int64, indexes []int64) (found []tlog.Hash) {
	t.Helper()
	for _, index := range indexes {
		tile := tlog.TileForIndex(torchwood.TileHeight, index)
		data := s.GRPC().Must(t, s.Operator, &pb.GetTileRequest{Level: int32(tile.L), Index: uint64(tile.N), Width: int32(tile.W)}).(*pb.GetTileResponse)
		hash, err := tlog.HashFromTile(tile, data.GetTile(), index)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, hash)
	}
	return found
}
