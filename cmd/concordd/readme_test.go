package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var saidSecret = regexp.MustCompile(`concord\.key_\S+`)

// TestReadme follows the README from nothing to a promise kept on both sides, as it is printed.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## Ten minutes")
	section, _, ends := strings.Cut(section, "\n## ")
	if !found || !ends {
		t.Fatal("the README has no section that begins with Ten minutes")
	}
	p := start(t, lastLine, "--data-dir", filepath.Join(t.TempDir(), "data"), "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	secrets := []string{p.key}
	env := append(os.Environ(), "CONCORD_ADDR="+p.grpc, "PATH="+filepath.Dir(binary(t, "concord"))+string(os.PathListSeparator)+os.Getenv("PATH"))
	typed := 0
	for _, line := range strings.Split(section, "\n") {
		command, _, _ := strings.Cut(line, "  #")
		command = strings.TrimSpace(command)
		if name, isExport := strings.CutPrefix(command, "export "); isExport {
			name, _, _ = strings.Cut(name, "=")
			if len(secrets) == 0 {
				t.Fatalf("%q: no secret was told that is not used yet", command)
			}
			env = append(env, name+"="+secrets[0]) // the secrets are exported in the order in which they are told
			secrets = secrets[1:]
			continue
		}
		if !strings.HasPrefix(command, "concord ") {
			continue
		}
		out := run(t, env, command)
		typed++
		if strings.Contains(command, "key create") {
			secrets = append(secrets, saidSecretOf(t, out))
		}
		if strings.Contains(command, "proposal accept") {
			run(t, env, "concord --key $CLIENT obligation show stores pilot-1") // the clock has come round
		}
	}
	if typed < 12 {
		t.Fatalf("only %d commands were found in the README", typed)
	}
	if out := run(t, env, "concord --key $CLIENT obligation list stores"); strings.Count(out, "FULFILLED") != 2 {
		t.Errorf("after the README a promise is kept on both sides:\n%s", out)
	}
	if _, err := exec.LookPath("curl"); err == nil {
		_, curl, _ := strings.Cut(section, "The same over REST: `")
		curl, _, _ = strings.Cut(curl, "`")
		out := run(t, env, strings.Replace(curl, "http://127.0.0.1:8400", p.http, 1))
		if !strings.Contains(out, `"obligationId":"pilot-1"`) {
			t.Errorf("%s\n%s", curl, out)
		}
	}
}

// readmeSection is a section of the README, line by line.
func readmeSection(t *testing.T, begins string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## "+begins)
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatalf("the README has no section that begins with %s", begins)
	}
	return strings.Split(section, "\n")
}

// besideTheDemo starts a demonstration, and returns it with the environment of a terminal beside it.
func besideTheDemo(t *testing.T) (p *process, env []string) {
	t.Helper()
	p = start(t, lastLine, "demo", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	_, addr, _ := strings.Cut(p.said, "--addr ")
	addr, _, _ = strings.Cut(addr, " ")
	env = append(os.Environ(), "CONCORD_ADDR="+addr, "PATH="+filepath.Dir(binary(t, "concord"))+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"VENDOR", "CLIENT", "AUDITOR"} {
		_, key, _ := strings.Cut(p.said, "export "+name+"=")
		key, _, _ = strings.Cut(key, "\n")
		env = append(env, name+"="+key)
	}
	return p, env
}

// TestReadmeForWhoWonders follows the README's section on whether both are winning, as it is printed.
func TestReadmeForWhoWonders(t *testing.T) {
	_, env := besideTheDemo(t)
	dir, lines := t.TempDir(), 0
	for _, line := range readmeSection(t, "Five minutes more") {
		command, _, _ := strings.Cut(line, "  #")
		if !strings.HasPrefix(command, "concord ") {
			continue
		}
		lines++
		if out, code := typed(t, dir, env, command); code != 0 || len(out) == 0 && !strings.Contains(command, ">") {
			t.Errorf("%s\n%d\n%s", command, code, out)
		}
	}
	if lines != 10 {
		t.Errorf("%d commands were found in the README", lines)
	}
}

// TestReadmeForAuditors follows the README's section for auditors, as it is printed, in a directory of its own.
func TestReadmeForAuditors(t *testing.T) {
	_, env := besideTheDemo(t)
	dir, lines := t.TempDir(), 0
	for _, line := range readmeSection(t, "Ten minutes more") {
		command, remark, _ := strings.Cut(line, "  #")
		if !strings.HasPrefix(command, "concord ") && !strings.HasPrefix(command, "LC_ALL=") {
			continue
		}
		lines++
		out, code := typed(t, dir, env, command)
		verdict, _, _ := strings.Cut(out, "\n")
		switch said := strings.TrimLeft(remark, " "); {
		case strings.HasPrefix(said, "TAMPERED"):
			if verdict != "TAMPERED" || code != 1 || !strings.Contains(out, "chains/agr-2026-0007/") {
				t.Errorf("%s\n%d\n%s", command, code, out)
			}
		case code != 0, strings.HasPrefix(said, "SOUND") && verdict != "SOUND":
			t.Errorf("%s\n%d\n%s", command, code, out)
		}
	}
	if lines != 6 {
		t.Errorf("%d commands were found in the README", lines)
	}
}

// typed types a line in a directory, and returns what was said and the exit code. It is given a moment where the newest events
// must be signed first.
func typed(t *testing.T, dir string, env []string, line string) (out string, code int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		shell := exec.Command("sh", "-c", line)
		shell.Dir, shell.Env = dir, env
		said, err := shell.CombinedOutput()
		if err == nil || time.Now().After(deadline) || !strings.Contains(string(said), "within a second") {
			return string(said), shell.ProcessState.ExitCode()
		}
	}
}

func saidSecretOf(t *testing.T, out string) string {
	t.Helper()
	for _, found := range saidSecret.FindAllString(out, -1) {
		if strings.Count(found, ".") == 2 {
			return strings.Trim(found, `"',`)
		}
	}
	t.Fatalf("no secret in:\n%s", out)
	return ""
}

// run types a line at the root of the project; it is given a moment where the service's clock must come round first.
func run(t *testing.T, env []string, line string) string {
	t.Helper()
	var out []byte
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		shell := exec.Command("sh", "-c", line)
		shell.Dir, shell.Env = "../..", env
		if out, err = shell.CombinedOutput(); err == nil || !strings.Contains(string(out), "no obligation") && !strings.Contains(string(out), "SCHEDULED") {
			break
		}
	}
	if err != nil {
		t.Fatalf("%s\n%v\n%s", line, err, out)
	}
	return string(out)
}
