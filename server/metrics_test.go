package server_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

// measures reads /metrics and adds up the samples whose name and labels hold all the words.
func measures(t *testing.T, s *servertest.Server, words ...string) (sum float64, samples int) {
	t.Helper()
	res, err := s.HTTP().Get(s.URL("/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", res.Status, err)
	}
lines:
	for line := range strings.Lines(string(body)) {
		for _, word := range words {
			if strings.HasPrefix(line, "#") || !strings.Contains(line, word) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum, samples = sum+value, samples+1
	}
	return sum, samples
}

// Operators see the rate, the errors and the duration of every RPC, by method and status, each call once whichever face it
// came through; how the writer batches, how long it takes to decide and commit, who waits, and how late the clock is.
func TestWhatOperatorsSee(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	calls := func(method, status string) float64 {
		sum, _ := measures(t, s.Server, "rpc_server_call_duration_seconds_count", method, status)
		return sum
	}
	good, bad := calls("concord.v1.PartyService/GetParty", `"OK"`), calls("concord.v1.PartyService/GetParty", `"NotFound"`)
	for _, face := range s.Faces() {
		for range 3 {
			face.Must(t, s.acme, &pb.GetPartyRequest{PartyId: acme})
		}
		face.Call(t, s.acme, &pb.GetPartyRequest{PartyId: hooli})
	}
	if g, b := calls("concord.v1.PartyService/GetParty", `"OK"`)-good, calls("concord.v1.PartyService/GetParty", `"NotFound"`)-bad; g != 6 || b != 2 {
		t.Errorf("of 6 good and 2 bad calls it saw %v and %v", g, b)
	}
	if sum, _ := measures(t, s.Server, "rpc_server_call_duration_seconds_sum", "GetParty"); sum <= 0 {
		t.Error("calls took no time")
	}
	for _, rpc := range servertest.RPCs() {
		for range 2 { // unauthenticated calls are calls
			s.GRPC().Call(t, servertest.Caller{}, requestOf(t, rpc))
		}
		if n := calls(strings.TrimPrefix(rpc.Path(), "/"), `"Unauthenticated"`); n != 2 {
			t.Errorf("of 2 calls of %s it saw %v", rpc.Name(), n)
		}
	}
	s.Advance(t, s.Clock.Now().Add(10*24*time.Hour))
	for _, name := range []string{
		"concord_journal_batch_size_count", "concord_journal_commit_duration_seconds_count", "concord_journal_decide_duration_seconds_count",
		"concord_log_signed", "concord_log_published{", "concord_log_published_time_seconds", "concord_journal_queue_length_count", "concord_journal_events_total", "concord_store_commit_duration_seconds_count",
	} {
		servertest.Eventually(t, name, func() bool { sum, n := measures(t, s.Server, name); return n == 1 && sum > 0 })
	}
	servertest.Eventually(t, "the clock's measures", func() bool {
		woken, n := measures(t, s.Server, "concord_deadline_woken_total")
		late, m := measures(t, s.Server, "concord_deadline_lag_seconds_sum")
		return n == 1 && m == 1 && woken > 0 && late > 0
	})
	if _, n := measures(t, s.Server, "go_goroutines"); n != 1 {
		t.Error("nothing is told of the process")
	}
	// Names that strangers make up are not remembered.
	_, before := measures(t, s.Server, "rpc_server_call")
	for _, method := range []string{"/made.up/One", "/made.up/Two", "/concord.v1.PartyService/Three"} {
		s.sendRaw(servertest.Caller{}, method, nil)
	}
	if _, after := measures(t, s.Server, "rpc_server_call"); after != before {
		t.Errorf("%d series, then %d", before, after)
	}
}

// What is turned off is not there.
func TestMetricsCanBeTurnedOff(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Configure: func(c *server.Config) { c.Metrics = false }})
	s.Party(t, acme)
	_, refusal := s.Send(t, servertest.Caller{}, servertest.Request{Method: http.MethodGet, Path: "/metrics"})
	if refused(t, "/metrics", refusal, "UNKNOWN_METHOD") && refusal.Status != http.StatusNotFound {
		t.Errorf("%v", refusal)
	}
}
