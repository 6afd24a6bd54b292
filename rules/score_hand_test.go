package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// These figures were reckoned by hand. Random tales hold that they are reckoned alike in every way; here is what is right.

// agreedOn is a world in which the sides have agreed on a text, on 12 January 2026, a Monday, in the morning.
func agreedOn(t testing.TB, terms *pb.Terms) *world {
	t.Helper()
	w := newWorld(t, begin)
	for _, id := range []string{"northwind", "acme", "oldco"} {
		w.must(operator, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	w.must(vendor, &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: terms}})
	w.must(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	w.accepts("first")
	w.on("2026-01-12T09:00:00Z")
	return w
}

// accepts has the client consent to what the vendor proposed.
func (w *world) accepts(proposal string) {
	w.t.Helper()
	p := w.records[proposalRef("care", proposal)].(*pb.Proposal)
	w.must(client, &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: proposal, Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest()})
}

// on goes on to an instant.
func (w *world) on(at string) {
	w.t.Helper()
	then, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.until(then)
}

// does has a verb done to a concern, "verb of id" or to c, by the vendor that answers it or by the client that raised it.
func (w *world) does(verb string) {
	w.t.Helper()
	verb, id, named := strings.Cut(verb, " of ")
	if !named {
		id = "c"
	}
	raise := func(by Caller, kind pb.ConcernKind) {
		w.must(by, &pb.RaiseConcernRequest{AgreementId: "care", ConcernId: id, Kind: kind, Title: "So it is"})
	}
	switch verb {
	case "raise":
		raise(client, breachConcern)
	case "raise back":
		raise(vendor, breachConcern)
	case "warn":
		raise(client, earlyWarning)
	case "praise":
		raise(client, appreciation)
	case "correct":
		raise(client, feedback)
	case "withdraw":
		w.must(client, concernCommand(verb, "care", id))
	default:
		w.must(vendor, concernCommand(verb, "care", id))
	}
}

// shown is a figure in a line: what is divided by what, its value and median, and how many are left out.
func shown(f *pb.Figure) string {
	var line []string
	if f.GetDenominator() != "" {
		line = append(line, f.GetNumerator()+"/"+f.GetDenominator())
	}
	if f.Value != nil {
		line = append(line, fmt.Sprint("is ", f.GetValue()))
	} else {
		line = append(line, "null")
	}
	if f.MedianBusinessDays != nil {
		line = append(line, fmt.Sprint("in ", f.GetMedianBusinessDays()))
	}
	for _, l := range f.GetLeftOut() {
		line = append(line, fmt.Sprint("without ", l.GetCount(), " ", strings.ToLower(strings.TrimPrefix(l.GetReason().String(), "LEFT_OUT_REASON_"))))
	}
	return strings.Join(line, " ")
}

// card is the scorecard of care as of now, up to a day, which all ways of reckoning agree on.
func (w *world) card(to string) *pb.Scorecard {
	w.t.Helper()
	s, err := Replay("care", all(w.chainOf("care")))
	if err != nil {
		w.t.Fatal(err)
	}
	w.explains("care", s, "", to)
	return w.bothWays("care", s, "", to)
}

