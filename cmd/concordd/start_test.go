package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startTimeout is more than a refused start takes.
const startTimeout = 20 * time.Second

// refusedStart runs concordd and returns what it says; it must end by itself, with an error.
func refusedStart(t *testing.T, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t, "concordd"), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Errorf("concordd %v: %v, and not refused\n%s", args, err, out)
	}
	if strings.Contains(string(out), "panic") {
		t.Errorf("concordd %v panics:\n%s", args, out)
	}
	return string(out)
}

func TestStartIsRefused(t *testing.T) {
	dir := t.TempDir()
	free := []string{"--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
	wrong := filepath.Join(dir, "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("grpc-adr: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	p := start(t, lastLine, append(free, "--data-dir", data)...)
	for _, c := range []struct {
		name, says string
		env, args  []string
	}{
		{"a second process", "in use", nil, append(free, "--data-dir", data)},
		{"a port that is taken", "listen", nil, []string{"--store", "memory", "--grpc-addr", p.grpc, "--http-addr", "127.0.0.1:0"}},
		{"an unknown setting", "grpc-adr", nil, append(free, "--config", wrong)},
		{"not loopback without TLS", "loopback", nil, []string{"--grpc-addr", "0.0.0.0:0"}},
		{"a wrong value in the environment", "log-level", []string{"CONCORD_LOG_LEVEL=loud"}, free},
		{"half of TLS", "go together", nil, append(free, "--tls-cert-file", "x")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := refusedStart(t, c.env, c.args...); !strings.Contains(out, c.says) {
				t.Errorf("it should say %q:\n%s", c.says, out)
			}
		})
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.exited; err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.stderr)
	}
	p.exited <- nil
	if err := os.Truncate(filepath.Join(data, "tables.0"), 0); err != nil {
		t.Fatal(err)
	}
	t.Run("an empty file", func(t *testing.T) {
		if out := refusedStart(t, nil, append(free, "--data-dir", data)...); !strings.Contains(out, "tables.0") {
			t.Errorf("it should name the file:\n%s", out)
		}
	})
}
