package journal_test

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// A list that rules see is what a look at every record would find, also where it was decided ahead and is not durable yet:
// nothing twice, nothing where it stood before, both sides together by due day.
func TestRulesListWhatIsNotYetDurable(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("T", recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY;COUNT=20"), recurring("weekly", pb.Side_SIDE_CLIENT, "FREQ=WEEKLY;COUNT=4"),
		oneOff("once", pb.Side_SIDE_CLIENT, "2026-01-12"), oneOff("late", pb.Side_SIDE_VENDOR, "2026-06-01"))
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	d.propose("b", terms)
	submit := func(by rules.Caller, id string) journal.Command {
		return journal.Command{By: by, Do: &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: id, Note: "done"}}
	}
	waive := func(by rules.Caller, id string) journal.Command {
		return journal.Command{By: by, Do: &pb.WaiveObligationRequest{AgreementId: "a", ObligationId: id, Reason: "never mind"}}
	}
	d.must(vendor, submit(vendor, "daily-3").Do)
	d.clock.set(morning.Add(3 * 24 * time.Hour))
	ahead := []journal.Command{
		submit(vendor, "daily-1"), submit(vendor, "daily-2"), submit(client, "once-1"), waive(client, "daily-4"), waive(vendor, "once-1"),
		{By: client, Do: &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: "daily-3"}},
		{By: rules.Clock(), Do: rules.WakeFor(rules.Ref{Kind: rules.KindObligation, Agreement: "a", ID: "daily-16"})}, // comes up, and brings forth the next
		{By: client, Do: accepts("b", terms)},
	}
	states := func(some ...pb.ObligationState) []pb.ObligationState { return some }
	const scheduled, due, submitted = pb.ObligationState_OBLIGATION_STATE_SCHEDULED, pb.ObligationState_OBLIGATION_STATE_DUE, pb.ObligationState_OBLIGATION_STATE_SUBMITTED
	err := d.Behind(t.Context(), ahead, func(s *rules.State) {
		for _, some := range [][]pb.ObligationState{nil, states(scheduled), states(due), states(submitted), states(scheduled, due), states(submitted, pb.ObligationState_OBLIGATION_STATE_WAIVED)} {
			for _, commitment := range []string{"", "daily", "once", "nothing"} {
				want := everything(s, "a", commitment, some)
				var got []string
				var after rules.Place
				for {
					page := s.Obligations("a", commitment, some, after, 3)
					for _, o := range page {
						got, after = append(got, o.GetObligationId()), rules.PlaceOf(o)
					}
					if len(page) < 3 {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("of %q in %v: %v, not %v", commitment, some, got, want)
				}
			}
		}
		if got := s.Obligations("a", "daily", states(scheduled), "", 5); len(got) != 1 || got[0].GetObligationId() != "daily-17" {
			t.Errorf("%v is ahead", got)
		}
		if got := s.Commitments("b", []pb.CommitmentState{pb.CommitmentState_COMMITMENT_STATE_DORMANT}, "", 10); len(got) != 4 {
			t.Errorf("%d commitments wait", len(got))
		}
		if got := s.Proposals("b", []pb.ProposalState{pb.ProposalState_PROPOSAL_STATE_OPEN}, "", 10); len(got) != 0 {
			t.Errorf("open still: %v", got)
		}
		if got := s.Proposals("b", nil, "", 10); len(got) != 1 || got[0].GetState() != pb.ProposalState_PROPOSAL_STATE_ACCEPTED {
			t.Errorf("accepted ahead: %v", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// everything looks at each record there may be.
func everything(s *rules.State, agreement, commitment string, states []pb.ObligationState) (ids []string) {
	var found []*pb.Obligation
	for _, c := range []string{"daily", "weekly", "once", "late"} {
		for n := range 30 {
			ref := rules.Ref{Kind: rules.KindObligation, Agreement: agreement, ID: c + "-" + strconv.Itoa(n)}
			o, _ := s.Get(ref).(*pb.Obligation)
			if o != nil && (commitment == "" || c == commitment) && (len(states) == 0 || slices.Contains(states, o.GetState())) {
				found = append(found, o)
			}
		}
	}
	slices.SortFunc(found, func(a, b *pb.Obligation) int {
		return cmp.Or(cmp.Compare(a.GetDueDate(), b.GetDueDate()), cmp.Compare(a.GetObligationId(), b.GetObligationId()))
	})
	for _, o := range found {
		ids = append(ids, o.GetObligationId())
	}
	return ids
}
