package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

// mint is an authority that makes certificates for loopback.
type mint struct {
	t         *testing.T
	dir       string
	key       *ecdsa.PrivateKey
	authority *x509.Certificate
	made      int64
}

func newMint(t *testing.T) *mint {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := &mint{t: t, dir: t.TempDir(), key: key}
	now := time.Now()
	m.authority = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, m.authority, m.authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if m.authority, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mint) files() (cert, key string) {
	return filepath.Join(m.dir, "cert.pem"), filepath.Join(m.dir, "key.pem")
}

// strike writes a new certificate with its own key, and returns its serial number. Each is a minute younger than the one
// before, so that nothing hangs on how fine a file system's times are.
func (m *mint) strike() int64 {
	m.t.Helper()
	m.made++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(100 + m.made), Subject: pkix.Name{CommonName: "concord"}, NotBefore: m.authority.NotBefore, NotAfter: m.authority.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, m.authority, &key.PublicKey, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return 100 + m.made
}

func (m *mint) write(certPEM, keyPEM []byte) {
	m.t.Helper()
	cert, key := m.files()
	for name, content := range map[string][]byte{key: keyPEM, cert: certPEM} {
		if content == nil {
			continue
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			m.t.Fatal(err)
		}
		at := m.authority.NotBefore.Add(time.Duration(m.made) * time.Minute)
		if err := os.Chtimes(name, at, at); err != nil {
			m.t.Fatal(err)
		}
	}
}

// start runs a server with the mint's certificate.
func (m *mint) start() *servertest.Server {
	m.t.Helper()
	trust := x509.NewCertPool()
	trust.AddCert(m.authority)
	return servertest.Start(m.t, servertest.Options{
		TLS:       &tls.Config{RootCAs: trust},
		Configure: func(c *server.Config) { c.TLSCertFile, c.TLSKeyFile = m.files() },
	})
}

// serial is the serial number of the certificate that a port shows.
func (m *mint) serial(addr string) int64 {
	m.t.Helper()
	trust := x509.NewCertPool()
	trust.AddCert(m.authority)
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: trust, NextProtos: []string{"h2"}})
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestBothFacesSpeakTLS(t *testing.T) {
	m := newMint(t)
	m.strike()
	s := m.start()
	s.Party(t, acme)
	for _, face := range s.Faces() {
		if p := face.Must(t, s.Operator, &pb.GetPartyRequest{PartyId: acme}).(*pb.Party); p.GetPartyId() != acme {
			t.Errorf("over %s came %v", face.Name(), p)
		}
	}
	res, err := s.HTTP().Get(s.URL("/healthz"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 || res.TLS.Version < tls.VersionTLS12 {
		t.Errorf("REST over TLS is %s, TLS %x", res.Proto, res.TLS.Version)
	}
	for _, addr := range []string{s.GRPCAddr, s.HTTPAddr} {
		old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
		if conn, err := tls.Dial("tcp", addr, old); err == nil {
			conn.Close()
			t.Errorf("%s takes TLS 1.1", addr)
		}
	}
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if res, err := plain.Get("http://" + s.HTTPAddr + "/v1/caller"); err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("in the clear it answers %s", res.Status)
		}
	}
}

// A renewed certificate is shown to who comes next, without a restart; one that is half written is not shown, and does
// not close the door.
func TestARenewedCertificateNeedsNoRestart(t *testing.T) {
	m := newMint(t)
	first := m.strike()
	s := m.start()
	shows := func(want int64, when string) {
		t.Helper()
		for _, addr := range []string{s.GRPCAddr, s.HTTPAddr} {
			if got := m.serial(addr); got != want {
				t.Errorf("%s: %s shows %d; wanted %d", when, addr, got, want)
			}
		}
	}
	shows(first, "at first")
	second := m.strike()
	shows(second, "renewed")
	m.made++
	m.write([]byte("-----BEGIN CERTIFICATE-----\nhalf"), nil)
	shows(second, "half written")
	cert, _ := m.files()
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	shows(second, "gone")
	shows(m.strike(), "renewed again")
	s.REST().Must(t, s.Operator, &pb.GetCallerRequest{})
}
