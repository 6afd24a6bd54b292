package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concordhq/concord/server"
)

// liveShell starts a whole service in memory and returns a shell with the operator's key.
func liveShell(t *testing.T) *shell {
	t.Helper()
	config := server.Default()
	config.Store, config.GRPCAddr, config.HTTPAddr = server.StoreMemory, "127.0.0.1:0", "127.0.0.1:0"
	ctx, stop := context.WithCancel(t.Context())
	s, err := server.New(ctx, config, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	up, down := make(chan server.Started, 1), make(chan error, 1)
	go func() { down <- s.Run(ctx, func(started server.Started) { up <- started }) }()
	t.Cleanup(func() {
		stop()
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
	select {
	case started := <-up:
		return &shell{t: t, addr: started.GRPCAddr, env: map[string]string{
			"CONCORD_KEY": started.FirstKey, "CONCORD_HTTP_ADDR": started.HTTPAddr,
		}}
	case err := <-down:
		down <- nil
		t.Fatal(err)
		return nil
	}
}

// as is the shell of somebody else.
func (sh *shell) as(key string) *shell {
	return &shell{t: sh.t, addr: sh.addr, env: map[string]string{"CONCORD_KEY": key}}
}

// must runs a command line that has to succeed. An underscore in it stands for a space within a word.
func (sh *shell) must(line string) string {
	sh.t.Helper()
	code, out, errs := sh.run(words(line)...)
	if code != exitDone {
		sh.t.Fatalf("concord %s: %d\n%s", line, code, errs)
	}
	return out
}

// refused runs a command line that has to be refused for a reason.
func (sh *shell) refused(line, reason string) {
	sh.t.Helper()
	code, _, errs := sh.run(words(line)...)
	if code != exitRefused || !strings.Contains(errs, "reason: "+reason+"\n") {
		sh.t.Errorf("concord %s: %d, wanted %s\n%s", line, code, reason, errs)
	}
}

func words(line string) []string {
	all := strings.Fields(line)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "_", " ")
	}
	return all
}

// field is a field of a JSON object.
func (sh *shell) field(object, name string) string {
	sh.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		sh.t.Fatal(err)
	}
	text, _ := fields[name].(string)
	return text
}

// eventually runs a command line until its answer has something in it: the service's clock takes a moment.
func (sh *shell) eventually(line, has string) {
	sh.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(sh.must(line), has) {
			return
		}
	}
	sh.t.Fatalf("concord %s never said %q", line, has)
}

func TestTwoPartiesComeToAgreeAndKeepTheirPromises(t *testing.T) {
	operator := liveShell(t)
	operator.must("party create Acme --id acme")
	operator.must("party create Globex --id globex")
	operator.must("party rename globex Globex_Ltd")
	vendor := operator.as(operator.field(operator.must("key create Ann --role signatory --for acme -o json"), "secret"))
	client := operator.as(operator.field(operator.must("key create Bob --role signatory --for globex -o json"), "secret"))
	operator.refused("agreement list", "ROLE_NOT_ALLOWED")

	today := time.Now().UTC()
	terms := text()
	terms.EffectiveDate, terms.EndDate, terms.Title = today.Format(time.DateOnly), "", "Help desk"
	terms.Commitments = terms.Commitments[1:]
	terms.Commitments[0].GetOneOff().DueDate = today.AddDate(0, 0, 20).Format(time.DateOnly)
	file := filepath.Join(t.TempDir(), "terms.json")
	if err := os.WriteFile(file, []byte(jsonOf(t, terms)), 0o600); err != nil {
		t.Fatal(err)
	}
	vendor.must("agreement draft --vendor acme --client globex --id help -f " + file)
	client.refused("agreement show help", "NOT_FOUND")
	vendor.must("proposal make help --id first --note As_discussed")
	vendor.refused("proposal accept help first --yes", "NOT_YOUR_TURN")
	client.must("proposal counter help first -f " + file + " --note Without_a_change")
	vendor.refused("proposal accept help first --digest "+strings.Repeat("0", 64), "DIGEST_MISMATCH")
	digest := vendor.field(vendor.must("proposal show help first -o json"), "termsDigest")
	vendor.must("proposal accept help first --digest " + digest)
	client.eventually("obligation list help --state due", "desk-1")

	client.refused("obligation submit help desk-1 --note Mine", "WRONG_SIDE")
	vendor.must("obligation submit help desk-1 --note Delivered --evidence-file " + file + ",uri=https://files.example/slip.json")
	vendor.refused("obligation accept help desk-1", "WRONG_SIDE")
	client.must("obligation return help desk-1 --reason One_is_missing")
	vendor.must("obligation submit help desk-1 --note All_there --request-id again")
	vendor.must("obligation submit help desk-1 --note All_there --request-id again")
	client.must("obligation accept help desk-1 --note Thank_you")
	if list := client.must("obligation list help --obligor vendor"); !strings.Contains(list, "FULFILLED") || !strings.Contains(list, "ON_TIME") {
		t.Error(list)
	}
	for _, shell := range []*shell{vendor, client} {
		if history := shell.must("event list help"); !strings.Contains(history, "One is missing") {
			t.Error(history)
		}
	}
	for _, line := range []string{"commitment show help desk", "obligation show help desk-1"} {
		if shown := vendor.must(line); !strings.Contains(shown, "because") || !strings.Contains(shown, "The terms name "+today.AddDate(0, 0, 20).Format(time.DateOnly)) {
			t.Errorf("concord %s does not say how the date came about:\n%s", line, shown)
		}
	}
	if file := client.must("agreement calendar help"); !strings.Contains(file, "UID:help.desk-1@concord\r\n") {
		t.Error(file)
	}
	vendor.must("feed create Telephone --id phone --agreement help")
	client.refused("feed revoke phone", "NOT_FOUND")
	vendor.must("feed revoke phone")
	operator.must("bench --callers 2 --connections 1 --agreements 4 --warmup 0s --duration 100ms")
	operator.must("bench --callers 2 --connections 1 --agreements 4 --warmup 0s --duration 100ms --verb rest-get -o json")
}
