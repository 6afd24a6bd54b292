package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/concordhq/concord/server/servertest"
)

// write writes a file of a test.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reviewed is a shell of the operator's, and a folder with what an auditor took home: a bundle in which both sides have signed
// what they saw, the policy, the scorecard, and the review.
func reviewed(t *testing.T) (sh *shell, dir string) {
	t.Helper()
	sh, dir = liveShell(t), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	sh.must("party create Acme --id acme")
	sh.must("party create Globex --id globex")
	vendor := sh.as(sh.field(sh.must("key create Ann --role signatory --for acme -o json"), "secret"))
	client := sh.as(sh.field(sh.must("key create Bob --role signatory --for globex -o json"), "secret"))
	today := time.Now().UTC().Format(time.DateOnly)
	terms := text()
	terms.EffectiveDate, terms.EndDate, terms.Calendar.TimeZone = today, "", "UTC"
	terms.Commitments = terms.Commitments[1:]
	terms.Commitments[0].GetOneOff().DueDate = today
	write(t, at("terms.json"), jsonOf(t, terms))
	vendor.must("agreement draft --vendor acme --client globex --id help -f " + at("terms.json"))
	vendor.must("proposal make help --id first")
	client.must("proposal accept help first --yes")
	client.eventually("obligation list help --state due", "desk-1")
	client.must("obligation acknowledge help desk-1")
	write(t, at("early.json"), vendor.must("scorecard show help -o json"))
	vendor.must("review open help --id q1 --title First_weeks")
	client.must("review write help q1 --minutes We_met. --action client_2027-01-01_Name_a_contact")
	vendor.must("review sign help q1 --yes")
	write(t, at("half.json"), vendor.must("review show help q1 -o json"))
	client.must("review sign help q1 --yes")
	write(t, at("card.json"), vendor.must("scorecard show help -o json"))
	write(t, at("review.json"), vendor.must("review show help q1 -o json"))
	write(t, at("policy"), sh.must("log policy"))
	auditor := sh.as(sh.field(sh.must("key create Nora --role auditor -o json"), "secret"))
	servertest.Eventually(t, "a checkpoint that reaches the signatures", func() bool {
		code, _, _ := auditor.run("audit", "export", "--agreement", "help", at("b.zip"))
		_, out, _ := auditor.run("audit", "scorecard", at("b.zip"), "--policy", at("policy"), "--compare", at("card.json"))
		return code == exitDone && strings.HasPrefix(out, "THE SAME")
	})
	return sh, dir
}

// TestAScorecardFromFiles reckons with nothing but files at hand, and compares with what was shown.
func TestAScorecardFromFiles(t *testing.T) {
	sh, dir := reviewed(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	sh.addr = "127.0.0.1:1" // nobody is there, and nobody is asked
	file := func(name string) string {
		text, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	replaced := func(name, from, old, is string) {
		text := strings.Replace(file(from), old, is, 1)
		if text == file(from) {
			t.Fatalf("%s has no %q", from, old)
		}
		write(t, at(name), text)
	}
	replaced("improved.json", "card.json", `"keptOnTime": 1`, `"keptOnTime": 9`)
	replaced("later.json", "card.json", `"version": "`, `"version": "9`)
	replaced("undated.json", "card.json", `"asOf"`, `"createTime"`)
	replaced("forged.json", "review.json", `"keptOnTime": 1`, `"keptOnTime": 9`)
	write(t, at("stale.json"), regexp.MustCompile(`"asOf": "20`).ReplaceAllString(file("early.json"), `"asOf": "21`))
	replaced("another.json", "review.json", `"principalId": "`, `"principalId": "not_`)
	replaced("tocome.json", "review.json", `"etag": "`, `"etag": "9`)
	replaced("undone.json", "review.json", `"etag": "`, `"etag": "x`)
	replaced("tampered.zip", "b.zip", "desk-1", "disk-1")
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"b.zip --policy @policy", exitDone, "kept on time"},
		{"b.zip help --policy @policy -o json", exitDone, `"keptOnTime": 1`},
		{"b.zip help --policy @policy -o csv", exitDone, "figure,kept,"},
		{"b.zip help --policy @policy --as-of " + time.Now().Add(time.Hour).UTC().Format(time.RFC3339), exitDone, "kept on time"},
		{"b.zip help --policy @policy --side vendor --figure kept", exitDone, "desk-1"},
		{"b.zip --policy @policy --compare @card.json", exitDone, "THE SAME"},
		{"b.zip --policy @policy --compare @review.json -o json", exitDone, `"same": true`},
		{"b.zip --policy @policy --compare @improved.json", exitTampered, "NOT THE SAME\n\nvendor.outcomes.keptOnTime is said to be 9, and is 1\n"},
		{"b.zip --policy @policy --compare @improved.json -o json", exitTampered, `"reckoned": "1"`},
		{"b.zip --policy @policy --compare @half.json", exitDone, "THE SAME"},
		{"b.zip --policy @policy --compare @another.json", exitTampered, "NOT THE SAME\n\nreview.signatures[0].principalId is said to be not_"},
		{"b.zip --policy @policy --compare @tocome.json", exitIncomplete, "take a newer one"},
		{"b.zip --policy @policy --compare @undone.json", exitIncomplete, "its etag"},
		{"b.zip --policy @policy --compare @early.json", exitDone, "THE SAME"},
		{"b.zip --policy @policy --compare @stale.json", exitTampered, "NOT THE SAME\n\nversion is said to be "},
		{"tampered.zip --policy @policy", exitTampered, "TAMPERED"},
		{"b.zip --policy @policy --compare @later.json", exitIncomplete, "take a newer one"},
		{"b.zip --policy @policy --compare @undated.json", exitIncomplete, "neither a scorecard nor a review"},
		{"b.zip --policy @policy --compare @forged.json", exitIncomplete, "not the one that the paper names"},
		{"b.zip other --policy @policy --compare @card.json", exitIncomplete, `a scorecard of "help"`},
		{"b.zip --policy @policy --compare @none.json", exitIncomplete, "none.json"},
		{"b.zip other --policy @policy", exitIncomplete, "it is about help"},
		{"b.zip --policy @policy --from soon", exitIncomplete, "from_date"},
		{"b.zip --policy @none", exitIncomplete, "none"},
		{"none.zip --policy @policy", exitIncomplete, "none.zip"},
		{"b.zip", exitUsage, "--policy is needed"},
		{"b.zip --policy @policy --side vendor", exitUsage, "figure"},
		{"b.zip --policy @policy --compare @card.json --from 2026-01-01", exitUsage, "compare"},
	} {
		code, out, errs := sh.run(strings.Fields(strings.ReplaceAll("audit scorecard "+dir+"/"+c.line, "@", dir+"/"))...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("concord audit scorecard %s: %d\n%s%s", c.line, code, out, errs)
		}
	}
	if code, out, _ := sh.run("audit", "verify", at("b.zip"), "--policy", at("policy")); code != exitDone || !strings.Contains(out, "SCORECARDS") {
		t.Errorf("%d\n%s", code, out)
	}
}
