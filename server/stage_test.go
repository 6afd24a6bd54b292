package server_test

import (
	"slices"
	"strconv"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The cast: acme supplies globex, initech has nothing to do with them, hooli is unknown to all but the operator.
const acme, globex, initech, hooli = "acme", "globex", "initech", "hooli"

// Roles by short names.
const (
	viewer      = pb.Role_ROLE_VIEWER
	contributor = pb.Role_ROLE_CONTRIBUTOR
	signatory   = pb.Role_ROLE_SIGNATORY
	auditor     = pb.Role_ROLE_AUDITOR
	service     = pb.Role_ROLE_SERVICE
	operator    = pb.Role_ROLE_OPERATOR
	feed        = pb.Role_ROLE_FEED
	vendor      = pb.Side_SIDE_VENDOR
	client      = pb.Side_SIDE_CLIENT
)

// stage is a server on which every RPC has something to act on:
//
//	running   in force; acme owes reports and desks, globex owes payments; mail is breached, rent is being
//	          cured; repair waits for its condition
//	level     began last month, whose calls are counted now; how both sides feel is asked, and acme's hope observed
//	paused    suspended by acme's right
//	broken    in force; globex is in default of what is material
//	offered   acme's text is on the table, globex is to answer
//	asked     globex's text is on the table, acme is to answer
//	draft     acme's draft, complete
//	judged    in force between others; acme is its neutral, and a roof is disputed
type stage struct {
	*servertest.Server
	operator, acme, globex, initech servertest.Caller // signatories but for the operator
	auditor                         servertest.Caller // of everything
	logKey                          string            // of two that sign the log
}

func oneOff(id string, obligor pb.Side, day string) *pb.CommitmentTerms {
	return &pb.CommitmentTerms{
		CommitmentId: id, Obligor: obligor, Title: "What " + id + " says", Category: pb.Category_CATEGORY_DELIVERY, Weight: 3,
		Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: day}},
	}
}

func recurring(id string, obligor pb.Side, rule string) *pb.CommitmentTerms {
	c := oneOff(id, obligor, "")
	c.Schedule = &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: rule, Roll: pb.DayRoll_DAY_ROLL_FOLLOWING}}
	return c
}

func conditional(id string, obligor pb.Side, condition string) *pb.CommitmentTerms {
	c := oneOff(id, obligor, "")
	c.Schedule = &pb.CommitmentTerms_Conditional{Conditional: &pb.Conditional{Condition: condition, Within: &pb.After{BusinessDays: 3}}}
	return c
}

func measured(id string, obligor pb.Side, measure string) *pb.CommitmentTerms {
	c := oneOff(id, obligor, "")
	c.Schedule = &pb.CommitmentTerms_Measured{Measured: &pb.Measured{
		Measure: measure, Unit: "%", Comparator: pb.Comparator_COMPARATOR_AT_LEAST, Objective: "99.5", Window: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_MONTH},
	}}
	return c
}

// text is a text that both sides could agree on. It begins on the day the clock stands at first.
func text(title string, promises ...*pb.CommitmentTerms) *pb.Terms {
	return &pb.Terms{
		Title: title, StatementOfIntent: "Both do well by it.", GuidingPrinciples: []string{"Say it early."},
		Calendar: &pb.Calendar{TimeZone: "Europe/Lisbon", Holidays: []string{"2026-04-03"}}, EffectiveDate: "2026-01-05", EndDate: "2026-12-31",
		NoticeDays: 30, Commitments: promises,
	}
}

