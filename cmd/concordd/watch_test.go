package main

import (
	"context"
	"iter"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// watchKills is how often the server is killed under a watch; -short kills it less often.
const (
	watchKills      = 5
	watchKillsShort = 2
)

// TestAWatchSurvivesKills watches a server that is killed in the middle of a benchmark, again and again. What was told
// is what the last server has: nothing is missing, nothing came twice, and nothing was told that a crash took back.
func TestAWatchSurvivesKills(t *testing.T) {
	kills := watchKills
	if testing.Short() {
		kills = watchKillsShort
	}
	args := []string{"--data-dir", filepath.Join(t.TempDir(), "data"), "--grpc-addr", freeAddr(t), "--http-addr", "127.0.0.1:0"}
	p := start(t, lastLine, args...)
	first := p.key
	load := func(p *process, more ...string) (string, error) {
		return p.concord(t, first, append([]string{"bench", "--prefix", "seen", "--agreements", "100", "--callers", "16"}, more...)...)
	}
	if out, err := load(p, "--prepare-only"); err != nil {
		t.Fatalf("prepare: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, p.grpc, client.Options{Key: first})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	made, err := c.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Eve", Principal: &pb.Principal{Role: pb.Role_ROLE_AUDITOR}}})
	if err != nil {
		t.Fatal(err)
	}
	eye := client.WithKey(ctx, made.GetSecret())

	var told []*pb.RecordedEvent
	begin, killed, mark := uint64(0), 0, 0
	working := make(chan struct{})
	work := func(p *process) {
		_, _ = load(p, "--warmup", "0s", "--duration", "20s", "--timeout", "2s", "--max-errors", "1")
		working <- struct{}{}
	}
	go work(p)
	for m, err := range c.Watch(eye, &pb.WatchEventsRequest{}) {
		if err != nil {
			t.Fatalf("the watch ended after %d events and %d kills: %v", len(told), killed, err)
		}
		if begin == 0 {
			begin = m.GetBookmark().GetPosition()
		}
		if e := m.GetEvent(); e != nil {
			told = append(told, e)
		}
		if len(told) < mark+500 {
			continue
		}
		if killed == kills {
			break
		}
		p.kill()
		<-working
		p = start(t, lastLine, args...)
		go work(p)
		killed, mark = killed+1, len(told)
	}
	sameAgain(t, c.Watch(eye, &pb.WatchEventsRequest{AfterPosition: &begin}), begin, told)
	p.kill()
	<-working
	t.Logf("%d events were told over %d kills, each once", len(told), kills)
}

// sameAgain holds what was told against the whole history behind a position.
func sameAgain(t *testing.T, history iter.Seq2[*pb.WatchEventsResponse, error], begin uint64, told []*pb.RecordedEvent) {
	t.Helper()
	n := 0
	for m, err := range history {
		if err != nil {
			t.Fatal(err)
		}
		e := m.GetEvent()
		if e == nil {
			continue
		}
		if e.GetPosition() != begin+uint64(n)+1 || !proto.Equal(e, told[n]) {
			t.Fatalf("event %d was told as that at position %d; the history has another at %d", n, told[n].GetPosition(), e.GetPosition())
		}
		if n++; n == len(told) {
			break
		}
	}
}

// freeAddr is an address that nothing listens on, for a server that comes back to it.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
