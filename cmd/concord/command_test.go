package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func TestWhatPeopleSee(t *testing.T) {
	sh := newShell(t, &office{})
	for name, line := range map[string]string{
		"agreement-list":  "agreement list",
		"agreement-show":  "agreement show help",
		"agreement-terms": "agreement terms next",
		"proposal-show":   "proposal show next first",
		"commitment-list": "commitment list help",
		"obligation-list": "obligation list help",
		"obligation-show": "obligation show help desk-1",
		"event-list":      "event list help",
		"portfolio":       "portfolio",
		"whoami":          "whoami",
	} {
		code, out, errs := sh.run(strings.Fields(line)...)
		if code != exitDone || errs != "" {
			t.Errorf("%s: %d, %s", line, code, errs)
		}
		if strings.ContainsRune(out, '\x1b') {
			t.Errorf("%s let the other side steer the terminal", line)
		}
		golden(t, name, out)
	}
}

func TestWhatProgramsSee(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	code, out, _ := sh.run("agreement", "list", "--state", "active", "--side", "SIDE_VENDOR", "-o", "json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitDone || len(lines) != 2 {
		t.Fatalf("a list is one object per line: %d\n%s", code, out)
	}
	a := &pb.Agreement{}
	if err := protojson.Unmarshal([]byte(lines[0]), a); err != nil || a.GetAgreementId() != "help" {
		t.Errorf("%v, %v", a, err)
	}
	r := o.asked.(*pb.ListAgreementsRequest)
	if r.GetState() != pb.AgreementState_AGREEMENT_STATE_ACTIVE || r.GetSide() != pb.Side_SIDE_VENDOR || r.GetPageToken() != "2" {
		t.Errorf("the service was asked %v", r)
	}
	// A text that was printed can be edited and handed back.
	_, sh.in, _ = sh.run("agreement", "terms", "next", "-o", "json")
	if code, _, errs := sh.run("agreement", "edit", "next", "-f", "-", "--etag", "9"); code != exitDone {
		t.Fatal(errs)
	}
	edit := o.asked.(*pb.UpdateAgreementRequest)
	if got := edit.GetAgreement().GetDraftTerms(); got.GetTitle() != text().GetTitle() || len(got.GetCommitments()) != 2 || edit.GetEtag() != "9" || edit.GetRequestId() == "" {
		t.Errorf("the edit was %v", edit)
	}
	sh.in = `{"title": "x", "titel": "y"}`
	if code, _, errs := sh.run("agreement", "edit", "next", "-f", "-"); code != exitRefused || !strings.Contains(errs, "titel") {
		t.Errorf("a misspelt field was taken: %d %s", code, errs)
	}
}

func TestConsentIsToExactlyWhatWasRead(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	_, digest := body()
	code, out, errs := sh.run("proposal", "accept", "next", "first")
	if code != exitUsage || o.asked != nil || !strings.Contains(errs, "--digest "+digest) || !strings.Contains(out, "90 days' notice") {
		t.Errorf("without a word of consent: %d\n%s\n%s", code, out, errs)
	}
	if code, _, errs := sh.run("proposal", "accept", "next", "first", "--yes"); code != exitDone {
		t.Fatal(errs)
	}
	if r := o.asked.(*pb.AcceptProposalRequest); r.GetTermsDigest() != digest || r.GetRevision() != 1 {
		t.Errorf("consented to %v", r)
	}
	other := strings.Repeat("0", 64)
	if code, out, errs := sh.run("proposal", "accept", "next", "first", "--digest", other, "-o", "json"); code != exitDone || !json.Valid([]byte(out)) {
		t.Errorf("%d %s\n%s", code, errs, out)
	}
	if r := o.asked.(*pb.AcceptProposalRequest); r.GetTermsDigest() != other {
		t.Errorf("the digest that was read before was not the one consented to: %v", r)
	}
	o.asked, o.tampered = nil, true
	if code, _, errs := sh.run("proposal", "accept", "next", "first", "--yes"); code != exitRefused || o.asked != nil || !strings.Contains(errs, "do not consent") {
		t.Errorf("a text that is not what its bytes say was accepted: %d %s", code, errs)
	}
}