func setStage(t *testing.T, o servertest.Options) *stage {
	t.Helper()
	if o.Clock == nil {
		o.Clock = servertest.NewClock(servertest.Morning.AddDate(0, 0, -14)) // what takes time comes first; see argue
	}
	s := &stage{Server: servertest.Start(t, o)}
	s.operator = s.Operator
	for _, party := range []string{acme, globex, initech, hooli} {
		s.Party(t, party)
	}
	s.acme, s.globex, s.initech = s.Member(t, signatory, acme), s.Member(t, signatory, globex), s.Member(t, signatory, initech)
	s.auditor = s.Key(t, &pb.Principal{Role: auditor})
	g := s.GRPC()
	g.Must(t, s.operator, &pb.CreateApiKeyRequest{
		ApiKeyId: "key_spare", ApiKey: &pb.ApiKey{DisplayName: "spare", Principal: &pb.Principal{Role: operator}},
	})
	g.Must(t, s.acme, &pb.CreateFeedRequest{FeedId: "feed_spare", Feed: &pb.Feed{DisplayName: "Spare"}})
	s.argue(t)
	running := text("Help desk", recurring("report", vendor, "FREQ=WEEKLY;BYDAY=FR"),
		oneOff("desk", vendor, "2026-01-12"), oneOff("pay", client, "2026-01-12"), oneOff("bill", client, "2026-01-13"),
		oneOff("mail", vendor, "2026-01-13"), oneOff("rent", client, "2026-01-12"), conditional("repair", vendor, "A desk breaks."))
	running.Commitments[1].Prerequisites = []string{"rent"}
	running.SuspensionRights = []*pb.SuspensionRight{{RightId: "flood", Side: vendor, Ground: "The office is under water."}}
	for _, id := range []string{"running", "paused"} {
		s.propose(t, s.acme, id, "first", running)
		s.accept(t, s.globex, id, "first")
	}
	level := text("Level", measured("calls", vendor, "calls that were taken"))
	level.EffectiveDate = "2025-12-01"
	level.Objectives = []*pb.ObjectiveTerms{{ObjectiveId: "peace", Side: vendor, Title: "Calm evenings", Measure: "Calls after six", Baseline: "20", Target: "5", ByDate: "2026-12-31", Weight: 3}}
	s.propose(t, s.acme, "level", "first", level)
	s.accept(t, s.globex, "level", "first")
	cups := oneOff("cups", client, "2026-01-12")
	cups.Material, cups.NotCurable = true, true
	s.propose(t, s.acme, "broken", "first", text("Broken", cups))
	s.accept(t, s.globex, "broken", "first")
	s.propose(t, s.acme, "offered", "offer", text("Offered", oneOff("chair", vendor, "2026-02-02")))
	asked := text("Asked", oneOff("lamp", vendor, "2026-02-02"))
	asked.EffectiveDate = "2026-02-01" // not yet: the clock leaves it alone once it is accepted
	s.propose(t, s.globex, "asked", "ask", asked)
	s.draft(t, s.acme, "draft", text("Draft", oneOff("sofa", vendor, "2026-02-02")))
	s.Settle(t) // what is due comes up
	g.Must(t, s.globex, &pb.SubmitObligationRequest{AgreementId: "running", ObligationId: "bill-1", Note: "Paid."})
	g.Must(t, s.acme, &pb.AdmitObligationRequest{AgreementId: "running", ObligationId: "mail-1", Reason: "The line is down."})
	g.Must(t, s.globex, &pb.AdmitObligationRequest{AgreementId: "running", ObligationId: "rent-1", Reason: "The bank is closed."})
	g.Must(t, s.globex, &pb.CureObligationRequest{AgreementId: "running", ObligationId: "rent-1", Cause: "A holiday.", Effect: "No rent.", Fix: "Cash.", Prevention: "Two banks.", CureDate: "2026-01-20"})
	g.Must(t, s.globex, &pb.AdmitObligationRequest{AgreementId: "broken", ObligationId: "cups-1", Reason: "They fell."})
	g.Must(t, s.acme, &pb.SuspendAgreementRequest{AgreementId: "paused", RightId: "flood", Reason: "The office is wet."})
	g.Must(t, s.globex, &pb.RequestPulseRequest{AgreementId: "level", PulseRoundId: "winter"})
	for _, id := range []string{"may", "june"} {
		g.Must(t, s.globex, &pb.RecordObservationRequest{AgreementId: "level", ObjectiveId: "peace", ObservationId: id, Value: "7.5", ObservedDate: "2026-01-02", Note: "Counted."})
	}
	s.judge(t)
	s.review(t)
	s.logKey = g.Must(t, s.operator, &pb.AddLogKeyRequest{}).(*pb.Log).GetKeys()[0].GetLogKeyId()
	s.Seal(t)
	return s
}

