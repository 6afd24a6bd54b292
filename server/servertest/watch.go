package servertest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Watch is a watch under way, over either face.
type Watch struct {
	// Next is the next message, or why there is no more.
	Next func(testing.TB) (*pb.WatchEventsResponse, *Refusal)
	// Stop ends it.
	Stop func()
	// Position is the one to resume after.
	Position uint64
}

// note remembers where a message leaves the watch.
func (w *Watch) note(m *pb.WatchEventsResponse) {
	if w.Position = m.GetBookmark().GetPosition(); m.GetEvent() != nil {
		w.Position = m.GetEvent().GetPosition()
	}
}

// Hear is what is told up to a position: the events of that watch, oldest first.
func (w *Watch) Hear(t testing.TB, until uint64) (events []*pb.RecordedEvent) {
	t.Helper()
	for w.Position < until {
		m, refusal := w.Next(t)
		if refusal != nil {
			t.Fatalf("the watch ended at position %d, before %d: %v", w.Position, until, refusal)
		}
		if e := m.GetEvent(); e != nil {
			events = append(events, e)
		}
	}
	return events
}

// Watch implements Face.
func (f grpcFace) Watch(t testing.TB, who Caller, req *pb.WatchEventsRequest) (*Watch, *Refusal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(Outgoing(context.Background(), who), Patience)
	t.Cleanup(cancel)
	stream, err := pb.NewHistoryServiceClient(f.s.conn).WatchEvents(ctx, req)
	if err != nil {
		return nil, RefusalOf(err)
	}
	w := &Watch{Stop: cancel, Position: req.GetAfterPosition()}
	w.Next = func(testing.TB) (*pb.WatchEventsResponse, *Refusal) {
		m, err := stream.Recv()
		if err != nil {
			return nil, RefusalOf(err)
		}
		w.note(m)
		return m, nil
	}
	_, refusal := w.Next(t)
	return w, refusal
}

// Watch implements Face.
func (f restFace) Watch(t testing.TB, who Caller, req *pb.WatchEventsRequest) (*Watch, *Refusal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	asked := Spell(t, RPCOf(t, req), req)
	request, err := http.NewRequestWithContext(ctx, asked.Method, f.s.URL(asked.Path)+"?"+asked.Query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	for name, values := range who.headers() {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	res, err := f.s.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		refusal, err := readProblem(res.StatusCode, res.Header.Get("Content-Type"), body)
		if err != nil {
			t.Fatal(err)
		}
		return nil, refusal
	}
	lines := bufio.NewReader(res.Body)
	w := &Watch{Stop: cancel, Position: req.GetAfterPosition()}
	w.Next = func(t testing.TB) (*pb.WatchEventsResponse, *Refusal) {
		t.Helper()
		m, refusal := nextEvent(t, lines)
		if m != nil {
			w.note(m)
		}
		return m, refusal
	}
	_, refusal := w.Next(t)
	return w, refusal
}

// nextEvent reads one event of a stream: a message, or what ends it. The id must be the position to resume after, and the
// name what the message holds.
func nextEvent(t testing.TB, lines *bufio.Reader) (*pb.WatchEventsResponse, *Refusal) {
	t.Helper()
	fields := map[string][]byte{}
	for fields["data"] == nil {
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return nil, &Refusal{Message: err.Error()}
			}
			name, value, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(": "))
			if !found {
				break
			}
			fields[string(name)] = value
		}
	}
	if string(fields["event"]) == "end" {
		refusal := &Refusal{Body: fields["data"]}
		if err := json.Unmarshal(fields["data"], refusal); err != nil || fields["id"] != nil {
			t.Fatalf("an end that cannot be read: %v %q", err, fields)
		}
		return nil, refusal
	}
	m := &pb.WatchEventsResponse{}
	if err := protojson.Unmarshal(fields["data"], m); err != nil {
		t.Fatalf("an event that is no message: %v: %q", err, fields)
	}
	name, position := "event", m.GetEvent().GetPosition()
	if b := m.GetBookmark(); b != nil {
		name, position = "bookmark", b.GetPosition()
	}
	if string(fields["event"]) != name || string(fields["id"]) != strconv.FormatUint(position, 10) {
		t.Fatalf("%q is called %q, with the id %q", fields["data"], fields["event"], fields["id"])
	}
	return m, nil
}
