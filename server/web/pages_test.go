package web_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/concordhq/concord/server/web"
)

func TestProbes(t *testing.T) {
	var ready error
	_, s := open(t, func(c *web.Config) {
		c.Ready = func() error { return ready }
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	})
	if a := call(t, s, "GET", "/readyz", ""); a.StatusCode != 200 || a.text != "ok\n" {
		t.Error(a.StatusCode, a.text)
	}
	ready = errors.New("stopping")
	if a := call(t, s, "GET", "/readyz", ""); a.StatusCode != 503 || a.text != "stopping\n" {
		t.Error(a.StatusCode, a.text)
	}
	if a := call(t, s, "GET", "/healthz", ""); a.StatusCode != 200 {
		t.Error(a.StatusCode, a.text)
	}
	if a := call(t, s, "HEAD", "/healthz", ""); a.StatusCode != 200 || a.text != "" {
		t.Error(a.StatusCode, a.text)
	}
	if a := call(t, s, "GET", "/metrics", ""); a.text != "up 1\n" {
		t.Error(a.text)
	}
}

func TestOpenAPI(t *testing.T) {
	_, s := open(t)
	a := call(t, s, "GET", "/openapi.json", "")
	if a.StatusCode != 200 || a.text != `{"openapi":"3.1.0"}` || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Etag") == "" {
		t.Error(a.StatusCode, a.text, a.Header)
	}
	if b := call(t, s, "GET", "/openapi.json", "", "If-None-Match", a.Header.Get("Etag")); b.StatusCode != 304 || b.text != "" {
		t.Error(b.StatusCode, b.text)
	}
}

// The viewer needs nothing but this service: its page and its start script name no other, every part
// they name is here, and the policy would stop the rest.
func TestViewerNeedsNoInternet(t *testing.T) {
	_, s := open(t)
	if a := call(t, s, "GET", "/", ""); a.StatusCode != 302 || a.Header.Get("Location") != "/docs/" {
		t.Error(a.StatusCode, a.Header)
	}
	if a := call(t, s, "GET", "/docs", ""); a.StatusCode != 301 || a.Header.Get("Location") != "/docs/" {
		t.Error(a.StatusCode, a.Header)
	}
	page := call(t, s, "GET", "/docs/", "")
	start := call(t, s, "GET", "/docs/start.js", "")
	if page.StatusCode != 200 || start.StatusCode != 200 || strings.Contains(page.text+start.text, "://") {
		t.Error(page.text, start.text)
	}
	if strings.Contains(page.text, "<style") || strings.Contains(page.text, "style=") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(page.text) {
		t.Error("the policy forbids what stands within the page")
	}
	for _, part := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page.text, -1) {
		path := "/docs/" + part[1]
		if part[1] == "../openapi.json" {
			path = "/openapi.json"
		}
		a := call(t, s, "GET", path, "", "Accept-Encoding", "identity")
		if a.StatusCode != 200 || a.Header.Get("Etag") == "" || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", path, a.StatusCode, a.Header)
		}
		if strings.HasSuffix(path, ".css") && strings.Contains(regexp.MustCompile(`http://www\.w3\.org/[a-zA-Z0-9/]+`).ReplaceAllString(a.text, ""), "://") {
			t.Error("the style sheet names another site")
		}
		zipped := call(t, s, "GET", path, "", "Accept-Encoding", "gzip")
		if strings.HasSuffix(path, "bundle.js") && (zipped.Header.Get("Content-Encoding") != "gzip" || len(zipped.text) > len(a.text)/2 || !strings.Contains(a.text, "SwaggerUIBundle")) {
			t.Errorf("%s: %v", path, zipped.Header)
		}
	}
	if policy := page.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || !strings.Contains(policy, "script-src 'self'") {
		t.Error(policy)
	}
}

func TestConfigIsComplete(t *testing.T) {
	if _, err := web.New(web.Config{}); err == nil {
		t.Error("an empty Config was taken")
	}
}
