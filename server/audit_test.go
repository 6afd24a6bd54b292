package server_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/torchwood"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/server/servertest"
)

// exported is a bundle over gRPC.
func (s *stage) exported(t *testing.T, who servertest.Caller, req *pb.ExportAuditRequest) ([]byte, *servertest.Refusal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(servertest.Outgoing(t.Context(), who), servertest.Patience)
	defer cancel()
	stream, err := pb.NewLogServiceClient(s.Conn()).ExportAudit(ctx, req)
	var file []byte
	for err == nil {
		var piece *pb.ExportAuditResponse
		if piece, err = stream.Recv(); err == nil {
			file = append(file, piece.GetData()...)
		}
	}
	if errors.Is(err, io.EOF) {
		return file, nil
	}
	return nil, servertest.RefusalOf(err)
}

// policies are those that the service tells, which these tests trust.
func (s *stage) policies(t *testing.T) (texts []string) {
	t.Helper()
	return s.GRPC().Must(t, s.acme, &pb.GetLogPolicyRequest{}).(*pb.LogPolicy).GetTexts()
}

// verified checks a bundle.
func (s *stage) verified(t *testing.T, file []byte, since []byte) *bundle.Report {
	t.Helper()
	trust := bundle.Trust{Since: since}
	for _, text := range s.policies(t) {
		p, err := bundle.ReadPolicy([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		trust.Policies = append(trust.Policies, p)
	}
	return bundle.Verify(bytes.NewReader(file), int64(len(file)), trust)
}

// TestBundlesVerifyOverBothFaces exports by gRPC and over HTTP, which give the same bytes, and checks what came with nothing
// but the policy; also after a restart, when the log has grown from the checkpoint of before.
func TestBundlesVerifyOverBothFaces(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	var since []byte
	for round := range 2 {
		for path, req := range map[string]*pb.ExportAuditRequest{
			"/v1/agreements/running/audit.zip": {AgreementId: "running"}, "/v1/parties/acme/audit.zip": {PartyId: "acme"},
			"/v1/agreements/running/audit.zip?proofs_only=true": {AgreementId: "running", ProofsOnly: true}, "/v1/audit.zip": {},
		} {
			who := s.acme
			if path == "/v1/audit.zip" {
				who = s.auditor
			}
			file, refusal := s.exported(t, who, req)
			if refusal != nil {
				t.Fatalf("%s: %v", path, refusal)
			}
			r := s.verified(t, file, since)
			want := bundle.Sound
			if req.GetProofsOnly() {
				want = bundle.Incomplete
			}
			if r.Outcome != want {
				t.Errorf("%s, round %d: %+v", path, round, r)
			}
			bare, query, _ := strings.Cut(path, "?")
			answer, refusal := s.Send(t, who, servertest.Request{Method: http.MethodGet, Path: bare, Query: query})
			if refusal != nil {
				t.Fatalf("%s: %v", path, refusal)
			}
			if !bytes.Equal(answer.Body, file) {
				t.Errorf("%s: the faces tell different things", path)
			}
			for header, want := range map[string]string{"Content-Type": "application/zip", "Cache-Control": "no-store", "Vary": "Authorization, Concord-Party", "X-Content-Type-Options": "nosniff"} {
				if got := answer.Header.Get(header); got != want {
					t.Errorf("%s: %s is %q", path, header, got)
				}
			}
			if _, err := zip.NewReader(bytes.NewReader(file), int64(len(file))); err != nil || !strings.HasPrefix(answer.Header.Get("Content-Disposition"), `attachment; filename="`) {
				t.Errorf("%s: %v, %q", path, err, answer.Header.Get("Content-Disposition"))
			}
		}
		if round == 1 {
			break
		}
		since = []byte(s.GRPC().Must(t, s.acme, &pb.GetCheckpointRequest{}).(*pb.Checkpoint).GetNote())
		s.Server = s.Restart(t)
		s.Written(t)
		s.Seal(t)
	}
}

// TestBundlesOverHTTPAreRefusedAsOthers holds what is no path, method or question of a bundle.
func TestBundlesOverHTTPAreRefusedAsOthers(t *testing.T) {
	s := setStage(t, servertest.Options{})
	for _, c := range []struct {
		method, path, query string
		who                 servertest.Caller
		status              int
		why                 string
	}{
		{"GET", "/v1/audit.zip", "", s.acme, 403, "ROLE_NOT_ALLOWED"},
		{"GET", "/v1/agreements/none/audit.zip", "", s.acme, 404, "NOT_FOUND"},
		{"GET", "/v1/agreements/running/audit.zip", "", s.initech, 404, "NOT_FOUND"},
		{"GET", "/v1/agreements/running/audit.zip", "", servertest.Caller{}, 401, "CREDENTIALS_MISSING"},
		{"GET", "/v1/agreements/running/audit.zip", "party_id=acme", s.acme, 400, "INVALID_FIELDS"},
		{"GET", "/v1/agreements/running/audit.zip", "agreement_id=level", s.acme, 400, "INVALID_FIELDS"},
		{"GET", "/v1/agreements/running/audit.zip", "size=many&what=x", s.acme, 400, "INVALID_FIELDS"},
		{"GET", "/v1/agreements/running/audit.zip", "size=3", s.acme, 404, "NOT_FOUND"},
		{"GET", "/v1/agreements/RUNNING/audit.zip", "", s.acme, 400, "INVALID_FIELDS"},
		{"GET", "/v1/agreements/running/more/audit.zip", "", s.acme, 404, "UNKNOWN_METHOD"},
		{"GET", "/v1/agreements/audit.zip", "", s.acme, 404, "UNKNOWN_METHOD"},
		{"GET", "/v1/keys/running/audit.zip", "", s.acme, 404, "UNKNOWN_METHOD"},
		{"GET", "/v1//audit.zip", "", s.acme, 404, "UNKNOWN_METHOD"},
		{"POST", "/v1/agreements/running/audit.zip", "", s.acme, 405, "UNKNOWN_METHOD"},
	} {
		_, refusal := s.Send(t, c.who, servertest.Request{Method: c.method, Path: c.path, Query: c.query})
		if refusal == nil || refusal.Status != c.status || refusal.Reason != c.why {
			t.Errorf("%s %s?%s: %v", c.method, c.path, c.query, refusal)
		}
	}
	if answer, refusal := s.Send(t, s.acme, servertest.Request{Method: "HEAD", Path: "/v1/agreements/running/audit.zip"}); refusal != nil || len(answer.Body) > 0 || answer.Header.Get("Content-Type") != "application/zip" {
		t.Errorf("HEAD: %v, %v", answer, refusal)
	}
}

// TestProofsOverBothFaces takes the proof of an event as a program does that knows the C2SP forms and nothing of Concord.
func TestProofsOverBothFaces(t *testing.T) {
	s := setStage(t, servertest.Options{})
	policy, err := torchwood.ParsePolicy([]byte(s.policies(t)[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, face := range s.Faces() {
		e := face.Must(t, s.globex, &pb.GetEventRequest{AgreementId: "running", Version: 3}).(*pb.RecordedEvent)
		for _, req := range []*pb.GetInclusionProofRequest{{AgreementId: "running", Version: 3}} {
			p := face.Must(t, s.globex, req).(*pb.InclusionProof)
			if err := torchwood.VerifyProof(policy, [32]byte(e.GetEntryHash()), []byte(p.GetTlogProof())); err != nil {
				t.Errorf("%s: %v", face.Name(), err)
			}
			in, err := proof.CheckInclusion([]byte(p.GetTlogProof()), e.GetBody(), policy)
			if err != nil || uint64(in.Index)+1 != p.GetPosition() {
				t.Errorf("%s: %+v, %v", face.Name(), in, err)
			}
		}
	}
}
