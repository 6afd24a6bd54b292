package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutsideTools lets tools that know nothing of Concord look at it: they must find what they look for.
func TestOutsideTools(t *testing.T) {
	p := start(t, lastLine, "--data-dir", filepath.Join(t.TempDir(), "data"), "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	tool := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", append([]string{"tool", "-modfile=proto/tools.mod"}, args...)...)
		cmd.Dir = "../.."
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := tool("grpc-health-probe", "-addr="+p.grpc); !strings.Contains(out, "SERVING") {
		t.Errorf("health: %s", out)
	}
	if out := tool("grpc-health-probe", "-addr="+p.grpc, "-service=concord.v1.ObligationService"); !strings.Contains(out, "SERVING") {
		t.Errorf("health of a service: %s", out)
	}
	services := strings.Fields(tool("grpcurl", "-plaintext", p.grpc, "list"))
	if len(services) < 9 {
		t.Errorf("reflection lists %v", services)
	}
	for _, service := range services {
		if out := tool("grpcurl", "-plaintext", p.grpc, "describe", service); !strings.Contains(out, "is a service") {
			t.Errorf("describe %s: %s", service, out)
		}
	}
	out := tool("grpcurl", "-plaintext", "-H", "authorization: Bearer "+p.key, p.grpc, "concord.v1.AdminService/GetCaller")
	if !strings.Contains(out, "ROLE_OPERATOR") {
		t.Errorf("a call: %s", out)
	}
}
