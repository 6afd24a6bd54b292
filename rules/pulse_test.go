package rules

import (
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// randomPulseTerms gives a text terms of the pulse, with a rule if it yields anything.
func randomPulseTerms(t *rapid.T, terms *pb.Terms) {
	terms.Pulse = &pb.PulseTerms{
		Rrule:       rapid.SampledFrom([]string{"", "FREQ=WEEKLY", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=DAILY;INTERVAL=5;COUNT=9"}).Draw(t, "pulse rule"),
		Respondents: proto.Int32(rapid.Int32Range(1, 2).Draw(t, "respondents")), AnswerBusinessDays: proto.Int32(rapid.Int32Range(1, 10).Draw(t, "answer days")),
	}
	if CheckTerms(terms, "terms") != nil {
		terms.Pulse.Rrule = ""
	}
}

// randomPulse draws a request for a round of the pulse, or an answer in one: the one that is open, more often than not.
func randomPulse(t *rapid.T, w *world, agreement string, by Caller) (Caller, proto.Message) {
	if by.PartyID == "" {
		by = vendor
	}
	round := w.agreement(agreement).GetOpenPulseRoundId()
	if round == "" && rapid.Bool().Draw(t, "ask") {
		return by, &pb.RequestPulseRequest{AgreementId: agreement, PulseRoundId: rapid.SampledFrom([]string{"", "", "q1"}).Draw(t, "round")}
	}
	if round == "" || evenly(t, "other round") == 0 {
		round = rapid.SampledFrom([]string{"q1", w.agreement(agreement).GetScheduledPulseRoundId()}).Draw(t, "round")
	}
	by.PrincipalID += rapid.SampledFrom([]string{"", "-2"}).Draw(t, "person")
	return by, &pb.AnswerPulseRequest{
		AgreementId: agreement, PulseRoundId: round, View: &pb.PulseView{OfOther: randomRatings(t), OfSelf: randomRatings(t)}, Etag: randomEtag(t),
	}
}

func randomRatings(t *rapid.T) *pb.Ratings {
	rating := rapid.Int32Range(1, 5)
	return &pb.Ratings{
		Trust: rating.Draw(t, "trust"), Communication: rating.Draw(t, "communication"), Fairness: rating.Draw(t, "fairness"),
		Focus: rating.Draw(t, "focus"), WouldRenew: rating.Draw(t, "would renew"),
	}
}
