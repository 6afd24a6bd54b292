package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKillErasesWholeOrNot kills the server around orders to erase: what is found after the restart is the order and
// nothing of the texts, or the texts and no order; and an order that was acknowledged is found.
func TestKillErasesWholeOrNot(t *testing.T) {
	args := []string{"--data-dir", filepath.Join(t.TempDir(), "data"), "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
	p := start(t, lastLine, args...)
	chief := p.key
	must := func(key, line string, more ...string) string {
		t.Helper()
		out, err := p.concord(t, key, append(strings.Fields(line), more...)...)
		if err != nil {
			t.Fatalf("concord %s %q: %v\n%s", line, more, err, out)
		}
		return out
	}
	for _, party := range []string{"acme", "globex"} {
		must(chief, "party create "+party+" --id "+party)
	}
	vendor := saidSecretOf(t, must(chief, "key create ann --role signatory --for acme"))
	client := saidSecretOf(t, must(chief, "key create bob --role signatory --for globex"))
	must(vendor, "agreement draft --id a --vendor acme --client globex -f ../../docs/examples/terms.json")
	must(vendor, "proposal make a --id p")
	must(client, "proposal accept a p --yes")
	events := func() (found []string) {
		return strings.Split(strings.TrimSpace(must(vendor, "event list a -o json")), "\n")
	}
	const rounds = 6
	for round := range rounds {
		words := fmt.Sprintf("Jane Roe %d", round)
		must(vendor, "obligation submit a pilot-1 --note", words)
		must(client, "obligation return a pilot-1 --reason", words)
		written := events()
		order := []string{"erase", "a", "--basis", "round", "--timeout", "2s"}
		for i, said := range written {
			if strings.Contains(said, words) {
				order = append(order, fmt.Sprint(i+1))
			}
		}
		acked := make(chan error, 1)
		go func(p *process) {
			_, err := p.concord(t, chief, order...)
			acked <- err
		}(p)
		done := false
		if round < rounds-1 {
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // around the start of the command line
			select {
			case err := <-acked:
				done = err == nil
				acked <- err
			default:
			}
		} else {
			done = <-acked == nil
			if !done {
				t.Fatal("the last order was not acknowledged")
			}
		}
		p.kill()
		p = start(t, lastLine, args...)
		all := events()
		ordered, left := strings.Contains(strings.Join(all[len(written):], ""), "privateDataErased"), 0
		for _, said := range append(all, must(vendor, "obligation show a pilot-1 -o json")) {
			left += strings.Count(said, words)
		}
		if ordered == (left > 0) || done && !ordered || strings.Contains(all[len(written)-1], `"erased":true`) != ordered {
			t.Errorf("round %d: acknowledged %t, ordered %t, and the words are read %d times: %s", round, done, ordered, left, all[len(written)-1])
		}
	}
}
