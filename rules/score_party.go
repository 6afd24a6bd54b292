package rules

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// PartyScore reckons the figures of a party over its agreements, beside those of its partners in them. The formulas are those
// of one agreement, over the commitments of all. Make it with NewPartyScore, Add each agreement, and ask for the Scorecard.
type PartyScore struct {
	party, partner string
	window         window // as asked for; to is the last day there is where it was not
	at             time.Time
	last           Day // of all the windows in it
	count          int32
	both           pair
	months         map[Day]*pair // by the first day of each
	verdicts       map[pb.Verdict]int32
}

// pair is what a party's figures are made of, and its partners'.
type pair [2]*sums

func newPair() *pair { return &pair{newSums(), newSums()} }

// Bounds of the days that can be named.
var everyDay = window{dayFirst, dayLast}

// NewPartyScore begins to reckon the figures of a party, with one partner or for "" with all, for a window as in Scorecard, as
// of a time. It refuses a window that is none, or that lies ahead wherever on earth it is.
func NewPartyScore(party, partner, from, to string, at time.Time) (*PartyScore, error) {
	const ahead = 14 * time.Hour // as far as any zone is from UTC
	w := everyDay
	latest := DayOf(at.UTC().Add(ahead).Date())
	asked, err := scoreWindow(from, to, everyDay.from, latest)
	if err != nil {
		return nil, err
	}
	w.from = asked.from
	if to != "" {
		w.to = asked.to
	}
	return &PartyScore{party: party, partner: partner, window: w, at: at, both: *newPair(), months: map[Day]*pair{}, verdicts: map[pb.Verdict]int32{}}, nil
}

// Wants says whether an agreement is one of those: both sides consented to it, the party is one and the partner is the other.
func (p *PartyScore) Wants(a *pb.Agreement) bool {
	side := Caller{PartyID: p.party}.SideOf(a)
	return a.GetRevision() > 0 && side != pb.Side_SIDE_UNSPECIFIED && (p.partner == "" || Caller{PartyID: p.partner}.SideOf(a) == Other(side))
}

// Add adds an agreement that it wants. One that began after the window adds nothing.
func (p *PartyScore) Add(s *State, agreementID string) error {
	r, err := s.score(agreementID, "", "", p.at, s.tallied(agreementID))
	if err != nil {
		return err
	}
	if r.window.to = min(r.window.to, p.window.to); p.window.from > everyDay.from {
		r.window.from = p.window.from
	}
	if r.window.from > r.window.to {
		return s.err
	}
	r.observe(s)
	side := Caller{PartyID: p.party}.SideOf(r.agreement)
	p.count++
	p.last = max(p.last, r.window.to)
	of := [2]*sums{r.sums(side, r.window), r.sums(Other(side), r.window)}
	for i := range of {
		p.both[i].join(of[i])
	}
	vendor, client := of[0], of[1]
	if side == pb.Side_SIDE_CLIENT {
		vendor, client = client, vendor
	}
	p.verdicts[r.card(s, vendor, client).GetVerdict()]++
	for _, month := range trend(r.window) {
		y, m, _ := month.from.Date()
		in := p.months[DayOf(y, m, 1)]
		if in == nil {
			in = newPair()
			p.months[DayOf(y, m, 1)] = in
		}
		in[0].join(r.owed(side, month))
		in[1].join(r.owed(Other(side), month))
	}
	return s.err
}

// Scorecard is what was reckoned.
func (p *PartyScore) Scorecard() *pb.PartyScorecard {
	party, partners := p.both[0], p.both[1]
	card := &pb.PartyScorecard{
		PartyId: p.party, PartnerPartyId: p.partner, ToDate: p.last.String(), AsOf: timestamppb.New(p.at), AgreementCount: p.count,
		Party: party.sideScores(pb.Side_SIDE_UNSPECIFIED, p.party, partners), Partners: partners.sideScores(pb.Side_SIDE_UNSPECIFIED, p.partner, party),
		Balance: balance(party.promised, partners.promised), Parity: parity(party.keptRatio(), partners.keptRatio()),
		MutualOutcome: mutualOutcome(party.keptRatio(), partners.keptRatio()),
		LowerPulse:    lowerPulse(party, partners),
	}
	if p.window.from > everyDay.from {
		card.FromDate = p.window.from.String()
	}
	if p.count == 0 { // no agreement tells what day it is
		card.ToDate = min(p.window.to, max(p.window.from, DayOf(p.at.UTC().Date()))).String()
	}
	for _, v := range slices.Sorted(maps.Keys(p.verdicts)) {
		card.Verdicts = append(card.Verdicts, &pb.VerdictCount{Verdict: v, Count: p.verdicts[v]})
	}
	months := slices.Sorted(maps.Keys(p.months))
	for _, month := range months[max(0, len(months)-trendMonths):] {
		card.Trend = append(card.Trend, monthScores(month, p.months[month][0], p.months[month][1], pb.Side_SIDE_UNSPECIFIED, pb.Side_SIDE_UNSPECIFIED))
	}
	return card
}
