package web

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/metadata"
)

// readHeaders collects what reaches gRPC: credentials, the acting party, the key that makes a call safe
// to repeat, the etag to compare and the trace. Everything else a client sends stays outside. A header
// that decides something may be given once only: of two, different parts could believe different ones.
func (x *exchange) readHeaders() *problem {
	h := x.request.Header
	var found []violation
	one := func(name string) string {
		values := h[name]
		if len(values) == 0 {
			return ""
		}
		value := values[0]
		switch {
		case len(values) > 1:
			found = append(found, violation{name, "is given " + strconv.Itoa(len(values)) + " times; once is enough"})
		case !isPrintable(value):
			found = append(found, violation{name, "holds characters that are not printable ASCII"})
		}
		return value
	}
	// One array for all values: six small slices would cost six allocations.
	values := make([]string, 0, 6)
	md := make(metadata.MD, 6)
	set := func(key, value string) {
		if value != "" {
			values = append(values, value)
			md[key] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("authorization", one("Authorization"))
	set("concord-party", one("Concord-Party"))
	if x.request.Method != http.MethodGet && x.request.Method != http.MethodHead {
		set("idempotency-key", unquoted(one("Idempotency-Key")))
		if raw := one("If-Match"); raw != "" {
			etag, wrong := ifMatch(raw)
			if wrong == "" && etag != "" && !x.route.takesEtag {
				wrong = "means nothing here: this call does not change something that was read before"
			}
			if wrong != "" {
				found = append(found, violation{"If-Match", wrong})
			}
			set("if-match", etag)
		}
	}
	if len(found) > 0 {
		p := malformed(http.StatusBadRequest, "The headers of the request are not what the API understands.")
		p.Violations = found
		return p
	}
	x.trace = traceOf(h)
	set("traceparent", x.trace.parent)
	// The state belongs to the traceparent it came with; with another one it would mislead.
	kept := len(h["Traceparent"]) == 1 && h["Traceparent"][0] == x.trace.parent
	if state := strings.Join(h["Tracestate"], ","); kept && isPrintable(state) {
		set("tracestate", state)
	}
	x.metadata = md
	return nil
}

// unquoted takes a key that is written as the structured field of the Idempotency-Key draft, in quotes,
// as well as the bare key.
func unquoted(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// isPrintable tells whether s can be a value of gRPC metadata.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// traceOf takes the trace of the request over, or begins one if there is none that is valid.
func traceOf(h http.Header) trace {
	if values := h["Traceparent"]; len(values) == 1 && isTraceparent(values[0]) {
		return trace{id: values[0][3:35], parent: values[0]}
	}
	return newTrace()
}

// isTraceparent tells whether s is a traceparent of version 00, the only one there is.
func isTraceparent(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	for i := range len(s) {
		digit := '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f'
		if !digit && i != 2 && i != 35 && i != 52 {
			return false
		}
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

// checkAccept refuses a request whose Accept header excludes what the call answers with: its client would not understand
// the answer.
func checkAccept(h http.Header, answer string) *problem {
	values := h["Accept"]
	if len(values) == 0 {
		return nil
	}
	for _, value := range values {
		if value == "*/*" || value == answer || accepts(value, answer) {
			return nil
		}
	}
	return malformed(http.StatusNotAcceptable, "The answer is "+answer+", which the Accept header excludes.")
}

// accepts tells whether one of the media ranges in an Accept header takes a media type.
func accepts(accept, answer string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
			continue
		}
		family, _, _ := strings.Cut(answer, "/")
		switch kind {
		case answer, family + "/*", "*/*":
			return true
		}
	}
	return strings.TrimSpace(accept) == ""
}

// checkContentType refuses a body that is not said to be JSON, or that is compressed.
func checkContentType(h http.Header) *problem {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		p := malformed(http.StatusUnsupportedMediaType, "A body must not be compressed.")
		p.header.Set("Accept-Encoding", "identity")
		return p
	}
	value := h.Get("Content-Type")
	if value == "" || value == "application/json" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(value)
	if charset := params["charset"]; err == nil && kind == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	p := malformed(http.StatusUnsupportedMediaType, "A body must be application/json in UTF-8.")
	p.header.Set("Accept", "application/json")
	return p
}
