package main

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (o *office) GetPortfolio(context.Context, *pb.GetPortfolioRequest) (*pb.Portfolio, error) {
	return &pb.Portfolio{PartyId: "acme", ToDo: 1, ToAnswer: 12, ToSettle: 1, TheirsToDo: 30, TheirsToJudge: 2}, nil
}

func (o *office) ListPortfolio(_ context.Context, r *pb.ListPortfolioRequest) (*pb.ListPortfolioResponse, error) {
	if r.GetPageToken() == "" {
		return &pb.ListPortfolioResponse{NextPageToken: "2", Items: []*pb.PortfolioItem{{
			AgreementId: "help", AgreementTitle: "Help desk", Task: pb.PortfolioTask_PORTFOLIO_TASK_TO_DO, WaitingOn: pb.Side_SIDE_VENDOR, WaitingOnPartyId: "acme",
			CounterpartPartyId: "globex", Record: &pb.PortfolioItem_ObligationId{ObligationId: "desk-1"}, Title: "Desks\x1b[2J", Words: "Do it.", Date: "2026-03-31", Overdue: true,
		}}}, nil
	}
	return &pb.ListPortfolioResponse{Items: []*pb.PortfolioItem{
		{AgreementId: "next", Task: pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_ANSWER, WaitingOn: pb.Side_SIDE_CLIENT, WaitingOnPartyId: "globex",
			Record: &pb.PortfolioItem_ProposalId{ProposalId: "first"}, Title: "Proposal: first terms", Date: "2026-04-02"},
		{AgreementId: "help", Task: pb.PortfolioTask_PORTFOLIO_TASK_TO_SETTLE, Record: &pb.PortfolioItem_ObligationId{ObligationId: "pay-1"}, Title: "Pay"},
	}}, nil
}

// Programs are told the items, one by line, or the counts alone.
func TestAPortfolioForPrograms(t *testing.T) {
	sh := newShell(t, &office{})
	code, out, errs := sh.run("portfolio", "-o", "json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	item := &pb.PortfolioItem{}
	if err := protojson.Unmarshal([]byte(lines[0]), item); code != exitDone || len(lines) != 3 || err != nil || item.GetObligationId() != "desk-1" {
		t.Errorf("%d %s %v\n%s", code, errs, err, out)
	}
	code, out, errs = sh.run("portfolio", "--counts", "-o", "json")
	p := &pb.Portfolio{}
	if err := protojson.Unmarshal([]byte(out), p); code != exitDone || err != nil || p.GetTheirsToDo() != 30 {
		t.Errorf("%d %s %v\n%s", code, errs, err, out)
	}
	if code, _, errs := sh.run("portfolio", "--task", "to-sleep"); code != exitUsage || !strings.Contains(errs, "theirs_to_judge") {
		t.Errorf("%d %s", code, errs)
	}
}