// judge puts an agreement on the stage that acme is the neutral of, and a dispute into it.
func (s *stage) judge(t *testing.T) {
	t.Helper()
	const umbra = "umbra"
	s.Party(t, umbra)
	other, g := s.Member(t, signatory, umbra), s.GRPC()
	terms := text("Judged", oneOff("roof", vendor, "2026-01-12"))
	terms.NeutralPartyId = acme
	g.Must(t, other, &pb.CreateAgreementRequest{
		AgreementId: "judged", Agreement: &pb.Agreement{VendorPartyId: umbra, ClientPartyId: globex, DraftTerms: terms},
	})
	g.Must(t, other, &pb.CreateProposalRequest{AgreementId: "judged", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	s.accept(t, s.globex, "judged", "first")
	s.Settle(t)
	g.Must(t, s.globex, &pb.DisputeObligationRequest{AgreementId: "judged", ObligationId: "roof-1", Ground: pb.DisputeGround_DISPUTE_GROUND_PERFORMANCE, Reason: "It leaks."})
}

func (s *stage) draft(t *testing.T, who servertest.Caller, id string, terms *pb.Terms) {
	t.Helper()
	s.GRPC().Must(t, who, &pb.CreateAgreementRequest{
		AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex, DraftTerms: terms},
	})
}

func (s *stage) propose(t *testing.T, who servertest.Caller, id, proposal string, terms *pb.Terms) {
	t.Helper()
	s.draft(t, who, id, terms)
	s.GRPC().Must(t, who, &pb.CreateProposalRequest{AgreementId: id, ProposalId: proposal, Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
}

func (s *stage) accept(t *testing.T, who servertest.Caller, id, proposal string) {
	t.Helper()
	p := s.GRPC().Must(t, who, &pb.GetProposalRequest{AgreementId: id, ProposalId: proposal}).(*pb.Proposal)
	s.GRPC().Must(t, who, &pb.AcceptProposalRequest{AgreementId: id, ProposalId: proposal, Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest()})
}

// ready is a request for every RPC that succeeds once on the stage, made by acme's signatory, or by the operator or
// the auditor where only that may.
func (s *stage) ready(t *testing.T) []proto.Message {
	t.Helper()
	ask := s.GRPC().Must(t, s.acme, &pb.GetProposalRequest{AgreementId: "asked", ProposalId: "ask"}).(*pb.Proposal)
	evidence := []*pb.Evidence{{Title: "Photo", Uri: "https://example.com/photo.jpg", MediaType: "image/jpeg"}}
	all := []proto.Message{
		&pb.CreatePartyRequest{PartyId: "umbrella", Party: &pb.Party{DisplayName: "Umbrella"}},
		&pb.GetPartyRequest{PartyId: globex},
		&pb.ListPartiesRequest{},
		&pb.UpdatePartyRequest{PartyId: hooli, Party: &pb.Party{DisplayName: "Hooli XYZ"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}},
		&pb.CreateApiKeyRequest{ApiKeyId: "key_new", ApiKey: &pb.ApiKey{DisplayName: "New", Principal: &pb.Principal{Role: viewer, PartyId: acme}}},
		&pb.GetApiKeyRequest{ApiKeyId: "key_spare"},
		&pb.ListApiKeysRequest{PartyId: acme},
		&pb.RevokeApiKeyRequest{ApiKeyId: "key_spare"},
		&pb.ErasePrivateDataRequest{AgreementId: "running", Versions: []uint64{2, 1}, Basis: "Article 17, request 7"},
		&pb.GetCallerRequest{},
		&pb.CreateAgreementRequest{AgreementId: "next", Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex, DraftTerms: text("Next")}},
		&pb.GetAgreementRequest{AgreementId: "running"},
		&pb.ListAgreementsRequest{State: pb.AgreementState_AGREEMENT_STATE_ACTIVE},
		&pb.UpdateAgreementRequest{AgreementId: "draft", Agreement: &pb.Agreement{DraftTerms: &pb.Terms{Title: "Better"}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms.title"}}},
		&pb.GetRevisionRequest{AgreementId: "running", Revision: 1},
		&pb.ListRevisionsRequest{AgreementId: "running"},
		&pb.CreateProposalRequest{AgreementId: "draft", ProposalId: "new", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Note: "Read it."},
		&pb.GetProposalRequest{AgreementId: "running", ProposalId: "first"},
		&pb.ListProposalsRequest{AgreementId: "running"},
		&pb.GetProposalRevisionRequest{AgreementId: "running", ProposalId: "first", Revision: 1},
		&pb.CounterProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 1, Terms: text("Countered"), Note: "Less."},
		&pb.AcceptProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 1, TermsDigest: ask.GetTermsDigest()},
		&pb.DeclineProposalRequest{AgreementId: "asked", ProposalId: "ask", Reason: "Too dark."},
		&pb.WithdrawProposalRequest{AgreementId: "offered", ProposalId: "offer", Reason: "Sold."},
		&pb.GetCommitmentRequest{AgreementId: "running", CommitmentId: "report"},
		&pb.ListCommitmentsRequest{AgreementId: "running", Obligor: vendor},
		&pb.GetObligationRequest{AgreementId: "running", ObligationId: "desk-1"},
		&pb.ListObligationsRequest{AgreementId: "running", State: pb.ObligationState_OBLIGATION_STATE_DUE, DueFrom: "2026-01-01", DueBefore: "2027-01-01"},
		&pb.SubmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Evidence: evidence, Note: "Stands."},
		&pb.AcceptObligationRequest{AgreementId: "running", ObligationId: "bill-1", Note: "Thanks."},
		&pb.ReturnObligationRequest{AgreementId: "running", ObligationId: "bill-1", Reason: "Half is missing."},
		&pb.AcknowledgeObligationRequest{AgreementId: "running", ObligationId: "pay-1", Note: "Got it."},
		&pb.WaiveObligationRequest{AgreementId: "running", ObligationId: "pay-1", Reason: "Our gift."},
		&pb.AdmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Reason: "The truck broke."},
		&pb.ListEventsRequest{AgreementId: "running"}, &pb.GetEventRequest{AgreementId: "running", Version: 1}, &pb.WatchEventsRequest{AgreementId: "running"},
		&pb.GiveNoticeRequest{AgreementId: "running", EndDate: "2026-06-30", Reason: "We move."},
		&pb.SuspendAgreementRequest{AgreementId: "running", RightId: "flood", Reason: "The office is wet."},
		&pb.ResumeAgreementRequest{AgreementId: "paused", Reason: "It is dry again."},
		&pb.TerminateAgreementRequest{AgreementId: "broken", ObligationId: "cups-1", Reason: "They are in shards."},
		&pb.ImportAgreementRequest{Row: 1, AgreementId: "imported", VendorPartyId: acme, ClientPartyId: globex, Terms: text("Imported")},
		&pb.TriggerObligationRequest{AgreementId: "running", ObligationId: "repair-1", Title: "A leg broke", OccurredDate: "2026-01-05", Evidence: evidence},
		&pb.MeasureObligationRequest{AgreementId: "level", ObligationId: "calls-1", Value: "99.85", Evidence: evidence},
		&pb.CureObligationRequest{AgreementId: "running", ObligationId: "mail-1", Cause: "A truck.", Effect: "No desk.", Fix: "A desk.", Prevention: "Two trucks.", CureDate: "2026-01-20"},
		&pb.ObjectObligationRequest{AgreementId: "running", ObligationId: "rent-1", Interest: "We must pay wages by then."},
		&pb.ExtendObligationRequest{AgreementId: "running", ObligationId: "pay-1", DueDate: "2026-01-20", Reason: "The bank is closed."},
		&pb.ExcuseObligationRequest{AgreementId: "running", ObligationId: "pay-1", Reason: "A flood."},
		&pb.NotifyObligationRequest{AgreementId: "running", ObligationId: "desk-1", PrerequisiteObligationId: "rent-1", Note: "We wait."},
		&pb.DisputeObligationRequest{AgreementId: "running", ObligationId: "desk-1", Ground: pb.DisputeGround_DISPUTE_GROUND_DUE, Reason: "It was due later."},
		&pb.DetermineObligationRequest{AgreementId: "judged", ObligationId: "roof-1", Settlement: &pb.Settlement{
			Outcome: pb.SettlementOutcome_SETTLEMENT_OUTCOME_FULFILLED, Reason: "It stands.",
		}},
		&pb.CreateFeedRequest{FeedId: "feed_new", Feed: &pb.Feed{DisplayName: "Telephone"}},
		&pb.GetFeedRequest{FeedId: "feed_spare"},
		&pb.ListFeedsRequest{},
		&pb.RevokeFeedRequest{FeedId: "feed_spare"},
		&pb.GetCalendarRequest{AgreementId: "running"},
	}
	return slices.Concat(all, readyOfTheScores(), s.readyOfConcerns(), s.readyOfReviews(t), readyOfFeelings(), s.readyOfTheLog())
}

