package main

import (
	"math"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// sideResult is what testdata/scenario.json says of a side.
type sideResult struct {
	Counted   int32   `json:"counted"`
	OnTime    int32   `json:"kept_on_time"`
	Late      int32   `json:"kept_late"`
	Cured     int32   `json:"cured"`
	Broken    int32   `json:"broken"`
	Excused   int32   `json:"excused"`
	Waived    int32   `json:"waived"`
	Recovery  float64 `json:"recovery"`
	Kept      float64 `json:"PKR_per_commitment"`
	KeptParts string  `json:"per_commitment_sum"`
}

// results is the figures that testdata/scenario.json says, reckoned by hand.
type results struct {
	Vendor  sideResult `json:"vendor"`
	Client  sideResult `json:"client"`
	Balance struct {
		Value float64 `json:"value"`
	} `json:"balance_of_load"`
	Parity        float64 `json:"parity"`
	MutualOutcome float64 `json:"mutual_outcome"`
}

// near compares a figure with one that was written with four places.
func near(t *testing.T, what string, f *pb.Figure, want float64) {
	t.Helper()
	if f.Value == nil || math.Abs(f.GetValue()-want) > 0.00005 {
		t.Errorf("%s is %v, not %v", what, f, want)
	}
}

// scorecardSays compares the scorecard of the story with the figures that were reckoned by hand.
func scorecardSays(t *testing.T, face servertest.Face, who servertest.Caller, want results) {
	t.Helper()
	card := face.Must(t, who, &pb.GetScorecardRequest{AgreementId: demoAgreement}).(*pb.Scorecard)
	for _, side := range []struct {
		name string
		is   *pb.SideScores
		want sideResult
	}{{"vendor", card.GetVendor(), want.Vendor}, {"client", card.GetClient(), want.Client}} {
		o, w := side.is.GetOutcomes(), side.want
		left := map[pb.LeftOutReason]int32{}
		for _, l := range o.GetLeftOut() {
			left[l.GetReason()] = l.GetCount()
		}
		got := [...]int32{side.is.GetKept().GetCount(), o.GetKeptOnTime(), o.GetKeptLate(), o.GetCured(), o.GetBroken(),
			left[pb.LeftOutReason_LEFT_OUT_REASON_EXCUSED], left[pb.LeftOutReason_LEFT_OUT_REASON_WAIVED]}
		if should := [...]int32{w.Counted, w.OnTime, w.Late, w.Cured, w.Broken, w.Excused, w.Waived}; got != should {
			t.Errorf("the %s's outcomes are %v, not %v", side.name, got, should)
		}
		near(t, side.name+" kept", side.is.GetKept(), w.Kept)
		near(t, side.name+" recovery", side.is.GetRecovery(), w.Recovery)
	}
	near(t, "balance", card.GetBalance(), want.Balance.Value)
	near(t, "parity", card.GetParity(), want.Parity)
	near(t, "mutual outcome", card.GetMutualOutcome(), want.MutualOutcome)
	if card.GetVerdict() != pb.Verdict_VERDICT_CLIENT_FAVOURED {
		t.Errorf("the verdict is %v", card.GetVerdict())
	}
	if len(card.GetTrend()) != 7 || card.GetTrend()[0].GetMonth() != "2026-01" {
		t.Errorf("the trend is %v", card.GetTrend())
	}
	if testing.Verbose() {
		t.Logf("%v", card)
	}
}
