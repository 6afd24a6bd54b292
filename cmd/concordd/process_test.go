package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests below use the real binaries, over real sockets.

var (
	buildOnce sync.Once
	buildDir  string
	buildErr  error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// binary builds a command once and returns where it is.
func binary(t *testing.T, name string) string {
	t.Helper()
	buildOnce.Do(func() {
		if buildDir, buildErr = os.MkdirTemp("", "concord-bin"); buildErr != nil {
			return
		}
		var out []byte
		if out, buildErr = exec.Command("go", "build", "-o", buildDir, "../concordd", "../concord").CombinedOutput(); buildErr != nil {
			t.Logf("%s", out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return filepath.Join(buildDir, name)
}

// lastLine marks the last line concordd says before it serves.
const lastLine = "Ctrl-C"

// process is a concordd that runs.
type process struct {
	cmd        *exec.Cmd
	grpc, http string
	key        string // of the operator, on a first start
	said       string // all of its standard output up to the marker
	exited     chan error
	stderr     *bytes.Buffer
}

var saidKey = regexp.MustCompile(`concord\.key_operator\.\S+`)

// start starts concordd and waits until it has said its last line, which holds marker.
func start(t *testing.T, marker string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary(t, "concordd"), args...), exited: make(chan error, 1), stderr: &bytes.Buffer{}}
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.said += lines.Text() + "\n"
			if strings.Contains(lines.Text(), marker) {
				close(ready)
				break
			}
		}
	}()
	go func() { <-ended; p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() { p.kill() })
	select {
	case <-ready:
	case err := <-p.exited:
		p.exited <- err
		t.Fatalf("concordd ended before it served: %v\n%s", err, p.stderr)
	case <-time.After(time.Minute):
		t.Fatalf("concordd did not serve within a minute\n%s\n%s", p.said, p.stderr)
	}
	for _, line := range strings.Split(p.said, "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 1 && fields[0] == "gRPC":
			p.grpc = fields[1]
		case len(fields) > 1 && fields[0] == "REST":
			p.http = strings.TrimSuffix(fields[1], "/v1")
		}
	}
	p.key = saidKey.FindString(p.said)
	return p
}

// kill is kill -9, and waits for the end.
func (p *process) kill() {
	p.cmd.Process.Kill()
	err := <-p.exited
	p.exited <- err
}

// concord runs the command line against the process.
func (p *process) concord(t *testing.T, key string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(binary(t, "concord"), args...)
	cmd.Env = append(os.Environ(), "CONCORD_ADDR="+p.grpc, "CONCORD_KEY="+key)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