// TestResponsivenessByHand is M4. A concern of Monday the 12th is to be acknowledged until Wednesday the 14th is over.
func TestResponsivenessByHand(t *testing.T) {
	for _, c := range []struct{ name, steps, to, want string }{
		{"nobody said anything", "2026-01-20T09:00:00Z", "", "null"},
		{"at once, and its day has not come", "raise, acknowledge", "", "null"},
		{"at once, and its day has come", "raise, acknowledge, 2026-01-14T08:00:00Z", "", "1/1 is 1 in 0"},
		{"in the last instant", "raise, 2026-01-14T23:59:59.999999999Z, acknowledge", "", "1/1 is 1 in 2"},
		{"an instant late", "raise, 2026-01-15T00:00:00Z, acknowledge", "", "0/1 is 0 in 3"},
		{"late, asked of the days in which it was not", "raise, 2026-01-15T00:00:00Z, acknowledge", "2026-01-14", "0/1 is 0 in 3"},
		{"late, asked of the days before it was due", "raise, 2026-01-15T00:00:00Z, acknowledge", "2026-01-13", "null"},
		{"never", "raise, 2026-03-15T00:00:00Z", "", "0/1 is 0"},
		{"its clock runs, today is not its day", "raise, 2026-01-13T23:00:00Z", "", "null"},
		{"its clock runs out today", "raise, 2026-01-14T23:00:00Z", "", "null without 1 clock_runs"},
		{"withdrawn before its clock ended", "raise, 2026-01-13T09:00:00Z, withdraw, 2026-01-20T09:00:00Z", "", "null without 1 clock_runs"},
		{"withdrawn when it was missed", "raise, 2026-01-15T09:00:00Z, withdraw", "", "0/1 is 0"},
		{"acknowledged, and withdrawn", "raise, acknowledge, withdraw, 2026-01-20T09:00:00Z", "", "1/1 is 1 in 0"},
		{"to propose a remedy is to hear", "raise, 2026-01-13T09:00:00Z, propose a remedy for, 2026-01-20T09:00:00Z", "", "1/1 is 1 in 1"},
		{"what comes later changes nothing", "raise, acknowledge, admit, 2026-01-20T09:00:00Z, propose a remedy for", "", "1/1 is 1 in 0"},
		{"a kind word, and a correction", "praise, correct of d, 2026-01-20T09:00:00Z", "", "null"},
		{"the other's own", "raise back, acknowledge of other, 2026-01-20T09:00:00Z", "", "null"},
		{"over a weekend", "2026-01-16T18:00:00Z, raise, 2026-01-20T22:00:00Z, acknowledge", "", "1/1 is 1 in 2"},
		{"on a Sunday", "2026-01-18T18:00:00Z, raise, 2026-01-20T22:00:00Z, acknowledge", "", "1/1 is 1 in 2"},
		{"two of three, and one withdrawn", "raise, warn of d, raise of e, raise of f, acknowledge, 2026-01-13T09:00:00Z, acknowledge of d, withdraw of f, 2026-01-15T09:00:00Z, acknowledge of e", "",
			"2/3 is 0.666667 in 1 without 1 clock_runs"},
		{"an even number of days", "raise, raise of d, acknowledge, 2026-01-15T09:00:00Z, acknowledge of d", "", "1/2 is 0.5 in 1.5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := agreedOn(t, promises())
			for step := range strings.SplitSeq(c.steps, ", ") {
				if strings.HasPrefix(step, "20") {
					w.on(step)
				} else if step == "acknowledge of other" {
					w.must(client, concernCommand("acknowledge", "care", "c"))
				} else {
					w.does(step)
				}
			}
			if is := shown(w.card(c.to).GetVendor().GetResponsiveness()); is != c.want {
				t.Errorf("%s, not %s", is, c.want)
			}
			w.close()
		})
	}
}

// said is what one person says in a round.
type said struct {
	by             Caller
	ofOther, ofOwn [5]int32
}

func ratings(r [5]int32) *pb.Ratings {
	return &pb.Ratings{Trust: r[0], Communication: r[1], Fairness: r[2], Focus: r[3], WouldRenew: r[4]}
}

