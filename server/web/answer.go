package web

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errNotModified ends an answer before its body is written: the client has it already.
var errNotModified = errors.New("not modified")

// Header values that many answers share; net/http reads them and nobody writes to them.
var (
	noStore       = []string{"no-store"}
	revalidate    = []string{"private, no-cache"}
	varyByCaller  = []string{"Authorization, Concord-Party"}
	noSniff       = []string{"nosniff"}
	nothingToLoad = []string{"default-src 'none'; frame-ancestors 'none'"}
)

// guard says what holds for every answer: it is what its Content-Type says, loads nothing and stands in
// no frame. There is no CORS: a portal in a browser talks to its own server. With the headers of a good
// answer these stay within eight, the most a Go map holds before it gets slow.
func (x *exchange) guard() {
	h := x.Header()
	h["X-Content-Type-Options"] = noSniff
	h["Content-Security-Policy"] = nothingToLoad
}

// finish gives a good answer its headers and its status, before the gateway makes the body.
func finish(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	x := w.(*exchange)
	h, message := x.Header(), m.ProtoReflect()
	h["Cache-Control"] = noStore
	if x.route.etag != nil {
		if etag := message.Get(x.route.etag).String(); etag != "" {
			h["Etag"] = []string{`"` + etag + `"`}
			if x.route.revalidates {
				h["Cache-Control"], h["Vary"] = revalidate, varyByCaller
				if conditions := x.request.Header["If-None-Match"]; len(conditions) > 0 && noneMatch(conditions, etag) {
					return errNotModified
				}
			}
		}
	}
	if x.route.creates && !x.onlyValidates() {
		if location := x.route.locate(x.request.URL.Path, message); location != "" {
			h["Location"] = []string{location}
		}
		x.status = http.StatusCreated
	}
	return nil
}

// onlyValidates tells whether the call was to check and not to do.
func (x *exchange) onlyValidates() bool {
	return x.route.validateOnly != nil && x.message.ProtoReflect().Get(x.route.validateOnly).Bool()
}

// textAt follows a path of fields to a text; "" if the path is empty or leads nowhere.
func textAt(m protoreflect.Message, path []protoreflect.FieldDescriptor) string {
	for i, f := range path {
		if i == len(path)-1 {
			return m.Get(f).String()
		}
		m = m.Get(f).Message()
	}
	return ""
}
