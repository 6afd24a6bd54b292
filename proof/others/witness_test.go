package others

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/tlog"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// witness is a litewitness that runs, with a key of its own.
type witness struct {
	name, url, vkey string
	cmd             *exec.Cmd
	args            []string
	said            string // a file
}

// startWitness starts a litewitness. It knows no log yet.
func startWitness(t *testing.T, name string) *witness {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := torchwood.NewCosignatureSigner(name, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close() // litewitness wants to be told its port
	w := &witness{name: name, url: "http://" + addr, vkey: signer.Verifier().String(), said: filepath.Join(t.TempDir(), "said")}
	w.args = []string{"-db", filepath.Join(t.TempDir(), "witness.db"), "-ssh-agent", keyring(t, private), "-name", name,
		"-key", ssh.FingerprintSHA256(key), "-listen", addr}
	w.start(t)
	t.Cleanup(w.stop)
	return w
}

// keyring serves a key as ssh-agent does, which is where litewitness looks for it. A socket's path must be short.
func keyring(t *testing.T, private ed25519.PrivateKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(where, "")
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "agent")
	socket, err := net.Listen("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = agent.ServeAgent(ring, conn) // ends with the connection
			}()
		}
	}()
	return at
}

func (w *witness) start(t *testing.T) {
	t.Helper()
	said, err := os.Create(w.said)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	w.cmd = exec.Command(program(t, "litewitness"), w.args...)
	w.cmd.Stdout, w.cmd.Stderr = said, said
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "litewitness listens", func() bool {
		answer, err := http.Get(w.url + "/logz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return true
	})
}

func (w *witness) stop() {
	w.cmd.Process.Kill()
	w.cmd.Wait()
}

// learn tells the witness of a log and the keys that may sign for it.
func (w *witness) learn(t *testing.T, origin string, vkeys ...string) {
	t.Helper()
	db, err := sqlite.OpenConn(w.args[1])
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	empty, _ := tlog.TreeHash(0, nil)
	must := func(query string, args ...any) {
		if err := sqlitex.Execute(db, query, &sqlitex.ExecOptions{Args: args}); err != nil {
			t.Fatal(err)
		}
	}
	must("INSERT INTO log(origin, tree_size, tree_hash) VALUES(?, 0, ?) ON CONFLICT DO NOTHING", origin, base64.StdEncoding.EncodeToString(empty[:]))
	for _, vkey := range vkeys {
		must("INSERT INTO key(origin, key) VALUES(?, ?)", origin, vkey)
	}
}

// ask asks the witness to cosign a checkpoint, with the proof that it follows one of an older size.
func (w *witness) ask(t *testing.T, old int64, proof tlog.TreeProof, checkpoint string) (status int, said string) {
	t.Helper()
	var body strings.Builder
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintf(&body, "%s\n", hash)
	}
	body.WriteString("\n" + checkpoint)
	answer, err := http.Post(w.url+"/add-checkpoint", "text/plain", strings.NewReader(body.String()))
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
