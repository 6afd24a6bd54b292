package journal_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store/memory"
)

// BenchmarkSubmit is the writer without a disk: what deciding, serializing and indexing a command costs, with 256
// callers over 1,000 agreements.
func BenchmarkSubmit(b *testing.B) {
	const agreements, callers = 1000, 256
	ctx, cancel := context.WithCancel(context.Background())
	s, err := memory.Open(journal.Tables()...)
	if err != nil {
		b.Fatal(err)
	}
	j, err := journal.Open(ctx, journal.Options{Store: s})
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
	vendor := rules.Caller{PrincipalID: "v", Role: pb.Role_ROLE_SIGNATORY, PartyID: "vendor"}
	client := rules.Caller{PrincipalID: "c", Role: pb.Role_ROLE_SIGNATORY, PartyID: "client"}
	for _, id := range []string{"vendor", "client"} {
		do(rules.Service(), &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	due := rules.DayOf(2026, 1, 1)
	if now, err := rules.ParseDay(j.Now().Format("2006-01-02")); err == nil {
		due = now.Add(300)
	}
	terms := &pb.Terms{
		Title: "t", Calendar: &pb.Calendar{TimeZone: "Europe/Lisbon"}, EffectiveDate: due.Add(-400).String(), Clocks: &pb.Clocks{LeadDays: proto.Int32(366)},
		Commitments: []*pb.CommitmentTerms{{
			CommitmentId: "c", Obligor: pb.Side_SIDE_VENDOR, Title: "promise", Category: pb.Category_CATEGORY_DELIVERY, Weight: 1,
			Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: due.String()}},
		}},
	}
	_, digest := rules.Digest(terms)
	for i := range agreements {
		id := fmt.Sprintf("a%d", i)
		do(vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "vendor", ClientPartyId: "client", DraftTerms: terms}})
		do(vendor, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
		do(client, &pb.AcceptProposalRequest{AgreementId: id, ProposalId: "p", Revision: 1, TermsDigest: digest})
		do(rules.Clock(), &journalv1.Wake{AgreementId: id})
		do(rules.Clock(), &journalv1.Wake{AgreementId: id, Record: &journalv1.Wake_CommitmentId{CommitmentId: "c"}})
		do(rules.Clock(), &journalv1.Wake{AgreementId: id, Record: &journalv1.Wake_ObligationId{ObligationId: "c-1"}})
	}
	var caller atomic.Int64
	b.SetParallelism(callers)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(run *testing.PB) {
		id := fmt.Sprintf("a%d", caller.Add(1)%agreements)
		for n := 0; run.Next(); n++ {
			request := fmt.Sprintf("%s-%d-%d", id, b.N, n)
			var err error
			if n%2 == 0 {
				_, err = j.Do(ctx, vendor, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: "c-1", RequestId: request, Note: "done",
					Evidence: []*pb.Evidence{{Title: "report", Uri: "https://files.example/a-report-of-some-length/and-more.pdf"}}})
			} else {
				_, err = j.Do(ctx, client, &pb.ReturnObligationRequest{AgreementId: id, ObligationId: "c-1", RequestId: request, Reason: "again"})
			}
			if refused := (*rules.Error)(nil); err != nil && !journal.IsRefusal(err) {
				b.Fatal(err, refused)
			}
		}
	})
}
