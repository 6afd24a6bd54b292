package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What an obligation waits for, it waits for by somebody who can do it: the table of moves has a row for the side that has the
// task. What waits for nobody is final, or comes by itself.
func TestWhoeverIsWaitedForCanAct(t *testing.T) {
	acts := map[pb.PortfolioTask][]string{
		toDo: {"submit", "cure"}, toJudge: {"accept", "return", "acknowledge"}, toSettle: {"settle", "determine"},
	}
	for n := range pb.ObligationState_name {
		state := pb.ObligationState(n)
		for _, standing := range []bool{false, true} {
			o := &pb.Obligation{State: state, Obligor: pb.Side_SIDE_CLIENT, Beneficiary: pb.Side_SIDE_VENDOR, DueDate: "2026-03-02", Standing: standing}
			awaits := Awaits(nil, o)
			if nobody := n == 0 || Final(state) || state == scheduled || state == suspended; nobody != (len(awaits) == 0) {
				t.Errorf("%s waits for %v", state, awaits)
			}
			for _, w := range awaits {
				who := map[pb.Side]Who{pb.Side_SIDE_CLIENT: Obligor, pb.Side_SIDE_VENDOR: Beneficiary, pb.Side_SIDE_UNSPECIFIED: Neutral}[w.On]
				can := slices.ContainsFunc(ObligationMoves, func(m Move[pb.ObligationState]) bool {
					return m.From == state && (m.By == who || m.By == Both && w.On != 0) && slices.Contains(acts[w.Task], m.Verb)
				})
				if !can || obligationTask(o) == "" {
					t.Errorf("%s waits for the %s to do what it cannot: %v, %q", state, who, w, obligationTask(o))
				}
			}
		}
	}
}

// Likewise a concern: whoever's word it waits for can say something about it.
func TestWhoeverAConcernWaitsForCanAct(t *testing.T) {
	end := timestamppb.New(time.Date(2026, time.March, 3, 0, 0, 0, 0, time.UTC))
	for n := range pb.ConcernState_name {
		for kind := range pb.ConcernKind_name {
			for level := range int32(5) {
				m := &pb.Concern{
					State: pb.ConcernState(n), Kind: pb.ConcernKind(kind), RaisedBy: pb.Side_SIDE_CLIENT, Respondent: pb.Side_SIDE_VENDOR, Level: level,
					Remedy: &pb.ConcernRemedy{By: pb.Side_SIDE_CLIENT}, ResponseEndTime: end, RemedyEndTime: end, StepEndTime: end,
				}
				awaits := Awaits(nil, m)
				if over := n == 0 || concernOver(m.GetState()); over != (len(awaits) == 0) {
					t.Errorf("%s waits for %v", m.GetState(), awaits)
				}
				for _, w := range awaits {
					is := toConcern(m, w.On)
					can := slices.ContainsFunc(ConcernMoves, func(move Move[pb.ConcernState]) bool {
						return move.From == m.GetState() && (is(move.By) || move.By == Neutral && w.On == 0)
					})
					if !can || concernTask(m) == "" || w.Day == NoDay || w.On == 0 && level != neutralLevel {
						t.Errorf("%v waits for what cannot be: %v, %q", m, w, concernTask(m))
					}
				}
			}
		}
	}
}

