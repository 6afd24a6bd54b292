package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	viewer "github.com/swaggest/swgui/v5/static"
	"google.golang.org/grpc/codes"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// ownFiles are the page and the script that start the viewer. They are our own so that no script stands
// within a page, and the page's policy can forbid that.
//
//go:embed docs
var ownFiles embed.FS

// docsPolicy lets the viewer load its parts from this service and call this service, and nothing else.
// Its style sheet draws icons as data: URLs.
var docsPolicy = []string{"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}

// servePage answers a path outside /v1/.
func (h *handler) servePage(x *exchange) {
	r := x.request
	page := h.pages[r.URL.Path]
	if page == nil || r.URL.RawPath != "" {
		x.refuse(newProblem(pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD, codes.NotFound,
			"There is no such path. The API begins at /v1/; /docs describes it."))
		return
	}
	if p := onlyRead(r); p != nil {
		x.refuse(p)
		return
	}
	page.ServeHTTP(x, r)
}

// onlyRead refuses a request that does more than read, for paths that can only be read.
func onlyRead(r *http.Request) *problem {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	p := newProblem(pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD, codes.Unimplemented, "This path takes GET, HEAD.")
	p.header.Set("Allow", "GET, HEAD")
	return p
}

// newPages makes everything outside /v1/.
func newPages(c Config) (map[string]http.Handler, error) {
	pages := map[string]http.Handler{
		"/":             http.RedirectHandler("/docs/", http.StatusFound),
		"/docs":         http.RedirectHandler("/docs/", http.StatusMovedPermanently),
		"/openapi.json": newAsset(c.OpenAPI, "application/json", false),
		"/healthz":      state(func() error { return nil }),
		"/readyz":       state(c.Ready),
	}
	if c.Metrics != nil {
		pages["/metrics"] = c.Metrics
	}
	for _, f := range []struct {
		fs         fs.FS
		name, path string
	}{
		{ownFiles, "docs/index.html", "/docs/"},
		{ownFiles, "docs/start.js", "/docs/start.js"},
		{viewer.FS, "swagger-ui-bundle.js.gz", "/docs/swagger-ui-bundle.js"},
		{viewer.FS, "swagger-ui.css.gz", "/docs/swagger-ui.css"},
		{viewer.FS, "favicon-32x32.png", "/docs/favicon-32x32.png"},
	} {
		content, err := fs.ReadFile(f.fs, f.name)
		if err != nil {
			return nil, fmt.Errorf("viewer: %w", err)
		}
		name, zipped := strings.CutSuffix(f.name, ".gz")
		a := newAsset(content, contentTypes[name[strings.LastIndexByte(name, '.'):]], zipped)
		a.policy = docsPolicy
		pages[f.path] = a
	}
	return pages, nil
}

// contentTypes are the kinds of files the viewer has. The system's own list is not asked: it differs
// from one machine to the next.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".png":  "image/png",
}

// asset is content that stays the same as long as the process lives.
type asset struct {
	content     []byte
	zipped      bool // with gzip
	contentType string
	tag         string
	policy      []string // nil: the one every answer has
}

// newAsset makes an asset and its etag.
func newAsset(content []byte, contentType string, zipped bool) *asset {
	sum := sha256.Sum256(content)
	return &asset{content: content, zipped: zipped, contentType: contentType, tag: hex.EncodeToString(sum[:16])}
}

// ServeHTTP implements http.Handler.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if a.policy != nil {
		h["Content-Security-Policy"] = a.policy
	}
	h.Set("Cache-Control", "no-cache") // keep it, but ask each time: a new release has a new etag
	h.Set("Etag", `W/"`+a.tag+`"`)     // weak: the same for zipped and plain
	if noneMatch(r.Header["If-None-Match"], a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.contentType)
	var content io.Reader = bytes.NewReader(a.content)
	if a.zipped {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
		} else if plain, err := gzip.NewReader(content); err == nil {
			content = plain
		}
	}
	_, _ = io.Copy(w, content) // a client that is gone cannot be told
}

// state answers a probe: 200 as long as the function returns nil, else 503 and its words.
type state func() error

// ServeHTTP implements http.Handler.
func (s state) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h["Cache-Control"] = noStore
	if err := s(); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, err.Error()+"\n")
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}
