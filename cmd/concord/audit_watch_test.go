package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/concordhq/concord/client/monitor"
)

// TestAuditWatch follows a live service over both faces, into one directory, and gives each end its exit code.
func TestAuditWatch(t *testing.T) {
	operator := liveShell(t)
	auditor := operator.as(operator.field(operator.must("key create Nora --role auditor -o json"), "secret"))
	place := t.TempDir()
	policy, dir := filepath.Join(place, "policy"), filepath.Join(place, "kept")
	save := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(policy, auditor.must("log policy"))
	url := "http://" + operator.env["CONCORD_HTTP_ADDR"] + "/tlog/"
	flags := []string{"--policy", policy, "--dir", dir, "--once", "-o", "json"}
	look := func(args ...string) (seen monitor.Seen) {
		t.Helper()
		code, out, errs := auditor.run(append(append([]string{"audit", "watch"}, args...), flags...)...)
		if err := json.Unmarshal([]byte(out), &seen); code != exitDone || err != nil || seen.Read != seen.Size || seen.Size == 0 {
			t.Fatalf("%d %s %s %v", code, out, errs, err)
		}
		return seen
	}
	first := look()
	operator.must("party create Acme --id acme")
	for end := first; end.Size == first.Size; end = look(url) { // it is signed within a second
		if end.Before != 0 && end.Before != first.Size {
			t.Fatalf("%+v after %+v", end, first)
		}
	}

	code, out, _ := auditor.run("audit", "watch", url, "--policy", policy, "--dir", filepath.Join(place, "new"), "--once")
	if code != exitDone || !strings.Contains(out, "the first that is kept") || !strings.Contains(out, "no label twice") {
		t.Errorf("%d %s", code, out)
	}
	_, another, err := note.GenerateKey(nil, "another.example")
	if err != nil {
		t.Fatal(err)
	}
	save(filepath.Join(place, "another"), "log "+another+"\nquorum none\n")
	away := httptest.NewServer(http.NotFoundHandler())
	defer away.Close()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"signed by nobody one trusts": {[]string{url, "--policy", filepath.Join(place, "another"), "--dir", filepath.Join(place, "a")}, exitRefused, "not the signatures"},
		"no log there":                {[]string{away.URL, "--policy", policy, "--dir", filepath.Join(place, "b")}, exitIncomplete, "404"},
		"no policy there":             {[]string{url, "--policy", filepath.Join(place, "none"), "--dir", filepath.Join(place, "c")}, exitIncomplete, "read the policy"},
		"no policy in it":             {[]string{url, "--policy", filepath.Join(dir, "labels"), "--dir", filepath.Join(place, "d")}, exitIncomplete, "policy"},
		"no URL":                      {[]string{"127.0.0.1", "--policy", policy, "--dir", filepath.Join(place, "e")}, exitIncomplete, "URL"},
		"no directory":                {[]string{url, "--policy", policy}, exitUsage, "dir"},
		"no pause":                    {[]string{url, "--policy", policy, "--dir", dir, "--every", "0s"}, exitUsage, "--every"},
	} {
		if code, _, errs := auditor.run(append([]string{"audit", "watch", "--once"}, c.args...)...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%s: %d %s", name, code, errs)
		}
	}
}