// readyOfTheScores is the requests of ready that are about how both sides do.
func readyOfTheScores() []proto.Message {
	return []proto.Message{
		&pb.GetScorecardRequest{AgreementId: "running"},
		&pb.GetPartyScorecardRequest{PartyId: globex},
		&pb.ExplainFigureRequest{AgreementId: "running", Side: vendor, FigureId: pb.FigureId_FIGURE_ID_KEPT},
		&pb.GetPortfolioRequest{PartyId: acme},
		&pb.ListPortfolioRequest{PartyId: acme},
		&pb.GetScorecardPictureRequest{AgreementId: "running"},
		&pb.GetOutlookRequest{AgreementId: "running"},
	}
}

// readyOfFeelings is the requests of ready that are about the pulse and what both sides hope for.
func readyOfFeelings() []proto.Message {
	fair := func() *pb.Ratings {
		return &pb.Ratings{Trust: 4, Communication: 3, Fairness: 5, Focus: 1, WouldRenew: 4}
	}
	return []proto.Message{
		&pb.RequestPulseRequest{AgreementId: "running", PulseRoundId: "asked"},
		&pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: &pb.PulseView{OfOther: fair(), OfSelf: fair(), Comment: "Kind.", ImproveSelf: "Ask.", ImproveOther: "Tell."}},
		&pb.GetPulseRoundRequest{AgreementId: "level", PulseRoundId: "winter"},
		&pb.ListPulseRoundsRequest{AgreementId: "level", State: pb.PulseRoundState_PULSE_ROUND_STATE_OPEN},
		&pb.ListPulseAnswersRequest{AgreementId: "level", PulseRoundId: "winter"},
		&pb.GetObjectiveRequest{AgreementId: "level", ObjectiveId: "peace"},
		&pb.ListObjectivesRequest{AgreementId: "level", Side: vendor, State: pb.ObjectiveState_OBJECTIVE_STATE_IN_FORCE},
		&pb.RecordObservationRequest{AgreementId: "level", ObjectiveId: "peace", ObservationId: "july", Value: "6", ObservedDate: "2026-01-03", Note: "Counted.",
			Evidence: []*pb.Evidence{{Title: "Photo", Uri: "https://example.com/photo.jpg", MediaType: "image/jpeg"}}},
		&pb.ConfirmObservationRequest{AgreementId: "level", ObservationId: "may"},
		&pb.ReturnObservationRequest{AgreementId: "level", ObservationId: "june", Reason: "Half were not."},
		&pb.GetObservationRequest{AgreementId: "level", ObservationId: "may"},
		&pb.ListObservationsRequest{AgreementId: "level", ObjectiveId: "peace", State: pb.ObservationState_OBSERVATION_STATE_PENDING},
	}
}

