package proto

import (
	"os/exec"
	"testing"
)

// What the gateway's generator writes calls the gateway's runtime, and the two are pinned in
// different module files. They move together.
func TestGatewayGeneratorMatchesRuntime(t *testing.T) {
	version := func(modfile string) string {
		t.Helper()
		out, err := exec.Command("go", "list", "-C", "..", "-m", "-modfile="+modfile, "-f", "{{.Version}}",
			"github.com/grpc-ecosystem/grpc-gateway/v2").Output()
		if err != nil {
			t.Fatalf("go list -m with %s: %v", modfile, err)
		}
		return string(out)
	}
	if generator, runtime := version("proto/tools.mod"), version("go.mod"); generator != runtime {
		t.Errorf("grpc-gateway is %s in proto/tools.mod but %s in go.mod", generator, runtime)
	}
}
