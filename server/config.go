package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// Config is everything an operator decides. A setting comes from its flag, else from its environment variable
// (CONCORD_ and the flag's name in capitals, with "_" for "-"), else from the file named by --config (YAML, the flag's
// name as the key), else it is the default. The usage texts in bind are the manual.
type Config struct {
	// File is the YAML file the other settings may come from.
	File string
	// GRPCAddr and HTTPAddr are what is listened on.
	GRPCAddr, HTTPAddr string
	// DataDir is where the data lies.
	DataDir string
	// Store names the engine.
	Store string
	// MaxStoreBytes is the size from which on writes are refused.
	MaxStoreBytes int64
	// TLSCertFile and TLSKeyFile turn TLS on, for gRPC and HTTP alike.
	TLSCertFile, TLSKeyFile string
	// LogLevel and LogFormat say what is logged and how.
	LogLevel, LogFormat string
	// Metrics says whether measures are taken and served at /metrics.
	Metrics bool
	// ShutdownTimeout is how long running calls may go on after the signal to stop.
	ShutdownTimeout time.Duration

	// LogOrigin is the name of the log, for its first start.
	LogOrigin string
	// LogKeyFile and LogHeadFile are where the log's private keys and the last checkpoint are; "" means in DataDir.
	LogKeyFile, LogHeadFile string
	// WitnessPolicyFile names who cosigns the log; "": nobody.
	WitnessPolicyFile string
	// LogFail says what becomes of checkpoints that too few cosigned.
	LogFail string
	// TlogPublic says what of the log anyone may read.
	TlogPublic string

	// Now is the wall clock; nil means the real one. No flag sets it.
	Now func() time.Time
}

// The engines.
const (
	StoreBolt   = "bolt"
	StoreMemory = "memory"
)

// What becomes of a checkpoint that too few witnesses cosigned.
const (
	FailOpen   = "open"
	FailClosed = "closed"
)

// What of the log anyone may read.
const (
	PublicNothing = "nothing"
	PublicHashes  = "hashes"
	PublicAll     = "all"
)

// Default is the configuration that needs nothing: an embedded store in the working directory, on loopback.
func Default() Config {
	return Config{
		GRPCAddr:        "127.0.0.1:9400",
		HTTPAddr:        "127.0.0.1:8400",
		DataDir:         "concord-data",
		Store:           StoreBolt,
		LogLevel:        "info",
		LogFormat:       "text",
		Metrics:         true,
		ShutdownTimeout: 10 * time.Second,
		LogFail:         FailOpen,
		TlogPublic:      PublicNothing,
	}
}

// Bind adds a flag for every setting.
func (c *Config) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&c.File, "config", c.File, "YAML file with settings, by the names of these flags; unknown names are refused")
	fs.StringVar(&c.GRPCAddr, "grpc-addr", c.GRPCAddr, "address for gRPC, host:port; port 0 takes a free one; without TLS the host must be loopback")
	fs.StringVar(&c.HTTPAddr, "http-addr", c.HTTPAddr, "address for REST, /docs, /healthz, /readyz and /metrics, host:port; as grpc-addr")
	fs.StringVar(&c.DataDir, "data-dir", c.DataDir, "directory of the data, made if missing, for one server at a time, on a local disk")
	fs.StringVar(&c.Store, "store", c.Store, `engine: "bolt" keeps the data in data-dir, "memory" forgets it at the end`)
	fs.Int64Var(&c.MaxStoreBytes, "max-store-bytes", c.MaxStoreBytes, "size of the store from which on writes are refused and reads go on; 0 means as far as the disk goes; leave 512 MiB beyond it")
	fs.StringVar(&c.TLSCertFile, "tls-cert-file", c.TLSCertFile, "PEM certificate chain; with tls-key-file it turns TLS on for gRPC and HTTP; read again when it changes")
	fs.StringVar(&c.TLSKeyFile, "tls-key-file", c.TLSKeyFile, "PEM private key of tls-cert-file")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", c.LogFormat, `"text" for people or "json" for programs, on standard error`)
	fs.BoolVar(&c.Metrics, "metrics", c.Metrics, "take measures and serve them at /metrics; OTEL_METRICS_EXPORTER=otlp pushes them too. Traces: OTEL_TRACES_EXPORTER=otlp and the other standard OTEL_ variables")
	fs.DurationVar(&c.ShutdownTimeout, "shutdown-timeout", c.ShutdownTimeout, "how long running calls may go on after SIGTERM, 0s to 10m")
	fs.StringVar(&c.LogOrigin, "log-origin", c.LogOrigin, `name of the log that every event is entered into, best a host name and a path, as in "concord.example.com/log"; it counts at the first start and can never change; empty: one is drawn`)
	fs.StringVar(&c.LogKeyFile, "log-key-file", c.LogKeyFile, `file of the log's private keys, C2SP signer keys, made at the first start; keep a copy apart from the data; empty: "log-keys" in data-dir`)
	fs.StringVar(&c.LogHeadFile, "log-head-file", c.LogHeadFile, `file of the last checkpoint that was signed, by which a start knows that the data are the newest copy; best on another disk than data-dir, and never part of a backup that is put back; empty: "checkpoint" in data-dir`)
	fs.StringVar(&c.WitnessPolicyFile, "log-witness-policy-file", c.WitnessPolicyFile, "C2SP tlog-policy that names the witnesses, their URLs, and the quorum that makes a checkpoint good; empty: no witnesses")
	fs.StringVar(&c.LogFail, "log-fail", c.LogFail, `what becomes of a checkpoint that the quorum has not cosigned: "open" publishes it all the same, "closed" does not`)
	fs.StringVar(&c.TlogPublic, "tlog-public", c.TlogPublic, `what of /tlog/ anyone may read without a key: "nothing", "hashes" (checkpoint and hash tiles: they tell how many events there are), or "all" (the entries, which are commitments, too); an auditor's key reads all in any case`)
}