// TestPulseByHand is M8: what the vendor says of the client, what the client says of the vendor, the vendor's gap, and the lower.
func TestPulseByHand(t *testing.T) {
	all := func(n int32) [5]int32 { return [5]int32{n, n, n, n, n} }
	vera, cleo := said{vendor, all(5), all(4)}, said{client, all(3), all(2)}
	second := func(s said) said {
		s.by.PrincipalID += "-2"
		return s
	}
	for _, c := range []struct {
		name   string
		asked  int32
		rounds [][]said
		erased int // of the last round, while it was open
		to     string
		want   string
	}{
		{"nobody was asked", 1, nil, 0, "", "null | null | null | null"},
		{"nobody answered", 1, [][]said{{}}, 0, "", "null without 1 not_answered | null without 1 not_answered | null without 1 not_answered | null"},
		{"both answered", 1, [][]said{{vera, cleo}}, 0, "", "20/20 is 1 | 10/20 is 0.5 | is 0.25 | is 0.5"},
		{"only the vendor did", 1, [][]said{{vera}}, 0, "", "20/20 is 1 | null without 1 not_answered | null | null"},
		{"only the client did", 1, [][]said{{cleo}}, 0, "", "null without 1 not_answered | 10/20 is 0.5 | null without 1 not_answered | null"},
		{"the worst is 0, and not null", 1, [][]said{{said{vendor, all(1), all(1)}, said{client, all(1), all(5)}}}, 0, "", "0/20 is 0 | 0/20 is 0 | is 0 | is 0"},
		{"it thinks little of itself", 1, [][]said{{said{vendor, all(4), all(1)}, said{client, all(5), all(5)}}}, 0, "", "15/20 is 0.75 | 20/20 is 1 | is -1 | is 0.75"},
		{"question by question", 1, [][]said{{said{vendor, [5]int32{1, 2, 3, 4, 5}, [5]int32{5, 5, 5, 5, 4}}, cleo}}, 0, "", "10/20 is 0.5 | 10/20 is 0.5 | is 0.45 | is 0.5"},
		{"several of one side", 2, [][]said{{vera, second(said{vendor, all(2), all(2)}), cleo}}, 0, "", "25/40 is 0.625 | 10/20 is 0.5 | is 0 | is 0.5"},
		{"people weigh alike, and not rounds", 2, [][]said{{vera, second(vera), cleo, second(cleo)}, {said{vendor, all(1), all(1)}, cleo}}, 0, "", "40/60 is 0.666667 | 30/60 is 0.5 | is 0 | is 0.5"},
		{"one answered this time, one the other", 1, [][]said{{vera}, {cleo}}, 0, "", "20/20 is 1 without 1 not_answered | 10/20 is 0.5 without 1 not_answered | is 0.25 without 1 not_answered | is 0.5"},
		{"erased while it was open", 1, [][]said{{vera}}, 1, "", "null without 1 not_answered | null without 1 not_answered | null without 1 not_answered | null"},
		{"one of two erased", 2, [][]said{{vera, second(said{vendor, all(2), all(2)}), cleo}}, 1, "", "5/20 is 0.25 | 10/20 is 0.5 | is -0.25 | is 0.25"},
		{"the last day of the first round", 1, [][]said{{cleo}, {vera, cleo}}, 0, "2026-01-19", "null without 1 not_answered | 10/20 is 0.5 | null without 1 not_answered | null"},
		{"the day before", 1, [][]said{{cleo}, {vera, cleo}}, 0, "2026-01-18", "null | null | null | null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms := promises()
			terms.Pulse = &pb.PulseTerms{Respondents: proto.Int32(c.asked), AnswerBusinessDays: proto.Int32(5)}
			w := agreedOn(t, terms)
			for i, answers := range c.rounds {
				id := fmt.Sprint("round-", i)
				w.must(vendor, &pb.RequestPulseRequest{AgreementId: "care", PulseRoundId: id})
				for _, a := range answers {
					w.must(a.by, &pb.AnswerPulseRequest{AgreementId: "care", PulseRoundId: id, View: &pb.PulseView{OfOther: ratings(a.ofOther), OfSelf: ratings(a.ofOwn)}})
				}
				for n := range c.erased {
					ref := pulseAnswerRef("care", id, int32(n+1))
					gone := proto.CloneOf(w.records[ref].(*pb.PulseAnswer))
					gone.View = nil // which the journal does
					w.put(ref, gone)
				}
				before := w.card("")
				if open := before.GetVendor().GetPulse(); w.agreement("care").GetOpenPulseRoundId() != "" && i == 0 && shown(open) != "null" {
					t.Errorf("while it is open: %v", open)
				}
				w.until(w.now.AddDate(0, 0, 10))
			}
			card := w.card(c.to)
			is := strings.Join([]string{shown(card.GetVendor().GetPulse()), shown(card.GetClient().GetPulse()), shown(card.GetVendor().GetPulseGap()), shown(card.GetLowerPulse())}, " | ")
			if is != c.want {
				t.Errorf("%s, not\n%s", is, c.want)
			}
			if c.erased == 0 {
				w.close()
			}
		})
	}
}

// seen is an observation, of a day in January, and what its side says to it.
type seen struct {
	objective, value string
	day              int
	word             string // "confirm", "return", or nothing
}

