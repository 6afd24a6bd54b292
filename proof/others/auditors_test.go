package others

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var saidAuditor = regexp.MustCompile(`concord\.nora\.\S+`)

// TestAnHourForAnAuditor types every command of docs/auditors.md, in one directory, against the demonstration.
func TestAnHourForAnAuditor(t *testing.T) {
	text := read(t, "../../docs/auditors.md")
	for _, name := range []string{"openssl", "unzip", "sha256sum"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("the walk needs %s", name)
		}
	}
	c := &concordd{args: []string{"demo", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}}
	said, serves := c.start(t)
	if !serves {
		t.Fatalf("the demonstration does not serve:\n%s", said)
	}
	_, addr, _ := strings.Cut(said, "--addr ")
	addr, _, _ = strings.Cut(addr, " ")
	_, http, _ := strings.Cut(said, "http://")
	http, _, _ = strings.Cut(http, "/")
	for _, name := range []string{"concord", "fsck"} {
		program(t, name)
	}
	script := filepath.Join(t.TempDir(), "script")
	var lines []string
	for i, block := range strings.Split(text, "```") {
		if commands, is := strings.CutPrefix(block, "sh\n"); i%2 == 1 && is {
			for line := range strings.Lines(commands) {
				line = strings.TrimSpace(line)
				switch {
				case strings.HasPrefix(line, "GOBIN=$PWD go install"), strings.HasPrefix(line, "export CONCORD_KEY"): // done
				case strings.HasPrefix(line, "! "): // what must fail, must fail by its own verdict and not for want of a file
					lines = append(lines, strings.TrimPrefix(line, "! ")+` && exit 99 || test $? -le 2`)
				default:
					lines = append(lines, strings.NewReplacer("127.0.0.1:8400", http, "./fsck", "fsck").Replace(line))
				}
			}
		}
	}
	if len(lines) < 35 {
		t.Fatalf("%d commands were found", len(lines))
	}
	write(t, script, "set -eux\n"+strings.Join(lines, "\n")+"\n")
	env := []string{"CONCORD_KEY=" + saidAuditor.FindString(said), "CONCORD_ADDR=" + addr, "PATH=" + where + string(os.PathListSeparator) + os.Getenv("PATH")}
	signed(t, env)
	out, err := inside(t, t.TempDir(), env, "sh", script)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for what, times := range map[string]int{"\nSOUND\n": 2, "\nTAMPERED\n": 2, "\nINCOMPLETE\n": 1, "Successfully fsck'd": 2, "no label twice": 1, "THE SAME\n": 2, "NOT THE SAME\n": 1} {
		if found := strings.Count(out, what); found < times {
			t.Errorf("%q was said %d times, not %d:\n%s", what, found, times, out)
		}
	}
}

// signed waits until the newest events of the demonstration are signed: it told what to type a moment ago.
func signed(t *testing.T, env []string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "bundle.zip")
	for ended := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		said, err := shell(t, env, program(t, "concord"), "audit", "export", "--agreement", "agr-2026-0007", to)
		if err == nil {
			return
		}
		if time.Now().After(ended) {
			t.Fatalf("nothing is signed: %v\n%s", err, said)
		}
	}
}
