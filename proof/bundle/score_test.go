package bundle

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// partners is a world in which vale kept what it owed cliff, and cliff did not keep what it owed vale.
func partners(t testing.TB) *world {
	w := newWorld(t, 1, 1)
	w.record("", party("vale", "Vale & Sons"), party("cliff", "Cliff Ltd"))
	terms := &pb.Terms{Title: "We deliver.", EffectiveDate: "2023-11-01", Calendar: &pb.Calendar{TimeZone: "UTC"}}
	var owed []*pb.Event
	for _, p := range []struct {
		id     string
		side   pb.Side
		weight int32
	}{{"desk", pb.Side_SIDE_VENDOR, 3}, {"fee", pb.Side_SIDE_CLIENT, 2}} {
		terms.Commitments = append(terms.Commitments, &pb.CommitmentTerms{
			CommitmentId: p.id, Obligor: p.side, Title: p.id, Weight: p.weight, Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2023-11-10"}},
		})
		owed = append(owed, &pb.Event{Change: &pb.Event_ObligationScheduled{ObligationScheduled: &pb.ObligationScheduled{
			ObligationId: p.id + "-1", CommitmentId: p.id, Ordinal: 1, DueDate: "2023-11-10",
		}}})
	}
	body, digest := rules.Digest(terms)
	w.record("works", drafted("vale", "cliff"),
		&pb.Event{Change: &pb.Event_ProposalMade{ProposalMade: &pb.ProposalMade{
			ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Proposer: pb.Side_SIDE_VENDOR, Body: body, TermsDigest: digest,
		}}},
		&pb.Event{Change: &pb.Event_ProposalAccepted{ProposalAccepted: &pb.ProposalAccepted{ProposalId: "first", Revision: 1, TermsDigest: digest}}},
		&pb.Event{Change: &pb.Event_AgreementAccepted{AgreementAccepted: &pb.AgreementAccepted{
			Revision: 1, ProposalId: "first", Title: terms.GetTitle(), TermsDigest: digest, Calendar: terms.GetCalendar(),
		}}},
		&pb.Event{Change: &pb.Event_AgreementActivated{AgreementActivated: &pb.AgreementActivated{}}})
	w.record("works", owed...)
	w.record("works",
		&pb.Event{Change: &pb.Event_ObligationReceiptAcknowledged{ObligationReceiptAcknowledged: &pb.ObligationReceiptAcknowledged{
			ObligationId: "desk-1", Note: "It stands.", Timeliness: pb.Timeliness_TIMELINESS_ON_TIME,
		}}},
		&pb.Event{Change: &pb.Event_ObligationBreached{ObligationBreached: &pb.ObligationBreached{ObligationId: "fee-1"}}})
	return w
}

