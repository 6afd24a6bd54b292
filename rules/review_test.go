package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// reviewedWorld has a review of the agreement care, written by the client and signed by the vendor.
func reviewedWorld(t *testing.T) *world {
	t.Helper()
	w := agreedWorld(t)
	w.must(vendor, &pb.OpenReviewRequest{AgreementId: "care", ReviewId: "q1", Title: "Together"})
	w.must(client, &pb.UpdateReviewRequest{AgreementId: "care", ReviewId: "q1", Review: &pb.Review{
		Minutes: "We met.", Actions: []*pb.ReviewAction{{Title: "Call first", Obligor: pb.Side_SIDE_VENDOR, DueDate: "2026-04-01"}},
	}})
	r := w.records[reviewRef("care", "q1")].(*pb.Review)
	w.must(vendor, &pb.SignReviewRequest{AgreementId: "care", ReviewId: "q1", Revision: 2, Digest: r.GetDigest()})
	return w
}

// TestWhatIsShownIsWhatThePaperNames changes each thing that people read of a review, and holds that it is noticed.
func TestWhatIsShownIsWhatThePaperNames(t *testing.T) {
	w := reviewedWorld(t)
	shown := w.records[reviewRef("care", "q1")].(*pb.Review)
	for _, c := range []struct {
		name string
		lie  func(*pb.Review)
		want string
	}{
		{"nothing", func(*pb.Review) {}, ""},
		{"the minutes were erased", func(r *pb.Review) { r.Minutes, r.MinutesSalt = "", "" }, ""},
		{"an action was proposed", func(r *pb.Review) { r.Actions[0].ProposalId = "p" }, ""},
		{"its position was filled in", func(r *pb.Review) { r.Position = 9 }, ""},
		{"a figure", func(r *pb.Review) { r.Scorecard.Vendor.PromisedWeight++ }, "scorecard shown"},
		{"the minutes", func(r *pb.Review) { r.Minutes += "!" }, "minutes shown"},
		{"the salt", func(r *pb.Review) { r.MinutesSalt = "" }, "minutes shown"},
		{"who does it", func(r *pb.Review) { r.Actions[0].Obligor = pb.Side_SIDE_CLIENT }, "actions shown"},
		{"an action more", func(r *pb.Review) { r.Actions = append(r.Actions, r.Actions[0]) }, "actions shown"},
		{"an action less", func(r *pb.Review) { r.Actions = nil }, "actions shown"},
		{"another review", func(r *pb.Review) { r.ReviewId = "q2" }, "another review's"},
		{"another agreement", func(r *pb.Review) { r.AgreementId = "cure" }, "another review's"},
		{"a scorecard of another agreement", func(r *pb.Review) { r.Scorecard.AgreementId = "cure" }, "another review's"},
		{"the digest", func(r *pb.Review) { r.Digest = strings.Repeat("0", 64) }, "does not have its digest"},
		{"who signed", func(r *pb.Review) { r.Signatures = append(r.Signatures, r.Signatures[0]) }, "a side's second"},
		{"what was signed", func(r *pb.Review) { r.Signatures[0].Revision = 1 }, "of another paper"},
		{"that both signed", func(r *pb.Review) { r.State = reviewSigned }, "the state shown"},
		{"that nobody did", func(r *pb.Review) {
			other := proto.CloneOf(r.Signatures[0])
			other.Side = pb.Side_SIDE_CLIENT
			r.Signatures = append(r.Signatures, other)
		}, "the state shown"},
		{"a paper that says more", func(r *pb.Review) {
			r.Body = append(append([]byte{}, r.GetBody()...), 0x7a, 1, 'x') // field 15, which no paper has
			sum := sha256.Sum256(r.Body)
			r.Digest = hex.EncodeToString(sum[:])
			r.Signatures = nil
		}, "does not know"},
		{"the bytes", func(r *pb.Review) { r.Body = append([]byte{}, 0xff) }, "cannot be read"},
	} {
		r := proto.CloneOf(shown)
		c.lie(r)
		if got := CheckReview(r); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestNoHistoryForgesAReview holds that events which no side could have signed are no history.
func TestNoHistoryForgesAReview(t *testing.T) {
	for name, forge := range map[string]func(*pb.Event) bool{
		"a scorecard that the paper does not name": func(e *pb.Event) bool {
			e.GetReviewOpened().GetScorecard().ToDate = "2027-01-01"
			return e.GetReviewOpened() != nil
		},
		"a paper with another digest": func(e *pb.Event) bool {
			if e.GetReviewUpdated() != nil {
				e.GetReviewUpdated().Digest = strings.Repeat("0", 64)
			}
			return e.GetReviewUpdated() != nil
		},
		"minutes that the paper does not name": func(e *pb.Event) bool {
			if e.GetReviewUpdated() != nil {
				e.GetReviewUpdated().Minutes.Text = "We met, and all was well."
			}
			return e.GetReviewUpdated() != nil
		},
		"minutes that are gone, and were not kept apart": func(e *pb.Event) bool {
			if e.GetReviewUpdated() != nil {
				e.GetReviewUpdated().Minutes = nil
			}
			return e.GetReviewUpdated() != nil
		},
		"a paper about another scorecard": func(e *pb.Event) bool {
			if u := e.GetReviewUpdated(); u != nil {
				paper := paperOf(u.GetBody())
				paper.ScorecardDigest = strings.Repeat("0", 64)
				u.Body, u.Digest = Digest(paper)
			}
			return e.GetReviewUpdated() != nil
		},
		"a signature under another paper": func(e *pb.Event) bool {
			if e.GetReviewSigned() != nil {
				e.GetReviewSigned().Revision = 1
			}
			return e.GetReviewSigned() != nil
		},
		"a signature of the other side": func(e *pb.Event) bool {
			if e.GetReviewSigned() != nil {
				e.GetReviewSigned().Side = pb.Side_SIDE_CLIENT
			}
			return e.GetReviewSigned() != nil
		},
		"a signature of no side": func(e *pb.Event) bool {
			if e.GetReviewSigned() != nil {
				e.GetReviewSigned().Side, e.GetActor().Side = pb.Side_SIDE_UNSPECIFIED, pb.Side_SIDE_UNSPECIFIED
			}
			return e.GetReviewSigned() != nil
		},
	} {
		w, forged := reviewedWorld(t), false
		var chain []*pb.Event
		for _, e := range w.history {
			if e.GetAgreementId() == "care" {
				e = fromDisk(t, e)
				if e.GetReviewOpened() != nil || !strings.HasPrefix(name, "a scorecard") {
					forged = forge(e) || forged
				}
				chain = append(chain, e)
			}
		}
		if _, err := Replay("care", all(chain)); err == nil || !forged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErasedMinutesLeaveTheSignatures holds that a history without the minutes leads to the same paper and signatures.
func TestErasedMinutesLeaveTheSignatures(t *testing.T) {
	w := reviewedWorld(t)
	var chain []*pb.Event
	for _, e := range w.history {
		if e.GetAgreementId() == "care" {
			e = fromDisk(t, e)
			if u := e.GetReviewUpdated(); u != nil {
				u.Minutes, e.PrivateCommitment = nil, []byte("what was there")
			}
			chain = append(chain, e)
		}
	}
	s, err := Replay("care", all(chain))
	if err != nil {
		t.Fatal(err)
	}
	is, was := s.review("care", "q1"), w.records[reviewRef("care", "q1")].(*pb.Review)
	if is.GetMinutes() != "" || is.GetMinutesSalt() != "" || is.GetDigest() != was.GetDigest() || len(is.GetSignatures()) != 1 || CheckReview(is) != "" {
		t.Errorf("it is %v", is)
	}
}

// TestAFrozenScorecardHasWhatTimeBrought opens a review while the clock has not looked: what it would have seen is in the card.
func TestAFrozenScorecardHasWhatTimeBrought(t *testing.T) {
	w := agreedWorld(t)
	w.now = w.now.Add(60 * 24 * time.Hour) // nobody woke it
	w.must(vendor, &pb.OpenReviewRequest{AgreementId: "care"})
	d := w.decision
	card := d.Answer.(*pb.Review).GetScorecard()
	if card.GetVendor().GetOutcomes().GetBroken() == 0 || card.GetClient().GetOutcomes().GetBroken() == 0 {
		t.Errorf("nothing is broken: %v", card)
	}
	opened := d.Events[len(d.Events)-1]
	if len(d.Events) < 3 || opened.GetReviewOpened() == nil || card.GetVersion()+1 != opened.GetVersion() || !proto.Equal(card.GetAsOf(), timestamppb.New(w.now)) {
		t.Errorf("%d events, the last %v", len(d.Events), opened)
	}
}

// TestWritingAReviewHasAnEnd holds that it does.
func TestWritingAReviewHasAnEnd(t *testing.T) {
	w := reviewedWorld(t)
	r := proto.CloneOf(w.records[reviewRef("care", "q1")].(*pb.Review))
	r.Revision = MaxReviewRevisions
	w.put(reviewRef("care", "q1"), r)
	_, err := w.do(client, &pb.UpdateReviewRequest{AgreementId: "care", ReviewId: "q1", Review: &pb.Review{Minutes: "Once more."}})
	if e, ok := err.(*Error); !ok || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED {
		t.Errorf("%v", err)
	}
}

// TestNoSideSignsForBoth holds that a history in which one side has signed a paper twice is none, nor one in which a review is
// signed that was withdrawn.
func TestNoSideSignsForBoth(t *testing.T) {
	for name, more := range map[string]func(*pb.Event) []*pb.Event{
		"twice": func(signed *pb.Event) []*pb.Event { return []*pb.Event{signed} },
		"withdrawn": func(signed *pb.Event) []*pb.Event {
			withdrawn, other := proto.CloneOf(signed), signed
			withdrawn.Change = &pb.Event_ReviewWithdrawn{ReviewWithdrawn: &pb.ReviewWithdrawn{ReviewId: "q1", Reason: "no"}}
			other.Actor.Side, other.GetReviewSigned().Side = pb.Side_SIDE_CLIENT, pb.Side_SIDE_CLIENT
			return []*pb.Event{withdrawn, other}
		},
	} {
		w := reviewedWorld(t)
		var chain []*pb.Event
		for _, e := range w.history {
			if e.GetAgreementId() == "care" {
				chain = append(chain, e)
			}
		}
		if _, err := Replay("care", all(chain)); err != nil {
			t.Fatal(err)
		}
		for _, e := range more(proto.CloneOf(chain[len(chain)-1])) {
			e.Version = uint64(len(chain) + 1)
			chain = append(chain, e)
		}
		if _, err := Replay("care", all(chain)); err == nil || !strings.Contains(err.Error(), "to sign") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNobodyKeepsTheOtherFromAReview holds that each side may have so many reviews open, whatever the other has.
func TestNobodyKeepsTheOtherFromAReview(t *testing.T) {
	w := agreedWorld(t)
	for n := range MaxOpenReviews {
		w.must(vendor, &pb.OpenReviewRequest{AgreementId: "care", ReviewId: fmt.Sprintf("v%d", n)})
	}
	_, err := w.do(vendor, &pb.OpenReviewRequest{AgreementId: "care"})
	if e, refused := err.(*Error); !refused || e.Reason != pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED {
		t.Errorf("one more: %v", err)
	}
	w.must(client, &pb.OpenReviewRequest{AgreementId: "care"})
	w.must(vendor, &pb.WithdrawReviewRequest{AgreementId: "care", ReviewId: "v3", Reason: "Enough."})
	w.must(vendor, &pb.OpenReviewRequest{AgreementId: "care"})
}

// TestAFrozenScorecardHasWhoWasNotHeard opens a review while the clock has not looked: a concern that nobody acknowledged counts
// wherever it has gone meanwhile. This one went up before its time to be acknowledged was over, as the terms let it.
func TestAFrozenScorecardHasWhoWasNotHeard(t *testing.T) {
	w := agreedWorld(t)
	terms := proto.CloneOf(termsOf(w.records[revisionRef("care", 1)].(*pb.Revision).GetBody()))
	terms.Concerns = &pb.ConcernTerms{ResponseBusinessDays: proto.Int32(20), RemedyBusinessDays: proto.Int32(1)}
	body, _ := Digest(terms)
	w.put(revisionRef("care", 1), &pb.Revision{AgreementId: "care", Revision: 1, Body: body})
	w.must(vendor, &pb.RaiseConcernRequest{AgreementId: "care", ConcernId: "c", Kind: breachConcern, Title: "So it is"})
	w.must(vendor, &pb.ProposeRemedyRequest{AgreementId: "care", ConcernId: "c", Text: "A call."})
	w.now = w.now.Add(5 * 24 * time.Hour)
	w.must(vendor, &pb.EscalateConcernRequest{AgreementId: "care", ConcernId: "c", Reason: "Nobody answers."})
	w.now = w.now.Add(60 * 24 * time.Hour)
	w.must(vendor, &pb.OpenReviewRequest{AgreementId: "care"})
	if f := w.decision.Answer.(*pb.Review).GetScorecard().GetClient().GetResponsiveness(); f.GetCount() != 1 || f.Value == nil || f.GetValue() != 0 {
		t.Errorf("it is %v", f)
	}
}

// TestAFrozenScorecardHasAllPromises opens a review of an agreement of which amendments have ended more promises than a text may
// have: what time has brought to those that come behind them is in the card.
func TestAFrozenScorecardHasAllPromises(t *testing.T) {
	w := agreedWorld(t)
	for n := range MaxCommitments {
		id := fmt.Sprintf("a%d", n) // before all others
		w.put(commitmentRef("care", id), &pb.Commitment{AgreementId: "care", CommitmentId: id, Obligor: pb.Side_SIDE_VENDOR, Beneficiary: pb.Side_SIDE_CLIENT, State: ended})
	}
	w.now = w.now.Add(60 * 24 * time.Hour)
	w.must(vendor, &pb.OpenReviewRequest{AgreementId: "care"})
	if card := w.decision.Answer.(*pb.Review).GetScorecard(); card.GetVendor().GetOutcomes().GetBroken() == 0 || card.GetClient().GetOutcomes().GetBroken() == 0 {
		t.Errorf("nothing is broken: %v", card)
	}
}
