package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// firstRead is how much room a body gets before its first byte arrives. A client that only announces a
// large body does not make the service hold as much.
const firstRead = 64 << 10

// readBody reads the body of the request, if the call takes one.
func (h *handler) readBody(ctx context.Context, x *exchange) *problem {
	r := x.request
	if x.route.body == nil {
		if r.ContentLength != 0 && holdsMore(r.Body) {
			return malformed(http.StatusBadRequest, "This call takes no body.")
		}
		return nil
	}
	if r.ContentLength != 0 {
		if p := checkContentType(r.Header); p != nil {
			return p
		}
	}
	if r.ContentLength > h.MaxBody {
		return h.tooLarge()
	}
	if r.ContentLength != 0 && r.Body != nil {
		body, err := readWithin(ctx, x.ResponseWriter, r, h.MaxBody)
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			return h.tooLarge()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return malformed(http.StatusRequestTimeout, "The body did not arrive in time.")
		case err != nil:
			return malformed(http.StatusBadRequest, "The body ended before it was complete.")
		}
		x.body = body
	}
	if x.route.needBody && len(bytes.TrimSpace(x.body)) == 0 {
		return malformed(http.StatusBadRequest, fmt.Sprintf("The body is empty; this call needs one: a JSON object, %s.", x.route.body.Name()))
	}
	return nil
}

// readWithin reads a body of at most limit bytes before the deadline of ctx.
func readWithin(ctx context.Context, w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	// Writers without a connection, as in tests, have no deadlines; then only the server's own hold.
	connection := http.NewResponseController(w)
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetReadDeadline(deadline)
	}
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), firstRead)) + bytes.MinRead)
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return nil, err // the deadline stays, or net/http would wait for the rest of the body before it answers
	}
	_ = connection.SetReadDeadline(time.Time{}) // the connection lives on
	return b.Bytes(), nil
}

// tooLarge is the problem of a body beyond the limit.
func (h *handler) tooLarge() *problem {
	p := malformed(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes.", h.MaxBody))
	p.Metadata = map[string]string{"limit": "body_bytes", "max": strconv.FormatInt(h.MaxBody, 10)}
	return p
}

// holdsMore tells whether there is a byte to read.
func holdsMore(r io.Reader) bool {
	if r == nil {
		return false
	}
	n, _ := r.Read(make([]byte, 1))
	return n > 0
}

// heldBody is a body that was read already. The gateway reads it as any other, and jsonDecoder takes
// the bytes as they are.
type heldBody struct {
	*bytes.Reader
	all []byte
}

// newHeldBody makes a body of all.
func newHeldBody(all []byte) io.ReadCloser {
	if len(all) == 0 {
		return http.NoBody
	}
	return heldBody{bytes.NewReader(all), all}
}

// Close implements io.Closer.
func (heldBody) Close() error { return nil }
