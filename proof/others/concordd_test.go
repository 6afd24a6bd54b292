package others

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// concordd is the real service, in a process of its own.
type concordd struct {
	args       []string
	dir        string
	cmd        *exec.Cmd
	exited     chan error
	stderr     bytes.Buffer
	grpc, http string
	operator   string // its key
	auditor    string
	vendor     string // of a party that drafts
	drafts     int
}

var saidKey = regexp.MustCompile(`concord\.key_operator\.\S+`)

// newConcordd starts a service with data of its own. more are flags.
func newConcordd(t *testing.T, more ...string) *concordd {
	t.Helper()
	c := &concordd{dir: filepath.Join(t.TempDir(), "data")}
	c.args = append([]string{"--data-dir", c.dir, "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}, more...)
	if said, ok := c.start(t); !ok {
		t.Fatalf("concordd did not serve:\n%s", said)
	}
	c.auditor = c.newKey(t, "Ann", "auditor")
	return c
}

// start starts the process, and says whether it serves; if not, what it said.
func (c *concordd) start(t *testing.T, more ...string) (said string, serves bool) {
	t.Helper()
	c.stderr.Reset()
	c.cmd, c.exited = exec.Command(program(t, "concordd"), append(c.args, more...)...), make(chan error, 1)
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		var text strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(&text, lines.Text())
			if strings.Contains(lines.Text(), "Ctrl-C") {
				break
			}
		}
		ready <- text.String()
		c.exited <- c.cmd.Wait()
	}()
	t.Cleanup(c.kill)
	var text string
	select {
	case text = <-ready:
	case <-time.After(patience):
		t.Fatal("concordd says nothing")
	}
	if !strings.Contains(text, "Ctrl-C") {
		err := <-c.exited
		c.exited <- err
		return c.stderr.String(), false
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 1 && fields[0] == "gRPC":
			c.grpc = fields[1]
		case len(fields) > 1 && fields[0] == "REST":
			c.http = strings.TrimSuffix(fields[1], "/v1")
		}
	}
	if key := saidKey.FindString(text); key != "" {
		c.operator = key
	}
	return text, true
}

// kill is kill -9, and waits for the end.
func (c *concordd) kill() {
	c.cmd.Process.Kill()
	err := <-c.exited
	c.exited <- err
}

// concord runs the command line against the service; it must succeed.
func (c *concordd) concord(t *testing.T, key string, args ...string) string {
	t.Helper()
	said, err := shell(t, []string{"CONCORD_ADDR=" + c.grpc, "CONCORD_HTTP_ADDR=" + strings.TrimPrefix(c.http, "http://"), "CONCORD_KEY=" + key}, program(t, "concord"), args...)
	if err != nil {
		t.Fatalf("concord %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return said
}

// newKey makes a key and returns its secret.
func (c *concordd) newKey(t *testing.T, name, role string, more ...string) string {
	t.Helper()
	var made struct{ Secret string }
	said := c.concord(t, c.operator, append([]string{"key", "create", name, "--role", role, "-o", "json"}, more...)...)
	if err := json.Unmarshal([]byte(said), &made); err != nil || made.Secret == "" {
		t.Fatalf("no secret in %s: %v", said, err)
	}
	return made.Secret
}

// work has many events written: a load of submissions and returns, for a while.
func (c *concordd) work(t *testing.T, agreements int, duration time.Duration) {
	t.Helper()
	c.concord(t, c.operator, "bench", "--callers", "32", "--connections", "2", "--agreements", fmt.Sprint(agreements), "--warmup", "0s", "--duration", duration.String())
}

// get reads a path of the HTTP face.
func (c *concordd) get(t *testing.T, key, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.http+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// ask reads a path as the auditor, into what JSON it answers with.
func (c *concordd) ask(t *testing.T, path string, into any) {
	t.Helper()
	status, body := c.get(t, c.auditor, path)
	if err := json.Unmarshal([]byte(body), into); status != http.StatusOK || err != nil {
		t.Fatalf("%s: %d %s %v", path, status, body, err)
	}
}

// trust is what somebody must know of a log before.
type trust struct {
	origin, vkey, text string
	policy             torchwood.Policy
}

// trusts is the policy as the service itself tells it, which these tests believe: they start the service.
func (c *concordd) trusts(t *testing.T) trust {
	t.Helper()
	var told struct {
		Log struct {
			Origin string
			Keys   []struct{ VerifierKey string }
		}
		Texts []string
	}
	c.ask(t, "/v1/log/policy", &told)
	policy, err := torchwood.ParsePolicy([]byte(told.Texts[0]))
	if err != nil {
		t.Fatal(err)
	}
	return trust{told.Log.Origin, told.Log.Keys[0].VerifierKey, told.Texts[0], policy}
}

// write has one event written, and returns how many there are now, at least.
func (c *concordd) write(t *testing.T) (position int64) {
	t.Helper()
	if c.vendor == "" {
		for _, party := range []string{"acme", "globex"} {
			c.concord(t, c.operator, "party", "create", party, "--id", party)
		}
		c.vendor = c.newKey(t, "Vera", "signatory", "--for", "acme")
	}
	c.drafts++
	id := fmt.Sprintf("draft-%d", c.drafts)
	body := strings.NewReader(`{"vendorPartyId": "acme", "clientPartyId": "globex"}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.http+"/v1/agreements?agreementId="+id, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.vendor)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("draft %s: %s", id, answer.Status)
	}
	status, text := c.get(t, c.vendor, "/v1/agreements/"+id+"/events")
	var told struct {
		Events []struct {
			Position int64 `json:",string"`
		}
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil || len(told.Events) != 1 {
		t.Fatalf("the events of %s: %d %s %v", id, status, text, err)
	}
	return told.Events[0].Position
}

// checkpoint has one more event written, waits until it is signed, and opens the checkpoint by a policy.
func (c *concordd) checkpoint(t *testing.T, policy torchwood.Policy) (now torchwood.Checkpoint, signed string) {
	t.Helper()
	size := c.write(t)
	eventually(t, fmt.Sprintf("a checkpoint of %d entries", size), func() bool {
		status, text := c.get(t, c.auditor, "/tlog/checkpoint")
		if status != http.StatusOK {
			return false
		}
		var err error
		if now, _, err = torchwood.VerifyCheckpoint([]byte(text), policy); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		signed = text
		return now.N >= size
	})
	return now, signed
}

// signer is the log's own key, which its operator has.
func (c *concordd) signer(t *testing.T) note.Signer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "log-keys"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if signer, err := note.NewSigner(strings.TrimSpace(line)); err == nil {
			return signer
		}
	}
	t.Fatal("no key in log-keys")
	return nil
}
