package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// Who watches from some event on is told everything once, as lines for people or as objects for programs.
func TestWatchTellsWhatHappens(t *testing.T) {
	sh := liveShell(t)
	sh.must("party create Acme --id acme")
	sh.must("party create Globex --id globex")
	table := strings.Split(sh.must("watch --after 2 --limit 2"), "\n")
	if len(table) != 4 || !strings.HasPrefix(table[0], "POSITION  RECORDED") || !strings.HasPrefix(table[2], "4 ") || !strings.Contains(table[2], "Globex") {
		t.Errorf("%q", table)
	}
	_, out, _ := sh.run("watch", "--after", "0", "--limit", "2", "--kind", "party_registered", "-o", "json")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	for i, line := range lines {
		var e struct {
			Position string
			Event    struct{ PartyRegistered struct{ PartyID string } }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Event.PartyRegistered.PartyID != []string{"acme", "globex"}[i] {
			t.Errorf("%v: %s", err, line)
		}
	}
	sh.refused("watch --kind party_invited", "INVALID_FIELDS")
	sh.refused("watch --after 1000000", "INVALID_FIELDS")
	sh.refused("watch nowhere", "NOT_FOUND")
	if code, _, _ := sh.run("watch", "--limit", "-1"); code != exitUsage {
		t.Errorf("a limit of -1: %d", code)
	}
}