// readyOfTheLog is the requests of ready that are about the log.
func (s *stage) readyOfTheLog() []proto.Message {
	return []proto.Message{
		&pb.GetCheckpointRequest{},
		&pb.GetInclusionProofRequest{AgreementId: "running", Version: 1},
		&pb.GetConsistencyProofRequest{OldSize: 1},
		&pb.ExportAuditRequest{AgreementId: "running"},
		&pb.ListCheckpointsRequest{},
		&pb.GetLogPolicyRequest{},
		&pb.GetTileRequest{Width: 1},
		&pb.GetEntryBundleRequest{Width: 1},
		&pb.AddLogKeyRequest{},
		&pb.RetireLogKeyRequest{LogKeyId: s.logKey},
	}
}

// maker is who makes the ready request of an RPC.
func (s *stage) maker(rpc servertest.RPC) servertest.Caller {
	if len(rpc.Allow) == 1 && rpc.Allow[0] == operator {
		return s.operator
	}
	if len(rpc.Allow) == 1 && rpc.Allow[0] == auditor {
		return s.auditor
	}
	return s.acme
}

// set sets a field of a request, where it has one, and says whether it has.
func set(req proto.Message, field string, value any) bool {
	m := req.ProtoReflect()
	f := m.Descriptor().Fields().ByTextName(field)
	if f == nil {
		return false
	}
	m.Set(f, valueOf(value))
	return true
}

// A request for every RPC stands ready, and every one of them succeeds over both faces.
func TestEveryCallSucceeds(t *testing.T) {
	s := setStage(t, servertest.Options{})
	ready := s.ready(t)
	if len(ready) != len(servertest.RPCs()) {
		t.Errorf("%d requests stand ready for %d RPCs", len(ready), len(servertest.RPCs()))
	}
	before := s.Written(t)
	for _, req := range ready {
		rpc := servertest.RPCOf(t, req)
		set(req, "validate_only", true)
		for _, face := range s.Faces() {
			if !face.Offers(rpc) {
				continue
			}
			if _, refusal := face.Call(t, s.maker(rpc), req); refusal != nil {
				t.Errorf("%s over %s: %v", rpc.Name(), face.Name(), refusal)
			}
		}
	}
	if after := s.Written(t); after != before+1 {
		t.Errorf("calls that only check wrote %d events", after-before-1)
	}
}

// mask is a mask of many paths that do not exist.
func mask(paths int) *fieldmaskpb.FieldMask {
	m := &fieldmaskpb.FieldMask{}
	for i := range paths {
		m.Paths = append(m.Paths, "nothing."+strconv.Itoa(i))
	}
	return m
}

// requestOf is an empty request of an RPC.
func requestOf(t *testing.T, rpc servertest.RPC) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(rpc.Input().FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}
