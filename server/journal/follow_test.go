package journal_test

import (
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/journal"
)

// What is private of events counts, too: the text of a draft is a thousand times what its event says beside it.
func TestASpanEndsAtItsBytes(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	var promises []*pb.CommitmentTerms
	for n := range 100 {
		promises = append(promises, oneOff(numbered("promise", n), pb.Side_SIDE_VENDOR, "2026-01-09"))
	}
	for n := range 3 {
		d.must(vendor, &pb.CreateAgreementRequest{AgreementId: numbered("a", n), Agreement: &pb.Agreement{
			VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("Draft", promises...),
		}})
	}
	after, newest := uint64(0), false
	for looks := 0; !newest; looks++ {
		span, err := d.History(t.Context(), journal.Search{After: after, Events: 100, Bytes: 4000})
		if err != nil || looks > 10 {
			t.Fatal(err, looks)
		}
		drafts := 0
		for _, e := range span.Events {
			if len(e.GetPrivate()) > 4000 {
				drafts++
			}
		}
		if drafts > 1 {
			t.Errorf("a Span of 4000 bytes holds %d long drafts", drafts)
		}
		after, newest = span.Position, span.Newest
	}
	if after != d.Position() {
		t.Errorf("it ended at %d of %d", after, d.Position())
	}
}
