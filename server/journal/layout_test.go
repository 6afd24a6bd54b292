package journal

import (
	"testing"

	"github.com/concordhq/concord/rules"
)

// A timer names its record by the record's key, so every kind of record is found again from its key.
func TestARecordIsFoundFromItsKey(t *testing.T) {
	for _, ref := range []rules.Ref{
		{Kind: rules.KindChain},
		{Kind: rules.KindParty, ID: "acme"},
		{Kind: rules.KindAgreement, Agreement: "care"},
		{Kind: rules.KindProposal, Agreement: "care", ID: "first"},
		{Kind: rules.KindProposalRevision, Agreement: "care", ID: "first", Number: 1 << 24},
		{Kind: rules.KindRevision, Agreement: "care", Number: 256},
		{Kind: rules.KindCascade, Agreement: "care"},
		{Kind: rules.KindCommitment, Agreement: "care", ID: "fee"},
		{Kind: rules.KindObligation, Agreement: "care", ID: "fee-1"},
		{Kind: rules.KindReview, Agreement: "care", ID: "q1"},
	} {
		if got, err := recordRef(recordKey(ref)); err != nil || got != ref {
			t.Errorf("%+v comes back as %+v, %v", ref, got, err)
		}
	}
	revision, ofProposal := "care\x00"+string(rune(rules.KindRevision)), "care\x00"+string(rune(rules.KindProposalRevision))
	for _, key := range []string{"", "care", "care\x00", revision, revision + "\x00\x00\x00", ofProposal + "first"} {
		if ref, err := recordRef([]byte(key)); err == nil {
			t.Errorf("%q is taken for %+v", key, ref)
		}
	}
}
