package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was (-update if it should not be):\n%s", name, got)
	}
}

// office answers with fixed things, and keeps what it was asked.
type office struct {
	pb.UnimplementedAgreementServiceServer
	pb.UnimplementedCommitmentServiceServer
	pb.UnimplementedObligationServiceServer
	pb.UnimplementedConcernServiceServer
	pb.UnimplementedPortfolioServiceServer
	pb.UnimplementedProposalServiceServer
	pb.UnimplementedHistoryServiceServer
	pb.UnimplementedAdminServiceServer
	pb.UnimplementedPartyServiceServer
	pb.UnimplementedCalendarServiceServer
	pb.UnimplementedPulseServiceServer
	pb.UnimplementedObjectiveServiceServer
	pb.UnimplementedLogServiceServer
	pb.UnimplementedScorecardServiceServer
	pb.UnimplementedReviewServiceServer
	key      []string
	tampered bool
	motion   *pb.Motion // on the table, instead of a text
	asked    proto.Message
	rows     []string
	called   map[string]proto.Message // the last request of every RPC
}

// watch keeps what is asked, and answers with nothing where the office has no answer.
func (o *office) watch(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if o.called == nil {
		o.called = map[string]proto.Message{}
	}
	o.called[path.Base(info.FullMethod)] = request.(proto.Message)
	answer, err := next(ctx, request)
	if status.Code(err) != codes.Unimplemented {
		return answer, err
	}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(info.FullMethod, "/"), "/", "."))
	rpc, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil, err
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(rpc.(protoreflect.MethodDescriptor).Output().FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

func at(day string) *timestamppb.Timestamp {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return timestamppb.New(t)
}

// text is what the two parties of the tests agree on. Its title tries to play tricks on a terminal.
func text() *pb.Terms {
	return &pb.Terms{
		Title: "Help desk\x1b[2J for Globex", StatementOfIntent: "People get help\nwhen they need it.",
		GuidingPrinciples: []string{"Say it early"}, NoticeDays: 90,
		Calendar:      &pb.Calendar{TimeZone: "Europe/Lisbon", Holidays: []string{"2026-12-25"}},
		EffectiveDate: "2026-01-01", EndDate: "2026-12-31",
		Clocks: &pb.Clocks{LeadDays: new(int32(30))}, Thresholds: &pb.Thresholds{Kept: new(0.9)},
		Commitments: []*pb.CommitmentTerms{
			{CommitmentId: "report", Obligor: pb.Side_SIDE_VENDOR, Title: "Monthly report", Description: "Figures and words.",
				Category: pb.Category_CATEGORY_INFORMATION, Weight: 2, Schedule: &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{
					Rrule: "FREQ=MONTHLY", BusinessDay: -1, OffsetDays: 3, Roll: pb.DayRoll_DAY_ROLL_MODIFIED_FOLLOWING}}},
			{CommitmentId: "desk", Obligor: pb.Side_SIDE_VENDOR, Title: "Desks", Category: pb.Category_CATEGORY_DELIVERY, Weight: 5,
				Clocks:   &pb.Clocks{GraceBusinessDays: new(int32(0))},
				Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-03-31"}}},
		},
	}
}

func (o *office) GetCaller(ctx context.Context, _ *pb.GetCallerRequest) (*pb.Principal, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	o.key = append(o.key, strings.Join(headers.Get("authorization"), ",")+" "+strings.Join(headers.Get("concord-party"), ","))
	return &pb.Principal{PrincipalId: "key_1", Role: pb.Role_ROLE_SIGNATORY, PartyId: "acme"}, nil
}

func (o *office) agreements() []*pb.Agreement {
	return []*pb.Agreement{
		{AgreementId: "help", VendorPartyId: "acme", ClientPartyId: "globex", Title: "Help desk", State: pb.AgreementState_AGREEMENT_STATE_ACTIVE,
			Revision: 1, TermsDigest: strings.Repeat("ab", 32), EffectiveTime: at("2026-01-01"), EndTime: at("2027-01-01"),
			Calendar: &pb.Calendar{TimeZone: "Europe/Lisbon"}, CreateTime: at("2025-12-01"), UpdateTime: at("2025-12-24"), Etag: "7", Author: pb.Side_SIDE_CLIENT},
		{AgreementId: "next", VendorPartyId: "globex", ClientPartyId: "acme", DraftTerms: text(), State: pb.AgreementState_AGREEMENT_STATE_DRAFT},
	}
}

func (o *office) ListAgreements(_ context.Context, r *pb.ListAgreementsRequest) (*pb.ListAgreementsResponse, error) {
	o.asked = r
	if r.GetPageToken() == "" {
		return &pb.ListAgreementsResponse{Agreements: o.agreements()[:1], NextPageToken: "2"}, nil
	}
	return &pb.ListAgreementsResponse{Agreements: o.agreements()[1:]}, nil
}

func (o *office) GetAgreement(_ context.Context, r *pb.GetAgreementRequest) (*pb.Agreement, error) {
	for _, a := range o.agreements() {
		if a.GetAgreementId() == r.GetAgreementId() {
			return a, nil
		}
	}
	s, _ := status.New(codes.NotFound, "There is no agreement "+r.GetAgreementId()+".").WithDetails(
		&errdetails.ErrorInfo{Domain: "concord", Reason: "NOT_FOUND", Metadata: map[string]string{"agreement_id": r.GetAgreementId()}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "agreement_id", Description: "is not known"}}})
	return nil, s.Err()
}

