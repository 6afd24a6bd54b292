package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// occurrence is a row of testdata/scenario.json: what somebody owed by 10 July 2026, and what came of it.
type occurrence struct {
	Commitment string `json:"commitment"`
	Due        string `json:"due"`
	Outcome    string `json:"outcome"`
	Done       string `json:"done"`
	Weight     int32  `json:"weight"`
	ToldBy     string `json:"first_disclosed_by"`
}

// TestHalfAYearEndsAsItShould plays the script over either face, from an empty store, and compares what is there in the end
// with the rows that were reckoned by hand. Nothing in the script sets a due date.
func TestHalfAYearEndsAsItShould(t *testing.T) {
	text, err := os.ReadFile("testdata/scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	var scenario struct {
		Occurrences []occurrence
		Results     results
	}
	if err := json.Unmarshal(text, &scenario); err != nil {
		t.Fatal(err)
	}
	if len(scenario.Occurrences) != 43 {
		t.Fatalf("%d rows", len(scenario.Occurrences))
	}
	for _, name := range []string{"gRPC", "REST"} {
		t.Run(name, func(t *testing.T) {
			clock := servertest.NewClock(demoBegins)
			s := servertest.Start(t, servertest.Options{Clock: clock})
			face := s.GRPC()
			if name == "REST" {
				face = s.REST()
			}
			story := playedOver(t, s, face)
			client := servertest.Caller{Key: story.keys["rafael"]}
			want := map[string]occurrence{}
			for _, row := range scenario.Occurrences {
				want[row.Commitment+" "+row.Due] = row
			}
			page := face.Must(t, client, &pb.ListObligationsRequest{AgreementId: demoAgreement, DueBefore: "2026-07-11", PageSize: 100}).(*pb.ListObligationsResponse)
			for _, o := range page.GetObligations() {
				key := strings.ToUpper(o.GetCommitmentId()) + " " + o.GetDueDate()
				row, ok := want[key]
				if !ok {
					t.Errorf("%s, due on %s, is in no row", o.GetObligationId(), o.GetDueDate())
					continue
				}
				delete(want, key)
				compareOccurrence(t, face, client, row, o)
			}
			for key := range want {
				t.Errorf("nothing is like the row %s", key)
			}
			scorecardSays(t, face, client, scenario.Results)
			amendmentDoesWhatItSaid(t, s, face, client)
		})
	}
}

func playedOver(t *testing.T, s *servertest.Server, face servertest.Face) *demoStory {
	t.Helper()
	story := &demoStory{
		call: func(_ context.Context, key string, req proto.Message) (proto.Message, error) {
			answer, refusal := face.Call(t, servertest.Caller{Key: key}, req)
			if refusal != nil {
				return nil, fmt.Errorf("%v", refusal)
			}
			return answer, nil
		},
		at: func(_ context.Context, to time.Time) error {
			s.Advance(t, to)
			return nil
		},
		keys: map[string]string{"operator": s.Operator.Key},
	}
	if err := story.play(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := story.at(t.Context(), demoEnds); err != nil {
		t.Fatal(err)
	}
	return story
}

// outcomeOf is the word of the rows for how an obligation ended.
func outcomeOf(o *pb.Obligation) string {
	state := strings.TrimPrefix(o.GetState().String(), "OBLIGATION_STATE_")
	switch {
	case state == "FULFILLED" && o.GetTimeliness() == pb.Timeliness_TIMELINESS_ON_TIME:
		return "KEPT_ON_TIME"
	case state == "FULFILLED":
		return "KEPT_LATE"
	}
	return state
}

func compareOccurrence(t *testing.T, face servertest.Face, who servertest.Caller, row occurrence, o *pb.Obligation) {
	t.Helper()
	if got := outcomeOf(o); got != row.Outcome {
		t.Errorf("%s is %s, not %s", o.GetObligationId(), got, row.Outcome)
	}
	told := map[string]pb.Side{"debtor": o.GetObligor(), "counterparty": o.GetBeneficiary()}[row.ToldBy]
	if got := o.GetDisclosedBy(); got != told {
		t.Errorf("of %s told %v first, not %v", o.GetObligationId(), got, told)
	}
	if done := o.GetKeptTime().AsTime().Format(time.DateOnly); row.Done != "" && done != row.Done {
		t.Errorf("%s was done on %s, not %s", o.GetObligationId(), done, row.Done)
	}
	c := face.Must(t, who, &pb.GetCommitmentRequest{AgreementId: demoAgreement, CommitmentId: o.GetCommitmentId()}).(*pb.Commitment)
	if weight := c.GetTerms().GetWeight(); weight != row.Weight {
		t.Errorf("%s weighs %d, not %d", o.GetObligationId(), weight, row.Weight)
	}
}

// amendmentDoesWhatItSaid lets the first days of August pass: the impact that both sides saw is what happens.
func amendmentDoesWhatItSaid(t *testing.T, s *servertest.Server, face servertest.Face, who servertest.Caller) {
	t.Helper()
	p := face.Must(t, who, &pb.GetProposalRequest{AgreementId: demoAgreement, ProposalId: "amendment-1"}).(*pb.Proposal)
	impact := p.GetImpact()
	if got := impact.GetChangedCommitmentIds(); len(got) != 1 || got[0] != "v2" || impact.GetSupersededCount() == 0 {
		t.Fatalf("the amendment says it will do %v", impact)
	}
	s.Advance(t, time.Date(2026, time.August, 20, demoHour, 0, 0, 0, time.UTC))
	page := face.Must(t, who, &pb.ListObligationsRequest{AgreementId: demoAgreement, State: pb.ObligationState_OBLIGATION_STATE_SUPERSEDED, PageSize: 100}).(*pb.ListObligationsResponse)
	var superseded []string
	for _, o := range page.GetObligations() {
		superseded = append(superseded, o.GetObligationId())
	}
	if fmt.Sprint(superseded) != fmt.Sprint(impact.GetSupersededObligationIds()) {
		t.Errorf("superseded are %v; the amendment said %v", superseded, impact.GetSupersededObligationIds())
	}
	next := face.Must(t, who, &pb.ListObligationsRequest{AgreementId: demoAgreement, CommitmentId: "v2", DueFrom: "2026-08-01", DueBefore: "2026-08-07"}).(*pb.ListObligationsResponse)
	if got := next.GetObligations(); len(got) != 1 || got[0].GetDueDate() != "2026-08-06" {
		t.Errorf("the report of August: %v", got)
	}
}
