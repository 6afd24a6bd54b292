package bundle

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestASoundBundleIsSound holds it at sizes of the log on both sides of what a tile holds, for all scopes; that the same
// export is the same bytes; and that a bundle without the whole log says what it cannot show.
func TestASoundBundleIsSound(t *testing.T) {
	for _, c := range []struct {
		name       string
		more       int
		scope      Scope
		proofsOnly bool
		want       Outcome
		chains     []string
	}{
		{"the service", 0, Scope{}, false, Sound, []string{"", "alpha", "beta"}},
		{"the service, with many events", 700, Scope{}, false, Sound, []string{"", "alpha", "beta"}},
		{"an agreement", 256 - 9, Scope{AgreementID: "beta"}, false, Sound, []string{"beta"}},
		{"an agreement, one entry later", 256 - 8, Scope{AgreementID: "beta"}, false, Sound, []string{"beta"}},
		{"a party", 300, Scope{PartyID: "vale"}, false, Sound, []string{"alpha", "beta"}},
		{"an agreement, proofs only", 700, Scope{AgreementID: "beta"}, true, Incomplete, []string{"beta"}},
		{"the service, proofs only", 10, Scope{}, true, Incomplete, []string{"", "alpha", "beta"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 3, 2).story()
			for range c.more {
				w.record("", renamed("vale", "Vale"))
			}
			signed := w.sign(len(w.entries)) // once: witnesses put the time into what they sign
			b := w.exportAt(c.scope, c.proofsOnly, signed)
			r := verify(b, w.trust())
			if r.Outcome != c.want || c.proofsOnly && (len(r.Findings) != 1 || r.Findings[0].Check != CheckLabels) {
				t.Fatal(told(r))
			}
			var chains []string
			for _, chain := range r.Chains {
				chains = append(chains, chain.AgreementID)
				if int(chain.Version) != len(w.chains[chain.AgreementID].events) || chain.Records == 0 {
					t.Errorf("%q: %d events and %d records", chain.AgreementID, chain.Version, chain.Records)
				}
			}
			if slices.Sort(chains); !slices.Equal(chains, c.chains) {
				t.Errorf("chains %q", chains)
			}
			if r.Size != int64(len(w.entries)) || r.Others != r.Size-r.Events || r.Origin != origin || len(r.Signatures) != 4 {
				t.Errorf("%+v", r)
			}
			if again := w.exportAt(c.scope, c.proofsOnly, signed); !bytes.Equal(again, b) {
				t.Error("the same export is not the same bytes")
			}
		})
	}
}

// TestAnEarlierCheckpointHolds shows growth from every size, and from nothing.
func TestAnEarlierCheckpointHolds(t *testing.T) {
	w := newWorld(t, 0, 0).story()
	for range 520 {
		w.record("", renamed("vale", "Vale"))
	}
	b, trust := w.export(Scope{}, false), w.trust()
	for _, size := range []int{0, 1, 7, 255, 256, 257, 511, 512, 520, len(w.entries)} {
		trust.Since = w.sign(size)
		if r := verify(b, trust); r.Outcome != Sound || r.Since == nil || *r.Since != int64(size) {
			t.Errorf("since %d: %s", size, told(r))
		}
	}
	b = w.export(Scope{AgreementID: "beta"}, true)
	trust.Since = w.sign(512)
	if r := verify(b, trust); r.Outcome != Incomplete || len(r.Findings) != 1 {
		t.Errorf("from proofs only: %s", told(r))
	}
	trust.Since = w.sign(300)
	if r := verify(b, trust); r.Outcome != Incomplete || len(r.Findings) != 2 || r.Findings[0].Check != CheckConsistency {
		t.Errorf("from proofs that do not reach it: %s", told(r))
	}
}

// TestErasedTextsAreListed holds that a chain from which texts were erased, on an order that stands in it, is sound; and one of
// which the reader is not shown a draft.
func TestErasedTextsAreListed(t *testing.T) {
	w := newWorld(t, 0, 0).story()
	w.record("gamma", &pb.Event{Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{
		VendorPartyId: "vale", ClientPartyId: "cliff", Author: pb.Side_SIDE_VENDOR, Terms: &pb.Terms{Title: "We deliver."}}}}, proposed("p", "We deliver."))
	state := w.records("gamma")
	w.record("alpha", erased(3, 1))
	w.chain("alpha").forget(3)
	w.chain("gamma").forget(1)
	r := verify(whole(w), w.trust())
	if r.Outcome != Sound {
		t.Fatal(told(r))
	}
	for _, c := range r.Chains {
		wantErased, wantWithheld := map[string][]uint64{"alpha": {3}}[c.AgreementID], map[string][]uint64{"gamma": {1}}[c.AgreementID]
		if !slices.Equal(c.Erased, wantErased) || !slices.Equal(c.Withheld, wantWithheld) {
			t.Errorf("%q: erased %v, withheld %v", c.AgreementID, c.Erased, c.Withheld)
		}
	}
	for r, err := range state { // nothing that is public hangs on the text of a draft
		for shown, wrong := range w.records("gamma") {
			if err != nil || wrong != nil || r.GetType() == shown.GetType() && r.GetId() == shown.GetId() && !proto.Equal(r, shown) {
				t.Errorf("%v is %v without the draft", r, shown)
			}
		}
	}
}

// TestWordsOfAnEventAreOneLine holds that what a party writes cannot look like another event to who reads the history.
func TestWordsOfAnEventAreOneLine(t *testing.T) {
	w := newWorld(t, 0, 0).story()
	w.record("gamma", drafted("vale", "cliff"), proposed("first", "We deliver."), declined("first", "no\n4\t2026-01-01T00:00:00Z\tAll was paid.\x1b[2J\u2028\u202e"))
	b := whole(w)
	if r := verify(b, w.trust()); r.Outcome != Sound {
		t.Fatal(told(r))
	}
	_, data := files(t, b)
	said := string(data["chains/gamma/history.txt"])
	if strings.Count(said, "\n") != 3 || strings.ContainsAny(said, "\x1b\u2028\u202e") || !strings.Contains(said, "no 4 2026-01-01T00:00:00Z All was paid.") {
		t.Errorf("%q", said)
	}
}
