package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/servertest"
)

// newWatch begins a watch that must not be refused.
func newWatch(t *testing.T, face servertest.Face, who servertest.Caller, req *pb.WatchEventsRequest) *servertest.Watch {
	t.Helper()
	w, refusal := face.Watch(t, who, req)
	if refusal != nil {
		t.Fatalf("over %s a watch of %v was refused: %v", face.Name(), req, refusal)
	}
	return w
}

// history is every event of the stage by position, from 1, as its agreement's list shows it; nil where it is of the service.
func (s *stage) history(t *testing.T) []*pb.RecordedEvent {
	t.Helper()
	all := make([]*pb.RecordedEvent, newWatch(t, s.GRPC(), s.operator, &pb.WatchEventsRequest{}).Position+1)
	for _, id := range []string{"argued", "asked", "broken", "draft", "judged", "level", "offered", "paused", "running"} {
		for _, e := range s.GRPC().Must(t, s.acme, &pb.ListEventsRequest{AgreementId: id, PageSize: 1000}).(*pb.ListEventsResponse).GetEvents() {
			all[e.GetPosition()] = e
		}
	}
	return all
}

// told is the rule of which events of the stage a seat is told, in other words than the service's.
func (c seat) told(e *pb.RecordedEvent) bool {
	if e == nil {
		return c.role == operator || c.role == auditor && c.named == nil
	}
	id := e.GetEvent().GetAgreementId()
	ofDraft := e.GetEvent().GetAgreementDrafted() != nil || e.GetEvent().GetDraftRewritten() != nil
	return c.sees(id) && (!ofDraft || c.party == acme && id != "asked" && id != "judged") // which globex and umbra wrote
}

// Every kind of caller is told what it may see and nothing else, in order, over both faces.
func TestAWatchTellsWhatItsCallerMaySee(t *testing.T) {
	s := setStage(t, servertest.Options{})
	table := seats(t, s)
	all := s.history(t)
	for _, c := range table {
		if rules.IsFeed(c.role) {
			continue
		}
		for _, face := range s.Faces() {
			for _, after := range []int{0, len(all) / 2, len(all) - 1} {
				var got, want []*pb.RecordedEvent
				w := newWatch(t, face, c.who, &pb.WatchEventsRequest{AfterPosition: proto.Uint64(uint64(after))})
				got = w.Hear(t, uint64(len(all)-1))
				w.Stop()
				for _, e := range all[after+1:] {
					if c.told(e) {
						want = append(want, e)
					}
				}
				if !slices.EqualFunc(got, want, func(a, b *pb.RecordedEvent) bool {
					return b == nil && a.GetEvent().GetAgreementId() == "" || proto.Equal(a, b)
				}) {
					t.Errorf("%s over %s was told of %d events after %d; it may see %d", c.name, face.Name(), len(got), after, len(want))
				}
			}
		}
	}
}

// Who was there when it happened and who comes later are told the same.
func TestAWatchTellsTheSameLiveAndLater(t *testing.T) {
	s := &stage{Server: servertest.Start(t, servertest.Options{})}
	for _, party := range []string{acme, globex} {
		s.Party(t, party)
	}
	s.acme, s.globex = s.Member(t, signatory, acme), s.Member(t, signatory, globex)
	type place struct {
		name string
		who  servertest.Caller
		face servertest.Face
		live *servertest.Watch
	}
	var there []place
	for name, who := range map[string]servertest.Caller{"author": s.acme, "other": s.globex, "auditor": s.Key(t, &pb.Principal{Role: auditor}), "operator": s.Operator} {
		for _, face := range s.Faces() {
			there = append(there, place{name, who, face, newWatch(t, face, who, &pb.WatchEventsRequest{})})
		}
	}
	begin := there[0].live.Position
	for i := range 5 {
		id := fmt.Sprint("a", i)
		s.propose(t, s.acme, id, "first", text("Help desk", oneOff("desk", vendor, "2026-01-12")))
		s.accept(t, s.globex, id, "first")
	}
	s.Settle(t)
	s.Member(t, viewer, acme)
	end := newWatch(t, s.GRPC(), s.Operator, &pb.WatchEventsRequest{}).Position
	s.propose(t, s.acme, "last", "first", text("Last")) // each of them is told of something behind the end
	s.Party(t, hooli)
	heard := func(w *servertest.Watch) (positions []uint64) {
		for _, e := range w.Hear(t, end+1) {
			if e.GetPosition() <= end {
				positions = append(positions, e.GetPosition())
			}
		}
		return positions
	}
	for _, p := range there {
		told, later := heard(p.live), heard(newWatch(t, p.face, p.who, &pb.WatchEventsRequest{AfterPosition: &begin}))
		if len(told) == 0 || !slices.Equal(told, later) {
			t.Errorf("the %s was told over %s of %v, and who came later of %v", p.name, p.face.Name(), told, later)
		}
	}
}

