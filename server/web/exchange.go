package web

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// exchange is one request and its answer on their way through this package. It is the
// http.ResponseWriter that the gateway writes to, and it rides in the context to the channel.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	trace   trace
	status  int  // of the answer, where it is not 200
	begun   bool // the status line is written

	route    *route
	metadata metadata.MD // what of the request reaches gRPC, and all of it
	body     []byte
	message  proto.Message // what the RPC was called with; nil: it was not called
}

// exchangeKey finds the exchange in a context.
type exchangeKey struct{}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	x.begun = true
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	if !x.begun && x.status != 0 {
		x.WriteHeader(x.status)
	}
	x.begun = true
	return x.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the writer below.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// serveCall answers a request under /v1/.
func (h *handler) serveCall(x *exchange) {
	r := x.request
	var segments [maxSegments]string
	var at *place
	if r.URL.RawPath == "" { // else the path holds encoded characters that no path of the API has
		at = h.routes.match(r.URL.Path, &segments)
	}
	if at == nil {
		x.refuse(newProblem(pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD, codes.NotFound,
			`There is no such path. Ids are letters, digits, "_" and "-"; a verb follows a colon; nothing is percent-encoded.`))
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http keeps the body of the answer back
	}
	if x.route = at.byMethod[method]; x.route == nil {
		p := newProblem(pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD, codes.Unimplemented, "This path takes "+at.allow+".")
		p.header.Set("Allow", at.allow)
		x.refuse(p)
		return
	}
	if x.route.watches {
		h.serveWatch(x, &segments)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	form, p := h.check(ctx, x, &segments)
	if p != nil {
		x.refuse(p)
		return
	}
	params := make(map[string]string, len(x.route.params))
	for _, p := range x.route.params {
		params[string(p.field.Name())] = segments[p.segment]
	}
	x.route.handler(x, x.forGateway(ctx, method, form), params)
}

// check reads all of the request strictly. It returns the query as the gateway is to see it, or what is
// wrong.
func (h *handler) check(ctx context.Context, x *exchange, segments *[maxSegments]string) (map[string][]string, *problem) {
	answer := "application/json"
	if x.route.watches {
		answer = eventStream
	}
	if p := checkAccept(x.request.Header, answer); p != nil {
		return nil, p
	}
	if p := x.readHeaders(); p != nil {
		return nil, p
	}
	if p := h.readBody(ctx, x); p != nil {
		return nil, p
	}
	form, found := checkQuery(x.route, x.request.URL.RawQuery)
	found = append(checkPath(x.route, segments), found...)
	if len(found) == 0 {
		return form, nil
	}
	if len(x.body) > 0 {
		wrong, p := checkBody(x.body, x.route.body)
		if p != nil {
			return nil, p
		}
		found = append(found, wrong...)
	}
	return nil, invalid(found)
}

// forGateway is the request as the gateway sees it: the path, the checked query and the body, and
// nothing else. Without headers, host and address there is nothing it could trust by mistake.
func (x *exchange) forGateway(ctx context.Context, method string, form map[string][]string) *http.Request {
	r := x.request.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	r.Method, r.Header, r.Host, r.RemoteAddr = method, nil, "", ""
	r.Form, r.PostForm = form, noForm
	r.Body = newHeldBody(x.body)
	return r
}

// noForm keeps http.Request.ParseForm from looking for a form in the body. Nobody writes to it.
var noForm = map[string][]string{}

// channel is the way to the RPCs. It gives them the checked metadata and nothing else, and takes no
// headers or trailers back: what gRPC callers are told there is not for REST.
type channel struct{ to grpc.ClientConnInterface }

// Invoke implements grpc.ClientConnInterface.
func (c channel) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	x := ctx.Value(exchangeKey{}).(*exchange)
	if method != x.route.fullName {
		return status.Errorf(codes.Internal, "the route of %s calls %s", x.route.fullName, method)
	}
	x.message = args.(proto.Message)
	return c.to.Invoke(metadata.NewOutgoingContext(ctx, x.metadata), method, args, reply)
}

// NewStream implements grpc.ClientConnInterface.
func (c channel) NewStream(ctx context.Context, d *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	x := ctx.Value(exchangeKey{}).(*exchange)
	return c.to.NewStream(metadata.NewOutgoingContext(ctx, x.metadata), d, method)
}

// trace names a request in logs, in the form of W3C Trace Context.
type trace struct {
	id     string // 32 hexadecimal digits
	parent string // the traceparent header
}

// newTrace begins a trace. Trace ids are no secret, so a fast source of chance will do.
func newTrace() trace {
	var raw [24]byte
	for i := 0; i < len(raw); i += 8 {
		for j, n := 0, rand.Uint64(); j < 8; j, n = j+1, n>>8 {
			raw[i+j] = byte(n)
		}
	}
	raw[0] |= 1 // an id of zeros only would not be valid
	raw[16] |= 1
	var text [55]byte
	copy(text[:], "00-")
	hex.Encode(text[3:35], raw[:16])
	text[35] = '-'
	hex.Encode(text[36:52], raw[16:])
	copy(text[52:], "-00")
	parent := string(text[:])
	return trace{id: parent[3:35], parent: parent}
}

// traceID gives the trace id of the request, also when the request was refused before its headers were
// read.
func (x *exchange) traceID() string {
	if x.trace.id == "" {
		x.trace = traceOf(x.request.Header)
	}
	return x.trace.id
}
