package server_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// refusalCase is a call that a rule refuses.
type refusalCase struct {
	name   string
	who    servertest.Caller
	req    proto.Message
	reason string
}

func try(t *testing.T, s *stage, cases []refusalCase) {
	t.Helper()
	before := s.Written(t)
	for _, c := range cases {
		for _, face := range s.Faces() {
			what := face.Name() + ": " + c.name
			_, refusal := face.Call(t, c.who, c.req)
			if !refused(t, what, refusal, c.reason) {
				continue
			}
			switch c.reason {
			case "WRONG_SIDE", "WRONG_STATE", "NOT_YOUR_TURN", "DIGEST_MISMATCH":
				if _, creates := c.req.(*pb.CreateAgreementRequest); !creates && len(refusal.Preconditions) == 0 {
					t.Errorf("%s: does not say which rule refused: %v", what, refusal)
				}
			}
		}
	}
	if after := s.Written(t); after != before+1 {
		t.Errorf("%d events were written", after-before-1)
	}
}

func TestTheWrongSideIsRefused(t *testing.T) {
	s := setStage(t, servertest.Options{})
	const id = "running"
	note := "Me too."
	try(t, s, []refusalCase{
		{"the beneficiary submits", s.globex, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: "desk-1", Note: note}, "WRONG_SIDE"},
		{"the beneficiary admits", s.globex, &pb.AdmitObligationRequest{AgreementId: id, ObligationId: "desk-1", Reason: note}, "WRONG_SIDE"},
		{"the obligor accepts", s.globex, &pb.AcceptObligationRequest{AgreementId: id, ObligationId: "bill-1"}, "WRONG_SIDE"},
		{"the obligor returns", s.globex, &pb.ReturnObligationRequest{AgreementId: id, ObligationId: "bill-1", Reason: note}, "WRONG_SIDE"},
		{"the obligor acknowledges", s.globex, &pb.AcknowledgeObligationRequest{AgreementId: id, ObligationId: "pay-1"}, "WRONG_SIDE"},
		{"the obligor waives", s.globex, &pb.WaiveObligationRequest{AgreementId: id, ObligationId: "pay-1", Reason: note}, "WRONG_SIDE"},
		{"the beneficiary submits what is submitted", s.acme, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: "bill-1", Note: note}, "WRONG_SIDE"},
		{"the proposer accepts", s.acme, &pb.AcceptProposalRequest{AgreementId: "offered", ProposalId: "offer", Revision: 1, TermsDigest: strings.Repeat("0", 64)}, "NOT_YOUR_TURN"},
		{"the proposer counters", s.acme, &pb.CounterProposalRequest{AgreementId: "offered", ProposalId: "offer", Revision: 1, Terms: text("x")}, "NOT_YOUR_TURN"},
		{"the proposer declines", s.acme, &pb.DeclineProposalRequest{AgreementId: "offered", ProposalId: "offer", Reason: note}, "NOT_YOUR_TURN"},
		{"the other side withdraws", s.acme, &pb.WithdrawProposalRequest{AgreementId: "asked", ProposalId: "ask"}, "NOT_YOUR_TURN"},
		{"a stranger drafts", s.initech, &pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex}}, "WRONG_SIDE"},
	})
}