// envPrefix starts every environment variable of ours.
const envPrefix = "CONCORD_"

// Fill sets what no flag of fs set: from the environment, else from the file. Bind and parse fs first.
func (c *Config) Fill(fs *pflag.FlagSet, environ func(string) (string, bool)) error {
	fromEnv := func(f *pflag.Flag) (string, bool) {
		return environ(envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
	}
	if f := fs.Lookup("config"); !f.Changed {
		if v, ok := fromEnv(f); ok {
			c.File = v
		}
	}
	file, err := readSettings(c.File)
	if err != nil {
		return err
	}
	var wrong []error
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" || f.Name == "help" {
			return // a file cannot name another one
		}
		fileValue, inFile := file[f.Name]
		delete(file, f.Name)
		if f.Changed {
			return
		}
		value, source := fileValue, "the file "+c.File
		if v, ok := fromEnv(f); ok {
			value, source, inFile = v, "the environment", true
		}
		if inFile {
			if err := f.Value.Set(value); err != nil {
				wrong = append(wrong, fmt.Errorf("%s from %s: %w", f.Name, source, err))
			}
		}
	})
	for name := range file {
		wrong = append(wrong, fmt.Errorf("the file %s has a setting that does not exist: %s", c.File, name))
	}
	if wrong != nil {
		return fmt.Errorf("configuration: %w", errors.Join(wrong...))
	}
	return c.Check()
}

// maxConfigBytes is far more than every setting takes.
const maxConfigBytes = 1 << 20

func readSettings(name string) (map[string]string, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(body) > maxConfigBytes {
		return nil, fmt.Errorf("configuration: %s is larger than %d bytes", name, maxConfigBytes)
	}
	settings := map[string]string{}
	d := yaml.NewDecoder(bytes.NewReader(body))
	if err = d.Decode(&settings); err == nil {
		if err = d.Decode(&yaml.Node{}); err == nil {
			err = errors.New("a second document follows")
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration: %s must be YAML lines of the form name: value: %w", name, err)
	}
	return settings, nil
}

// maxShutdown bounds ShutdownTimeout, so that a stop is one.
const maxShutdown = 10 * time.Minute

// Check lists everything that is wrong with a configuration.
func (c *Config) Check() error {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	tls := c.TLSCertFile != ""
	if tls != (c.TLSKeyFile != "") {
		add("tls-cert-file and tls-key-file go together")
	}
	for _, a := range []struct{ name, addr string }{{"grpc-addr", c.GRPCAddr}, {"http-addr", c.HTTPAddr}} {
		host, _, err := net.SplitHostPort(a.addr)
		switch {
		case err != nil:
			add("%s: %w", a.name, err)
		case !tls && !loopback(host):
			add("%s: %q is not loopback: API keys would travel in the clear; configure tls-cert-file and tls-key-file first", a.name, host)
		}
	}
	if c.Store != StoreBolt && c.Store != StoreMemory {
		add(`store: %q is neither "bolt" nor "memory"`, c.Store)
	}
	if c.Store == StoreBolt && c.DataDir == "" {
		add("data-dir: name a directory")
	}
	if c.MaxStoreBytes < 0 {
		add("max-store-bytes: not below 0")
	}
	if c.ShutdownTimeout < 0 || c.ShutdownTimeout > maxShutdown {
		add("shutdown-timeout: from 0s to %s", maxShutdown)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		add("log-level: debug, info, warn or error")
	}
	if c.Store == StoreMemory && (c.LogKeyFile != "" || c.LogHeadFile != "") {
		add("log-key-file and log-head-file: a store that forgets must not sign what it once signed; leave them empty")
	}
	if c.LogFail != FailOpen && c.LogFail != FailClosed {
		add("log-fail: open or closed")
	}
	if !slices.Contains([]string{PublicNothing, PublicHashes, PublicAll}, c.TlogPublic) {
		add("tlog-public: nothing, hashes or all")
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		add("log-format: text or json")
	}
	if wrong != nil {
		return fmt.Errorf("configuration: %w", errors.Join(wrong...))
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Print writes the settings of fs as a file that --config takes, each with its manual.
func Print(w io.Writer, fs *pflag.FlagSet) error {
	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" || f.Name == "help" || err != nil {
			return
		}
		_, err = fmt.Fprintf(w, "# %s\n%s: %q\n\n", f.Usage, f.Name, f.Value.String())
	})
	return err
}