func (o *office) UpdateAgreement(_ context.Context, r *pb.UpdateAgreementRequest) (*pb.Agreement, error) {
	o.asked = r
	return r.GetAgreement(), nil
}

func (o *office) proposal() *pb.Proposal {
	body, digest := body()
	_ = body
	return &pb.Proposal{AgreementId: "next", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, State: pb.ProposalState_PROPOSAL_STATE_OPEN,
		Proposer: pb.Side_SIDE_VENDOR, Turn: pb.Side_SIDE_CLIENT, Revision: 1, TermsDigest: digest, Note: "As discussed", CreateTime: at("2025-12-01"), Etag: "3"}
}

func body() ([]byte, string) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(text())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(body)
	return body, hex.EncodeToString(sum[:])
}

func (o *office) GetProposal(context.Context, *pb.GetProposalRequest) (*pb.Proposal, error) {
	return o.proposal(), nil
}

func (o *office) GetProposalRevision(_ context.Context, r *pb.GetProposalRevisionRequest) (*pb.ProposalRevision, error) {
	body, digest := body()
	answer := &pb.ProposalRevision{AgreementId: "next", ProposalId: "first", Revision: r.GetRevision(), Author: pb.Side_SIDE_VENDOR, Terms: text(), Body: body, TermsDigest: digest}
	if o.motion != nil {
		answer.Terms, answer.Motion = nil, proto.CloneOf(o.motion)
		answer.Body, _ = proto.MarshalOptions{Deterministic: true}.Marshal(o.motion)
		sum := sha256.Sum256(answer.Body)
		answer.TermsDigest = hex.EncodeToString(sum[:])
	}
	if o.tampered && o.motion != nil {
		answer.Motion.Reason = "Another one."
	} else if o.tampered {
		answer.Terms.NoticeDays = 1
	}
	return answer, nil
}

func (o *office) AcceptProposal(_ context.Context, r *pb.AcceptProposalRequest) (*pb.Proposal, error) {
	o.asked = r
	return o.proposal(), nil
}

func (o *office) ListCommitments(context.Context, *pb.ListCommitmentsRequest) (*pb.ListCommitmentsResponse, error) {
	answer := &pb.ListCommitmentsResponse{}
	for _, c := range text().GetCommitments() {
		answer.Commitments = append(answer.Commitments, &pb.Commitment{CommitmentId: c.GetCommitmentId(), Terms: c,
			Obligor: c.GetObligor(), Beneficiary: pb.Side_SIDE_CLIENT, State: pb.CommitmentState_COMMITMENT_STATE_IN_FORCE})
	}
	return answer, nil
}

