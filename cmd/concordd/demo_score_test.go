package main

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

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
	Candour   string  `json:"candour"`
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
	Pulse         struct {
		Vendor float64 `json:"vendor"`
		Client float64 `json:"client"`
		Lower  float64 `json:"lower"`
	} `json:"pulse"`
}

// near compares a figure with one that was written with four places.
func near(t *testing.T, what string, f *pb.Figure, want float64) {
	t.Helper()
	if f.Value == nil || math.Abs(f.GetValue()-want) > 0.00005 {
		t.Errorf("%s is %v, not %v", what, f, want)
	}
}

// quotient compares what a figure was divided from with a quotient that was written with four places.
func quotient(t *testing.T, what string, f *pb.Figure, want string) {
	t.Helper()
	numerator, denominator, _ := strings.Cut(want, "/")
	of, err := strconv.ParseFloat(f.GetNumerator(), 64)
	should, wrong := strconv.ParseFloat(numerator, 64)
	if err != nil || wrong != nil || math.Abs(of-should) > 0.00005 || f.GetDenominator() != denominator {
		t.Errorf("%s is %s/%s, not %s", what, f.GetNumerator(), f.GetDenominator(), want)
	}
}

// scorecardSays compares the scorecard of the story with the figures that were reckoned by hand.
func scorecardSays(t *testing.T, face servertest.Face, who servertest.Caller, want results) {
	t.Helper()
	card := face.Must(t, who, &pb.GetScorecardRequest{AgreementId: demoAgreement}).(*pb.Scorecard)
	cardSays(t, card, want)
	for _, side := range []*pb.SideScores{card.GetVendor(), card.GetClient()} {
		for _, f := range []*pb.Figure{side.GetKept(), side.GetRecovery(), side.GetCandour(), side.GetBlocked(), side.GetEvidence()} {
			explained(t, face, who, card, f)
		}
	}
	review := face.Must(t, who, &pb.GetReviewRequest{AgreementId: demoAgreement, ReviewId: "q2"}).(*pb.Review)
	if review.GetState() != pb.ReviewState_REVIEW_STATE_SIGNED {
		t.Errorf("the review is %v", review.GetState())
	}
	cardSays(t, review.GetScorecard(), want)
}

// cardSays compares a scorecard, wherever it was read, with the figures that were reckoned by hand.
func cardSays(t *testing.T, card *pb.Scorecard, want results) {
	t.Helper()
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
		quotient(t, side.name+" kept", side.is.GetKept(), w.KeptParts)
		quotient(t, side.name+" candour", side.is.GetCandour(), w.Candour)
	}
	near(t, "the vendor's pulse", card.GetVendor().GetPulse(), want.Pulse.Vendor)
	near(t, "the client's pulse", card.GetClient().GetPulse(), want.Pulse.Client)
	near(t, "the lower pulse", card.GetLowerPulse(), want.Pulse.Lower)
	near(t, "balance", card.GetBalance(), want.Balance.Value)
	near(t, "parity", card.GetParity(), want.Parity)
	near(t, "mutual outcome", card.GetMutualOutcome(), want.MutualOutcome)
	if card.GetVerdict() != pb.Verdict_VERDICT_CLIENT_FAVOURED {
		t.Errorf("the verdict is %v", card.GetVerdict())
	}
	if len(card.GetTrend()) != 7 || card.GetTrend()[0].GetMonth() != "2026-01" {
		t.Errorf("the trend is %v", card.GetTrend())
	}
}

