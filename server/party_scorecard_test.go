package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// trade is a server on which acme sells to globex, and buys from initech:
//
//	sells   acme kept a desk (weight 3), globex broke what it was to pay (2)
//	buys    initech kept some paint (1), acme broke a fee (4), but not before noon of the last day
type trade struct {
	*servertest.Server
	acme, globex, initech, auditor servertest.Caller
	first, noon                    time.Time // when only "sells" was agreed on; before the fee was broken
}

// bargain has two sides agree on what each of them owes, and on a hope of the vendor's.
func (s *trade) bargain(t *testing.T, id, vendorID, clientID string, by, other servertest.Caller, owed ...*pb.CommitmentTerms) {
	t.Helper()
	terms := text("Of "+id, owed...)
	terms.Pulse = &pb.PulseTerms{Respondents: proto.Int32(1)}
	terms.Objectives = []*pb.ObjectiveTerms{{ObjectiveId: "peace", Side: vendor, Title: "Calm evenings", Measure: "Calls after six", Baseline: "20", Target: "5", ByDate: "2026-12-31", Weight: 3}}
	g := s.GRPC()
	g.Must(t, by, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: vendorID, ClientPartyId: clientID, DraftTerms: terms}})
	p := g.Must(t, by, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}).(*pb.Proposal)
	g.Must(t, other, &pb.AcceptProposalRequest{AgreementId: id, ProposalId: "first", Revision: 1, TermsDigest: p.GetTermsDigest()})
	s.Settle(t)
}

// weighing gives a promise another weight.
func weighing(c *pb.CommitmentTerms, weight int32) *pb.CommitmentTerms {
	c.Weight = weight
	return c
}

func startTrade(t *testing.T) *trade {
	t.Helper()
	s := &trade{Server: servertest.Start(t, servertest.Options{Clock: servertest.NewClock(servertest.Morning)})}
	for _, party := range []string{acme, globex, initech, hooli} {
		s.Party(t, party)
	}
	s.acme, s.globex, s.initech = s.Member(t, signatory, acme), s.Member(t, signatory, globex), s.Member(t, signatory, initech)
	s.auditor = s.Key(t, &pb.Principal{Role: auditor})
	s.bargain(t, "sells", acme, globex, s.acme, s.globex, oneOff("desk", vendor, "2026-01-12"), weighing(oneOff("pay", client, "2026-01-12"), 2))
	s.first = s.Clock.Now()
	s.Clock.Set(s.first.Add(time.Hour))
	s.bargain(t, "buys", initech, acme, s.initech, s.acme, weighing(oneOff("paint", vendor, "2026-01-12"), 1), weighing(oneOff("fee", client, "2026-01-13"), 4))
	g := s.GRPC()
	g.Must(t, s.acme, &pb.CreateAgreementRequest{AgreementId: "draft", Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex, DraftTerms: text("Draft", oneOff("sofa", vendor, "2026-01-12"))}})
	g.Must(t, s.acme, &pb.SubmitObligationRequest{AgreementId: "sells", ObligationId: "desk-1", Note: "Stands."})
	g.Must(t, s.globex, &pb.AcceptObligationRequest{AgreementId: "sells", ObligationId: "desk-1"})
	g.Must(t, s.initech, &pb.SubmitObligationRequest{AgreementId: "buys", ObligationId: "paint-1", Note: "Dry."})
	g.Must(t, s.acme, &pb.AcceptObligationRequest{AgreementId: "buys", ObligationId: "paint-1"})
	g.Must(t, s.globex, &pb.AdmitObligationRequest{AgreementId: "sells", ObligationId: "pay-1", Reason: "The bank is closed."})
	g.Must(t, s.globex, &pb.RaiseConcernRequest{AgreementId: "sells", ConcernId: "heard", Kind: breachConcern, Title: "It wobbles"})
	g.Must(t, s.acme, &pb.AcknowledgeConcernRequest{AgreementId: "sells", ConcernId: "heard"})
	g.Must(t, s.initech, &pb.RaiseConcernRequest{AgreementId: "buys", ConcernId: "missed", Kind: breachConcern, Title: "You do not pay"})
	for _, said := range []struct {
		agreement string
		by, other servertest.Caller
		ratings   [2]int32
	}{{"sells", s.acme, s.globex, [2]int32{5, 3}}, {"buys", s.initech, s.acme, [2]int32{1, 2}}} {
		g.Must(t, said.by, &pb.RequestPulseRequest{AgreementId: said.agreement, PulseRoundId: "winter"})
		g.Must(t, said.by, &pb.AnswerPulseRequest{AgreementId: said.agreement, PulseRoundId: "winter", View: view(said.ratings[0], "")})
		g.Must(t, said.other, &pb.AnswerPulseRequest{AgreementId: said.agreement, PulseRoundId: "winter", View: view(said.ratings[1], "")})
	}
	g.Must(t, s.acme, &pb.RecordObservationRequest{AgreementId: "sells", ObjectiveId: "peace", ObservationId: "may", Value: "12.5", ObservedDate: "2026-01-05"})
	s.noon = time.Date(2026, 1, 13, 12, 0, 0, 0, time.UTC)
	s.Advance(t, s.noon)
	s.Clock.Set(s.noon.Add(time.Minute))
	g.Must(t, s.acme, &pb.AdmitObligationRequest{AgreementId: "buys", ObligationId: "fee-1", Reason: "We forgot."})
	return s
}

