package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestDemoLines types every line the demonstration prints, in its order, into a shell.
func TestDemoLines(t *testing.T) {
	p := start(t, lastLine, "demo", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	lines := strings.Split(p.said, "\n")
	var exports, commands []string
	for _, line := range lines {
		typed, indented := strings.CutPrefix(line, "  ")
		switch {
		case indented && strings.HasPrefix(typed, "export "):
			exports = append(exports, typed)
		case indented && !strings.HasPrefix(typed, " "):
			commands = append(commands, typed)
		}
	}
	if len(exports) != 3 || len(commands) < 10 {
		t.Fatalf("the demonstration said:\n%s", p.said)
	}
	refused := 0
	for _, command := range commands {
		program, _, _ := strings.Cut(command, " ")
		typed := command
		switch program {
		case "curl":
			if _, err := exec.LookPath("curl"); err != nil {
				t.Logf("no curl on this machine: %s", command)
				continue
			}
		case "grpcurl":
			typed = "go tool -modfile=proto/tools.mod " + command
		case "go":
		default:
			t.Fatalf("the demonstration prints a line that is none: %q", command)
		}
		shell := exec.Command("sh", "-c", strings.Join(exports, "\n")+"\n"+typed)
		shell.Dir = "../.."
		shell.Env = os.Environ()
		out, err := shell.CombinedOutput()
		// The line that shows a refusal is meant to be refused, and nothing else is.
		if strings.Contains(string(out), "WRONG_SIDE") || strings.Contains(string(out), "WRONG_STATE") {
			refused++
			continue
		}
		if err != nil || strings.Contains(string(out), `"reason"`) && strings.Contains(string(out), `"status"`) {
			t.Errorf("%s\n%v\n%s", command, err, out)
		}
	}
	if refused == 0 || refused > 2 {
		t.Errorf("%d lines were refused; the demonstration shows that nobody closes their own promise, once by curl and once by grpcurl", refused)
	}
}
