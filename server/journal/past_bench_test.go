package journal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store/memory"
)

// BenchmarkPast is what an answer about the past costs: one obligation of an agreement that has lived four years of a daily
// promise since, of which half is to be replayed. It tells how many events that is.
func BenchmarkPast(b *testing.B) {
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
	terms := text("Daily", recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY"))
	do(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})
	do(vendor, &pb.CreateProposalRequest{AgreementId: "a", ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	do(client, accepts("a", terms))
	const days = 4 * 365
	half := morning
	for n := range days {
		now.set(morning.Add(time.Duration(n) * 24 * time.Hour))
		if n == days/2 {
			half = now.Now()
		}
		id := fmt.Sprintf("daily-%d", n+1)
		do(vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: id, Note: "done"})
		do(client, &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: id})
	}
	list, err := j.Events(ctx, vendor, &pb.ListEventsRequest{AgreementId: "a", RecordedFrom: timestamppb.New(half), PageSize: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.ReadAsOf(ctx, vendor, rules.Ref{Kind: rules.KindObligation, Agreement: "a", ID: "daily-1"}, "obligation", timestamppb.New(half)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(list.GetEvents()[0].GetEvent().GetVersion()), "events")
}
