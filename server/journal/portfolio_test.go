package journal_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

const (
	toDo           = pb.PortfolioTask_PORTFOLIO_TASK_TO_DO
	toJudge        = pb.PortfolioTask_PORTFOLIO_TASK_TO_JUDGE
	toAnswer       = pb.PortfolioTask_PORTFOLIO_TASK_TO_ANSWER
	toSettle       = pb.PortfolioTask_PORTFOLIO_TASK_TO_SETTLE
	theirsToDo     = pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_DO
	theirsToJudge  = pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_JUDGE
	theirsToAnswer = pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_ANSWER
)

// lastDay is the last day of UTC before an instant.
func lastDay(end *timestamppb.Timestamp) string {
	if end == nil {
		return noDay
	}
	return end.AsTime().Add(-1).Format(time.DateOnly)
}

const noDay = "none" // sorts behind all days

// bazaar is a desk where some parties deal with each other, each with each, and do what comes to their minds.
type bazaar struct {
	*desk
	stop    func() error
	chance  *rand.Rand
	parties []string
	members map[string][2]string // vendor and client, by agreement
}

func openBazaar(t *testing.T, seed uint64) *bazaar {
	t.Helper()
	b := &bazaar{desk: openDesk(t, nil, nil), chance: rand.New(rand.NewPCG(seed, 7)), parties: []string{"acme", "globex", "initech", "umbra"}, members: map[string][2]string{}}
	b.stop = b.run()
	for _, id := range b.parties {
		b.must(chief, party(id))
	}
	for i := range 9 {
		id := numbered("a", i)
		order := b.chance.Perm(len(b.parties))
		b.members[id] = [2]string{b.parties[order[0]], b.parties[order[1]]}
		terms := b.terms(id, b.parties[order[2]])
		v, c := member(b.members[id][0]), member(b.members[id][1])
		b.must(v, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: v.PartyID, ClientPartyId: c.PartyID, DraftTerms: terms}})
		if i == 0 {
			continue // stays a draft
		}
		b.must(v, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
		if i > 1 {
			b.must(c, accepts(id, terms))
		}
	}
	return b
}

func (b *bazaar) terms(title, neutral string) *pb.Terms {
	terms := text(title, recurring("report", pb.Side_SIDE_VENDOR, "FREQ=WEEKLY"), recurring("pay", pb.Side_SIDE_CLIENT, "FREQ=DAILY;INTERVAL=5"),
		oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-12"), oneOff("data", pb.Side_SIDE_CLIENT, "2026-01-09"), oneOff("manners", pb.Side_SIDE_CLIENT, ""))
	terms.Commitments[4].Schedule = &pb.CommitmentTerms_Standing{Standing: &pb.Standing{Conduct: "Courtesy.", Period: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_WEEK}}}
	terms.Concerns = &pb.ConcernTerms{ResponseBusinessDays: proto.Int32(1), RemedyBusinessDays: proto.Int32(1), EscalationBusinessDays: proto.Int32(1)}
	terms.Commitments[2].Prerequisites = []string{"data"}
	terms.Objectives = []*pb.ObjectiveTerms{{
		ObjectiveId: "stores", Side: pb.Side_SIDE_VENDOR, Title: "More stores", Measure: "stores", Baseline: "1", Target: "9", ByDate: "2026-12-31", Weight: 1,
	}}
	terms.NeutralPartyId = neutral
	return terms
}

// live lets all of them act at once, over some days; what a rule refuses is refused.
func (b *bazaar) live(days int) {
	b.t.Helper()
	for range days {
		b.clock.set(b.clock.Now().Add(20 * time.Hour))
		b.wake()
		var all sync.WaitGroup
		for _, id := range b.parties {
			moves := b.moves(id)
			all.Go(func() { b.DoAll(b.t.Context(), member(id), moves) })
		}
		all.Wait()
	}
}

