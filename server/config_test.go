package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/mod/sumdb/note"

	"github.com/concordhq/concord/server"
)

// configured is what flags, an environment and a file (its name in the environment or the flags) come to.
func configured(t *testing.T, args []string, environ map[string]string) (server.Config, *pflag.FlagSet, error) {
	t.Helper()
	config := server.Default()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.SetOutput(&bytes.Buffer{})
	config.Bind(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := config.Fill(flags, func(name string) (string, bool) { v, ok := environ[name]; return v, ok })
	return config, flags, err
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlagBeatsTheEnvironmentAndThatTheFile(t *testing.T) {
	file := writeFile(t, "concord.yaml", "http-addr: 127.0.0.1:1\nlog-level: warn\nlog-format: json\nshutdown-timeout: 3s\nmetrics: false\nmax-store-bytes: 1000000\ndata-dir: \"from file\"\n")
	environ := map[string]string{"CONCORD_CONFIG": file, "CONCORD_LOG_LEVEL": "error", "CONCORD_HTTP_ADDR": "127.0.0.1:2", "CONCORD_GRPC_ADDR": "[::1]:9"}
	config, _, err := configured(t, []string{"--http-addr=127.0.0.1:3"}, environ)
	if err != nil {
		t.Fatal(err)
	}
	want := server.Default()
	want.File, want.HTTPAddr, want.LogLevel, want.LogFormat, want.GRPCAddr = file, "127.0.0.1:3", "error", "json", "[::1]:9"
	want.ShutdownTimeout, want.Metrics, want.MaxStoreBytes, want.DataDir = 3*time.Second, false, 1_000_000, "from file"
	if !same(config, want) {
		t.Errorf("got\n%+v\nwanted\n%+v", config, want)
	}
	// A flag that says what the default says is a flag all the same, and so is one that names the file.
	config, _, err = configured(t, []string{"--log-level=info", "--config=" + file}, map[string]string{"CONCORD_LOG_LEVEL": "debug", "CONCORD_CONFIG": "/does/not/exist"})
	if err != nil || config.LogLevel != "info" || config.LogFormat != "json" {
		t.Errorf("%+v, %v", config, err)
	}
}

// same compares all that flags set.
func same(a, b server.Config) bool {
	a.Now, b.Now = nil, nil
	x, y := pflag.NewFlagSet("a", 0), pflag.NewFlagSet("b", 0)
	a.Bind(x)
	b.Bind(y)
	equal := true
	x.VisitAll(func(f *pflag.Flag) { equal = equal && f.Value.String() == y.Lookup(f.Name).Value.String() })
	return equal
}

func TestAWrongConfigurationIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		args []string
		want []string
	}{
		"unknown names":               {file: "htpp-addr: x\nlog-level: info\nnope: 1\n", want: []string{"htpp-addr", "nope"}},
		"a second document":           {file: "log-level: info\n---\nlog-level: debug\n", want: []string{"YAML"}},
		"no YAML":                     {file: "{{{", want: []string{"YAML"}},
		"a list":                      {file: "- a\n- b\n", want: []string{"YAML"}},
		"a nested setting":            {file: "log:\n  level: info\n", want: []string{"YAML"}},
		"a name twice":                {file: "log-level: info\nlog-level: debug\n", want: []string{"YAML"}},
		"values of other types":       {file: "metrics: perhaps\nshutdown-timeout: soon\nmax-store-bytes: 1.5\n", want: []string{"metrics", "shutdown-timeout", "max-store-bytes"}},
		"the file itself in it":       {file: "config: other.yaml\n", want: []string{"config"}},
		"no file":                     {args: []string{"--config=/does/not/exist"}, want: []string{"/does/not/exist"}},
		"the open net, in clear":      {args: []string{"--grpc-addr=0.0.0.0:1", "--http-addr=:2"}, want: []string{"grpc-addr", "http-addr", "loopback"}},
		"a name that is not loopback": {args: []string{"--http-addr=127.0.0.1.example.com:2"}, want: []string{"http-addr"}},
		"no port":                     {args: []string{"--grpc-addr=127.0.0.1"}, want: []string{"grpc-addr"}},
		"half of TLS":                 {args: []string{"--tls-key-file=x"}, want: []string{"tls-cert-file"}},
		"everything":                  {args: []string{"--store=etcd", "--log-level=loud", "--log-format=xml", "--max-store-bytes=-1", "--shutdown-timeout=11m", "--data-dir="}, want: []string{"store", "log-level", "log-format", "max-store-bytes", "shutdown-timeout"}},
		"no such ways of the log":     {args: []string{"--log-fail=ajar", "--tlog-public=some"}, want: []string{"log-fail", "tlog-public"}},
		"files for what forgets":      {args: []string{"--store=memory", "--log-head-file=x"}, want: []string{"log-head-file"}},
		"no directory":                {args: []string{"--data-dir="}, want: []string{"data-dir"}},
	} {
		args := c.args
		if c.file != "" {
			args = append(args, "--config="+writeFile(t, "concord.yaml", c.file))
		}
		config, _, err := configured(t, args, nil)
		if err == nil {
			t.Errorf("%s: was taken: %+v", name, config)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: nothing is said of %s: %v", name, word, err)
			}
		}
	}
	for _, fine := range [][]string{{"--grpc-addr=localhost:0"}, {"--http-addr=[::1]:0"}, {"--grpc-addr=127.8.9.10:1"}, {"--grpc-addr=0.0.0.0:1", "--tls-cert-file=a", "--tls-key-file=b"}, {"--store=memory", "--data-dir="}} {
		if _, _, err := configured(t, fine, nil); err != nil {
			t.Errorf("%v: %v", fine, err)
		}
	}
}