func TestTheWrongStateIsRefused(t *testing.T) {
	s := setStage(t, servertest.Options{})
	const id = "running"
	digest := strings.Repeat("0", 64)
	first := pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS
	try(t, s, []refusalCase{
		{"submit what is not due yet", s.acme, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: "report-3", Note: "Early."}, "WRONG_STATE"},
		{"accept what was not submitted", s.acme, &pb.AcceptObligationRequest{AgreementId: id, ObligationId: "pay-1"}, "WRONG_STATE"},
		{"return what was not submitted", s.acme, &pb.ReturnObligationRequest{AgreementId: id, ObligationId: "pay-1", Reason: "x"}, "WRONG_STATE"},
		{"acknowledge what was submitted", s.acme, &pb.AcknowledgeObligationRequest{AgreementId: id, ObligationId: "bill-1"}, "WRONG_STATE"},
		{"admit what was submitted", s.globex, &pb.AdmitObligationRequest{AgreementId: id, ObligationId: "bill-1", Reason: "x"}, "WRONG_STATE"},
		{"submit twice", s.globex, &pb.SubmitObligationRequest{AgreementId: id, ObligationId: "bill-1", Note: "x"}, "WRONG_STATE"},
		{"judge another submission", s.acme, &pb.AcceptObligationRequest{AgreementId: id, ObligationId: "bill-1", Submission: 7}, "WRONG_STATE"},
		{"rewrite what is in force", s.acme, &pb.UpdateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{DraftTerms: text("x")}}, "WRONG_STATE"},
		{"propose what is in force", s.acme, &pb.CreateProposalRequest{AgreementId: id, Kind: first}, "WRONG_STATE"},
		{"accept what took effect", s.globex, &pb.AcceptProposalRequest{AgreementId: id, ProposalId: "first", Revision: 1, TermsDigest: digest}, "WRONG_STATE"},
		{"accept another digest", s.acme, &pb.AcceptProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 1, TermsDigest: digest}, "DIGEST_MISMATCH"},
		{"accept another revision", s.acme, &pb.AcceptProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 2, TermsDigest: digest}, "DIGEST_MISMATCH"},
		{"counter another revision", s.acme, &pb.CounterProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 9, Terms: text("x")}, "DIGEST_MISMATCH"},
		{"an amendment", s.acme, &pb.CreateProposalRequest{AgreementId: "draft", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT}, "WRONG_STATE"},
		{"a party's id twice", s.operator, &pb.CreatePartyRequest{PartyId: acme, Party: &pb.Party{DisplayName: "x"}}, "ALREADY_EXISTS"},
		{"a key's id twice", s.operator, &pb.CreateApiKeyRequest{ApiKeyId: "key_spare", ApiKey: &pb.ApiKey{DisplayName: "x", Principal: &pb.Principal{Role: operator}}}, "ALREADY_EXISTS"},
		{"an agreement's id twice", s.acme, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex}}, "ALREADY_EXISTS"},
	})
}

func TestFieldsThatContradictAreRefused(t *testing.T) {
	s := setStage(t, servertest.Options{})
	tomorrow := timestamppb.New(servertest.Morning.Add(24 * time.Hour))
	try(t, s, []refusalCase{
		{"a submission of nothing", s.acme, &pb.SubmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Note: " "}, "INVALID_FIELDS"},
		{"evidence without a place", s.acme, &pb.SubmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Evidence: []*pb.Evidence{{Title: "x", Uri: "not a uri"}}}, "INVALID_FIELDS"},
		{"received tomorrow", s.acme, &pb.AcknowledgeObligationRequest{AgreementId: "running", ObligationId: "pay-1", ReceivedTime: tomorrow}, "INVALID_FIELDS"},
		{"a day that does not exist", s.acme, &pb.ListObligationsRequest{AgreementId: "running", DueFrom: "2026-02-31", DueBefore: "2026-13-01"}, "INVALID_FIELDS"},
		{"an agreement with oneself", s.acme, &pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: acme}}, "INVALID_FIELDS"},
		{"parties that do not exist", s.acme, &pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: "no-one", ClientPartyId: "nobody"}}, "INVALID_FIELDS"},
		{"a key for no party", s.operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "x", Principal: &pb.Principal{Role: viewer}}}, "INVALID_FIELDS"},
		{"an operator with a party", s.operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "x", Principal: &pb.Principal{Role: operator, PartyId: acme}}}, "INVALID_FIELDS"},
		{"a service for nobody", s.operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "x", Principal: &pb.Principal{Role: service}}}, "INVALID_FIELDS"},
		{"a counter that ends before it begins", s.acme, &pb.CounterProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 1,
			Terms: &pb.Terms{Title: "x", Calendar: &pb.Calendar{TimeZone: "Mars/Olympus"}, EffectiveDate: "2026-02-01", EndDate: "2026-01-01"}}, "INVALID_FIELDS"},
	})
}
