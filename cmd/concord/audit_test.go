package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/server/servertest"
)

// TestAnAuditFromAShell exports a bundle from a running service, and then has nothing but files: it is sound; with a byte
// changed it is not; without its end it is no bundle; under another's policy its signature counts for nothing.
func TestAnAuditFromAShell(t *testing.T) {
	sh := liveShell(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	sh.must("party create Acme --id acme")
	var file []byte
	servertest.Eventually(t, "a checkpoint that reaches Acme", func() bool {
		code, _, _ := sh.run("audit", "export", at("b.zip"))
		file, _ = os.ReadFile(at("b.zip"))
		return code == exitDone && bytes.Contains(file, []byte("Acme"))
	})
	for name, line := range map[string]string{"checkpoint": "log checkpoint", "policy": "log policy"} {
		if err := os.WriteFile(at(name), []byte(sh.must(line)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := sh.must("audit export -"); !strings.HasPrefix(out, "PK") {
		t.Errorf("to standard output: %.20q", out)
	}
	if is, err := os.ReadDir(dir); err != nil || len(is) != 3 {
		t.Errorf("files that are left: %v, %v", is, err)
	}
	for name, data := range map[string][]byte{
		"tampered.zip": bytes.Replace(file, []byte("Acme"), []byte("Acne"), 1), "half.zip": file[:len(file)/2],
		"other": []byte("log other.example+a0d9d673+AbiW+KP9gEcqcWLQnPA40dJ02z6v1DdCEDOoJHaVR+D7\nquorum none\n"), "wrong": []byte("whoever"),
	} {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sh.addr = "127.0.0.1:1" // nobody is there, and nobody is asked
	for _, c := range []struct {
		line string
		code int
		out  string
	}{
		{"b.zip --policy @policy", exitDone, "SOUND\n\nabout"},
		{"b.zip --policy @policy --since @checkpoint", exitDone, "grown from"},
		{"b.zip --policy @policy -o json", exitDone, `"outcome": "sound"`},
		{"tampered.zip --policy @policy", exitTampered, "TAMPERED\n\nchains/_service/events: tampered (file)\n  Byte "},
		{"half.zip --policy @policy", exitIncomplete, "INCOMPLETE\n\nthe file: incomplete (file)\n  It is no bundle, or not the whole of one"},
		{"b.zip --policy @missing", exitIncomplete, ""},
		{"missing.zip --policy @policy", exitIncomplete, ""},
		{". --policy @policy", exitIncomplete, ""},
		{"b.zip --policy @wrong", exitIncomplete, ""},
		{"b.zip", exitUsage, ""},
	} {
		code, out, errs := sh.run(strings.Fields(strings.ReplaceAll("audit verify "+dir+"/"+c.line, "@", dir+"/"))...)
		if code != c.code || !strings.Contains(out, c.out) || c.out == "" && errs == "" {
			t.Errorf("concord audit verify %s: %d\n%s%s", c.line, code, out, errs)
		}
	}
	_, out, _ := sh.run("audit", "verify", at("tampered.zip"), "--policy", at("policy"), "-o", "json")
	var r struct{ Findings []bundle.Finding }
	if err := json.Unmarshal([]byte(strings.ReplaceAll(out, `"outcome": "tampered"`, `"outcome": 2`)), &r); err != nil || len(r.Findings) != 1 || r.Findings[0].Check != bundle.CheckFile {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestAnExportThatFailsLeavesNothing has an export refused, and looks for what is left.
func TestAnExportThatFailsLeavesNothing(t *testing.T) {
	sh := liveShell(t)
	dir := t.TempDir()
	sh.refused("audit export "+filepath.Join(dir, "b.zip")+" --agreement none", "NOT_FOUND")
	if code, _, errs := sh.run("audit", "export", filepath.Join(dir, "no", "such", "folder.zip")); code != exitRefused || !strings.Contains(errs, "folder.zip") {
		t.Errorf("%d %s", code, errs)
	}
	if is, err := os.ReadDir(dir); err != nil || len(is) > 0 {
		t.Errorf("%v, %v", is, err)
	}
}

// TestAProofFromAShell has the proof of an event checked on the way.
func TestAProofFromAShell(t *testing.T) {
	sh := liveShell(t)
	dir := t.TempDir()
	servertest.Eventually(t, "a checkpoint", func() bool {
		code, _, _ := sh.run("log", "checkpoint")
		return code == exitDone
	})
	own, other := filepath.Join(dir, "own"), filepath.Join(dir, "other")
	if err := os.WriteFile(own, []byte(sh.must("log policy")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, []byte("log other.example+a0d9d673+AbiW+KP9gEcqcWLQnPA40dJ02z6v1DdCEDOoJHaVR+D7\nquorum none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := sh.must("audit proof --position 1 --policy " + own); !strings.HasPrefix(out, "c2sp.org/tlog-proof@v1\nextra ") {
		t.Error(out)
	}
	if code, out, errs := sh.run("audit", "proof", "--position", "1", "--policy", other); code != exitRefused || out != "" || errs == "" {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	for _, line := range []string{"audit proof", "audit proof help", "audit proof help none", "audit proof help 0", "audit proof help 3 --position 4", "audit growth none", "audit growth 0"} {
		if code, _, _ := sh.run(strings.Fields(line)...); code != exitUsage {
			t.Errorf("concord %s: %d", line, code)
		}
	}
}