// What "concordd config" prints is a file that says the same.
func TestAPrintedConfigurationLoadsBack(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"--grpc-addr=[::1]:0", "--http-addr=localhost:65535", "--log-format=json", "--log-level=debug", "--metrics=false", "--max-store-bytes=9007199254740993", "--shutdown-timeout=1m30.5s", "--store=memory"},
		{"--data-dir=/srv/a b/#c: 'd' \"e\"\\f\tü 数据 \U0001F91D\n", "--tls-cert-file=no", "--tls-key-file=~"},
	} {
		config, flags, err := configured(t, args, nil)
		if err != nil {
			t.Fatal(err)
		}
		var printed bytes.Buffer
		if err := server.Print(&printed, flags); err != nil {
			t.Fatal(err)
		}
		file := writeFile(t, "printed.yaml", printed.String())
		again, _, err := configured(t, nil, map[string]string{"CONCORD_CONFIG": file})
		if err != nil || !same(again, withFile(config, file)) {
			t.Errorf("%v: %v\n%s\nloads as %+v", args, err, printed.String(), again)
		}
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Name != "config" && !strings.Contains(printed.String(), "# "+f.Usage+"\n"+f.Name+": ") {
				t.Errorf("%s is printed without its manual", f.Name)
			}
		})
	}
}

func withFile(c server.Config, file string) server.Config {
	c.File = file
	return c
}

// A server that is built and never run lets go of everything: its ports, its data and its goroutines.
func TestAServerThatIsNeverRunLeavesNothing(t *testing.T) {
	config := server.Default()
	config.GRPCAddr, config.HTTPAddr, config.DataDir = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	for i := range 3 {
		s, err := server.New(t.Context(), config, &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 { // it takes a second to be refused
			if other, err := server.New(t.Context(), config, &bytes.Buffer{}); err == nil {
				other.Close()
				t.Error("two servers share one directory")
			}
		}
		s.Close()
		s.Close()
	}
	config.TLSCertFile, config.TLSKeyFile = "/does/not/exist", "/does/not/exist"
	if _, err := server.New(t.Context(), config, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("without its certificate: %v", err)
	}
	config.GRPCAddr = "somewhere"
	if _, err := server.New(t.Context(), config, &bytes.Buffer{}); err == nil {
		t.Error("New does not check its configuration")
	}
}

// A policy that nobody can meet, and keys that are none, are told before anything is served.
func TestFilesOfTheLogThatAreWrongAreRefused(t *testing.T) {
	foreign, _, err := note.GenerateKey(rand.Reader, "log.example")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *server.Config){
		"log-witness-policy-file: ":               func(c *server.Config) { c.WitnessPolicyFile = "/does/not/exist" },
		"log-witness-policy-file: witness policy": func(c *server.Config) { c.WitnessPolicyFile = writeFile(t, "policy", "quorum nobody\n") },
		"log keys: ": func(c *server.Config) { c.LogKeyFile = writeFile(t, "keys", "PRIVATE+KEY\n") },
		"log.example": func(c *server.Config) {
			c.LogOrigin, c.LogKeyFile = "other.example", writeFile(t, "keys", foreign)
		},
	} {
		config := server.Default()
		config.GRPCAddr, config.HTTPAddr, config.DataDir = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
		spoil(&config)
		built, err := server.New(t.Context(), config, io.Discard)
		if err == nil {
			err = built.Run(t.Context(), func(server.Started) { t.Errorf("%s: it serves", name) })
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("nothing is said of %q: %v", name, err)
		}
	}
}

// The first key is told once. A first start that failed has not made it: the next one does, and tells it.
func TestAFailedStartTakesNoKeyAlong(t *testing.T) {
	config := server.Default()
	config.GRPCAddr, config.HTTPAddr, config.DataDir = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	key := ""
	for _, aside := range []string{"/does/not/exist", t.TempDir(), t.TempDir()} {
		config.LogHeadFile = filepath.Join(aside, "head")
		s, err := server.New(t.Context(), config, io.Discard)
		if err != nil {
			continue // the third has not the file that the second wrote
		}
		ctx, stop := context.WithCancel(t.Context())
		err = s.Run(ctx, func(started server.Started) { key += started.FirstKey; stop() })
		stop()
		if (err == nil) != (key != "") {
			t.Errorf("with the head file in %s it ended with %v", aside, err)
		}
	}
	if !strings.HasPrefix(key, "concord.") {
		t.Error("nobody was told the first key")
	}
}
