package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A watch is a stream, and over HTTP streams are server-sent events (HTML, section 9.2): text that a browser reads by itself,
// and that survives proxies. Each message of the RPC is one event. Until the first has come the answer may still be a
// problem; from then on the status is told, and what ends the stream is an event too.

const (
	// eventStream is what a watch answers with.
	eventStream = "text/event-stream"
	// lastEventID is the header in which a client says where it stands.
	lastEventID = "Last-Event-Id"
	// watchWrite is how long one event may take to leave, so that who does not read is cut. It holds for the event alone: at a
	// deadline that passes between two HTTP/2 ends the stream.
	watchWrite = 10 * time.Second
	// A client that lost the stream comes back after a time between these, so that a thousand do not at once.
	minReturn, maxReturn = time.Second, 5 * time.Second
)

// serveWatch answers with what happens, as it happens.
func (h *handler) serveWatch(x *exchange, segments *[maxSegments]string) {
	ctx, cancel := context.WithCancel(x.request.Context())
	defer cancel()
	messages, first, p := h.watch(ctx, x, segments)
	if p != nil {
		x.refuse(p)
		return
	}
	header := x.Header()
	header["Content-Type"], header["Cache-Control"] = []string{eventStream}, noStore
	header["X-Accel-Buffering"] = []string{"no"} // nginx would else keep events until it has a page of them
	connection := http.NewResponseController(x)
	_ = connection.SetReadDeadline(time.Time{}) // it would end the stream; writers without a connection, as in tests, have none
	x.WriteHeader(http.StatusOK)
	if x.request.Method == http.MethodHead {
		return
	}
	back := minReturn + rand.N(maxReturn-minReturn)
	out := bytes.NewBufferString("retry: " + strconv.FormatInt(back.Milliseconds(), 10) + "\n\n")
	for m, err := first, error(nil); ; err = messages.RecvMsg(m) {
		if err == nil {
			err = writeMessage(out, m)
		}
		if err != nil {
			h.writeEnd(out, x, err)
		}
		_ = connection.SetWriteDeadline(time.Now().Add(watchWrite))
		if _, gone := x.Write(out.Bytes()); gone != nil || connection.Flush() != nil || err != nil {
			return
		}
		_ = connection.SetWriteDeadline(time.Time{})
		out.Reset()
		m.Reset()
	}
}

// watch opens the stream and waits for its first message, or says why there is none.
func (h *handler) watch(ctx context.Context, x *exchange, segments *[maxSegments]string) (grpc.ClientStream, *pb.WatchEventsResponse, *problem) {
	form, p := h.check(ctx, x, segments)
	if p != nil {
		return nil, nil, p
	}
	request, first := &pb.WatchEventsRequest{}, &pb.WatchEventsResponse{}
	if err := runtime.PopulateQueryParameters(request, form, utilities.NewDoubleArray(nil)); err != nil {
		return nil, nil, h.watchProblem(x, err) // it was checked
	}
	if p := x.readLastEventID(request); p != nil {
		return nil, nil, p
	}
	messages, err := h.Conn.NewStream(metadata.NewOutgoingContext(ctx, x.metadata), &grpc.StreamDesc{ServerStreams: true}, x.route.fullName)
	if err == nil {
		err = messages.SendMsg(request)
	}
	if err == nil {
		err = messages.CloseSend()
	}
	if err == nil || errors.Is(err, io.EOF) { // EOF: refused already, as RecvMsg says
		err = messages.RecvMsg(first)
	}
	if err != nil {
		return nil, nil, h.watchProblem(x, err)
	}
	return messages, first, nil
}

// readLastEventID takes where the client stands from the header that a browser sends when it comes back. It counts before
// the query, which a browser repeats as it was.
func (x *exchange) readLastEventID(request *pb.WatchEventsRequest) *problem {
	values := x.request.Header[lastEventID]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	position, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil || len(values) > 1 {
		p := malformed(http.StatusBadRequest, "The headers of the request are not what the API understands.")
		p.Violations = []violation{{"Last-Event-ID", "must be one id that this stream gave"}}
		return p
	}
	request.AfterPosition = &position
	return nil
}

// writeMessage writes a message as an event whose id resumes the stream behind it.
func writeMessage(out *bytes.Buffer, m *pb.WatchEventsResponse) error {
	data, err := appendJSON(make([]byte, 0, usualAnswer), m)
	if err != nil {
		return err
	}
	name, position := "event", m.GetEvent().GetPosition()
	if b := m.GetBookmark(); b != nil {
		name, position = "bookmark", b.GetPosition()
	}
	out.WriteString("id: " + strconv.FormatUint(position, 10) + "\nevent: " + name + "\ndata: ")
	out.Write(data)
	out.WriteString("\n\n")
	return nil
}

// writeEnd writes why the stream ends. It has no id: where the client stands stays what it was.
func (h *handler) writeEnd(out *bytes.Buffer, x *exchange, err error) {
	p := h.watchProblem(x, err)
	p.TraceID = x.traceID()
	out.WriteString("event: end\ndata: ")
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // strings, numbers and maps of strings always encode
	out.WriteString("\n")
}

// watchProblem words what ended a stream, or kept it from beginning.
func (h *handler) watchProblem(x *exchange, err error) *problem {
	if errors.Is(err, io.EOF) {
		err = status.Error(codes.Internal, "a watch ended without a reason")
	}
	p, known := problemOf(status.Convert(err), "")
	if !known && p.Status == http.StatusInternalServerError {
		h.Log.Error("web: call failed", "rpc", x.route.rpc.FullName(), "trace_id", x.traceID(), "error", err)
	}
	return p
}