func (o *office) obligation() *pb.Obligation {
	return &pb.Obligation{AgreementId: "help", ObligationId: "desk-1", CommitmentId: "desk", Ordinal: 1, Title: "Desks",
		Obligor: pb.Side_SIDE_VENDOR, Beneficiary: pb.Side_SIDE_CLIENT, State: pb.ObligationState_OBLIGATION_STATE_SUBMITTED,
		DueDate: "2026-03-31", AgreedDueDate: "2026-03-27", DueTime: at("2026-04-01"), Trace: []*pb.DueStep{
			{Words: "The terms name 2026-03-27."}, {Words: "Obligation pay-1 was late by the client: 2 business days later is 2026-03-31."}}, GraceEndTime: at("2026-04-03"),
		Submission: &pb.Submission{Number: 2, Note: "Here they are", SubmitTime: at("2026-03-30"), Evidence: []*pb.Evidence{
			{Title: "Slip", Uri: "https://files.example/slip.pdf", MediaType: "application/pdf", Sha256: strings.Repeat("0f", 32)}}},
		Return: &pb.Judgement{Side: pb.Side_SIDE_CLIENT, Note: "One is missing", Time: at("2026-03-29")}, Etag: "12"}
}

func (o *office) ListObligations(_ context.Context, r *pb.ListObligationsRequest) (*pb.ListObligationsResponse, error) {
	o.asked = r
	late := &pb.Obligation{ObligationId: "pay-1", Title: "Pay", Obligor: pb.Side_SIDE_CLIENT, Beneficiary: pb.Side_SIDE_VENDOR,
		State: pb.ObligationState_OBLIGATION_STATE_DUE, DueDate: "2026-02-01", Overdue: true}
	return &pb.ListObligationsResponse{Obligations: []*pb.Obligation{late, o.obligation()}}, nil
}

func (o *office) GetObligation(context.Context, *pb.GetObligationRequest) (*pb.Obligation, error) {
	return o.obligation(), nil
}

func (o *office) SubmitObligation(_ context.Context, r *pb.SubmitObligationRequest) (*pb.Obligation, error) {
	o.asked = r
	return o.obligation(), nil
}

func (o *office) ListEvents(context.Context, *pb.ListEventsRequest) (*pb.ListEventsResponse, error) {
	return &pb.ListEventsResponse{Events: []*pb.RecordedEvent{
		{Summary: "The client drafted the agreement.", Event: &pb.Event{Version: 1, RecordTime: at("2025-12-01"),
			Actor: &pb.Actor{PrincipalId: "key_2", PartyId: "globex", Side: pb.Side_SIDE_CLIENT}}},
		{Summary: "The agreement came into force.", Event: &pb.Event{Version: 2, RecordTime: at("2026-01-01"), Actor: &pb.Actor{PrincipalId: "clock"}}},
	}}, nil
}

// shell runs command lines against an office.
type shell struct {
	t    *testing.T
	addr string
	env  map[string]string
	in   string
}

func newShell(t *testing.T, o *office) *shell {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(o.watch))
	pb.RegisterAgreementServiceServer(server, o)
	pb.RegisterCommitmentServiceServer(server, o)
	pb.RegisterObligationServiceServer(server, o)
	pb.RegisterConcernServiceServer(server, o)
	pb.RegisterPortfolioServiceServer(server, o)
	pb.RegisterProposalServiceServer(server, o)
	pb.RegisterHistoryServiceServer(server, o)
	pb.RegisterAdminServiceServer(server, o)
	pb.RegisterPartyServiceServer(server, o)
	pb.RegisterCalendarServiceServer(server, o)
	pb.RegisterPulseServiceServer(server, o)
	pb.RegisterObjectiveServiceServer(server, o)
	pb.RegisterLogServiceServer(server, o)
	pb.RegisterScorecardServiceServer(server, o)
	pb.RegisterReviewServiceServer(server, o)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return &shell{t: t, addr: lis.Addr().String(), env: map[string]string{}}
}

func (sh *shell) run(args ...string) (code int, out, errs string) {
	sh.t.Helper()
	var o, e bytes.Buffer
	s := &session{in: strings.NewReader(sh.in), out: &o, errs: &e, getenv: func(name string) string {
		if name == "CONCORD_ADDR" {
			return sh.addr
		}
		return sh.env[name]
	}}
	code = s.run(sh.t.Context(), args)
	return code, o.String(), e.String()
}

// jsonOf is a message as the API spells it.
func jsonOf(t *testing.T, m proto.Message) string {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