// A watch that is resumed where it ended, over a hundred restarts while others write, tells every event once. Stopping ends it
// with the position to resume after.
func TestAWatchGoesOnAcrossRestarts(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Dir: t.TempDir()})
	s.Party(t, acme)
	s.Party(t, globex)
	writer, eye := s.Member(t, signatory, acme), s.Key(t, &pb.Principal{Role: auditor})
	begin := newWatch(t, s.GRPC(), eye, &pb.WatchEventsRequest{}).Position
	told, at := map[string][]*pb.RecordedEvent{}, map[string]uint64{}
	written := 0
	for range 100 {
		var open []*servertest.Watch
		for _, face := range s.Faces() {
			after := max(begin, at[face.Name()])
			open = append(open, newWatch(t, face, eye, &pb.WatchEventsRequest{AfterPosition: &after}))
		}
		writing := make(chan int)
		go func(keys pb.AdminServiceClient) {
			n := 0
			for err := error(nil); err == nil; n++ {
				_, err = keys.CreateApiKey(servertest.Outgoing(t.Context(), s.Operator), &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "k", Principal: &pb.Principal{Role: viewer, PartyId: acme}}})
			}
			writing <- n - 1
		}(pb.NewAdminServiceClient(s.Conn()))
		for i, face := range s.Faces() {
			told[face.Name()] = append(told[face.Name()], open[i].Hear(t, max(begin, at[face.Name()])+5)...)
		}
		s.Begin()
		for i, face := range s.Faces() {
			for {
				m, refusal := open[i].Next(t)
				if refusal != nil {
					if refused(t, face.Name(), refusal, "SHUTTING_DOWN") && refusal.Metadata["position"] != fmt.Sprint(open[i].Position) {
						t.Errorf("over %s it ended at %d with %v", face.Name(), open[i].Position, refusal.Metadata)
					}
					break
				}
				if e := m.GetEvent(); e != nil {
					told[face.Name()] = append(told[face.Name()], e)
				}
			}
			at[face.Name()] = open[i].Position
		}
		written += <-writing
		s = s.Restart(t)
	}
	end := newWatch(t, s.GRPC(), eye, &pb.WatchEventsRequest{}).Position
	if _, refusal := s.GRPC().Call(t, writer, &pb.GetCallerRequest{}); refusal != nil || end < begin+uint64(written) {
		t.Errorf("%d events for %d answers: %v", end-begin, written, refusal)
	}
	all := newWatch(t, s.GRPC(), eye, &pb.WatchEventsRequest{AfterPosition: &begin}).Hear(t, end)
	for _, face := range s.Faces() {
		after := at[face.Name()]
		got := append(told[face.Name()], newWatch(t, face, eye, &pb.WatchEventsRequest{AfterPosition: &after}).Hear(t, end)...)
		if !slices.EqualFunc(got, all, func(a, b *pb.RecordedEvent) bool { return proto.Equal(a, b) }) || len(all) != int(end-begin) {
			t.Errorf("over %s %d events were told, of %d", face.Name(), len(got), len(all))
		}
	}
}

