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
	"github.com/concordhq/concord/server/store/bolt"
)

// BenchmarkPortfolio is the first page, and the counts, of a party that has 10 or 10,000 agreements with two things waiting in
// each, on the bolt engine once its pages were read. The figure is 20 ms at most for 10,000. What was submitted comes first in
// to_do, and is passed over: that is the worst there is.
func BenchmarkPortfolio(b *testing.B) {
	for _, agreements := range []int{10, 10_000} {
		b.Run(fmt.Sprint(agreements), func(b *testing.B) {
			j := portfolioOf(b, agreements)
			caller := rules.Caller{PrincipalID: "v", Role: pb.Role_ROLE_VIEWER, PartyID: "acme"}
			for name, task := range map[string]pb.PortfolioTask{"all": 0, "to_do": toDo, "theirs_to_judge": theirsToJudge} {
				b.Run("page/"+name, func(b *testing.B) {
					for b.Loop() {
						list, err := j.PortfolioItems(b.Context(), caller, &pb.ListPortfolioRequest{Task: task})
						if err != nil || len(list.GetItems()) < min(10, agreements) && list.GetNextPageToken() == "" {
							b.Fatal(len(list.GetItems()), err)
						}
					}
				})
			}
			b.Run("counts", func(b *testing.B) {
				for b.Loop() {
					p, err := j.Portfolio(b.Context(), caller, &pb.GetPortfolioRequest{})
					if err != nil || p.GetToDo() != int32(agreements) || p.GetTheirsToJudge() != int32(agreements) {
						b.Fatal(p, err)
					}
				}
			})
		})
	}
}

// portfolioOf is a journal in which acme owes a chair, and has submitted a desk, in each of some agreements.
func portfolioOf(b *testing.B, agreements int) *journal.Journal {
	b.Helper()
	tables, err := bolt.Open(bolt.Options{Dir: b.TempDir(), Tables: journal.Tables(), WrittenOnce: journal.WrittenOnce(), Apart: journal.Apart()})
	if err != nil {
		b.Fatal(err)
	}
	j, err := journal.Open(b.Context(), journal.Options{Store: tables, Now: func() time.Time { return morning }})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done; _ = tables.Close() })
	all := func(by rules.Caller, commands ...func(id string) proto.Message) {
		for _, command := range commands {
			batch := make([]proto.Message, agreements)
			for i := range batch {
				batch[i] = command(numbered("a", i))
			}
			for from := 0; from < agreements; from += journal.MaxBatch {
				for _, err := range j.DoAll(ctx, by, batch[from:min(from+journal.MaxBatch, agreements)]) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	}
	for _, id := range []string{"acme", "globex"} {
		if _, err := j.Do(ctx, chief, party(id)); err != nil {
			b.Fatal(err)
		}
	}
	terms := text("Desks", oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-12"), oneOff("chair", pb.Side_SIDE_VENDOR, "2026-01-19"))
	all(vendor, func(id string) proto.Message {
		return &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}}
	}, func(id string) proto.Message {
		return &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}
	})
	all(client, func(id string) proto.Message { return accepts(id, terms) })
	all(vendor, func(id string) proto.Message {
		return &pb.SubmitObligationRequest{AgreementId: id, ObligationId: "desk-1", Note: "done"} // time comes before a command
	})
	for {
		due, _, err := j.Due(ctx, journal.MaxBatch)
		if err != nil {
			b.Fatal(err)
		}
		if len(due) == 0 {
			return j
		}
		wakes := make([]proto.Message, len(due))
		for i, timer := range due {
			wakes[i] = rules.WakeFor(timer.Ref)
		}
		j.DoAll(ctx, rules.Clock(), wakes)
	}
}
