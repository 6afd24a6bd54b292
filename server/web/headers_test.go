package web_test

import (
	"regexp"
	"strings"
	"testing"
)

// What reaches gRPC is named here, and nothing else does.
func TestOnlyNamedHeadersReachGRPC(t *testing.T) {
	h, s := open(t)
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	call(t, s, "PATCH", "/v1/agreements/a1", `{}`,
		"Authorization", "Bearer k", "If-Match", `"e1"`, "Idempotency-Key", "r1", "Concord-Party", "p1", "Traceparent", parent, "Tracestate", "a=1", "Tracestate", "b=2",
		"Grpc-Metadata-Authorization", "Bearer other", "Grpc-Metadata-X-Tenant-Id", "victim", "Grpcgateway-Authorization", "x", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host", "evil",
		"Forwarded", "for=1.2.3.4", "Cookie", "a=b", "X-Bin", "!!!", "Grpc-Timeout", "nonsense", "Te", "trailers", "If-None-Match", `"x"`, "User-Agent", "me", "X-Http-Method-Override", "GET")
	m, md := h.last()
	if m == nil {
		t.Fatal("not reached")
	}
	for key, want := range map[string]string{"authorization": "Bearer k", "if-match": "e1", "idempotency-key": "r1", "concord-party": "p1", "traceparent": parent, "tracestate": "a=1,b=2"} {
		if got := strings.Join(md[key], "|"); got != want {
			t.Errorf("%s: %q", key, got)
		}
		delete(md, key)
	}
	if len(md) > 0 {
		t.Errorf("also %v", md)
	}
}

func TestTraces(t *testing.T) {
	h, s := open(t)
	valid := regexp.MustCompile("^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")
	seen := map[string]bool{}
	for _, header := range [][]string{
		{}, {"Traceparent", ""}, {"Traceparent", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"}, {"Traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01"},
		{"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02"},
		{"Traceparent", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, {"Tracestate", "a=1"},
	} {
		call(t, s, "GET", "/v1/agreements", "", header...)
		_, md := h.last()
		got := strings.Join(md["traceparent"], " ")
		if !valid.MatchString(got) || seen[got] || md["tracestate"] != nil {
			t.Errorf("%v: %v", header, md)
		}
		seen[got] = true
	}
	a := call(t, s, "GET", "/v1/nothing", "", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if got := a.problem(t).TraceID; got != "0af7651916cd43dd8448eb211c80319c" {
		t.Error(got)
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	h, s := open(t)
	for _, c := range []struct {
		fields string
		header []string
	}{
		{"Authorization", []string{"Authorization", "Bearer a", "Authorization", "Bearer b"}},
		{"Authorization Concord-Party Idempotency-Key If-Match", []string{"Authorization", "a", "Authorization", "b", "Concord-Party", "\xff", "Idempotency-Key", "k", "Idempotency-Key", "k", "If-Match", "e1"}},
		{"If-Match", []string{"If-Match", `W/"e1"`}}, {"If-Match", []string{"If-Match", `"e1", "e2"`}}, {"If-Match", []string{"If-Match", `""`}}, {"If-Match", []string{"If-Match", `"e1`}},
		{"If-Match", []string{"If-Match", `"e1"`, "If-Match", `"e2"`}}, {"If-Match", []string{"If-Match", `*, "e1"`}}, {"Authorization", []string{"Authorization", "Bearer \t" + "é"}},
	} {
		a := call(t, s, "PATCH", "/v1/agreements/a1", `{}`, c.header...)
		if p := a.problem(t); p.Status != 400 || p.Reason != "MALFORMED_REQUEST" || p.fields() != c.fields {
			t.Errorf("%q: %s", c.header, a.text)
		}
	}
	if m, _ := h.last(); m != nil {
		t.Errorf("reached %T", m)
	}
	// On a call that changes nothing that was read, If-Match would promise what is not kept.
	if a := call(t, s, "POST", "/v1/agreements", `{}`, "If-Match", `"e1"`); a.problem(t).fields() != "If-Match" {
		t.Error(a.text)
	}
	for _, ok := range []string{`*`, ` "e1" `} {
		a := call(t, s, "PATCH", "/v1/agreements/a1", `{}`, "If-Match", ok, "Idempotency-Key", `"quoted"`)
		_, md := h.last()
		if a.StatusCode != 200 || (len(md["if-match"]) == 0) != (ok == "*") || md["idempotency-key"][0] != "quoted" {
			t.Errorf("%s: %d %v", ok, a.StatusCode, md)
		}
	}
	if call(t, s, "GET", "/v1/agreements", "", "Idempotency-Key", "r"); len(metadataOf(h)["idempotency-key"]) > 0 {
		t.Error("a read needs no key")
	}
}

func metadataOf(h *house) map[string][]string { _, md := h.last(); return md }
