package web

import (
	"context"
	"net/http"
	"strconv"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Files (calendars, pictures, bundles, those of the log) are RPCs in other clothes: one door guards them and the rest.

// fetch makes the call that answers with a file, and says whether it did; if not, the client has been told why.
func (h *handler) fetch(x *exchange, method string, request, answer proto.Message) bool {
	ctx, cancel := context.WithTimeout(x.request.Context(), h.Timeout)
	defer cancel()
	err := h.Conn.Invoke(metadata.NewOutgoingContext(ctx, x.metadata), method, request, answer)
	if err != nil {
		h.refuseFile(x, method, err)
	}
	return err == nil
}

// refuseFile tells the client why there is no file, and the log what nobody expected.
func (h *handler) refuseFile(x *exchange, method string, err error) {
	p, known := problemOf(status.Convert(err), "")
	if !known && p.Status == http.StatusInternalServerError {
		h.Log.Error("web: call failed", "rpc", method, "trace_id", x.traceID(), "error", err)
	}
	x.refuse(p)
}

// writeFile answers with a file that changes, or with 304 if the client has it.
func (x *exchange) writeFile(kind, etag string, content []byte) {
	header := x.Header()
	header["Etag"] = []string{`"` + etag + `"`}
	header["Cache-Control"], header["Vary"] = revalidate, varyByCaller
	if noneMatch(x.request.Header["If-None-Match"], etag) {
		x.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = x.Write(content) // a client that is gone cannot be told
}
