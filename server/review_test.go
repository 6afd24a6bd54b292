package server_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/servertest"
)

// reckoned is a scorecard that was shown, reckoned from a bundle.
func (s *stage) reckoned(t *testing.T, file []byte, shown *pb.Scorecard) *pb.Scorecard {
	t.Helper()
	p, err := bundle.ReadPolicy([]byte(s.policies(t)[0]))
	if err != nil {
		t.Fatal(err)
	}
	report, got, err := bundle.Reckon(bytes.NewReader(file), int64(len(file)), bundle.Trust{Policies: []bundle.Policy{p}}, bundle.Ask{
		AgreementID: shown.GetAgreementId(), FromDate: shown.GetFromDate(), ToDate: shown.GetToDate(), AsOf: shown.GetAsOf().AsTime(), Version: shown.GetVersion(),
	})
	if err != nil || report.Outcome != bundle.Sound {
		t.Fatalf("%v, %+v", err, report)
	}
	return got.Card
}

// A review is the same over both faces, after a restart and from a bundle, and after its minutes were erased, too: the scorecard
// that it froze stays what it was, whatever comes of the obligations behind it, and so do the signatures.
func TestAReviewStaysWhatWasSigned(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	read := func(id string) (r *pb.Review) {
		t.Helper()
		for _, face := range s.Faces() {
			again := face.Must(t, s.auditor, &pb.GetReviewRequest{AgreementId: "running", ReviewId: id}).(*pb.Review)
			if r != nil && !proto.Equal(r, again) {
				t.Errorf("%v, and over %s %v", r, face.Name(), again)
			}
			if r = again; rules.CheckReview(r) != "" {
				t.Errorf("over %s: %s", face.Name(), rules.CheckReview(r))
			}
		}
		return r
	}
	signed := read("q0")
	event := s.GRPC().Must(t, s.auditor, &pb.GetEventRequest{Position: signed.GetPosition()}).(*pb.RecordedEvent)
	if event.GetEvent().GetReviewOpened().GetReviewId() != "q0" || event.GetEvent().GetVersion() != signed.GetScorecard().GetVersion()+1 {
		t.Errorf("the scorecard of %v was frozen at %v", signed, event)
	}
	open := s.GRPC().Must(t, s.globex, &pb.OpenReviewRequest{AgreementId: "running", ReviewId: "later"}).(*pb.Review)
	if stored := read("later"); !proto.Equal(open, stored) || open.GetPosition() == 0 {
		t.Errorf("opened as %v, and read as %v", open, stored)
	}
	shown := s.GRPC().Must(t, s.acme, &pb.GetScorecardRequest{AgreementId: "running"}).(*pb.Scorecard)
	s.GRPC().Must(t, s.globex, &pb.WaiveObligationRequest{AgreementId: "running", ObligationId: "mail-1", Reason: "Never mind."})
	check := func(gone bool) {
		t.Helper()
		is := read("q0")
		want := proto.CloneOf(signed)
		if gone {
			want.Title, want.Minutes, want.MinutesSalt = "", "", ""
		}
		if !proto.Equal(is, want) || len(is.GetSignatures()) != 2 || is.GetSignatures()[1].GetDigest() != is.GetDigest() {
			t.Errorf("it is %v\nand was %v", is, want)
		}
		s.Seal(t)
		file, refusal := s.exported(t, s.auditor, &pb.ExportAuditRequest{AgreementId: "running"})
		if refusal != nil {
			t.Fatal(refusal)
		}
		for _, card := range []*pb.Scorecard{signed.GetScorecard(), open.GetScorecard(), shown} {
			if differ := bundle.Differences(card, s.reckoned(t, file, card)); len(differ) > 0 {
				t.Errorf("from the bundle: %v", differ)
			}
		}
	}
	check(false)
	s.Server = s.Restart(t)
	check(false)
	order := &pb.ErasePrivateDataRequest{AgreementId: "running", Basis: "Article 17, request 9"}
	for v := range signed.GetScorecard().GetVersion() + 4 { // all that was written up to the signatures
		order.Versions = append(order.Versions, v+1)
	}
	s.GRPC().Must(t, s.operator, order)
	check(true)
	s.Server = s.Restart(t)
	check(true)
}