// Swapping the sides of a record swaps whom it waits on, and nothing else.
func TestAwaitsAreMirrored(t *testing.T) {
	day := timestamppb.New(time.Date(2026, time.March, 3, 0, 0, 0, 0, time.UTC))
	swap := func(m proto.Message) []Await {
		found := Awaits(nil, m)
		for i := range found {
			found[i].On = Other(found[i].On)
		}
		slices.SortFunc(found, func(a, b Await) int { return int(a.On) - int(b.On) })
		return found
	}
	for _, pair := range [][2]proto.Message{
		{&pb.Obligation{State: due, Obligor: 1, Beneficiary: 2}, &pb.Obligation{State: due, Obligor: 2, Beneficiary: 1}},
		{&pb.Obligation{State: due, Obligor: 1, Beneficiary: 2, Standing: true}, &pb.Obligation{State: due, Obligor: 2, Beneficiary: 1, Standing: true}},
		{&pb.Obligation{State: submitted, Obligor: 1, Beneficiary: 2}, &pb.Obligation{State: submitted, Obligor: 2, Beneficiary: 1}},
		{&pb.Obligation{State: disputed, Obligor: 1, Beneficiary: 2}, &pb.Obligation{State: disputed, Obligor: 2, Beneficiary: 1}},
		{&pb.Proposal{State: open, Turn: 1, ExpireTime: day}, &pb.Proposal{State: open, Turn: 2, ExpireTime: day}},
		{&pb.Review{State: reviewOpen, Signatures: []*pb.ReviewSignature{{Side: 1}}}, &pb.Review{State: reviewOpen, Signatures: []*pb.ReviewSignature{{Side: 2}}}},
		{&pb.Review{State: reviewOpen}, &pb.Review{State: reviewOpen}},
		{&pb.Observation{State: pending, By: 1}, &pb.Observation{State: pending, By: 2}},
		{&pb.PulseRound{State: pulseOpen, Respondents: 2, VendorAnswerCount: 2}, &pb.PulseRound{State: pulseOpen, Respondents: 2, ClientAnswerCount: 2}},
		{&pb.PulseRound{State: pulseOpen, Respondents: 2, VendorAnswerCount: 1}, &pb.PulseRound{State: pulseOpen, Respondents: 2, ClientAnswerCount: 1}},
		{&pb.Concern{State: raised, RaisedBy: 1, Respondent: 2}, &pb.Concern{State: raised, RaisedBy: 2, Respondent: 1}},
		{&pb.Concern{State: contested, RaisedBy: 1, Respondent: 2}, &pb.Concern{State: contested, RaisedBy: 2, Respondent: 1}},
		{&pb.Concern{State: remedyProposed, Remedy: &pb.ConcernRemedy{By: 1}}, &pb.Concern{State: remedyProposed, Remedy: &pb.ConcernRemedy{By: 2}}},
		{&pb.Concern{State: escalated, Level: 4, RaisedBy: 1, Respondent: 2}, &pb.Concern{State: escalated, Level: 4, RaisedBy: 2, Respondent: 1}},
	} {
		want := Awaits(nil, pair[1])
		slices.SortFunc(want, func(a, b Await) int { return int(a.On) - int(b.On) })
		if got := swap(pair[0]); len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%v mirrored is %v; its mirror has %v", pair[0], got, want)
		}
	}
}

// A day is told as the agreement counts days; the order of portfolios counts those of UTC.
func TestWaitingUntilAnInstantHasADay(t *testing.T) {
	for zone, want := range map[string]string{"America/New_York": "2026-03-04", "Europe/Lisbon": "2026-03-04", "Asia/Tokyo": "2026-03-04", "": "2026-03-04"} {
		a := &pb.Agreement{AgreementId: "a", VendorPartyId: "acme", ClientPartyId: "globex", Calendar: &pb.Calendar{TimeZone: zone}}
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		end := time.Date(2026, time.March, 5, 0, 0, 0, 0, location)
		p := &pb.Proposal{State: open, Kind: pb.ProposalKind_PROPOSAL_KIND_END_EARLY, Turn: pb.Side_SIDE_CLIENT, ExpireTime: timestamppb.New(end)}
		w := Awaits(nil, p)[0]
		item := w.Item(a, p, "acme", Theirs(w.Task), end)
		if item.GetDate() != want || !item.GetOverdue() || item.GetWaitingOnPartyId() != "globex" || item.GetCounterpartPartyId() != "globex" || item.GetTitle() != "Proposal: end early" {
			t.Errorf("in %q: %v", zone, item)
		}
		if item := w.Item(a, p, "acme", Theirs(w.Task), end.Add(-1)); item.GetOverdue() {
			t.Errorf("in %q overdue before its end: %v", zone, item)
		}
	}
	if w := Awaits(nil, &pb.Obligation{State: disputed}); w[0].Day != NoDay {
		t.Errorf("without a day: %v", w)
	}
}

// TestNobodyIsToldToAdmitAWarningAboutTheOther holds that who is warned by a side about itself is told to do what the rules let it do.
func TestNobodyIsToldToAdmitAWarningAboutTheOther(t *testing.T) {
	m := &pb.Concern{State: acknowledged, Kind: earlyWarning, RaisedBy: pb.Side_SIDE_CLIENT, Respondent: pb.Side_SIDE_VENDOR, About: pb.Side_SIDE_CLIENT}
	if said := concernTask(m); strings.Contains(said, "dmit") || unfitConcern(m, "admit") == nil {
		t.Errorf("%q", said)
	}
	if m.About = pb.Side_SIDE_VENDOR; !strings.Contains(concernTask(m), "Admit") || unfitConcern(m, "admit") != nil {
		t.Errorf("%q", concernTask(m))
	}
}
