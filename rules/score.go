package rules

import (
	"math/big"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What passes unless the terms say otherwise; docs/scores.md says why.
const (
	defaultKeptThreshold  = 0.80
	defaultPulseThreshold = 0.60
)

// trendMonths is how many months a trend has: a year, so that each month stands beside the one of a year ago.
const trendMonths = 12

// scoredPage is how many commitments are read at a time.
const scoredPage = 200

// Scorecard reckons both sides' figures of an agreement that exists, as the records are at a time: of what was due from one
// day to another, YYYY-MM-DD, each of them optional. It reads tallies, so that it costs the same however long the history is.
// It refuses a window that is none. Position is not set: only the journal knows it.
func (s *State) Scorecard(agreementID, from, to string, at time.Time) (*pb.Scorecard, error) {
	return s.scorecard(agreementID, from, to, at, s.tallied(agreementID))
}

// FoldScorecard is Scorecard, reckoned from the obligations themselves, and not from tallies: what an auditor does over a
// history that Replay has carried into records. Both always say the same.
func (s *State) FoldScorecard(agreementID, from, to string, at time.Time) (*pb.Scorecard, error) {
	return s.scorecard(agreementID, from, to, at, s.folded(agreementID))
}

// reckoning is an agreement whose score is reckoned.
type reckoning struct {
	agreement *pb.Agreement
	at        time.Time
	text      *pb.Terms // in force; empty before there is one
	window    window
	weights   map[string]int32           // by commitment
	observed  map[string]*pb.Observation // by objective: where it stood on the last day of the window
	promises  []*pb.Commitment
	look      ledger
}

func (s *State) scorecard(agreementID, from, to string, at time.Time, look ledger) (*pb.Scorecard, error) {
	r, err := s.score(agreementID, from, to, at, look)
	if err != nil {
		return nil, err
	}
	vendor, client := r.sums(pb.Side_SIDE_VENDOR, r.window), r.sums(pb.Side_SIDE_CLIENT, r.window)
	card := r.card(s, vendor, client)
	for _, month := range trend(r.window) {
		card.Trend = append(card.Trend, monthScores(month.from, r.owed(pb.Side_SIDE_VENDOR, month), r.owed(pb.Side_SIDE_CLIENT, month), pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT))
	}
	return card, s.err
}

// card is a scorecard without its trend.
func (r *reckoning) card(s *State, vendor, client *sums) *pb.Scorecard {
	a := r.agreement
	card := &pb.Scorecard{
		AgreementId: a.GetAgreementId(), FromDate: r.window.from.String(), ToDate: r.window.to.String(), AsOf: timestamppb.New(r.at), Version: s.Version(a.GetAgreementId()),
		Vendor: vendor.sideScores(pb.Side_SIDE_VENDOR, a.GetVendorPartyId(), client), Client: client.sideScores(pb.Side_SIDE_CLIENT, a.GetClientPartyId(), vendor),
		Balance: balance(vendor.promised, client.promised), Parity: parity(vendor.keptRatio(), client.keptRatio()),
		MutualOutcome: mutualOutcome(vendor.keptRatio(), client.keptRatio()), LowerPulse: lowerPulse(vendor, client),
		KeptThreshold: defaultKeptThreshold, PulseThreshold: defaultPulseThreshold,
	}
	if t := r.text.GetThresholds(); t != nil {
		if t.Kept != nil {
			card.KeptThreshold = t.GetKept()
		}
		if t.Pulse != nil {
			card.PulseThreshold = t.GetPulse()
		}
	}
	card.Verdict = verdictOf(card, vendor, client)
	card.VerdictWords = verdictWords(card)
	return card
}

// monthScores is a month of a trend.
func monthScores(month Day, one, other *sums, side, otherSide pb.Side) *pb.MonthScores {
	return &pb.MonthScores{
		Month:      month.String()[:len("2006-01")],
		VendorKept: one.figure(pb.FigureId_FIGURE_ID_KEPT, side),
		ClientKept: other.figure(pb.FigureId_FIGURE_ID_KEPT, otherSide),
	}
}

// score reads what a score is reckoned from.
func (s *State) score(agreementID, from, to string, at time.Time, look ledger) (*reckoning, error) {
	a := s.agreement(agreementID)
	r := &reckoning{agreement: a, at: at, text: termsOf(get[*pb.Revision](s, revisionRef(agreementID, a.GetRevision())).GetBody()), weights: map[string]int32{}, look: look}
	cal, wrong := NewCalendar(r.text.GetCalendar(), "calendar")
	if wrong != nil { // nothing is agreed yet
		cal, _ = NewCalendar(&pb.Calendar{TimeZone: "UTC"}, "calendar")
	}
	today := cal.DayAt(at)
	first, err := ParseDay(r.text.GetEffectiveDate())
	if err != nil {
		first = today
	}
	if r.window, err = scoreWindow(from, to, first, today); err != nil {
		return nil, err
	}
	for _, c := range r.text.GetCommitments() {
		r.weights[c.GetCommitmentId()] = c.GetWeight()
		if credit := c.GetMeasured().GetCredit(); credit != nil {
			r.weights[credit.GetCommitmentId()] = credit.GetWeight()
		}
	}
	r.observe(s)
	for after := Place(""); ; {
		page := s.Commitments(agreementID, nil, after, scoredPage)
		r.promises = append(r.promises, page...)
		if len(page) < scoredPage {
			return r, s.err
		}
		after = PlaceOf(page[len(page)-1])
	}
}

// observe reads where each objective stood on the last day of the window.
func (r *reckoning) observe(s *State) {
	r.observed = map[string]*pb.Observation{}
	for _, o := range r.text.GetObjectives() {
		r.observed[o.GetObjectiveId()] = s.Observed(r.agreement.GetAgreementId(), o.GetObjectiveId(), r.window.to)
	}
}

// weight is what a commitment weighs: by the text in force, or if that has it no more by the last that had it.
func (r *reckoning) weight(c *pb.Commitment) int32 {
	if w, agreed := r.weights[c.GetCommitmentId()]; agreed {
		return w
	}
	return c.GetTerms().GetWeight()
}

// owed is what the figures of a side are made of that its commitments make, for a window.
func (r *reckoning) owed(side pb.Side, w window) *sums {
	t := newSums()
	for _, c := range r.promises {
		if c.GetObligor() == side {
			t.add(r.weight(c), r.look(c.GetCommitmentId(), w))
		}
	}
	return t
}

// sums is what the figures of a side are made of, for a window.
func (r *reckoning) sums(side pb.Side, w window) *sums {
	t := r.owed(side, w)
	for _, c := range r.text.GetCommitments() {
		if c.GetObligor() == side {
			t.promised += c.GetWeight()
		}
	}
	for _, o := range r.text.GetObjectives() {
		if o.GetSide() == side {
			t.hope(o, r.observed[o.GetObjectiveId()])
		}
	}
	t.pulse, t.heard = r.look(sideTally(pulseTally, side), w), r.look(sideTally(concernTally, side), w)
	return t
}

// trend is the last months of a window, those at its ends cut to it.
func trend(w window) (months []window) {
	y, m, _ := w.to.Date()
	for n := trendMonths - 1; n >= 0; n-- {
		month := window{DayOf(y, m-time.Month(n), 1), DayOf(y, m-time.Month(n)+1, 0)}
		if month.meets(w) {
			months = append(months, window{max(month.from, w.from), min(month.to, w.to)})
		}
	}
	return months
}

// verdictOf is what both sides' figures say together. What it does not need may be missing: who keeps what it promised to one
// that does not is told without a pulse.
func verdictOf(card *pb.Scorecard, vendor, client *sums) pb.Verdict {
	if card.Balance.Value != nil && card.Balance.GetValue() == 0 {
		return pb.Verdict_VERDICT_ONE_SIDED
	}
	for _, kept := range []*pb.Figure{card.GetVendor().GetKept(), card.GetClient().GetKept()} {
		if kept.Value == nil || kept.GetLowEvidence() {
			return pb.Verdict_VERDICT_INSUFFICIENT_DATA
		}
	}
	passes := func(value *big.Rat, threshold float64) bool {
		return value != nil && value.Cmp(fraction(threshold)) >= 0
	}
	vendorKeeps, clientKeeps := passes(vendor.keptRatio(), card.GetKeptThreshold()), passes(client.keptRatio(), card.GetKeptThreshold())
	switch {
	case !vendorKeeps && !clientKeeps:
		return pb.Verdict_VERDICT_BOTH_LOSING
	case !clientKeeps:
		return pb.Verdict_VERDICT_CLIENT_FAVOURED
	case !vendorKeeps:
		return pb.Verdict_VERDICT_VENDOR_FAVOURED
	case card.GetLowerPulse().Value == nil:
		return pb.Verdict_VERDICT_INSUFFICIENT_DATA
	case passes(vendor.felt(vendor.pulse.ofOther), card.GetPulseThreshold()) && passes(client.felt(client.pulse.ofOther), card.GetPulseThreshold()):
		return pb.Verdict_VERDICT_MUTUAL
	}
	return pb.Verdict_VERDICT_PAPER_ONLY
}
