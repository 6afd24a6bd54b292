package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

// bytesOf is all that the files of a directory hold.
func bytesOf(t *testing.T, dir string) (all []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// What was erased is in no file of a copy, and everything else is there: the history, byte for byte, and keys that open.
func TestACopyHasNothingOfWhatWasErased(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := setStage(t, servertest.Options{Dir: dir})
	list := &pb.ListEventsRequest{AgreementId: "running", PageSize: 1000}
	history := s.GRPC().Must(t, s.acme, list).(*pb.ListEventsResponse)
	order := &pb.ErasePrivateDataRequest{AgreementId: "running", Basis: "x"}
	for _, r := range history.GetEvents() {
		order.Versions = append(order.Versions, r.GetEvent().GetVersion())
	}
	s.GRPC().Must(t, s.operator, order)
	if err := server.Compact(t.Context(), dir, dir+"-new"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the data of a server that runs: %v", err)
	}
	history = s.GRPC().Must(t, s.acme, list).(*pb.ListEventsResponse)
	s.Stop(t)
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("others'"), 0o600); err != nil {
		t.Fatal(err)
	}
	const gone = "The line is down."
	if !bytes.Contains(bytesOf(t, dir), []byte(gone)) {
		t.Fatal("the files of the store are clean as they are: a copy shows nothing")
	}
	if err := server.Compact(t.Context(), dir, dir+"-new"); err != nil {
		t.Fatal(err)
	}
	if found := bytesOf(t, dir+"-new"); bytes.Contains(found, []byte(gone)) || !bytes.Contains(found, []byte("others'")) {
		t.Error("the copy has what was erased, or has not what lay beside the store")
	}
	for name, into := range map[string]string{"there already": dir + "-new", "from nowhere": dir + "-2"} {
		from := dir
		if name == "from nowhere" {
			from = t.TempDir()
		}
		if err := server.Compact(t.Context(), from, into); err == nil {
			t.Errorf("%s: it was copied", name)
		}
		if _, err := os.Stat(into + ".unfinished"); err == nil {
			t.Errorf("%s: something is left", name)
		}
	}
	copied := &stage{Server: servertest.Start(t, servertest.Options{Dir: dir + "-new", Clock: s.Clock})}
	again := copied.GRPC().Must(t, s.acme, list).(*pb.ListEventsResponse)
	if len(again.GetEvents()) != len(history.GetEvents()) {
		t.Fatalf("%d events of %d", len(again.GetEvents()), len(history.GetEvents()))
	}
	for i, r := range again.GetEvents() {
		if was := history.GetEvents()[i]; !bytes.Equal(r.GetBody(), was.GetBody()) || !bytes.Equal(r.GetEntryHash(), was.GetEntryHash()) || r.GetPosition() != was.GetPosition() {
			t.Errorf("event %d is not what it was", i+1)
		}
	}
	copied.GRPC().Must(t, s.acme, &pb.SubmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Note: "Stands."})
}