// A key that is revoked ends what it watches, over both faces, and says where to go on with another.
func TestARevokedKeyEndsItsWatches(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	for _, face := range s.Faces() {
		made := face.Must(t, s.Operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Eve", Principal: &pb.Principal{Role: auditor}}}).(*pb.CreateApiKeyResponse)
		w := newWatch(t, face, servertest.Caller{Key: made.GetSecret()}, &pb.WatchEventsRequest{})
		other := newWatch(t, face, s.Operator, &pb.WatchEventsRequest{})
		face.Must(t, s.Operator, &pb.RevokeApiKeyRequest{ApiKeyId: made.GetApiKey().GetApiKeyId()})
		for {
			m, refusal := w.Next(t)
			if m != nil {
				continue
			}
			if refused(t, face.Name(), refusal, "CREDENTIALS_INVALID") && refusal.Metadata["position"] != fmt.Sprint(w.Position) {
				t.Errorf("over %s it ended at %d with %v", face.Name(), w.Position, refusal.Metadata)
			}
			break
		}
		if got := other.Hear(t, w.Position); len(got) > 1 {
			t.Errorf("over %s the other was told of %d events", face.Name(), len(got))
		}
		other.Stop()
	}
}

// A browser says in a header where it stands, and that counts; what it cannot have said is refused. A watch answers with an
// event stream and nothing else, and until it has begun a refusal is a problem like any other.
func TestServerSentEvents(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	s.Party(t, acme)
	s.Party(t, globex)
	ask := func(method, query string, more ...string) *http.Response {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), servertest.Patience)
		t.Cleanup(cancel)
		req, err := http.NewRequestWithContext(ctx, method, s.URL("/v1/events:watch"+query), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.Operator.Key)
		for i := 0; i < len(more); i += 2 {
			req.Header.Add(more[i], more[i+1])
		}
		res, err := s.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	res := ask(http.MethodGet, "?afterPosition=0", "Last-Event-ID", "2", "Accept", "text/event-stream")
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	var said []string
	for lines := bufio.NewScanner(res.Body); len(said) < 8 && lines.Scan(); {
		said = append(said, lines.Text())
	}
	text := strings.Join(said, "\n")
	if !regexp.MustCompile(`^retry: [1-5][0-9]{3}\n\nid: 2\nevent: bookmark\ndata: {"bookmark":.*}\n\nid: 3\nevent: event$`).MatchString(text) {
		t.Errorf("it said\n%s", text)
	}
	if res := ask(http.MethodHead, ""); res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %s", res.Status)
	}
	for _, bad := range []struct {
		method, query string
		more          []string
		status        int
	}{
		{http.MethodGet, "", []string{"Accept", "application/json"}, http.StatusNotAcceptable},
		{http.MethodGet, "?token=x", nil, http.StatusBadRequest},
		{http.MethodGet, "?after=1", nil, http.StatusBadRequest},
		{http.MethodGet, "?afterPosition=-1", nil, http.StatusBadRequest},
		{http.MethodGet, "?afterPosition=1000", nil, http.StatusBadRequest},
		{http.MethodGet, "?kinds=nothing", nil, http.StatusBadRequest},
		{http.MethodGet, "?agreementId=nothing", nil, http.StatusNotFound},
		{http.MethodGet, "", []string{"Last-Event-ID", "x"}, http.StatusBadRequest},
		{http.MethodGet, "", []string{"Last-Event-ID", "1", "Last-Event-ID", "1"}, http.StatusBadRequest},
		{http.MethodGet, "", []string{"Authorization", "Bearer again"}, http.StatusBadRequest},
		{http.MethodPost, "", nil, http.StatusMethodNotAllowed},
		{http.MethodHead, "?agreementId=nothing", nil, http.StatusNotFound},
	} {
		if res := ask(bad.method, bad.query, bad.more...); res.StatusCode != bad.status || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %v: %s %s", bad.method, bad.query, bad.more, res.Status, res.Header.Get("Content-Type"))
		}
	}
}
