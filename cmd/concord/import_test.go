package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// ImportAgreements refuses what is called bad, breaks off at what is called broken, and keeps the request ids.
func (o *office) ImportAgreements(stream grpc.ClientStreamingServer[pb.ImportAgreementRequest, pb.ImportAgreementsResponse]) error {
	answer := &pb.ImportAgreementsResponse{}
	for {
		row, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return stream.SendAndClose(answer)
		case err != nil:
			return err
		case row.GetAgreementId() == "broken":
			return status.Error(codes.Internal, "the house burns")
		}
		o.rows = append(o.rows, fmt.Sprintf("%d %s %s %t", row.GetRow(), row.GetAgreementId(), row.GetRequestId(), row.GetValidateOnly()))
		answer.Rows++
		if row.GetAgreementId() != "bad" {
			answer.Proposed++
			continue
		}
		answer.Failed++
		answer.Errors = append(answer.Errors, &pb.RowError{Row: row.GetRow(), AgreementId: "bad", Reason: "INVALID_FIELDS", Field: "terms.title", Description: "is\x1b empty"})
	}
}

// register is a file of rows.
func registerOf(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "register.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAnImportTellsEveryRowThatWasRefused(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	file := registerOf(t, `{"agreementId": "one"}`, ``, `{"agreement_id": "two", "row": "99"}`, `{"agreementId": "bad"}`, `{"agreementId": 5}`, `nonsense`, `{"agreementId": "six"}`)
	code, out, errs := sh.run("import", file, "--request-id", "move")
	if code != exitRefused || out != "rows      6\nproposed  3\nrefused   3\n" {
		t.Errorf("%d\n%s", code, out)
	}
	for _, want := range []string{"row 4 (bad): INVALID_FIELDS terms.title: is\uFFFD empty\n", "row 5: MALFORMED_REQUEST: ", "row 6: MALFORMED_REQUEST: "} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not told:\n%s", want, errs)
		}
	}
	if want := "1 one move:1 false;3 two move:3 false;4 bad move:4 false;7 six move:7 false"; strings.Join(o.rows, ";") != want {
		t.Errorf("sent were %v", o.rows)
	}
	if _, _, errs = sh.run("import", file, "-o", "json"); !strings.Contains(errs, `{"row":"4","agreementId":"bad",`) {
		t.Error(errs)
	}
}

// The file's own bytes name its rows, so that the same file is the same import; what was broken off says how to go on.
func TestAnImportGoesOnWhereItBrokeOff(t *testing.T) {
	o := &office{}
	sh := newShell(t, o)
	lines := make([]string, 2500)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"agreementId": "a%d"}`, i+1)
	}
	lines[2200] = `{"agreementId": "broken"}`
	file := registerOf(t, lines...)
	code, _, errs := sh.run("import", file, "--validate-only")
	if code != exitRefused || !strings.Contains(errs, "broken off: go on with --from-row 2001 --request-id ") || !strings.Contains(errs, "the house burns") {
		t.Fatalf("%d\n%s", code, errs)
	}
	base := strings.Fields(errs[strings.Index(errs, "--request-id ")+len("--request-id "):])[0]
	if len(base) != 32 || o.rows[0] != "1 a1 "+base+":1 true" {
		t.Errorf("the first row was sent as %q", o.rows[0])
	}
	o.rows = nil
	lines[2200] = `{"agreementId": "mended"}`
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := sh.run("import", file, "--from-row", "2001", "--request-id", base)
	if code != exitDone || out != "rows      500\nproposed  500\nrefused   0\n" || errs != "" || o.rows[0] != "2001 a2001 "+base+":2001 false" {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	for _, line := range []string{"import", "import a b", "import " + file + " --from-row 0", "import " + file + " --from-row 2501"} {
		if code, _, errs := sh.run(strings.Fields(line)...); code != exitUsage || !strings.Contains(errs, "usage: concord import") {
			t.Errorf("concord %s: %d %s", line, code, errs)
		}
	}
	if code, _, _ := sh.run("import", file+".gone"); code != exitRefused {
		t.Errorf("a file that is not there: %d", code)
	}
}

// A line without end is refused without being held, and the rest goes on.
func TestALineThatIsTooLongIsRefused(t *testing.T) {
	o := &office{}
	file := registerOf(t, `{"agreementId": "one"}`, `{"note": "`+strings.Repeat("x", 2*maxRowBytes)+`"}`, `{"note": "`+strings.Repeat("x", maxRowBytes)+`"}`, `{"agreementId": "two"}`)
	code, out, errs := newShell(t, o).run("import", file)
	if code != exitRefused || out != "rows      4\nproposed  2\nrefused   2\n" || strings.Count(errs, errLongLine.Error()) != 2 || len(o.rows) != 2 {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}
