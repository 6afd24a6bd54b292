package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/concordhq/concord/client"
)

// maxAnswerBytes bounds what is read of one answer; an obligation is a hundredth of it.
const maxAnswerBytes = 1 << 20

// restFace is the service's REST face.
type restFace struct {
	http *http.Client
	base string
}

func newRESTFace(s Settings) (*restFace, error) {
	base := strings.TrimSuffix(s.HTTPAddr, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	config, err := s.Options.TLSConfig()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	// HTTP/1.1 with a connection for each caller, with and without TLS: the figures are then of one kind.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = s.Callers, s.Callers
	timeout := s.Options.Timeout
	if timeout == 0 {
		timeout = client.DefaultTimeout
	}
	return &restFace{base: base, http: &http.Client{Transport: transport, Timeout: timeout}}, nil
}

// get reads an agreement's obligation.
func (f *restFace) get(ctx context.Context, g *ground, n int) error {
	url := f.base + "/v1/agreements/" + g.agreement(n) + "/obligations/" + obligationID
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+g.vendor)
	answer, err := f.http.Do(request)
	if err != nil {
		return restError{"no answer"}
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswerBytes)); err != nil {
		return restError{"broken answer"}
	}
	if answer.StatusCode != http.StatusOK {
		return restError{answer.Status}
	}
	return nil
}

// restError is a call that failed, in words few enough to count by.
type restError struct{ text string }

func (e restError) Error() string { return "HTTP: " + e.text }
