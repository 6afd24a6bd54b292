package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// domain is the one that ErrorInfo carries for reasons of the catalogue.
	domain = "concord"
	// retrySeconds is what Retry-After says when the error itself does not say when to come back: a
	// busy moment passes in about that time, and clients add jitter of their own.
	retrySeconds = 1
	// maxViolations bounds the list in one problem, so that a hostile body cannot make a long answer.
	maxViolations = 100
)

// problem is an error as REST tells it: application/problem+json of RFC 9457, with members of our own.
type problem struct {
	Type          string            `json:"type"`
	Title         string            `json:"title"`
	Status        int               `json:"status"`
	Detail        string            `json:"detail,omitempty"`
	Reason        string            `json:"reason"`
	Domain        string            `json:"domain"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	Violations    []violation       `json:"violations,omitempty"`
	Preconditions []precondition    `json:"preconditions,omitempty"`
	TraceID       string            `json:"traceId"`

	header http.Header // what the answer carries besides: Allow, Retry-After and the like
}

// violation is one thing that is wrong with a request. Field is the path of what is wrong as JSON and
// the query spell it, or the name of a header.
type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// precondition is one rule that refused.
type precondition struct {
	Type        string `json:"type"`
	Subject     string `json:"subject"`
	Description string `json:"description"`
}

// newProblem words a reason. The code tells apart what the reason leaves open.
func newProblem(reason pb.ErrorReason, code codes.Code, detail string) *problem {
	v, name := verdicts[reason], reasonName(reason)
	p := &problem{
		Type:   "urn:concord:problem:" + strings.ReplaceAll(strings.ToLower(name), "_", "-"),
		Title:  v.title,
		Status: v.status,
		Detail: detail,
		Reason: name,
		Domain: domain,
		header: http.Header{},
	}
	if s, ok := v.byCode[code]; ok {
		p.Status = s
	}
	switch reason {
	case pb.ErrorReason_ERROR_REASON_INTERNAL:
		p.Detail = "This is a fault of the service, not of the request. Its log tells more under the trace id."
	case pb.ErrorReason_ERROR_REASON_CREDENTIALS_MISSING:
		p.header.Set("WWW-Authenticate", `Bearer realm="concord"`)
	case pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID:
		p.header.Set("WWW-Authenticate", `Bearer realm="concord", error="invalid_token"`)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		p.header.Set("Retry-After", strconv.Itoa(retrySeconds))
	}
	return p
}

// malformed is the problem of a request that is not what the API understands; httpStatus says in
// which way.
func malformed(httpStatus int, detail string) *problem {
	p := newProblem(pb.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, codes.InvalidArgument, detail)
	p.Status = httpStatus
	return p
}

// invalid is the problem of a request in which the fields in found are wrong.
func invalid(found []violation) *problem {
	detail := "One field is not valid."
	if n := len(found); n > maxViolations {
		found = found[:maxViolations]
		detail = "More than " + strconv.Itoa(maxViolations) + " fields are not valid; the first are listed."
	} else if n > 1 {
		detail = strconv.Itoa(n) + " fields are not valid."
	}
	p := newProblem(pb.ErrorReason_ERROR_REASON_INVALID_FIELDS, codes.InvalidArgument, detail)
	p.Violations = found
	return p
}

// problemOf words a gRPC error. body is the field of the request that REST sends as its body: what is
// wrong inside it is told relative to it, as the client wrote it. known is false when the error did not
// come from the API: nobody has logged it yet.
func problemOf(s *status.Status, body string) (p *problem, known bool) {
	reason, metadata := reasonOfCode(s.Code()), map[string]string(nil)
	details := s.Details()
	for _, d := range details {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			if r, ok := reasonNamed(info.GetReason()); ok {
				reason, metadata, known = r, info.GetMetadata(), true
			}
		}
	}
	p = newProblem(reason, s.Code(), s.Message())
	if reason == pb.ErrorReason_ERROR_REASON_INTERNAL {
		return p, known // nothing of a fault is shown, whatever details it carries
	}
	p.Metadata = metadata
	for _, d := range details {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				p.Violations = append(p.Violations, violation{jsonPath(v.GetField(), body), v.GetDescription()})
			}
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				p.Preconditions = append(p.Preconditions, precondition{v.GetType(), v.GetSubject(), v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			if wait := d.GetRetryDelay().AsDuration(); wait > 0 && p.header.Get("Retry-After") != "" {
				p.header.Set("Retry-After", strconv.FormatInt(int64(wait.Seconds()+0.999), 10))
			}
		}
	}
	return p, known
}

// jsonPath turns a field path of the protos into the one REST clients know: lowerCamelCase, and
// without the name of the field that is the body. What stands in brackets is left alone.
func jsonPath(path, body string) string {
	if rest, ok := strings.CutPrefix(path, body+"."); ok && body != "" {
		path = rest
	}
	var b strings.Builder
	inBrackets, raise := false, false
	for _, c := range []byte(path) {
		switch {
		case c == '[' || c == ']':
			inBrackets = c == '['
		case inBrackets:
		case c == '_':
			raise = true
			continue
		case raise && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		raise = false
		b.WriteByte(c)
	}
	return b.String()
}

// refuse answers with a problem.
func (x *exchange) refuse(p *problem) {
	p.TraceID = x.traceID()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // strings, numbers and maps of strings always encode
	h := x.Header()
	for key, values := range p.header {
		h[key] = values
	}
	h.Del("Etag")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	x.WriteHeader(p.Status)
	_, _ = x.Write(b.Bytes()) // a client that is gone cannot be told
}