// explained holds that what a figure is said to be made of makes it, and that each obligation is found by the event it names.
func explained(t *testing.T, face servertest.Face, who servertest.Caller, card *pb.Scorecard, f *pb.Figure) {
	t.Helper()
	ask := &pb.ExplainFigureRequest{AgreementId: demoAgreement, Side: f.GetSide(), FigureId: f.GetFigureId(), PageSize: 7}
	of, by, sum, weights := int32(0), int32(0), 0.0, 0.0
	for {
		x := face.Must(t, who, ask).(*pb.ExplainFigureResponse)
		if !proto.Equal(x.GetFigure(), f) || x.GetFromDate() != card.GetFromDate() || x.GetToDate() != card.GetToDate() {
			t.Fatalf("explained is %v, not %v", x.GetFigure(), f)
		}
		if other := x.GetOtherFigure(); other.GetFigureId() != f.GetFigureId() || other.GetSide() == f.GetSide() || other.GetSide() == 0 {
			t.Fatalf("%v stands beside %v", f, other)
		}
		for _, o := range x.GetObligations() {
			if o.GetLeftOut() == 0 {
				by++
			}
			if o.GetInNumerator() {
				of++
			}
			e := face.Must(t, who, &pb.GetEventRequest{AgreementId: demoAgreement, Version: o.GetVersion()}).(*pb.RecordedEvent)
			if e.GetPosition() != o.GetPosition() || o.GetPosition() == 0 || about(e.GetEvent()) != o.GetObligation().GetObligationId() {
				t.Errorf("%v is not found by the event that is named: %v", o, e)
			}
		}
		if x.GetNextPageToken() != "" {
			ask.PageToken = x.GetNextPageToken()
			continue
		}
		for _, c := range x.GetCommitments() {
			if of, by = of-c.GetNumerator(), by-c.GetDenominator(); c.Value != nil {
				sum, weights = sum+float64(c.GetWeight())*c.GetValue(), weights+float64(c.GetWeight())
			}
		}
		if of != 0 || by != 0 {
			t.Errorf("%v: obligations and commitments differ by %d of %d", f, of, by)
		}
		if f.GetFigureId() == pb.FigureId_FIGURE_ID_KEPT && math.Abs(sum/weights-f.GetValue()) > 0.00001 {
			t.Errorf("the shares make %v of %v, and the figure is %v", sum, weights, f)
		}
		return
	}
}

// about is the obligation that an event tells of.
func about(e *pb.Event) string {
	m := e.ProtoReflect()
	change := m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("change"))).Message()
	f := change.Descriptor().Fields().ByName("obligation_id")
	if f == nil {
		return ""
	}
	return change.Get(f).String()
}

// TestTheFiguresAreTheSameEverywhere reads the story's figures by the command line, and again from the bundle that an auditor
// exported, when the service is gone.
func TestTheFiguresAreTheSameEverywhere(t *testing.T) {
	var scenario struct{ Results results }
	text, err := os.ReadFile("testdata/scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &scenario); err != nil {
		t.Fatal(err)
	}
	p, env := besideTheDemo(t)
	dir := t.TempDir()
	card := func(command string) *pb.Scorecard {
		said, code := typed(t, dir, env, command)
		found := &pb.Scorecard{}
		if err := protojson.Unmarshal([]byte(said), found); err != nil || code != 0 {
			t.Fatalf("%s\n%d %v\n%s", command, code, err, said)
		}
		return found
	}
	for _, who := range []string{"$VENDOR", "$CLIENT", "$AUDITOR"} {
		cardSays(t, card("concord --key "+who+" scorecard show "+demoAgreement+" --to 2026-07-10 -o json"), scenario.Results)
	}
	for _, line := range []string{"log policy > policy", "audit export --agreement " + demoAgreement + " bundle.zip", "scorecard show " + demoAgreement + " -o json > shown.json"} {
		if said, code := typed(t, dir, env, "concord --key $AUDITOR "+line); code != 0 {
			t.Fatalf("%s\n%s", line, said)
		}
	}
	p.kill()
	cardSays(t, card("concord audit scorecard bundle.zip "+demoAgreement+" --policy policy --to 2026-07-10 -o json"), scenario.Results)
	if said, code := typed(t, dir, env, "concord audit scorecard bundle.zip --policy policy --compare shown.json"); code != 0 {
		t.Errorf("what was shown is not what the bundle says:\n%s", said)
	}
}