func TestEvidenceIsHashedWhereItLies(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	file := filepath.Join(t.TempDir(), "slip.pdf")
	if err := os.WriteFile(file, []byte("test"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := sh.run("obligation", "submit", "help", "desk-1", "--note", "Here",
		"--evidence", "title=Photos, all of them,uri=https://x.example/a,b?c=1,note=by hand",
		"--evidence-file", file+",uri=https://x.example/slip.pdf")
	if code != exitDone {
		t.Fatal(errs)
	}
	got := o.asked.(*pb.SubmitObligationRequest).GetEvidence()
	if len(got) != 2 || got[0].GetTitle() != "Photos, all of them" || got[0].GetUri() != "https://x.example/a,b?c=1" || got[0].GetNote() != "by hand" {
		t.Errorf("%v", got)
	}
	if e := got[1]; e.GetTitle() != "slip.pdf" || e.GetMediaType() != "application/pdf" ||
		e.GetSha256() != "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" {
		t.Errorf("%v", e)
	}
	for _, wrong := range [][]string{
		{"--evidence", "just words"}, {"--evidence", "x,uri=https://x.example"}, {"--evidence", "title=a,title=b"}, {"--evidence", "title="},
		{"--evidence-file", file}, {"--evidence-file", "uri=https://x.example"}, {"--evidence-file", file + ",uri=u,sha256=00"},
	} {
		if code, _, errs := sh.run(append([]string{"obligation", "submit", "help", "desk-1"}, wrong...)...); code != exitUsage || errs == "" {
			t.Errorf("%v: %d %s", wrong, code, errs)
		}
	}
	if code, _, _ := sh.run("obligation", "submit", "help", "desk-1", "--evidence-file", file+"x,uri=https://x.example"); code != exitRefused {
		t.Errorf("a file that is not there: %d", code)
	}
}

func TestARefusalIsToldInFull(t *testing.T) {
	sh := newShell(t, &office{})
	code, out, errs := sh.run("agreement", "show", "gone")
	want := "concord: There is no agreement gone.\n  reason: NOT_FOUND\n  agreement_id: gone\n  - agreement_id: is not known\n"
	if code != exitRefused || out != "" || errs != want {
		t.Errorf("%d %q %q", code, out, errs)
	}
	_, _, errs = sh.run("agreement", "show", "gone", "-o", "json")
	var f failure
	if err := json.Unmarshal([]byte(errs), &f); err != nil || f.Code != "NOT_FOUND" || f.Reason != "NOT_FOUND" || len(f.Violations) != 1 {
		t.Errorf("%v %s", err, errs)
	}
	sh.addr = "127.0.0.1:1"
	if code, _, errs := sh.run("whoami", "--timeout", "50ms"); code != exitRefused || errs == "" {
		t.Errorf("nobody answered, and the code was %d", code)
	}
}

func TestACommandLineThatMakesNoSense(t *testing.T) {
	sh := newShell(t, &office{})
	for _, line := range []string{
		"party", "bogus", "party bogus", "party show", "agreement list --state happy", "agreement list --bogus", "agreement list -o xml",
		"key create holder", "key create holder --role king", "key create holder --role feed", "obligation waive a b", "obligation acknowledge a b --received today",
		"proposal accept a b --yes --digest x", "agreement draft --vendor a", "agreement edit a", "--timeout 0s whoami",
		"whoami --key a --key-file b", "erase care --basis x", "erase care 3", "erase care x --basis y", "erase care 7-3 --basis y", "erase care 1-1001 --basis y",
		"bench --callers 0", "bench --verb dance", "bench --prefix A", "bench --agreements 2 --callers 3",
	} {
		if code, out, errs := sh.run(strings.Fields(line)...); code != exitUsage || out != "" || !strings.Contains(errs, "usage: concord") {
			t.Errorf("concord %s: %d %q %q", line, code, out, errs)
		}
	}
}

func TestWhoCallsIsTakenFromFlagsThenTheEnvironment(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("filed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sh.env["CONCORD_KEY"], sh.env["CONCORD_PARTY"] = "environs", "acme"
	for _, c := range []struct{ line, want string }{
		{"whoami", "Bearer environs acme"},
		{"whoami --key-file " + file, "Bearer filed acme"},
		{"whoami --key given --party globex", "Bearer given globex"},
	} {
		if code, _, errs := sh.run(strings.Fields(c.line)...); code != exitDone {
			t.Fatal(errs)
		}
		if got := o.key[len(o.key)-1]; got != c.want {
			t.Errorf("%s called as %q", c.line, got)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	sh := newShell(t, &office{})
	root := (&session{getenv: os.Getenv, in: os.Stdin, out: os.Stdout, errs: os.Stderr}).root()
	for _, noun := range root.Commands() {
		for _, verb := range noun.Commands() {
			if code, out, _ := sh.run(noun.Name(), verb.Name(), "--help"); code != exitDone || !strings.Contains(out, "concord "+noun.Name()+" "+verb.Name()) {
				t.Errorf("%s %s has no help", noun.Name(), verb.Name())
			}
			if noun.Runnable() && noun.Args(noun, []string{"one"}) == nil {
				t.Errorf("%s takes a name, and could not take %q, which is its verb", noun.Name(), verb.Name())
			}
		}
	}
	for _, noun := range root.Commands() {
		for _, cmd := range append(noun.Commands(), noun) {
			root.PersistentFlags().VisitAll(func(global *pflag.Flag) {
				if cmd.LocalNonPersistentFlags().Lookup(global.Name) != nil {
					t.Errorf("%s hides the global flag --%s", cmd.CommandPath(), global.Name)
				}
			})
		}
	}
	if code, out, _ := sh.run("version"); code != exitDone || !strings.Contains(out, "go1.") {
		t.Errorf("version: %s", out)
	}
	if code, out, _ := sh.run("__complete", "obligation", "list", "--state", ""); code != exitDone || !strings.Contains(out, "submitted\n") {
		t.Errorf("completion: %s", out)
	}
}
