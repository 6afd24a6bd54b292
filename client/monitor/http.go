package monitor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"filippo.io/torchwood"
)

const (
	// maxAnswer bounds one answer, in bytes: a whole bundle of entries is 17,152, a tile 8,192.
	maxAnswer = 1 << 20
	// requestTimeout bounds one request.
	requestTimeout = 20 * time.Second
	// maxRequests bounds how many requests are under way at once.
	maxRequests = 8
)

// HTTP is the log below a URL: what stands before "checkpoint", as in https://concord.example/tlog/. key is an API key of the
// service that serves it, or empty where it asks for none; it is sent to nobody in the clear but to this machine.
func HTTP(at, key string, transport *http.Transport) (torchwood.TileReader, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, fmt.Errorf("the log's URL: %w", err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("the log's URL is https://host/… and not %q", at)
	}
	if key != "" && u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, errors.New("the key is not sent in the clear: give an https URL")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return torchwood.NewTileFetcher(u.String(),
		torchwood.WithHTTPClient(&http.Client{Transport: caller{key, transport}, Timeout: requestTimeout, CheckRedirect: stay}),
		torchwood.WithUserAgent("concord-monitor"), torchwood.WithConcurrencyLimit(maxRequests))
}

// stay refuses to be sent elsewhere: the key is for one host only.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// caller says who calls, and reads no answer that does not end.
type caller struct {
	key string
	by  *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (c caller) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.key != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	answer, err := c.by.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}