// moves are some commands of a party.
func (b *bazaar) moves(who string) (moves []proto.Message) {
	for id, sides := range b.members {
		one := func(all ...proto.Message) proto.Message { return all[b.chance.IntN(len(all))] }
		if !slices.Contains(sides[:], who) {
			for _, o := range b.obligations(id) {
				moves = append(moves, &pb.DetermineObligationRequest{AgreementId: id, ObligationId: o.GetObligationId(), Settlement: &pb.Settlement{
					Outcome: pb.SettlementOutcome_SETTLEMENT_OUTCOME_RESTORE, Reason: "as before",
				}})
				moves = moves[:len(moves)-b.chance.IntN(2)]
			}
			continue
		}
		for _, o := range b.obligations(id) {
			if b.chance.IntN(3) > 0 {
				continue
			}
			ref := o.GetObligationId()
			moves = append(moves, one(
				&pb.SubmitObligationRequest{AgreementId: id, ObligationId: ref, Note: "done"}, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: ref, Note: "done"},
				&pb.ReturnObligationRequest{AgreementId: id, ObligationId: ref, Reason: "no"}, &pb.AcceptObligationRequest{AgreementId: id, ObligationId: ref},
				&pb.AdmitObligationRequest{AgreementId: id, ObligationId: ref, Reason: "sorry"}, &pb.AcknowledgeObligationRequest{AgreementId: id, ObligationId: ref},
				&pb.DisputeObligationRequest{AgreementId: id, ObligationId: ref, Ground: pb.DisputeGround_DISPUTE_GROUND_OTHER, Reason: "not so"},
				&pb.ExtendObligationRequest{AgreementId: id, ObligationId: ref, DueDate: "2026-02-20", Reason: "ice"},
				&pb.WaiveObligationRequest{AgreementId: id, ObligationId: ref, Reason: "never mind"},
			))
		}
		moves = append(moves, b.motion(id), &pb.OpenReviewRequest{AgreementId: id, ReviewId: numbered("r", b.chance.IntN(9))})
		moves = append(append(moves, b.talk(id)...), &pb.RequestPulseRequest{AgreementId: id})
		for _, r := range b.rounds(id) {
			three := &pb.Ratings{Trust: 3, Communication: 3, Fairness: 3, Focus: 3, WouldRenew: 3}
			moves = append(moves, &pb.AnswerPulseRequest{AgreementId: id, PulseRoundId: r.GetPulseRoundId(), View: &pb.PulseView{OfOther: three, OfSelf: three}})
			moves = moves[:len(moves)-b.chance.IntN(2)]
		}
		moves = append(moves, &pb.RecordObservationRequest{AgreementId: id, ObjectiveId: "stores", Value: "3", ObservedDate: b.clock.Now().Format(time.DateOnly)})
		for _, o := range b.observations(id) {
			moves = append(moves, one(
				&pb.ConfirmObservationRequest{AgreementId: id, ObservationId: o.GetObservationId()},
				&pb.ReturnObservationRequest{AgreementId: id, ObservationId: o.GetObservationId(), Reason: "four"},
			))
			moves = moves[:len(moves)-b.chance.IntN(2)]
		}
		for _, r := range b.reviews(id) {
			moves = append(moves, one(
				&pb.SignReviewRequest{AgreementId: id, ReviewId: r.GetReviewId(), Revision: r.GetRevision(), Digest: r.GetDigest()},
				&pb.WithdrawReviewRequest{AgreementId: id, ReviewId: r.GetReviewId(), Reason: "not now"},
				&pb.UpdateReviewRequest{AgreementId: id, ReviewId: r.GetReviewId(), Review: &pb.Review{Minutes: numbered("said ", b.chance.IntN(99))}},
			))
		}
		for _, p := range b.proposals(id) {
			if p.GetState() != pb.ProposalState_PROPOSAL_STATE_OPEN || p.GetKind() == pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS {
				continue
			}
			moves = append(moves, one(
				&pb.AcceptProposalRequest{AgreementId: id, ProposalId: p.GetProposalId(), Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest()},
				&pb.DeclineProposalRequest{AgreementId: id, ProposalId: p.GetProposalId(), Reason: "no"},
				&pb.CounterProposalRequest{AgreementId: id, ProposalId: p.GetProposalId(), Terms: b.terms("other", b.parties[b.chance.IntN(len(b.parties))])},
			))
		}
	}
	return moves
}

