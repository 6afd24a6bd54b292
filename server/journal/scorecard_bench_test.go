package journal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store/memory"
)

// BenchmarkScorecard is what a scorecard costs of two agreements with ten commitments each: one of ten months with a hundred
// obligations behind them, and one of 27 years with a hundred thousand.
func BenchmarkScorecard(b *testing.B) {
	for _, rule := range []string{"MONTHLY", "DAILY"} {
		past, step := 100, func(n int) time.Time { return morning.AddDate(0, n, 0) }
		if rule == "DAILY" {
			past, step = 100_000, func(n int) time.Time { return morning.AddDate(0, 0, n) }
		}
		b.Run(fmt.Sprint(past), func(b *testing.B) {
			j, now := scoredJournal(b, rule, past, step)
			ask := &pb.GetScorecardRequest{AgreementId: "a"}
			card, err := j.Scorecard(b.Context(), vendor, ask)
			if err != nil {
				b.Fatal(err)
			}
			if n := int(card.GetVendor().GetKept().GetCount() + card.GetClient().GetKept().GetCount()); n < past*99/100 {
				b.Fatalf("%d obligations are in the score as of %v", n, now)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := j.Scorecard(b.Context(), vendor, ask); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// scoredJournal is a journal with an agreement of ten commitments, whose obligations were submitted and accepted one after the
// other, each at its time, until there were so many.
func scoredJournal(b *testing.B, rule string, past int, at func(n int) time.Time) (*journal.Journal, time.Time) {
	b.Helper()
	const promises = 10
	ctx, cancel := context.WithCancel(context.Background())
	s, err := memory.Open(journal.Tables()...)
	if err != nil {
		b.Fatal(err)
	}
	now := &clock{now: morning}
	j, err := journal.Open(ctx, journal.Options{Store: s, Now: now.Now})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done; s.Close() })
	do := func(by rules.Caller, command proto.Message) {
		if _, err := j.Do(ctx, by, command); err != nil {
			b.Fatal(err)
		}
	}
	do(chief, party("acme"))
	do(chief, party("globex"))
	terms := text("Daily")
	for n := range promises {
		c := recurring(fmt.Sprintf("c%d", n), pb.Side(1+n%2), "FREQ="+rule)
		terms.Commitments = append(terms.Commitments, c)
	}
	do(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})
	do(vendor, &pb.CreateProposalRequest{AgreementId: "a", ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	do(client, accepts("a", terms))
	for day := range past / promises {
		now.set(at(day))
		for n := range promises {
			by, other := vendor, client
			if pb.Side(1+n%2) == pb.Side_SIDE_CLIENT {
				by, other = other, by
			}
			id := fmt.Sprintf("c%d-%d", n, day+1)
			do(by, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: id, Note: "done"})
			do(other, &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: id})
		}
	}
	return j, now.Now()
}