// inLine is figures of a party's scorecard, each as what is divided by what.
func inLine(card *pb.PartyScorecard) string {
	of := func(f *pb.Figure) string {
		if f.Value == nil {
			return "-"
		}
		return f.GetNumerator() + "/" + f.GetDenominator()
	}
	var words []string
	for _, s := range []*pb.SideScores{card.GetParty(), card.GetPartners()} {
		words = append(words, of(s.GetKept()), of(s.GetResponsiveness()), of(s.GetPulse()), of(s.GetAttainment()), "|")
	}
	return fmt.Sprintf("%d: %s %s", card.GetAgreementCount(), strings.Join(words, " "), of(card.GetBalance()))
}

// TestAPartysScorecard holds the figures of a party over its agreements, vendor in one and client in another, by hand.
func TestAPartysScorecard(t *testing.T) {
	s := startTrade(t)
	named := s.Key(t, &pb.Principal{Role: auditor, AgreementIds: []string{"sells"}})
	const nothing = "0: - - - - | - - - - | -"
	for _, c := range []struct {
		who            servertest.Caller
		party, partner string
		from, to       string
		at             time.Time
		want, toDate   string
	}{
		{who: s.acme, party: acme, want: "2: 3/7 1/2 25/40 1.5/3 | 1/3 - 10/40 - | 3/7"},
		{who: s.auditor, party: acme, want: "2: 3/7 1/2 25/40 1.5/3 | 1/3 - 10/40 - | 3/7"},
		{who: s.acme, party: acme, partner: globex, want: "1: 3/3 1/1 20/20 1.5/3 | 0/2 - 10/20 - | 2/3"},
		{who: s.acme, party: acme, partner: initech, want: "1: 0/4 0/1 5/20 - | 1/1 - 0/20 - | 1/4"},
		{who: s.acme, party: initech, want: "1: 1/1 - 0/20 - | 0/4 0/1 5/20 - | 1/4"},
		{who: s.globex, party: acme, want: "1: 3/3 1/1 20/20 1.5/3 | 0/2 - 10/20 - | 2/3"}, // of what both are in
		{who: named, party: acme, want: "1: 3/3 1/1 20/20 1.5/3 | 0/2 - 10/20 - | 2/3"},
		{who: s.auditor, party: globex, partner: initech, want: nothing},
		{who: s.acme, party: acme, partner: hooli, want: nothing},
		{who: s.acme, party: acme, partner: "nobody", want: nothing},
		{who: s.auditor, party: hooli, want: nothing},
		{who: s.acme, party: acme, to: "2026-01-12", want: "2: 3/3 1/2 25/40 1.5/3 | 1/3 - 10/40 - | 3/7", toDate: "2026-01-12"},
		{who: s.acme, party: acme, from: "2026-01-13", want: "2: 0/4 - - 1.5/3 | - - - - | 3/7"},
		{who: s.acme, party: acme, from: "2026-01-13", to: "2026-12-31", want: "2: 0/4 - - 1.5/3 | - - - - | 3/7"},
		{who: s.acme, party: acme, to: "2026-01-04", want: nothing, toDate: "2026-01-04"}, // before they began
		{who: s.acme, party: acme, at: s.noon, want: "2: 3/3 1/2 25/40 1.5/3 | 1/3 - 10/40 - | 3/7"},
		{who: s.acme, party: acme, at: s.first, want: "1: - - - - | - - - - | 2/3", toDate: "2026-01-05"},
		{who: s.acme, party: acme, partner: initech, at: s.first, want: nothing, toDate: "2026-01-05"},
	} {
		ask := &pb.GetPartyScorecardRequest{PartyId: c.party, PartnerPartyId: c.partner, FromDate: c.from, ToDate: c.to}
		if !c.at.IsZero() {
			ask.AsOf = timestamppb.New(c.at)
		}
		if c.toDate == "" {
			c.toDate = "2026-01-13"
		}
		for _, face := range s.Faces() {
			card := face.Must(t, c.who, ask).(*pb.PartyScorecard)
			if is := inLine(card); is != c.want || card.GetToDate() != c.toDate || card.GetPartyId() != c.party || card.GetParty().GetPartyId() != c.party || card.GetPartnerPartyId() != c.partner {
				t.Errorf("%v: %s to %s, not %s to %s", ask, is, card.GetToDate(), c.want, c.toDate)
			}
			verdicts := int32(0)
			for _, v := range card.GetVerdicts() {
				verdicts += v.GetCount()
			}
			if verdicts != card.GetAgreementCount() {
				t.Errorf("%v: %d verdicts: %v", ask, verdicts, card)
			}
		}
	}
}

