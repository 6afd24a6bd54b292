package rules

import (
	"testing"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// TestTheClockNamesEveryKindItLooksAt holds that each kind has its own command.
func TestTheClockNamesEveryKindItLooksAt(t *testing.T) {
	for ref, want := range map[Ref]*journalv1.Wake{
		agreementRef("care"):           {AgreementId: "care"},
		proposalRef("care", "first"):   {AgreementId: "care", Record: &journalv1.Wake_ProposalId{ProposalId: "first"}},
		cascadeRef("care"):             {AgreementId: "care", Record: &journalv1.Wake_Cascade{Cascade: true}},
		commitmentRef("care", "fee"):   {AgreementId: "care", Record: &journalv1.Wake_CommitmentId{CommitmentId: "fee"}},
		obligationRef("care", "fee-1"): {AgreementId: "care", Record: &journalv1.Wake_ObligationId{ObligationId: "fee-1"}},
	} {
		got := WakeFor(ref)
		if !proto.Equal(got, want) {
			t.Errorf("%+v: %v", ref, got)
		}
	}
}
