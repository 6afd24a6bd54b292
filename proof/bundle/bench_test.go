package bundle

import (
	"bytes"
	"fmt"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The service of the benchmark: agreements of which each has a commitment with obligations that are all kept.
const (
	benchAgreements  = 400
	benchObligations = 61 // with four events each
)

// kept is the story of an agreement in force.
func kept(id string, obligations int) []*pb.Event {
	terms := &pb.Terms{Title: "We deliver.", Commitments: []*pb.CommitmentTerms{{CommitmentId: "deliver", Title: "Deliver what was ordered", Obligor: pb.Side_SIDE_VENDOR, Weight: 3}}}
	body, digest := rules.Digest(terms)
	story := []*pb.Event{
		drafted("vale", "cliff"),
		{Change: &pb.Event_ProposalMade{ProposalMade: &pb.ProposalMade{ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Proposer: pb.Side_SIDE_VENDOR, Body: body, TermsDigest: digest}}},
		{Change: &pb.Event_ProposalAccepted{ProposalAccepted: &pb.ProposalAccepted{ProposalId: "first", Revision: 1, TermsDigest: digest}}},
		{Change: &pb.Event_AgreementAccepted{AgreementAccepted: &pb.AgreementAccepted{Revision: 1, ProposalId: "first", Title: "We deliver.", TermsDigest: digest}}},
		{Change: &pb.Event_AgreementActivated{AgreementActivated: &pb.AgreementActivated{}}},
		{Change: &pb.Event_CommitmentEnteredIntoForce{CommitmentEnteredIntoForce: &pb.CommitmentEnteredIntoForce{CommitmentId: "deliver"}}},
	}
	at := &timestamppb.Timestamp{Seconds: 1_700_000_000}
	for i := range obligations {
		o := fmt.Sprintf("deliver-%d", i+1)
		story = append(story,
			&pb.Event{Change: &pb.Event_ObligationScheduled{ObligationScheduled: &pb.ObligationScheduled{ObligationId: o, CommitmentId: "deliver", Ordinal: int32(i + 1), RuleDate: "2026-01-31", DueDate: "2026-01-31", DueTime: at, GraceEndTime: at, LeadStartTime: at}}},
			&pb.Event{Change: &pb.Event_ObligationFellDue{ObligationFellDue: &pb.ObligationFellDue{ObligationId: o}}},
			&pb.Event{Change: &pb.Event_ObligationSubmitted{ObligationSubmitted: &pb.ObligationSubmitted{ObligationId: o, Submission: &pb.Submission{Note: "Done, as agreed, with the papers beside it."}}}},
			&pb.Event{Change: &pb.Event_ObligationAccepted{ObligationAccepted: &pb.ObligationAccepted{ObligationId: o, KeptTime: at}}},
		)
	}
	return story
}

// BenchmarkVerify checks a bundle of the whole service, and tells how long a million events take.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, 3, 2)
	w.record("", party("vale", "Vale & Sons"), party("cliff", "Cliff Ltd"))
	for i := range benchAgreements {
		id := fmt.Sprintf("agreement-%d", i)
		w.record(id, kept(id, benchObligations)...)
	}
	data, trust := whole(w), w.trust()
	events := 0
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := Verify(bytes.NewReader(data), int64(len(data)), trust)
		if r.Outcome != Sound {
			b.Fatal(told(r))
		}
		events += int(r.Events)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(events)*1e6, "s/1M-events")
}