// reckoned is the scorecard of an agreement as the service would freeze it in the event that comes next.
func (w *world) reckoned(id string) *pb.Scorecard {
	w.t.Helper()
	s, err := rules.Replay(id, func(yield func(*pb.Event, error) bool) {
		for _, x := range w.chains[id].events {
			if e, err := Event(x); !yield(e, err) {
				return
			}
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	card, err := s.Scorecard(id, "", "", time.Unix(w.now()+1, 0).UTC()) // as the service does, from tallies
	if err != nil {
		w.t.Fatal(err)
	}
	return card
}

// reviewOf is a review with a scorecard, and a paper that fits it.
func reviewOf(card *pb.Scorecard) *pb.Event {
	_, frozen := rules.Digest(card)
	body, digest := rules.Digest(&pb.ReviewPaper{AgreementId: "works", ReviewId: "q1", ScorecardDigest: frozen})
	return &pb.Event{Change: &pb.Event_ReviewOpened{ReviewOpened: &pb.ReviewOpened{
		ReviewId: "q1", OpenedBy: pb.Side_SIDE_VENDOR, Title: "Together", Scorecard: card, Body: body, Digest: digest,
	}}}
}

// TestAFrozenScorecardIsReckonedAgain holds that it is, that a scorecard follows from facts alone, and that one that says
// anything else is refused, though the log, the signatures and the paper fit it.
func TestAFrozenScorecardIsReckonedAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		lie  func(*pb.Scorecard)
		want Outcome
		what string
	}{
		{"as it is", func(*pb.Scorecard) {}, Sound, ""},
		{"a better figure", func(c *pb.Scorecard) { c.Client.Kept.Value = proto.Float64(1) }, Tampered, "client.kept.value is said to be 1, and is 0"},
		{"a figure where there is none", func(c *pb.Scorecard) { c.Vendor.Recovery.Value = proto.Float64(0) }, Tampered, "vendor.recovery.value is said to be 0, and is nothing"},
		{"a figure is left out", func(c *pb.Scorecard) { c.Client.Kept = nil }, Tampered, "client.kept.figureId is said to be nothing, and is FIGURE_ID_KEPT"},
		{"another verdict", func(c *pb.Scorecard) { c.Verdict = pb.Verdict_VERDICT_MUTUAL }, Tampered, "verdict is said to be VERDICT_MUTUAL"},
		{"a month that went better", func(c *pb.Scorecard) { c.Trend[0].ClientKept.Value = proto.Float64(0.5) }, Tampered, "trend[0].clientKept.value is said to be 0.5, and is 0"},
		{"a month more", func(c *pb.Scorecard) { c.Trend = append(c.Trend, c.Trend[0]) }, Tampered, "trend[1].month is said to be 2023-11, and is nothing"},
		{"a month more that says nothing", func(c *pb.Scorecard) { c.Trend = append(c.Trend, &pb.MonthScores{}) }, Tampered, "trend is said to be a list of 2, and is a list of 1"},
		{"a reason more that says nothing", func(c *pb.Scorecard) { c.Vendor.Kept.LeftOut = append(c.Vendor.Kept.LeftOut, &pb.LeftOut{}) }, Tampered, "vendor.kept.leftOut is said to be a list of 1, and is a list of 0"},
		{"another window", func(c *pb.Scorecard) { c.FromDate = "2023-11-11" }, Tampered, "vendor.outcomes.keptOnTime is said to be 1, and is nothing"},
		{"no window", func(c *pb.Scorecard) { c.FromDate = "soon" }, Tampered, "cannot be reckoned"},
		{"the sides exchanged", func(c *pb.Scorecard) { c.Vendor, c.Client = c.Client, c.Vendor }, Tampered, "vendor.side is said to be SIDE_CLIENT"},
		{"of another agreement", func(c *pb.Scorecard) { c.AgreementId = "others" }, Tampered, "agreementId is said to be others, and is works"},
		{"an earlier event", func(c *pb.Scorecard) { c.Version-- }, Tampered, "with event 8; the review was opened as of"},
		{"another time", func(c *pb.Scorecard) { c.AsOf = timestamppb.New(c.GetAsOf().AsTime().Add(-1)) }, Tampered, "is said to be as of"},
		{"other words", func(c *pb.Scorecard) { c.VerdictWords = "All is well." }, Incomplete, "says in other words"},
		{"by a formula to come", func(c *pb.Scorecard) { c.Vendor.Kept.FormulaVersion = rules.FormulaVersion + 1 }, Incomplete, "check with that one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := partners(t)
			card := w.reckoned("works")
			c.lie(card)
			w.record("works", reviewOf(card))
			w.record("works", &pb.Event{Change: &pb.Event_ObligationWaived{ObligationWaived: &pb.ObligationWaived{ObligationId: "fee-1", Reason: "Later is another matter."}}})
			r := verify(whole(w), w.trust())
			if r.Outcome != c.want || c.want != Sound && !strings.Contains(told(r), c.what) {
				t.Fatal(told(r))
			}
			for _, f := range r.Findings {
				if f.Check != CheckScore && f.Check != CheckWords || f.Where != "chains/works/events" || !strings.HasPrefix(f.What, "Version 10: the scorecard of review \"q1\"") {
					t.Error(told(r))
				}
			}
			if n := r.Chains[len(r.Chains)-1].Scorecards; n != 1 {
				t.Errorf("%d scorecards were reckoned again", n)
			}
		})
	}
}

