package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// waiting is what a caller's portfolio holds over a face, in the order of the list, and how many of each task it counts.
func waiting(t *testing.T, face servertest.Face, who servertest.Caller, party string) (items []string, p *pb.Portfolio) {
	t.Helper()
	list := face.Must(t, who, &pb.ListPortfolioRequest{PartyId: party}).(*pb.ListPortfolioResponse)
	for _, i := range list.GetItems() {
		items = append(items, fmt.Sprintf("%s %s %s%s on %s, with %s", i.GetDate(), i.GetTask().String()[len("PORTFOLIO_TASK_"):],
			i.GetAgreementId(), "/"+i.GetObligationId()+i.GetProposalId()+i.GetConcernId()+i.GetPulseRoundId()+i.GetReviewId(), i.GetWaitingOnPartyId(), i.GetCounterpartPartyId()))
	}
	p = face.Must(t, who, &pb.GetPortfolioRequest{PartyId: party}).(*pb.Portfolio)
	return items, p
}

// Both sides see what waits with the same words, each as its own or as theirs; the neutral what is disputed; and who has
// nothing to do with it nothing. A draft waits for nobody, its author included.
func TestAPortfolioShowsBothSides(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	g := s.GRPC()
	g.Must(t, s.acme, &pb.SubmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Note: "Here they are."})
	ours := []string{
		"2026-01-12 TO_SETTLE judged/roof-1 on , with ",
		"2026-01-12 THEIRS_TO_DO running/pay-1 on globex, with globex",
		"2026-01-12 THEIRS_TO_DO running/rent-1 on globex, with globex",
	}
	theirs := []string{
		"2026-01-12 TO_DO running/pay-1 on globex, with acme",
		"2026-01-12 TO_DO running/rent-1 on globex, with acme",
	}
	for _, face := range s.Faces() {
		items, p := waiting(t, face, s.acme, "")
		for _, want := range append(ours, "2026-01-19 TO_JUDGE running/bill-1 on acme, with globex", "2026-01-19 THEIRS_TO_JUDGE running/desk-1 on globex, with globex") {
			if !slices.Contains(items, want) {
				t.Errorf("acme over %s lacks %q: %q", face.Name(), want, items)
			}
		}
		others, q := waiting(t, face, s.globex, globex)
		for _, want := range append(theirs, "2026-01-19 THEIRS_TO_JUDGE running/bill-1 on acme, with acme", "2026-01-19 TO_JUDGE running/desk-1 on globex, with acme") {
			if !slices.Contains(others, want) {
				t.Errorf("globex over %s lacks %q: %q", face.Name(), want, others)
			}
		}
		if len(items) != int(p.GetToDo()+p.GetToJudge()+p.GetToAnswer()+p.GetToSettle()+p.GetTheirsToDo()+p.GetTheirsToJudge()+p.GetTheirsToAnswer()) {
			t.Errorf("%d items and %v", len(items), p)
		}
		if p.GetTheirsToAnswer() != q.GetToAnswer() || p.GetToAnswer() != q.GetTheirsToAnswer() || p.GetToSettle() == 0 || p.GetToAnswer() == 0 {
			t.Errorf("acme %v, globex %v", p, q)
		}
		none, nothing := waiting(t, face, s.initech, acme)
		if len(none) > 0 || nothing.GetToDo()+nothing.GetTheirsToDo()+nothing.GetToSettle() > 0 {
			t.Errorf("initech sees %q of acme's, and %v", none, nothing)
		}
		robot := s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{acme, globex}})
		if again, _ := waiting(t, face, robot.With("concord-party", globex), ""); !slices.Equal(again, others) {
			t.Errorf("a service for globex sees %q", again)
		}
		if again, _ := waiting(t, face, s.auditor, acme); !slices.Equal(again, items) {
			t.Errorf("an auditor sees %q of acme's", again)
		}
		_, refusal := face.Call(t, s.auditor, &pb.ListPortfolioRequest{})
		if refused(t, "nobody's portfolio", refusal, "INVALID_FIELDS") && !refusal.Names(spelled(face, servertest.RPCOf(t, &pb.ListPortfolioRequest{}), "party_id")) {
			t.Errorf("told of %v", refusal.Fields())
		}
		_, refusal = face.Call(t, s.acme, &pb.ListPortfolioRequest{DueBefore: "2026-02-30"})
		refused(t, "no day", refusal, "INVALID_FIELDS")
	}
	g.Must(t, s.globex, &pb.AcceptObligationRequest{AgreementId: "running", ObligationId: "desk-1"})
	if items, _ := waiting(t, g, s.acme, ""); slices.ContainsFunc(items, func(i string) bool { return strings.Contains(i, "running/desk-1") }) {
		t.Errorf("what is kept still waits: %q", items)
	}
	before, counts := waiting(t, g, s.globex, "")
	s.Server = s.Restart(t)
	if after, again := waiting(t, s.GRPC(), s.globex, ""); !slices.Equal(before, after) || !proto.Equal(counts, again) {
		t.Errorf("before the restart %q, %v\nafter %q, %v", before, counts, after, again)
	}
}
