package rules

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestEveryCellOfAConcern tries each (state, verb, actor) of a concern that either side raised. A remedy that is on the table is
// the respondent's.
func TestEveryCellOfAConcern(t *testing.T) {
	cells := 0
	for _, raiser := range []Caller{vendor, client} {
		respondent := map[string]Caller{vendor.PrincipalID: client, client.PrincipalID: vendor}[raiser.PrincipalID]
		for n := range pb.ConcernState_name {
			from := pb.ConcernState(n)
			for _, verb := range verbsOf(ConcernMoves) {
				for _, by := range append(blind, raiser, respondent, auditor) {
					cells++
					t.Run(fmt.Sprintf("%s/%s/%s/%s", raiser.PrincipalID, word(from), verb, by.PrincipalID), func(t *testing.T) {
						w := concernWorld(t, raiser, from, verb)
						want := outcome{reason: pb.ErrorReason_ERROR_REASON_WRONG_SIDE}
						if slices.Contains([]string{"accept the remedy of", "reject the remedy of"}, verb) {
							want.reason = pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN
						}
						switch {
						case slices.ContainsFunc(blind, func(c Caller) bool { return c.PrincipalID == by.PrincipalID }):
							want.reason = pb.ErrorReason_ERROR_REASON_NOT_FOUND
						case by.PrincipalID == auditor.PrincipalID:
						default:
							want = lawfulToConcern(from, verb, by.PrincipalID == raiser.PrincipalID, want.reason)
						}
						try(t, w, by, concernCommand(verb, "care", "c"), concernRef("care", "c"), "concern "+verb, want)
					})
				}
			}
		}
	}
	if want := 2 * 9 * 11 * 7; cells < want {
		t.Errorf("only %d cells were tried, not %d", cells, want)
	}
}

// lawfulToConcern reads a cell off the table for who raised a concern, or for who answers it.
func lawfulToConcern(from pb.ConcernState, verb string, raiser bool, foreign pb.ErrorReason) outcome {
	answers := verb == "accept the remedy of" || verb == "reject the remedy of"
	switch {
	case answers && from != remedyProposed:
		return outcome{reason: pb.ErrorReason_ERROR_REASON_WRONG_STATE}
	case answers && raiser:
		return lawful(ConcernMoves, from, verb, Answerer, foreign)
	case raiser:
		return lawful(ConcernMoves, from, verb, Raiser, foreign)
	}
	return lawful(ConcernMoves, from, verb, Respondent, foreign)
}

// concernWorld has a concern in a state, of a kind that knows a verb, with the time of each step over.
func concernWorld(t *testing.T, raiser Caller, from pb.ConcernState, verb string) *world {
	t.Helper()
	w := agreedWorld(t)
	kind := breachConcern
	if verb == "reply to" {
		kind = feedback
	}
	w.must(raiser, &pb.RaiseConcernRequest{AgreementId: "care", ConcernId: "c", Kind: kind, Title: "So it is"})
	m := proto.CloneOf(w.records[concernRef("care", "c")].(*pb.Concern))
	over := timestamppb.New(w.now.Add(-time.Hour))
	m.State, m.ResponseMissed, m.ResponseEndTime = from, true, over
	switch from {
	case acknowledged, admitted, contested:
		m.RemedyEndTime, m.RemedyOverdue = over, true
	case remedyProposed:
		m.RemedyEndTime, m.RemedyOverdue, m.PriorState = over, true, contested
		m.Remedy = &pb.ConcernRemedy{By: m.GetRespondent(), Text: "a call"}
	case escalated:
		m.Level, m.StepEndTime = 3, over
		if verb == "escalate" {
			m.Level = 1
		}
	case resolved:
		m.PriorState, m.ReopenEndTime = contested, timestamppb.New(w.now.Add(time.Hour))
	}
	w.put(concernRef("care", "c"), m)
	return w
}

// TestConcernsAreBounded holds that a thousand open concerns of one side are enough, that closing one makes room, and that the
// other side can speak all the same.
func TestConcernsAreBounded(t *testing.T) {
	w := agreedWorld(t)
	for n := range MaxOpenConcerns {
		id := fmt.Sprintf("c%d", n)
		w.put(concernRef("care", id), &pb.Concern{AgreementId: "care", ConcernId: id, Kind: feedback, State: raised, RaisedBy: pb.Side_SIDE_VENDOR, Respondent: pb.Side_SIDE_CLIENT, CreateTime: timestamppb.New(w.now)})
	}
	a := proto.CloneOf(w.agreement("care"))
	a.OpenConcernCount = MaxOpenConcerns
	w.put(agreementRef("care"), a)
	raise := &pb.RaiseConcernRequest{AgreementId: "care", Kind: feedback, Title: "One more"}
	_, err := w.do(vendor, raise)
	if e, refused := err.(*Error); !refused || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED || e.Subject != "agreements/care" {
		t.Errorf("the thousand and first: %v", err)
	}
	w.must(client, raise)
	w.must(client, &pb.ReplyConcernRequest{AgreementId: "care", ConcernId: "c7", Reply: "Thanks."})
	w.must(vendor, raise)
}

// TestContactsAreChecked holds that owners and sponsors are of a side.
func TestContactsAreChecked(t *testing.T) {
	terms := promises()
	terms.Concerns = &pb.ConcernTerms{Contacts: []*pb.EscalationContact{
		{Level: 3, DisplayName: "Mia"}, {Level: 2, DisplayName: "Who"}, {Level: 1, Side: pb.Side_SIDE_VENDOR, DisplayName: "Vanda"},
	}}
	wrong := CheckTerms(terms, "terms")
	if len(wrong) != 1 || wrong[0].Field != "terms.concerns.contacts[1].side" {
		t.Errorf("told of %v", wrong)
	}
}