// TestErasedTextsChangeNoScore erases every text of an agreement: its frozen scorecard is still what the events lead to.
func TestErasedTextsChangeNoScore(t *testing.T) {
	w := partners(t)
	w.record("works", reviewOf(w.reckoned("works")))
	before := w.reckoned("works")
	h := w.chain("works")
	var versions []uint64
	for i := range h.events {
		if len(mustEvent(t, h, i).GetPrivateCommitment()) > 0 {
			versions = append(versions, uint64(i+1))
		}
	}
	w.record("works", erased(versions...))
	for _, v := range versions {
		h.forget(int(v))
	}
	r := verify(whole(w), w.trust())
	if r.Outcome != Sound || len(versions) < 2 || len(r.Chains[len(r.Chains)-1].Erased) != len(versions) {
		t.Errorf("%d texts: %s", len(versions), told(r))
	}
	after := w.reckoned("works")
	after.Version, after.AsOf = before.Version, before.AsOf
	if !proto.Equal(before, after) {
		t.Errorf("%v, and then %v", before, after)
	}
}

// ask reckons from a bundle.
func ask(w *world, b []byte, a Ask) (*Report, *Reckoned, error) {
	return Reckon(bytes.NewReader(b), int64(len(b)), w.trust(), a)
}

// TestAScorecardFromABundle reckons at every event, and holds that it is what was said then.
func TestAScorecardFromABundle(t *testing.T) {
	w := partners(t)
	shown := w.reckoned("works")
	w.record("works", reviewOf(shown), &pb.Event{Change: &pb.Event_ObligationWaived{ObligationWaived: &pb.ObligationWaived{ObligationId: "fee-1", Reason: "So be it."}}})
	b := whole(w)
	r, got, err := ask(w, b, Ask{Version: shown.GetVersion(), AsOf: shown.GetAsOf().AsTime()})
	if err != nil || r.Outcome != Sound || len(Differences(shown, got.Card)) > 0 || got.Card.GetPosition() != uint64(len(w.entries)-2) {
		t.Fatalf("%v %s %v: %v", err, told(r), Differences(shown, got.Card), got)
	}
	if _, got, err = ask(w, b, Ask{AgreementID: "works", AsOf: shown.GetAsOf().AsTime()}); err != nil || got.Card.GetVersion() != shown.GetVersion()+1 {
		t.Errorf("as of the time at which it was frozen: %v %v", got, err)
	}
	if _, got, err = ask(w, b, Ask{Side: pb.Side_SIDE_CLIENT, Figure: pb.FigureId_FIGURE_ID_KEPT, Version: shown.GetVersion()}); err != nil || len(got.Explained.GetObligations()) != 1 {
		t.Fatalf("what a figure is made of: %v %v", got, err)
	}
	if o := got.Explained.GetObligations()[0]; o.GetObligation().GetObligationId() != "fee-1" || o.GetCountsAs() != "broken" || o.GetVersion() != 9 || o.GetPosition() != uint64(len(w.entries)-2) {
		t.Errorf("behind it is %v", o)
	}
	if _, got, err = ask(w, b, Ask{}); err != nil || got.Card.GetVersion() != 11 || len(Differences(shown, got.Card)) == 0 {
		t.Errorf("now: %v %v", got, err)
	}
	newest := w.now()
	for name, c := range map[string]struct {
		asOf int64
		want uint64
	}{
		"when it was shown":                      {shown.GetAsOf().GetSeconds(), 9},
		"when others may have been on their way": {newest + int64(AtOnce/time.Second) - 1, 9},
		"when all were there":                    {newest + int64(AtOnce/time.Second) + 1, 11},
	} {
		if _, got, err = ask(w, b, Ask{Version: 9, AsOf: time.Unix(c.asOf, 0)}); err != nil || got.Card.GetVersion() != 9 || got.Newest != c.want {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		ask  Ask
		want string
	}{
		"a newer event":         {Ask{Version: 12}, "the bundle ends with event 11 of works"},
		"before it was":         {Ask{AsOf: time.Unix(1_600_000_000, 0)}, "was not there yet"},
		"a time before":         {Ask{Version: 9, AsOf: time.Unix(1_700_000_000, 0)}, "event 9 of works was recorded at"},
		"another agreement":     {Ask{AgreementID: "none"}, "it is about works"},
		"no window":             {Ask{FromDate: "soon"}, "field that is wrong"},
		"of both sides at once": {Ask{Side: pb.Side_SIDE_CLIENT, Figure: pb.FigureId_FIGURE_ID_PARITY}, "field that is wrong"},
	} {
		if _, got, err := ask(w, b, c.ask); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	w.record("more", drafted("cliff", "vale"))
	if _, _, err := ask(w, whole(w), Ask{}); err == nil || !strings.Contains(err.Error(), "name one") {
		t.Errorf("of several agreements: %v", err)
	}
	if r, got, err := ask(w, whole(w)[:1000], Ask{}); err == nil || got != nil || r.Outcome != Incomplete {
		t.Errorf("from half a bundle: %v %v %v", got, err, r.Outcome)
	}
	if r, got, err := ask(w, bytes.Replace(b, []byte("fee-1"), []byte("fie-1"), 1), Ask{}); err != nil || got != nil || r.Outcome != Tampered {
		t.Errorf("from one that was tampered with: %v %v", got, err)
	}
}

// TestAReviewFromABundle compares a review as it was shown with what the events have led to, when it was.
func TestAReviewFromABundle(t *testing.T) {
	w := partners(t)
	card := w.reckoned("works")
	w.record("works", reviewOf(card))
	opened := reviewOf(card).GetReviewOpened()
	w.record("works", &pb.Event{Actor: &pb.Actor{PrincipalId: "ann", Side: pb.Side_SIDE_VENDOR}, Change: &pb.Event_ReviewSigned{ReviewSigned: &pb.ReviewSigned{
		ReviewId: "q1", Side: pb.Side_SIDE_VENDOR, Revision: 1, Digest: opened.GetDigest(),
	}}})
	b := whole(w)
	at := func(version int64) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: w.now() - 11 + version}
	}
	first := &pb.Review{
		AgreementId: "works", ReviewId: "q1", Title: "Together", State: pb.ReviewState_REVIEW_STATE_OPEN, OpenedBy: pb.Side_SIDE_VENDOR, Scorecard: card,
		Position: uint64(len(w.entries) - 1), Revision: 1, Digest: opened.GetDigest(), Body: opened.GetBody(), CreateTime: at(10), UpdateTime: at(10), Etag: "10",
	}
	signed := proto.CloneOf(first)
	signed.Signatures = []*pb.ReviewSignature{{Side: pb.Side_SIDE_VENDOR, PrincipalId: "ann", Revision: 1, Digest: opened.GetDigest(), SignTime: at(11)}}
	signed.UpdateTime, signed.Etag = at(11), "11"
	for _, c := range []struct {
		name  string
		shown *pb.Review
		lie   func(*pb.Review)
		want  string
	}{
		{"as it was opened", first, func(*pb.Review) {}, ""},
		{"as it was signed", signed, func(*pb.Review) {}, ""},
		{"its title was erased", signed, func(r *pb.Review) { r.Title = "" }, ""},
		{"another title", signed, func(r *pb.Review) { r.Title = "Alone" }, "review.title is said to be Alone, and is Together"},
		{"signed before it was", first, func(r *pb.Review) { r.Signatures = signed.Signatures }, "review.signatures[0].side"},
		{"signed by another", signed, func(r *pb.Review) { r.Signatures[0].PrincipalId = "bob" }, "review.signatures[0].principalId is said to be bob, and is ann"},
		{"elsewhere", signed, func(r *pb.Review) { r.Position = 3 }, "review.position is said to be 3"},
		{"one that was never opened", signed, func(r *pb.Review) { r.ReviewId = "q2" }, "review is said to be q2, and is nothing"},
	} {
		shown := proto.CloneOf(c.shown)
		c.lie(shown)
		_, got, err := ask(w, b, Ask{AgreementID: "works", Version: card.GetVersion(), AsOf: card.GetAsOf().AsTime(), Review: shown})
		if err != nil {
			t.Fatal(err)
		}
		if (c.want == "") != (len(got.Review) == 0) || c.want != "" && !strings.HasPrefix(got.Review[0].String(), c.want) {
			t.Errorf("%s: %v", c.name, got.Review)
		}
	}
	signed.Etag = "12"
	if _, got, err := ask(w, b, Ask{Version: card.GetVersion(), Review: signed}); err == nil || got != nil || !strings.Contains(err.Error(), "event 12 is asked for") {
		t.Errorf("one that is newer than the bundle: %v %v", got, err)
	}
}
