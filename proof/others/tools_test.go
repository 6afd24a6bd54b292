package others

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every program that is run to its end, and everything that is waited for.
const patience = 2 * time.Minute

// where is the directory of the programs that were built; it goes when the tests end.
var where string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if where, err = os.MkdirTemp("", "concord-others"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(where)
	return m.Run()
}

// build builds programs once.
type build struct {
	dir  string // to run the go command in
	args []string
	once sync.Once
	err  error
}

// The programs that others wrote are built as their authors released them, with the modules that they chose.
var programs = map[string]*build{
	"fsck":        {dir: ".", args: []string{"install", "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"}},
	"litewitness": {dir: ".", args: []string{"install", "filippo.io/torchwood/cmd/litewitness@v0.9.0"}},
	"concordd":    {dir: "../..", args: []string{"install", "./cmd/concordd"}},
	"concord":     {dir: "../..", args: []string{"install", "./cmd/concord"}},
}

// program says where a program is.
func program(t *testing.T, name string) string {
	t.Helper()
	b := programs[name]
	b.once.Do(func() {
		cmd := exec.Command("go", b.args...)
		cmd.Dir, cmd.Env = b.dir, append(os.Environ(), "GOBIN="+where)
		if said, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("go %s: %w\n%s", strings.Join(b.args, " "), err, said)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(where, name)
}

// shell runs a program to its end and returns all it said.
func shell(t *testing.T, env []string, program string, args ...string) (string, error) {
	t.Helper()
	return inside(t, ".", env, program, args...)
}

// inside is shell, in a directory.
func inside(t *testing.T, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// eventually asks until the answer is yes, within bounds.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for ended := time.Now().Add(patience); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(ended) {
			t.Fatalf("in vain waited for this: %s", what)
		}
	}
}

// fsckSays is the line by which fsck agrees. Its exit code is 0 whether it agrees or not.
const fsckSays = "Successfully fsck'd"

// fsck has Tessera's fsck check the log at a URL, and returns what it said and whether it agreed.
func fsck(t *testing.T, url, vkey string, more ...string) (string, bool) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	write(t, key, vkey)
	said, err := shell(t, nil, program(t, "fsck"), append([]string{
		"-ui=false", "-logtostderr", "-N=4", "-storage_url=" + url, "-public_key=" + key}, more...)...)
	agreed := strings.Contains(said, fsckSays)
	if agreed && err != nil {
		t.Fatalf("fsck agreed and failed: %v\n%s", err, said)
	}
	const enough = 4 << 10 // it prints whole tiles
	return said[:min(len(said), enough)], agreed
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// code is the exit code of a program that ended.
func code(err error) int {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode()
	}
	return 0
}
