package server_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// argue puts an agreement on the stage that the sides have talked about for two weeks: a concern in every state that a verb
// needs.
func (s *stage) argue(t *testing.T) {
	t.Helper()
	g, day := s.GRPC(), proto.Int32(1)
	terms := text("Argued", oneOff("wall", vendor, "2026-01-12"))
	terms.EffectiveDate = "2025-12-20"
	terms.Concerns = &pb.ConcernTerms{EscalationBusinessDays: day, Contacts: []*pb.EscalationContact{{Level: 3, DisplayName: "Mia"}}}
	s.propose(t, s.acme, "argued", "first", terms)
	s.accept(t, s.globex, "argued", "first")
	raise := func(id string, kind pb.ConcernKind, heard bool) {
		g.Must(t, s.globex, &pb.RaiseConcernRequest{AgreementId: "argued", ConcernId: id, Kind: kind, Title: "About " + id})
		if heard {
			g.Must(t, s.acme, &pb.AcknowledgeConcernRequest{AgreementId: "argued", ConcernId: id})
		}
	}
	contest := func(id string) {
		raise(id, breachConcern, true)
		g.Must(t, s.acme, &pb.ContestConcernRequest{AgreementId: "argued", ConcernId: id, Reason: "It is not so."})
	}
	contest("high")
	for range 3 {
		g.Must(t, s.globex, &pb.EscalateConcernRequest{AgreementId: "argued", ConcernId: "high", Reason: "It is."})
		s.Advance(t, s.Clock.Now().AddDate(0, 0, 4))
	}
	s.Advance(t, servertest.Morning)
	raise("tone", pb.ConcernKind_CONCERN_KIND_FEEDBACK, false)
	raise("new", breachConcern, false)
	raise("heard", breachConcern, true)
	raise("denied", breachConcern, true)
	contest("contested")
	contest("loud")
	for _, id := range []string{"proposed", "refused", "fixed"} {
		raise(id, breachConcern, true)
		g.Must(t, s.globex, &pb.ProposeRemedyRequest{AgreementId: "argued", ConcernId: id, Text: "Paint it."})
	}
	g.Must(t, s.acme, &pb.AcceptRemedyRequest{AgreementId: "argued", ConcernId: "fixed"})
	g.Must(t, s.acme, &pb.RaiseConcernRequest{AgreementId: "argued", ConcernId: "ours", Kind: breachConcern, Title: "About ours"})
}

const breachConcern = pb.ConcernKind_CONCERN_KIND_BREACH_CONCERN

// readyOfConcerns is the requests of ready that are about concerns.
func (s *stage) readyOfConcerns() []proto.Message {
	evidence := []*pb.Evidence{{Title: "Photo", Uri: "https://example.com/photo.jpg", MediaType: "image/jpeg"}}
	return []proto.Message{
		&pb.RaiseConcernRequest{AgreementId: "argued", ConcernId: "ill", Kind: pb.ConcernKind_CONCERN_KIND_EARLY_WARNING, Title: "We are ill", Text: "Both of us.",
			About: vendor, CommitmentId: "wall", ObligationIds: []string{"wall-1"}, Evidence: evidence},
		&pb.GetConcernRequest{AgreementId: "argued", ConcernId: "high"},
		&pb.ListConcernsRequest{AgreementId: "argued", State: pb.ConcernState_CONCERN_STATE_OPEN, Kind: breachConcern, RaisedBy: client},
		&pb.AcknowledgeConcernRequest{AgreementId: "argued", ConcernId: "new", Note: "We see."},
		&pb.ReplyConcernRequest{AgreementId: "argued", ConcernId: "tone", Reply: "We whisper from now on.", Taken: true},
		&pb.AdmitConcernRequest{AgreementId: "argued", ConcernId: "heard", Note: "It is so."},
		&pb.ContestConcernRequest{AgreementId: "argued", ConcernId: "denied", Reason: "It is not so.", Evidence: evidence},
		&pb.ProposeRemedyRequest{AgreementId: "argued", ConcernId: "contested", Text: "Paint it.", DueDate: "2026-01-20"},
		&pb.AcceptRemedyRequest{AgreementId: "argued", ConcernId: "proposed", Note: "In white."},
		&pb.RejectRemedyRequest{AgreementId: "argued", ConcernId: "refused", Reason: "Not again."},
		&pb.EscalateConcernRequest{AgreementId: "argued", ConcernId: "loud", Reason: "Ask the owners."},
		&pb.DetermineConcernRequest{AgreementId: "argued", ConcernId: "high", Outcome: pb.ConcernOutcome_CONCERN_OUTCOME_UPHELD, Reason: "It was so."},
		&pb.WithdrawConcernRequest{AgreementId: "argued", ConcernId: "ours", Reason: "It was ours."},
		&pb.ReopenConcernRequest{AgreementId: "argued", ConcernId: "fixed", Reason: "It peels off."},
	}
}
