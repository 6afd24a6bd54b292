package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/concordhq/concord/client"
)

const (
	// maxAnswerBytes bounds what is read of one answer; an obligation is a hundredth of it.
	maxAnswerBytes = 1 << 20

	// restBuffer holds an answer, headers included.
	restBuffer = 4 << 10
)

// restFace is the service's REST face.
type restFace struct {
	host, path string        // of the base
	addr       string        // host and port
	tls        *tls.Config   // nil: in the clear
	timeout    time.Duration // of one call
}

func newRESTFace(s Settings) (*restFace, error) {
	base := s.HTTPAddr
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	at, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("the address of the REST face: %w", err)
	}
	f := &restFace{host: at.Host, path: strings.TrimSuffix(at.EscapedPath(), "/"), addr: at.Host, timeout: s.Options.Timeout}
	if f.timeout == 0 {
		f.timeout = client.DefaultTimeout
	}
	if at.Port() == "" {
		f.addr = net.JoinHostPort(at.Hostname(), at.Scheme)
	}
	if at.Scheme == "https" {
		config, err := s.Options.TLSConfig()
		if err != nil {
			return nil, err
		}
		f.tls = config.Clone()
		if f.tls.ServerName == "" {
			f.tls.ServerName = at.Hostname()
		}
	}
	return f, nil
}

// restLine is one caller's connection, HTTP/1.1 with and without TLS, so that the figures are of one kind. It writes a
// request and reads the answer in the caller's own goroutine: what the load takes of the machine is not there for what is
// measured.
type restLine struct {
	face *restFace
	conn net.Conn // nil: not connected
	in   *bufio.Reader
	out  []byte
}

// get reads an agreement's obligation.
func (l *restLine) get(ctx context.Context, g *ground, n int) error {
	err := l.exchange(ctx, g, n)
	if err != nil {
		l.close() // what was left unread belongs to nobody
	}
	return err
}

func (l *restLine) exchange(ctx context.Context, g *ground, n int) error {
	if err := l.connect(ctx); err != nil {
		return restError{"no connection"}
	}
	_ = l.conn.SetDeadline(time.Now().Add(l.face.timeout))
	l.out = append(l.out[:0], "GET "...)
	l.out = append(l.out, l.face.path...)
	l.out = append(l.out, "/v1/agreements/"+g.agreement(n)+"/obligations/"+obligationID+" HTTP/1.1\r\nHost: "...)
	l.out = append(l.out, l.face.host...)
	l.out = append(l.out, "\r\nAuthorization: Bearer "+g.vendor+"\r\n\r\n"...)
	if _, err := l.conn.Write(l.out); err != nil {
		return restError{"no answer"}
	}
	answer, err := http.ReadResponse(l.in, nil)
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
	if answer.Close {
		l.close()
	}
	return nil
}

func (l *restLine) connect(ctx context.Context) (err error) {
	if l.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.face.timeout)
	defer cancel()
	dialer := &net.Dialer{}
	if l.face.tls == nil {
		l.conn, err = dialer.DialContext(ctx, "tcp", l.face.addr)
	} else {
		l.conn, err = (&tls.Dialer{NetDialer: dialer, Config: l.face.tls}).DialContext(ctx, "tcp", l.face.addr)
	}
	if err != nil {
		l.conn = nil // not a nil of another type
		return err
	}
	l.in = bufio.NewReaderSize(l.conn, restBuffer)
	return nil
}

func (l *restLine) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// restError is a call that failed, in words few enough to count by.
type restError struct{ text string }

func (e restError) Error() string { return "HTTP: " + e.text }
