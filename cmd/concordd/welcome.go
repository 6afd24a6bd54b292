package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/concordhq/concord/server"
)

// welcome says where the data lies, what is listened on and what to type next.
func welcome(w io.Writer, config server.Config, started server.Started) {
	scheme := "http"
	if started.TLS {
		scheme = "https"
	}
	data := "in memory, gone at the end"
	if config.Store == server.StoreBolt {
		data = config.DataDir
		if full, err := filepath.Abs(data); err == nil {
			data = full
		}
	}
	fmt.Fprintf(w, "Concord %s\n", server.Version())
	fmt.Fprintf(w, "  data   %s\n", data)
	fmt.Fprintf(w, "  gRPC   %s\n", started.GRPCAddr)
	fmt.Fprintf(w, "  REST   %s://%s/v1   documentation at %s://%s/docs\n", scheme, started.HTTPAddr, scheme, started.HTTPAddr)
	defer fmt.Fprintln(w, "Stop with Ctrl-C.")
	if started.FirstKey == "" {
		return
	}
	fmt.Fprintf(w, `
This is the first start. The operator's key is told once, now; keep it:

  export CONCORD_KEY=%s

With it you register parties and hand out keys for their members. Next:

  go run ./cmd/concord --addr %s whoami
  curl -s -H "Authorization: Bearer $CONCORD_KEY" %s://%s/v1/caller

`, started.FirstKey, started.GRPCAddr, scheme, started.HTTPAddr)
}