// talk is some concerns, and some answers to those that are there.
func (b *bazaar) talk(id string) (moves []proto.Message) {
	kinds := len(pb.ConcernKind_name) - 1
	moves = append(moves, &pb.RaiseConcernRequest{AgreementId: id, Kind: pb.ConcernKind(1 + b.chance.IntN(kinds)), Title: "a word", Text: "more words"})
	for _, m := range b.concerns(id) {
		ref := m.GetConcernId()
		all := []proto.Message{
			&pb.AcknowledgeConcernRequest{AgreementId: id, ConcernId: ref}, &pb.ReplyConcernRequest{AgreementId: id, ConcernId: ref, Taken: true, Reply: "so"},
			&pb.AdmitConcernRequest{AgreementId: id, ConcernId: ref}, &pb.ContestConcernRequest{AgreementId: id, ConcernId: ref, Reason: "not so"},
			&pb.ProposeRemedyRequest{AgreementId: id, ConcernId: ref, Text: "a cake"}, &pb.AcceptRemedyRequest{AgreementId: id, ConcernId: ref},
			&pb.RejectRemedyRequest{AgreementId: id, ConcernId: ref, Reason: "two cakes"}, &pb.WithdrawConcernRequest{AgreementId: id, ConcernId: ref},
			&pb.EscalateConcernRequest{AgreementId: id, ConcernId: ref, Reason: "higher"}, &pb.EscalateConcernRequest{AgreementId: id, ConcernId: ref, Reason: "higher"},
			&pb.EscalateConcernRequest{AgreementId: id, ConcernId: ref, Reason: "higher"}, &pb.EscalateConcernRequest{AgreementId: id, ConcernId: ref, Reason: "higher"},
		}
		moves = append(moves, all[b.chance.IntN(len(all))])
	}
	return moves
}

// motion is something to agree on: another neutral, or a pause, or its end.
func (b *bazaar) motion(id string) proto.Message {
	terms := b.terms("new", b.parties[b.chance.IntN(len(b.parties))])
	if b.chance.IntN(4) == 0 {
		terms.NeutralPartyId = ""
	}
	kinds := []pb.ProposalKind{pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, pb.ProposalKind_PROPOSAL_KIND_SUSPEND, pb.ProposalKind_PROPOSAL_KIND_RESUME}
	req := &pb.CreateProposalRequest{AgreementId: id, Kind: kinds[b.chance.IntN(len(kinds))]}
	if req.GetKind() == pb.ProposalKind_PROPOSAL_KIND_AMENDMENT {
		terms.EffectiveDate = b.clock.Now().Format(time.DateOnly)
		req.Terms = terms
	}
	return req
}