// TestAttainmentByHand is M11 of the client.
func TestAttainmentByHand(t *testing.T) {
	hope := func(id, baseline, target string, weight int32) *pb.ObjectiveTerms {
		return &pb.ObjectiveTerms{ObjectiveId: id, Side: pb.Side_SIDE_CLIENT, Title: "Hope", Measure: id, Baseline: baseline, Target: target, ByDate: "2026-12-31", Weight: weight}
	}
	fewer, more := hope("fewer", "40", "10", 5), hope("more", "0", "3", 2)
	vendors := hope("theirs", "0", "1", 3)
	vendors.Side = pb.Side_SIDE_VENDOR
	type hopes = []*pb.ObjectiveTerms
	for _, c := range []struct {
		name  string
		hopes hopes
		seen  []seen
		then  hopes // by an amendment; nil: none
		to    string
		want  string
	}{
		{"no hopes", nil, nil, nil, "", "null"},
		{"nothing is observed", hopes{fewer}, nil, nil, "", "null without 1 not_observed"},
		{"half the way down", hopes{fewer}, []seen{{"fewer", "25", 5, "confirm"}}, nil, "", "2.5/5 is 0.5"},
		{"a third of the way up", hopes{more}, []seen{{"more", "1", 5, "confirm"}}, nil, "", "0.666667/2 is 0.333333"},
		{"beyond the target, downwards", hopes{fewer}, []seen{{"fewer", "2", 5, "confirm"}}, nil, "", "5/5 is 1"},
		{"beyond the target, upwards", hopes{more}, []seen{{"more", "300", 5, "confirm"}}, nil, "", "2/2 is 1"},
		{"worse than it was is 0, and not null", hopes{fewer}, []seen{{"fewer", "41", 5, "confirm"}}, nil, "", "0/5 is 0"},
		{"as it was", hopes{more}, []seen{{"more", "0", 5, "confirm"}}, nil, "", "0/2 is 0"},
		{"across nothing", hopes{hope("cash", "-10", "10", 1)}, []seen{{"cash", "-5", 5, "confirm"}}, nil, "", "0.25/1 is 0.25"},
		{"decimals", hopes{hope("share", "0.1", "0.4", 3)}, []seen{{"share", "0.2", 5, "confirm"}}, nil, "", "1/3 is 0.333333"},
		{"by weight", hopes{fewer, more}, []seen{{"fewer", "25", 5, "confirm"}, {"more", "3", 6, "confirm"}}, nil, "", "4.5/7 is 0.642857"},
		{"one is not observed", hopes{fewer, more}, []seen{{"fewer", "25", 5, "confirm"}}, nil, "", "2.5/5 is 0.5 without 1 not_observed"},
		{"the other side's does not count", hopes{vendors, fewer}, []seen{{"fewer", "25", 5, "confirm"}}, nil, "", "2.5/5 is 0.5"},
		{"not confirmed", hopes{fewer}, []seen{{"fewer", "25", 5, ""}}, nil, "", "null without 1 not_observed"},
		{"returned", hopes{fewer}, []seen{{"fewer", "25", 5, "return"}}, nil, "", "null without 1 not_observed"},
		{"the newest is not confirmed", hopes{fewer}, []seen{{"fewer", "25", 5, "confirm"}, {"fewer", "10", 6, ""}}, nil, "", "2.5/5 is 0.5"},
		{"an older one is confirmed later", hopes{fewer}, []seen{{"fewer", "25", 6, "confirm"}, {"fewer", "10", 5, "confirm"}}, nil, "", "2.5/5 is 0.5"},
		{"of one day, the last word", hopes{fewer}, []seen{{"fewer", "25", 6, "confirm"}, {"fewer", "10", 6, "confirm"}}, nil, "", "5/5 is 1"},
		{"it came and went", hopes{fewer}, []seen{{"fewer", "10", 5, "confirm"}, {"fewer", "40", 9, "confirm"}}, nil, "", "0/5 is 0"},
		{"up to the day before", hopes{fewer}, []seen{{"fewer", "10", 5, "confirm"}, {"fewer", "40", 9, "confirm"}}, nil, "2026-01-08", "5/5 is 1"},
		{"up to the day before all", hopes{fewer}, []seen{{"fewer", "10", 5, "confirm"}}, nil, "2026-01-04", "null without 1 not_observed"},
		{"ended", hopes{fewer, more}, []seen{{"fewer", "10", 5, "confirm"}, {"more", "1.5", 5, "confirm"}}, hopes{more}, "", "1/2 is 0.5"},
		{"all are ended", hopes{fewer}, []seen{{"fewer", "10", 5, "confirm"}}, hopes{}, "", "null"},
		{"another target", hopes{fewer}, []seen{{"fewer", "25", 5, "confirm"}}, hopes{hope("fewer", "40", "25", 1)}, "", "1/1 is 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms := promises()
			terms.Objectives = c.hopes
			w := agreedOn(t, terms)
			for i, o := range c.seen {
				id := fmt.Sprint("o", i)
				w.must(vendor, &pb.RecordObservationRequest{AgreementId: "care", ObjectiveId: o.objective, ObservationId: id, Value: o.value, ObservedDate: DayOf(2026, 1, o.day).String()})
				switch o.word {
				case "confirm":
					w.must(client, &pb.ConfirmObservationRequest{AgreementId: "care", ObservationId: id})
				case "return":
					w.must(client, &pb.ReturnObservationRequest{AgreementId: "care", ObservationId: id, Reason: "no"})
				}
			}
			if c.then != nil {
				terms = promises()
				terms.Objectives = c.then
				w.must(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "other", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: terms})
				w.accepts("other")
			}
			w.until(w.now.AddDate(0, 0, 1))
			if is := shown(w.card(c.to).GetClient().GetAttainment()); is != c.want {
				t.Errorf("%s, not %s", is, c.want)
			}
			w.close()
		})
	}
}