// TestWhoseScorecardIsNotTold holds that a party that the caller has nothing to do with is not there, and what is no question.
func TestWhoseScorecardIsNotTold(t *testing.T) {
	s := startTrade(t)
	named := s.Key(t, &pb.Principal{Role: auditor, AgreementIds: []string{"sells"}})
	unnamed := s.Key(t, &pb.Principal{Role: auditor, AgreementIds: []string{"elsewhere"}})
	for _, c := range []struct {
		who                 servertest.Caller
		party, partner, why string
		from, to            string
	}{
		{who: s.globex, party: initech, why: "NOT_FOUND"},
		{who: s.globex, party: initech, partner: acme, why: "NOT_FOUND"},
		{who: s.globex, party: hooli, why: "NOT_FOUND"},
		{who: s.globex, party: "nobody", why: "NOT_FOUND"},
		{who: s.auditor, party: "nobody", why: "NOT_FOUND"},
		{who: named, party: initech, why: "NOT_FOUND"},
		{who: named, party: acme, partner: initech, why: "NOT_FOUND"},
		{who: unnamed, party: acme, why: "NOT_FOUND"},
		{who: s.Operator, party: acme, why: "ROLE_NOT_ALLOWED"},
		{who: s.acme, party: acme, from: "2026-01-12", to: "2026-01-11", why: "INVALID_FIELDS"},
		{who: s.acme, party: acme, from: "2026-01-16", why: "INVALID_FIELDS"},
		{who: s.acme, party: acme, from: "2026-13-16", why: "INVALID_FIELDS"},
		{who: s.acme, party: "", why: "INVALID_FIELDS"},
	} {
		for _, face := range s.Faces() {
			ask := &pb.GetPartyScorecardRequest{PartyId: c.party, PartnerPartyId: c.partner, FromDate: c.from, ToDate: c.to}
			if c.party == "" && face.Name() == "REST" {
				continue // it has no such path
			}
			if answer, refusal := face.Call(t, c.who, ask); refusal == nil || refusal.Reason != c.why {
				t.Errorf("%v over %s: %v, %v", ask, face.Name(), answer, refusal)
			}
		}
	}
}