func (b *bazaar) obligations(id string) []*pb.Obligation {
	list, err := b.Obligations(b.t.Context(), member(b.members[id][0]), &pb.ListObligationsRequest{AgreementId: id, PageSize: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.GetObligations()
}

func (b *bazaar) proposals(id string) []*pb.Proposal {
	list, err := b.Proposals(b.t.Context(), member(b.members[id][0]), &pb.ListProposalsRequest{AgreementId: id, PageSize: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.GetProposals()
}

func (b *bazaar) reviews(id string) []*pb.Review {
	list, err := b.Reviews(b.t.Context(), member(b.members[id][0]), &pb.ListReviewsRequest{AgreementId: id, PageSize: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.GetReviews()
}

func (b *bazaar) observations(id string) []*pb.Observation {
	list, err := b.Observations(b.t.Context(), member(b.members[id][0]), &pb.ListObservationsRequest{AgreementId: id, ObjectiveId: "stores", PageSize: 1000})
	var refusal *rules.Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Reason != pb.ErrorReason_ERROR_REASON_NOT_FOUND) { // nothing is hoped for yet in a draft
		b.t.Fatal(err)
	}
	return list.GetObservations()
}

func (b *bazaar) concerns(id string) []*pb.Concern {
	list, err := b.Concerns(b.t.Context(), member(b.members[id][0]), &pb.ListConcernsRequest{AgreementId: id, PageSize: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.GetConcerns()
}

func (b *bazaar) rounds(id string) []*pb.PulseRound {
	list, err := b.PulseRounds(b.t.Context(), member(b.members[id][0]), &pb.ListPulseRoundsRequest{AgreementId: id, PageSize: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.GetPulseRounds()
}

// found is an item as going through everything finds it.
type found struct {
	day, agreement string
	kind           rules.Kind
	id             string
	task           pb.PortfolioTask
}

// scan goes through all agreements and finds what waits for a party.
func (b *bazaar) scan(party string) (all []found) {
	for id, sides := range b.members {
		m, err := b.Read(b.t.Context(), member(sides[0]), rules.Ref{Kind: rules.KindAgreement, Agreement: id}, "agreement")
		if err != nil {
			b.t.Fatal(err)
		}
		neutral := m.(*pb.Agreement).GetNeutralPartyId() == party
		mine := map[string]pb.Side{sides[0]: pb.Side_SIDE_VENDOR, sides[1]: pb.Side_SIDE_CLIENT}[party]
		add := func(day string, kind rules.Kind, record string, on pb.Side, own, theirs pb.PortfolioTask) {
			switch {
			case mine == 0:
			case mine == on:
				all = append(all, found{day, id, kind, record, own})
			default:
				all = append(all, found{day, id, kind, record, theirs})
			}
		}
		for _, o := range b.obligations(id) {
			switch o.GetState() {
			case pb.ObligationState_OBLIGATION_STATE_DUE:
				if o.GetCommitmentId() == "manners" {
					add(o.GetDueDate(), rules.KindObligation, o.GetObligationId(), o.GetBeneficiary(), toJudge, theirsToJudge)
				} else {
					add(o.GetDueDate(), rules.KindObligation, o.GetObligationId(), o.GetObligor(), toDo, theirsToDo)
				}
			case pb.ObligationState_OBLIGATION_STATE_BREACHED, pb.ObligationState_OBLIGATION_STATE_CURING:
				add(o.GetDueDate(), rules.KindObligation, o.GetObligationId(), o.GetObligor(), toDo, theirsToDo)
			case pb.ObligationState_OBLIGATION_STATE_SUBMITTED:
				add(lastDay(o.GetSubmission().GetReviewEndTime())+since(o.GetSubmission().GetSubmitTime()), rules.KindObligation, o.GetObligationId(), o.GetBeneficiary(), toJudge, theirsToJudge)
			case pb.ObligationState_OBLIGATION_STATE_DISPUTED:
				if neutral || mine != 0 {
					all = append(all, found{o.GetDueDate(), id, rules.KindObligation, o.GetObligationId(), toSettle})
				}
			}
		}
		for _, p := range b.proposals(id) {
			if p.GetState() == pb.ProposalState_PROPOSAL_STATE_OPEN {
				add(lastDay(p.GetExpireTime()), rules.KindProposal, p.GetProposalId(), p.GetTurn(), toAnswer, theirsToAnswer)
			}
		}
		for _, r := range b.rounds(id) {
			for side, given := range map[pb.Side]int32{pb.Side_SIDE_VENDOR: r.GetVendorAnswerCount(), pb.Side_SIDE_CLIENT: r.GetClientAnswerCount()} {
				if r.GetState() == pb.PulseRoundState_PULSE_ROUND_STATE_OPEN && given == 0 {
					add(lastDay(r.GetEndTime()), rules.KindPulseRound, r.GetPulseRoundId(), side, toAnswer, theirsToAnswer)
				}
			}
		}
		b.scanConcerns(id, func(m *pb.Concern, day string, on pb.Side) {
			switch {
			case on != 0:
				add(day, rules.KindConcern, m.GetConcernId(), on, toAnswer, theirsToAnswer)
			case mine != 0 || neutral && m.GetLevel() == 4:
				all = append(all, found{day, id, rules.KindConcern, m.GetConcernId(), toSettle})
			}
		})
		b.scanDayless(id, add)
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.agreement, b.agreement), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id), cmp.Compare(a.task, b.task))
	})
	return all
}

// scanDayless says what waits without a day: what was observed of what the vendor hopes for, and reviews for each side that has not
// signed.
func (b *bazaar) scanDayless(id string, add func(day string, kind rules.Kind, record string, on pb.Side, own, theirs pb.PortfolioTask)) {
	for _, o := range b.observations(id) {
		if o.GetState() == pb.ObservationState_OBSERVATION_STATE_PENDING {
			add(noDay+since(o.GetCreateTime()), rules.KindObservation, o.GetObservationId(), pb.Side_SIDE_VENDOR, toJudge, theirsToJudge)
		}
	}
	for _, r := range b.reviews(id) {
		for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
			signed := slices.ContainsFunc(r.GetSignatures(), func(s *pb.ReviewSignature) bool { return s.GetSide() == side })
			if r.GetState() == pb.ReviewState_REVIEW_STATE_OPEN && !signed {
				add(noDay, rules.KindReview, r.GetReviewId(), side, toAnswer, theirsToAnswer)
			}
		}
	}
}

// scanConcerns says of each concern that is not over until when it waits, and on which side; on both for none.
func (b *bazaar) scanConcerns(id string, add func(m *pb.Concern, day string, on pb.Side)) {
	for _, m := range b.concerns(id) {
		answers := map[pb.ConcernState]pb.Side{
			pb.ConcernState_CONCERN_STATE_OPEN: m.GetRespondent(), pb.ConcernState_CONCERN_STATE_ACKNOWLEDGED: m.GetRespondent(),
			pb.ConcernState_CONCERN_STATE_ADMITTED: m.GetRespondent(), pb.ConcernState_CONCERN_STATE_CONTESTED: m.GetRaisedBy(),
			pb.ConcernState_CONCERN_STATE_REMEDY_PROPOSED: rules.Other(m.GetRemedy().GetBy()), pb.ConcernState_CONCERN_STATE_ESCALATED: 0,
		}
		end := m.GetRemedyEndTime()
		switch m.GetState() {
		case pb.ConcernState_CONCERN_STATE_OPEN:
			end = m.GetResponseEndTime()
		case pb.ConcernState_CONCERN_STATE_ESCALATED:
			end = m.GetStepEndTime()
		}
		if on, waits := answers[m.GetState()]; waits {
			add(m, lastDay(end), on)
		}
	}
}

// check holds the portfolio of a party, as a caller sees it, against what is to be found; it returns how many of each task.
func (b *bazaar) check(who rules.Caller, party string, want []found) (counts [8]int32) {
	b.t.Helper()
	for _, w := range want {
		counts[w.task]++
	}
	for _, task := range append([]pb.PortfolioTask{0}, toDo, toJudge, toAnswer, toSettle, theirsToDo, theirsToJudge, theirsToAnswer) {
		days := []string{"2026-01-01", "2026-01-12", "2026-01-19", "2026-02-02", "2099-01-01"}
		for _, before := range []string{"", days[b.chance.IntN(len(days))]} {
			req := &pb.ListPortfolioRequest{PartyId: party, Task: task, DueBefore: before}
			got := pages(b.t, req.String(), int32(1+b.chance.IntN(9)), func(size int32, token string) ([]string, string, error) {
				req.PageSize, req.PageToken = size, token
				list, err := b.PortfolioItems(b.t.Context(), who, req)
				var told []string
				for _, item := range list.GetItems() {
					told = append(told, fmt.Sprint(item.GetAgreementId(), item.GetObligationId(), item.GetProposalId(), item.GetReviewId(), item.GetConcernId(), item.GetPulseRoundId(), item.GetObservationId(), item.GetTask()))
					if item.GetTitle() == "" || item.GetWords() == "" || item.GetDate() == "" && item.GetReviewId()+item.GetConcernId()+item.GetObservationId() == "" {
						b.t.Errorf("says too little: %v", item)
					}
				}
				return told, list.GetNextPageToken(), err
			})
			var told []string
			for _, w := range want {
				if (task == 0 || w.task == task) && (before == "" || w.day < before) {
					told = append(told, fmt.Sprint(w.agreement, w.id, w.task))
				}
			}
			if !slices.Equal(got, told) {
				b.t.Errorf("%v by %v:\ngot    %v\nwanted %v", req, who, got, told)
			}
		}
	}
	p, err := b.Portfolio(b.t.Context(), who, &pb.GetPortfolioRequest{PartyId: party})
	if err != nil {
		b.t.Fatal(err)
	}
	if got := [8]int32{0, p.GetToDo(), p.GetToJudge(), p.GetToAnswer(), p.GetToSettle(), p.GetTheirsToDo(), p.GetTheirsToJudge(), p.GetTheirsToAnswer()}; got != counts {
		b.t.Errorf("of %s %v counts %v; there are %v", party, who, got, counts)
	}
	return counts
}

func TestPortfoliosAreWhatAScanFinds(t *testing.T) {
	var seen [8]int32
	kinds, neutrals := map[rules.Kind]bool{}, 0
	for seed := range uint64(2) {
		b := openBazaar(t, seed)
		for range 4 {
			b.live(6)
			for _, party := range b.parties {
				want := b.scan(party)
				for _, w := range want {
					kinds[w.kind] = true
					if sides := b.members[w.agreement]; w.kind == rules.KindConcern && party != sides[0] && party != sides[1] {
						neutrals++
					}
				}
				for task, n := range b.check(member(party), party, want) {
					seen[task] += n
				}
				b.check(rules.Caller{PrincipalID: "robot", Role: pb.Role_ROLE_SERVICE, PartyID: party}, "", want)
				b.check(eye, party, want)
				named := []string{"a008", "a001", "a000", "a003", "nope", "a003", "a004"}
				some := slices.DeleteFunc(want, func(f found) bool { return !slices.Contains(named, f.agreement) })
				b.check(rules.Caller{PrincipalID: "ed", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: named}, party, some)
				b.check(member("nobody"), party, nil)
			}
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			b.desk = openDesk(t, b.store, b.clock) // starts again
			b.stop = b.run()
		}
	}
	if slices.Contains(seen[1:], 0) || len(kinds) != 6 || neutrals == 0 {
		t.Errorf("%v of the tasks, kinds %v, %d concerns before a neutral: some was never there, and this is no test", seen, kinds, neutrals)
	}
}

// A dispute stands before the neutral of the day: when both sides agree on another, it follows.
func TestADisputeFollowsTheNeutral(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	for _, id := range []string{"acme", "globex", "initech", "umbra"} {
		d.must(chief, party(id))
	}
	terms := text("Roof", oneOff("roof", pb.Side_SIDE_VENDOR, "2026-01-12"))
	terms.NeutralPartyId = "initech"
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	d.must(client, &pb.DisputeObligationRequest{AgreementId: "a", ObligationId: "roof-1", Ground: pb.DisputeGround_DISPUTE_GROUND_PERFORMANCE, Reason: "It leaks."})
	holds := func(who string, want int) {
		t.Helper()
		list, err := d.PortfolioItems(t.Context(), member(who), &pb.ListPortfolioRequest{})
		if err != nil || len(list.GetItems()) != want {
			t.Errorf("%s has %v, %v; wanted %d", who, list.GetItems(), err, want)
		}
		p, err := d.Portfolio(t.Context(), member(who), &pb.GetPortfolioRequest{})
		if err != nil || p.GetToSettle() != int32(want) {
			t.Errorf("%s counts %v, %v; wanted %d", who, p, err, want)
		}
	}
	holds("initech", 1)
	holds("umbra", 0)
	for i, neutral := range []string{"umbra", "", "initech"} {
		amended := proto.CloneOf(terms)
		amended.NeutralPartyId = neutral
		id := numbered("p", i)
		d.must(vendor, &pb.CreateProposalRequest{AgreementId: "a", ProposalId: id, Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: amended})
		_, digest := rules.Digest(amended)
		d.must(client, &pb.AcceptProposalRequest{AgreementId: "a", ProposalId: id, Revision: 1, TermsDigest: digest})
		d.wake()
		for _, who := range []string{"initech", "umbra"} {
			want := 0
			if who == neutral {
				want = 1
			}
			holds(who, want)
		}
		holds("acme", 1)
	}
}

// An auditor is no party, and says whose portfolio it asks for; and a day is a day.
func TestAPortfolioIsAPartys(t *testing.T) {
	d := openDesk(t, nil, nil)
	if _, err := d.Portfolio(t.Context(), eye, &pb.GetPortfolioRequest{}); reason(err) != "INVALID_FIELDS" {
		t.Errorf("counts of nobody: %v", err)
	}
	if _, err := d.PortfolioItems(t.Context(), eye, &pb.ListPortfolioRequest{}); reason(err) != "INVALID_FIELDS" {
		t.Errorf("items of nobody: %v", err)
	}
	if _, err := d.PortfolioItems(t.Context(), vendor, &pb.ListPortfolioRequest{DueBefore: "2026-02-30"}); reason(err) != "INVALID_FIELDS" {
		t.Errorf("before no day: %v", err)
	}
}

// again is the desk after a restart, with a journal that does not run yet.
func (d *desk) again(stop func() error) *desk {
	d.t.Helper()
	if err := stop(); err != nil {
		d.t.Fatal(err)
	}
	return openDesk(d.t, d.store, d.clock)
}

// What comes to be disputed in the same batch as the neutral becomes another, or ceases to be, is with the right one.
func TestADisputeAndAnotherNeutralAtOnce(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	for _, id := range []string{"acme", "globex", "initech", "umbra"} {
		d.must(chief, party(id))
	}
	terms := text("House", oneOff("roof", pb.Side_SIDE_VENDOR, "2026-01-12"), oneOff("door", pb.Side_SIDE_VENDOR, "2026-01-12"), oneOff("wall", pb.Side_SIDE_VENDOR, "2026-01-12"))
	terms.NeutralPartyId = "initech"
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	dispute := func(id string) proto.Message {
		return &pb.DisputeObligationRequest{AgreementId: "a", ObligationId: id, Ground: pb.DisputeGround_DISPUTE_GROUND_PERFORMANCE, Reason: "It leaks."}
	}
	d.must(client, dispute("roof-1"))
	d.must(client, dispute("door-1"))
	terms.NeutralPartyId = "umbra"
	d.must(vendor, &pb.CreateProposalRequest{AgreementId: "a", ProposalId: "q", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: terms})
	_, digest := rules.Digest(terms)
	d = d.again(stop)
	var all []<-chan answer
	for _, c := range []proto.Message{
		dispute("wall-1"), &pb.WaiveObligationRequest{AgreementId: "a", ObligationId: "door-1", Reason: "never mind"},
		&pb.AcceptProposalRequest{AgreementId: "a", ProposalId: "q", Revision: 1, TermsDigest: digest},
	} {
		all = append(all, d.send(t.Context(), client, c))
	}
	commits := d.store.Commits()
	d.turn()
	for _, one := range all {
		if a := d.get(one); a.err != nil {
			t.Fatal(a.err)
		}
	}
	d.run()
	d.wake()
	for who, want := range map[string]int32{"initech": 0, "umbra": 2, "globex": 2} {
		p, err := d.Portfolio(t.Context(), member(who), &pb.GetPortfolioRequest{})
		if err != nil || p.GetToSettle() != want {
			t.Errorf("%s: %v, %v; wanted %d", who, p, err, want)
		}
	}
	if n := d.store.Commits(); n != commits+1 {
		t.Errorf("%d commits are no one batch", n-commits)
	}
}

// Counts go on from those of the batch ahead, which is not durable yet; and from none of it where that fails.
func TestCountsGoOnFromTheBatchAhead(t *testing.T) {
	for _, full := range []bool{false, true} {
		d := openDesk(t, nil, nil)
		stop := d.run()
		d.must(chief, party("acme"))
		d.must(chief, party("globex"))
		for i := range 3 {
			terms := text("Desks", oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-12"))
			d.propose(numbered("a", i), terms)
			d.must(client, accepts(numbered("a", i), terms))
		}
		d.wake()
		h := &held{desk: d.again(stop), outcome: make(chan error), ended: make(chan error, 1)}
		submit := func(i int) proto.Message {
			return &pb.SubmitObligationRequest{AgreementId: numbered("a", i), ObligationId: "desk-1", Note: "done"}
		}
		h.begin(vendor, submit(0), submit(1))
		third := h.behind(vendor, submit(2))
		rest := make([]proto.Message, journal.MaxBatch) // a batch that is full does not wait for the one ahead before it counts
		for i := range rest {
			rest[i] = &pb.CreatePartyRequest{}
		}
		var others sync.WaitGroup
		others.Go(func() { h.DoAll(t.Context(), chief, rest) })
		eventually(t, "the batch is full", func() bool { return h.Waiting() == 1 && h.store.Views() == 0 })
		want := [2]int32{0, 3}
		var outcome error
		if full {
			outcome, want = store.ErrFull, [2]int32{3, 0}
		}
		h.outcome <- outcome
		h.get(h.first)
		if a := h.get(third); (a.err != nil) != full {
			t.Fatal(a.err)
		}
		others.Wait()
		p, err := h.Portfolio(t.Context(), vendor, &pb.GetPortfolioRequest{})
		if got := [2]int32{p.GetToDo(), p.GetTheirsToJudge()}; err != nil || got != want {
			t.Errorf("full: %t: %v, %v; wanted %v", full, got, err, want)
		}
	}
}
