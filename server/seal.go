package server

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
)

// Names of the files in the data directory that are the log's and not the store's.
const (
	logKeyFile  = "log-keys"
	logHeadFile = "checkpoint"
)

// logFile is where a file of the log lies; "" for a store that forgets, and whose log does.
func (c Config) logFile(configured, name string) string {
	switch {
	case c.Store == StoreMemory:
		return ""
	case configured != "":
		return configured
	}
	return filepath.Join(c.DataDir, name)
}

// openKeys reads the log's private keys.
func (c Config) openKeys() (*seal.Keys, error) {
	return seal.OpenKeys(c.logFile(c.LogKeyFile, logKeyFile), rand.Reader)
}

// readPolicy reads who cosigns the log.
func (c Config) readPolicy() (*seal.Policy, error) {
	policy := &seal.Policy{}
	if c.WitnessPolicyFile != "" {
		text, err := os.ReadFile(c.WitnessPolicyFile)
		if err == nil {
			policy, err = seal.ReadPolicy(text)
		}
		if err != nil {
			return nil, fmt.Errorf("log-witness-policy-file: %w", err)
		}
	}
	policy.FailOpen = c.LogFail == FailOpen
	return policy, nil
}

// openMethods are the RPCs, and with them the files under /tlog/, that an operator opened to anyone.
func (c Config) openMethods() []string {
	hashes := []string{pb.LogService_GetCheckpoint_FullMethodName, pb.LogService_GetTile_FullMethodName}
	switch c.TlogPublic {
	case PublicHashes:
		return hashes
	case PublicAll:
		return append(hashes, pb.LogService_GetEntryBundle_FullMethodName)
	}
	return nil
}

// buildSealer makes the follower that signs the log, and refuses a store that is not the newest copy.
func (s *Server) buildSealer(ctx context.Context, keys *seal.Keys) (err error) {
	now := s.config.Now
	if now == nil {
		now = time.Now
	}
	s.sealer, err = seal.New(ctx, seal.Options{
		Journal: s.journal, Keys: keys, Policy: s.policy, Origin: s.config.LogOrigin, HeadFile: s.config.logFile(s.config.LogHeadFile, logHeadFile),
		Now: now, HTTP: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: seal.MaxWitnesses}}, Log: s.log, Observe: s.telemetry.sealer(),
	})
	return err
}

// beginSealer opens the log, and signs what an earlier run left unsigned.
func (s *Server) beginSealer(ctx context.Context) error {
	if !journal.Logged {
		return nil
	}
	return s.sealer.Begin(ctx, func() string {
		name := make([]byte, 10)
		rand.Read(name) // never fails
		return strings.ToLower(base32.StdEncoding.EncodeToString(name))
	})
}

// seals signs the log until ctx ends.
func (s *Server) seals(ctx context.Context) error {
	if !journal.Logged {
		return nil
	}
	return s.sealer.Run(ctx)
}

// Seal has the log signed, and what may be published published, before it returns. It need not be called: that happens at
// most a second after the log has grown.
func (s *Server) Seal(ctx context.Context) error {
	_, err := s.sealer.Turn(ctx)
	return err
}
