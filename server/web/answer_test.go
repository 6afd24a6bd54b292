package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/concordhq/concord/server/web"
)

func TestJSONOfAnswers(t *testing.T) {
	_, s := open(t)
	a := call(t, s, "GET", "/v1/agreements/a1", "")
	var got map[string]any
	if err := json.Unmarshal([]byte(a.text), &got); err != nil {
		t.Fatal(err)
	}
	if a.Header.Get("Content-Type") != "application/json" || got["agreementId"] != "a1" || got["state"] != "AGREEMENT_STATE_ACTIVE" || got["createTime"] != "1970-01-01T00:00:01Z" {
		t.Error(a.text)
	}
	if v, there := got["openProposalId"]; !there || v != "" {
		t.Error("plain fields are there also when they are empty")
	}
	if _, there := got["effectiveTime"]; there || strings.Contains(a.text, "null") {
		t.Error("what is not set is left out")
	}
	if a := call(t, s, "GET", "/v1/agreements", ""); !strings.Contains(a.text, `"agreements":`) || !strings.Contains(a.text, "[]") {
		t.Error(a.text)
	}
}

func TestETags(t *testing.T) {
	_, s := open(t)
	for _, c := range []struct {
		path   string
		header []string
		want   int
	}{
		{"/v1/agreements/a1", nil, 200},
		{"/v1/agreements/a1", []string{"If-None-Match", `"e1"`}, 304},
		{"/v1/agreements/a1", []string{"If-None-Match", `W/"e1"`}, 304},
		{"/v1/agreements/a1", []string{"If-None-Match", `"x" , W/"y","e1"`}, 304},
		{"/v1/agreements/a1", []string{"If-None-Match", `"x"`, "If-None-Match", `"e1"`}, 304},
		{"/v1/agreements/a1", []string{"If-None-Match", `*`}, 304},
		{"/v1/agreements/a1", []string{"If-None-Match", `"e2"`}, 200},
		{"/v1/agreements/a1", []string{"If-None-Match", `e1`}, 200},
		{"/v1/agreements/a1", []string{"If-None-Match", `"x`}, 200},
		{"/v1/agreements/a1/obligations/o1", []string{"If-None-Match", `"o1"`}, 200}, // overdue may have changed
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := call(t, s, method, c.path, "", c.header...)
			if a.StatusCode != c.want || !strings.HasSuffix(a.Header.Get("Etag"), `1"`) || (a.text == "") != (c.want == 304 || method == "HEAD") {
				t.Errorf("%s %v: %d %v %q", method, c.header, a.StatusCode, a.Header, a.text)
			}
			if cache := a.Header.Get("Cache-Control"); cache != map[bool]string{true: "no-store", false: "private, no-cache"}[strings.Contains(c.path, "/o1")] {
				t.Errorf("%s: %s", c.path, cache)
			}
			if c.want == 200 && a.ContentLength <= 0 {
				t.Errorf("%s: length %d", method, a.ContentLength)
			}
		}
	}
	if a := call(t, s, "GET", "/v1/agreements", ""); a.Header.Get("Etag") != "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Error(a.Header)
	}
	if a := call(t, s, "PATCH", "/v1/agreements/a1", "{}", "If-None-Match", `"e1"`); a.StatusCode != 200 || a.Header.Get("Etag") != `"e1"` || a.Header.Get("Cache-Control") != "no-store" {
		t.Error(a.StatusCode, a.Header)
	}
}

func TestWhatIsCreatedHasALocation(t *testing.T) {
	_, s := open(t)
	for _, c := range []struct {
		path, body, location string
		want                 int
	}{
		{"/v1/agreements", `{}`, "/v1/agreements/agr_1", 201},
		{"/v1/agreements?validateOnly=true", `{}`, "", 200},
		{"/v1/agreements/a1/proposals", `{"note":"x"}`, "/v1/agreements/a1/proposals/prp_1", 201},
		{"/v1/agreements/a1/proposals", `{"validateOnly":true}`, "", 200},
		{"/v1/apiKeys", `{}`, "/v1/apiKeys/key_1", 201},
		{counter, `{"note":"x"}`, "", 200},
	} {
		a := call(t, s, "POST", c.path, c.body)
		if a.StatusCode != c.want || a.Header.Get("Location") != c.location || !json.Valid([]byte(a.text)) {
			t.Errorf("%s: %d %v %s", c.path, a.StatusCode, a.Header, a.text)
		}
	}
	if a := call(t, s, "POST", "/v1/apiKeys", "{}"); a.Header.Get("Cache-Control") != "no-store" {
		t.Error("a secret must not be stored")
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h, s := open(t)
	h.wait = func(ctx context.Context) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-secret", "1"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-secret", "2"))
	}
	for _, path := range []string{"/v1/agreements", "/v1/agreements/a1", "/v1/nothing", "/", "/docs/", "/openapi.json", "/healthz", "/readyz"} {
		a := call(t, s, "GET", path, "", "Origin", "https://evil.example", "Te", "trailers")
		policy := a.Header.Get("Content-Security-Policy")
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: %v", path, a.Header)
		}
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control") || strings.HasPrefix(name, "Grpc") || strings.Contains(name, "Secret") || name == "Trailer" {
				t.Errorf("%s: %s", path, name)
			}
		}
	}
}

// A panic in this process's own code becomes an answer.
func TestPanicsBecomeProblems(t *testing.T) {
	_, s := open(t, func(c *web.Config) {
		c.Conn = panicking{}
		c.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("metrics") })
	})
	for _, path := range []string{"/v1/agreements", "/metrics"} {
		if a := call(t, s, "GET", path, ""); a.problem(t).Reason != "INTERNAL" || a.StatusCode != 500 || strings.Contains(a.text, "boom") {
			t.Error(a.text)
		}
	}
}

type panicking struct{ grpc.ClientConnInterface }

func (panicking) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { panic("boom") }
