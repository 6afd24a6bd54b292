package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Options say who calls, how the service proves itself, and how patient a call is. The zero value is a caller without a
// key.
type Options struct {
	// Key is the secret of an API key. WithKey overrides it for a call.
	Key string
	// Party is the party to act for; only a SERVICE with several parties needs it. WithParty overrides it for a call.
	Party string

	// CAFile names a PEM file with the authorities that may vouch for the service. Empty: the system's.
	CAFile string
	// TLS is the configuration to connect with, for example with a client certificate. CAFile is added to it.
	//
	// With neither TLS nor CAFile a service on this machine (a loopback address or a Unix socket) is spoken to in the
	// clear, and every other one by TLS.
	TLS *tls.Config

	// Verify makes the Client check the history it reads against the service's log; nil: what the service tells is believed.
	Verify *Verification

	// Timeout is the deadline of a call whose context has none; 0 means DefaultTimeout.
	Timeout time.Duration
	// Attempts is how often a call is made before "unavailable" is believed; 0 means DefaultAttempts, and for a watch
	// DefaultWatchAttempts; 1 never again.
	Attempts int
	// Wait makes Dial return only once there is a connection.
	Wait bool
}

func (o Options) timeout() time.Duration {
	if o.Timeout == 0 {
		return DefaultTimeout
	}
	return o.Timeout
}

func (o Options) attempts() uint {
	if o.Attempts <= 0 {
		return DefaultAttempts
	}
	return uint(o.Attempts)
}

func (o Options) watchAttempts() uint {
	if o.Attempts <= 0 {
		return DefaultWatchAttempts
	}
	return uint(o.Attempts)
}

// transport decides between TLS and the clear, and says whether it is TLS.
func (o Options) transport(addr string) (credentials.TransportCredentials, bool, error) {
	if o.TLS == nil && o.CAFile == "" && onThisMachine(addr) {
		return insecure.NewCredentials(), false, nil
	}
	config, err := o.TLSConfig()
	if err != nil {
		return nil, false, err
	}
	return credentials.NewTLS(config), true, nil
}

// TLSConfig returns the configuration that TLS is spoken with: TLS and CAFile taken together. A caller of the service's
// REST face needs it too. It fails when CAFile cannot be read or holds no certificate.
func (o Options) TLSConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	if o.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	if config.RootCAs == nil {
		config.RootCAs = x509.NewCertPool()
	} else {
		config.RootCAs = config.RootCAs.Clone()
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the authorities: %s holds no PEM certificate", o.CAFile)
	}
	return config, nil
}

// onThisMachine says whether a target cannot be anywhere else, so that nobody can listen on the way.
func onThisMachine(addr string) bool {
	if strings.HasPrefix(addr, "unix:") || strings.HasPrefix(addr, "unix-abstract:") {
		return true
	}
	for _, scheme := range []string{"dns:///", "passthrough:///", "dns:"} {
		if rest, ok := strings.CutPrefix(addr, scheme); ok {
			addr = rest
			break
		}
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
