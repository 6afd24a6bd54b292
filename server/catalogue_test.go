package server_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/concordhq/concord/server/servertest"
)

// entry is what error.proto says of a reason: the gRPC codes and HTTP statuses it comes with.
type entry struct {
	codes    []string
	statuses []int
}

var (
	codeWord   = regexp.MustCompile(`\b[A-Z]{2,}(_[A-Z]+)*\b`)
	statusWord = regexp.MustCompile(`\b[45][0-9][0-9]\b`)
)

// catalogue reads the comments of error.proto: they are what clients are told.
var catalogue = sync.OnceValues(func() (map[string]entry, error) {
	source, err := os.ReadFile("../proto/concord/v1/error.proto")
	if err != nil {
		return nil, err
	}
	all := map[string]entry{}
	comment := ""
	for line := range strings.Lines(string(source)) {
		line = strings.TrimSpace(line)
		if words, ok := strings.CutPrefix(line, "//"); ok {
			comment += words
			continue
		}
		if name, ok := strings.CutPrefix(line, "ERROR_REASON_"); ok {
			name, _, _ = strings.Cut(name, " ")
			last := comment[strings.LastIndex(strings.TrimSuffix(comment, "."), ". ")+1:]
			e := entry{codes: codeWord.FindAllString(last, -1)}
			for _, n := range statusWord.FindAllString(last, -1) {
				status, _ := strconv.Atoi(n)
				e.statuses = append(e.statuses, status)
			}
			all[name] = e
		}
		comment = ""
	}
	return all, nil
})

// codeName is a gRPC code as protos spell it.
func codeName(r *servertest.Refusal) string {
	var b strings.Builder
	for i, c := range r.Code.String() {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToUpper(b.String())
}

// refused checks that a call was refused for a reason, as the catalogue has it: with its code, its status, its domain and
// a sentence.
func refused(t *testing.T, what string, r *servertest.Refusal, reasons ...string) bool {
	t.Helper()
	if r == nil {
		t.Errorf("%s: was not refused; wanted %v", what, reasons)
		return false
	}
	if !slices.Contains(reasons, r.Reason) {
		t.Errorf("%s: wanted %v, got %v", what, reasons, r)
		return false
	}
	known, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	e := known[r.Reason]
	if r.Status == 0 && !slices.Contains(e.codes, codeName(r)) {
		t.Errorf("%s: %s came as %s; the catalogue says %v", what, r.Reason, codeName(r), e.codes)
	}
	if r.Status != 0 && !slices.Contains(e.statuses, r.Status) {
		t.Errorf("%s: %s came as %d; the catalogue says %v", what, r.Reason, r.Status, e.statuses)
	}
	if r.Domain != "concord" || r.Message == "" {
		t.Errorf("%s: domain %q, message %q", what, r.Domain, r.Message)
	}
	if r.Reason == "INVALID_FIELDS" && len(r.Violations) == 0 {
		t.Errorf("%s: says that fields are wrong and not which", what)
	}
	return true
}

// spelled is a field path as a face spells it: over REST in camel case, and relative to the body.
func spelled(face servertest.Face, rpc servertest.RPC, path string) string {
	if face.Name() == "gRPC" {
		return path
	}
	if body := rpc.Rule.GetBody(); body != "*" && body != "" {
		path = strings.TrimPrefix(path, body+".")
	}
	var parts []string
	for _, part := range strings.Split(path, ".") {
		name, index, _ := strings.Cut(part, "[")
		words := strings.Split(name, "_")
		for i := range words[1:] {
			words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
		}
		if part = strings.Join(words, ""); index != "" {
			part += "[" + index
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ".")
}

func valueOf(v any) protoreflect.Value { return protoreflect.ValueOf(v) }

// The catalogue can be read, and every reason has its code and status there.
func TestTheCatalogueIsComplete(t *testing.T) {
	known, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	if len(known) < 26 {
		t.Fatalf("%d reasons", len(known))
	}
	for reason, e := range known {
		if reason != "UNSPECIFIED" && (len(e.codes) == 0 || len(e.statuses) == 0) {
			t.Errorf("%s: codes %v, statuses %v", reason, e.codes, e.statuses)
		}
	}
}
