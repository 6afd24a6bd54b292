package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// verbs is a command line for every RPC, and what it asks. A "@" stands for a file of terms, an underscore for a space.
var verbs = map[string]proto.Message{
	"party create Acme --id acme":   &pb.CreatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme"}},
	"party list":                    &pb.ListPartiesRequest{PageSize: pageSize},
	"party show acme":               &pb.GetPartyRequest{PartyId: "acme"},
	"party rename acme Acme_SA":     &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme SA"}, UpdateMask: mask("display_name")},
	"key create Ann --role auditor": &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Ann", Principal: &pb.Principal{Role: pb.Role_ROLE_AUDITOR}}},
	"key list --for acme":           &pb.ListApiKeysRequest{PartyId: "acme", PageSize: pageSize},
	"key show k":                    &pb.GetApiKeyRequest{ApiKeyId: "k"},
	"key revoke k --etag 3":         &pb.RevokeApiKeyRequest{ApiKeyId: "k", Etag: "3"},
	"whoami":                        &pb.GetCallerRequest{},
	"erase help 7 2-4 --basis x":    &pb.ErasePrivateDataRequest{AgreementId: "help", Versions: []uint64{7, 2, 3, 4}, Basis: "x"},
	"erase --service 1 --basis x":   &pb.ErasePrivateDataRequest{Versions: []uint64{1}, Basis: "x"},

	"agreement draft --vendor acme --client globex -f @": &pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text()}},
	"agreement list --state active":                      &pb.ListAgreementsRequest{State: pb.AgreementState_AGREEMENT_STATE_ACTIVE, PageSize: pageSize, PageToken: "2"},
	"agreement show help":                                &pb.GetAgreementRequest{AgreementId: "help"},
	"agreement edit next -f @":                           &pb.UpdateAgreementRequest{AgreementId: "next", Agreement: &pb.Agreement{DraftTerms: text()}, UpdateMask: mask("draft_terms")},
	"agreement terms help --revision 2":                  nil, // the office has no text to show
	"agreement revisions help":                           &pb.ListRevisionsRequest{AgreementId: "help", PageSize: pageSize},
	"agreement notice help --end 2026-06-30 --reason x":  &pb.GiveNoticeRequest{AgreementId: "help", EndDate: "2026-06-30", Reason: "x"},
	"agreement suspend help --right flood --reason x":    &pb.SuspendAgreementRequest{AgreementId: "help", RightId: "flood", Reason: "x"},
	"agreement resume help --validate-only":              &pb.ResumeAgreementRequest{AgreementId: "help", ValidateOnly: true},
	"agreement terminate help --obligation o --reason x": &pb.TerminateAgreementRequest{AgreementId: "help", ObligationId: "o", Reason: "x"},
	"agreement calendar help":                            &pb.GetCalendarRequest{AgreementId: "help"},
	"portfolio --counts":                                 &pb.GetPortfolioRequest{},
	"portfolio acme --task to-judge --due-before d":      &pb.ListPortfolioRequest{PartyId: "acme", Task: pb.PortfolioTask_PORTFOLIO_TASK_TO_JUDGE, DueBefore: "d", PageSize: pageSize, PageToken: "2"},
	"party calendar acme":                                &pb.GetCalendarRequest{PartyId: "acme"},

	"proposal make help --note x":                        &pb.CreateProposalRequest{AgreementId: "help", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Note: "x"},
	"proposal make help --kind amendment -f @ --id more": &pb.CreateProposalRequest{AgreementId: "help", ProposalId: "more", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: text()},
	"proposal make help --kind renew -f @ --successor s": &pb.CreateProposalRequest{AgreementId: "help", SuccessorAgreementId: "s", Kind: pb.ProposalKind_PROPOSAL_KIND_RENEW, Terms: text()},
	"proposal make help --kind complete":                 &pb.CreateProposalRequest{AgreementId: "help", Kind: pb.ProposalKind_PROPOSAL_KIND_COMPLETE},
	"proposal make help --kind suspend --from 2026-05-01 --reason x --expires 2026-04-30T00:00:00Z": &pb.CreateProposalRequest{
		AgreementId: "help", Kind: pb.ProposalKind_PROPOSAL_KIND_SUSPEND, Motion: &pb.Motion{EffectiveDate: "2026-05-01", Reason: "x"}, ExpireTime: at("2026-04-30")},
	"proposal make help --kind release --obligation a --obligation b": &pb.CreateProposalRequest{
		AgreementId: "help", Kind: pb.ProposalKind_PROPOSAL_KIND_RELEASE, Motion: &pb.Motion{ObligationIds: []string{"a", "b"}}},
	"proposal make help --kind settle-dispute --obligation a --outcome waived --reason x": &pb.CreateProposalRequest{
		AgreementId: "help", Kind: pb.ProposalKind_PROPOSAL_KIND_SETTLE_DISPUTE, Motion: &pb.Motion{
			ObligationIds: []string{"a"}, Settlement: &pb.Settlement{Outcome: pb.SettlementOutcome_SETTLEMENT_OUTCOME_WAIVED, Reason: "x"}}},
	"proposal list next":                      &pb.ListProposalsRequest{AgreementId: "next", PageSize: pageSize},
	"proposal show next first":                &pb.GetProposalRequest{AgreementId: "next", ProposalId: "first"},
	"proposal text next first":                &pb.GetProposalRevisionRequest{AgreementId: "next", ProposalId: "first", Revision: 1},
	"proposal counter n p -f @":               &pb.CounterProposalRequest{AgreementId: "n", ProposalId: "p", Revision: 1, Terms: text()},
	"proposal counter n p --from d":           &pb.CounterProposalRequest{AgreementId: "n", ProposalId: "p", Revision: 1, Motion: &pb.Motion{EffectiveDate: "d"}},
	"proposal accept next first --digest x":   &pb.AcceptProposalRequest{AgreementId: "next", ProposalId: "first", Revision: 1, TermsDigest: "x"},
	"proposal decline next first --reason x":  &pb.DeclineProposalRequest{AgreementId: "next", ProposalId: "first", Reason: "x"},
	"proposal withdraw next first --reason x": &pb.WithdrawProposalRequest{AgreementId: "next", ProposalId: "first", Reason: "x"},

	"commitment list help --obligor vendor":                                              &pb.ListCommitmentsRequest{AgreementId: "help", Obligor: pb.Side_SIDE_VENDOR, PageSize: pageSize},
	"scorecard explain help --figure balance":                                            &pb.ExplainFigureRequest{AgreementId: "help", Side: pb.Side_SIDE_CLIENT, FigureId: pb.FigureId_FIGURE_ID_BALANCE, PageSize: pageSize}, // after the vendor's
	"scorecard explain help --side client --figure kept --from d --to e":                 &pb.ExplainFigureRequest{AgreementId: "help", Side: pb.Side_SIDE_CLIENT, FigureId: pb.FigureId_FIGURE_ID_KEPT, FromDate: "d", ToDate: "e", PageSize: pageSize},
	"scorecard party acme --with globex --from d --to e":                                 &pb.GetPartyScorecardRequest{PartyId: "acme", PartnerPartyId: "globex", FromDate: "d", ToDate: "e"},
	"scorecard show help":                                                                &pb.GetScorecardRequest{AgreementId: "help"},
	"scorecard show help --from 2026-01-01 --to 2026-03-31 --as-of 2026-05-01T00:00:00Z": &pb.GetScorecardRequest{AgreementId: "help", FromDate: "2026-01-01", ToDate: "2026-03-31", AsOf: at("2026-05-01")},
	"scorecard show help -o svg --from d":                                                &pb.GetScorecardPictureRequest{AgreementId: "help", FromDate: "d"},
	"outlook help":                                                                       &pb.GetOutlookRequest{AgreementId: "help"},
	"outlook help --as-of 2026-03-01T00:00:00Z":                                          &pb.GetOutlookRequest{AgreementId: "help", AsOf: at("2026-03-01")},
	"commitment show help desk":                                                          &pb.GetCommitmentRequest{AgreementId: "help", CommitmentId: "desk"},
	"obligation list help --due-from d":                                                  &pb.ListObligationsRequest{AgreementId: "help", DueFrom: "d", PageSize: pageSize},
	"obligation show help desk-1":                                                        &pb.GetObligationRequest{AgreementId: "help", ObligationId: "desk-1"},
	"obligation trigger a o --title x --on d --evidence title=Photo,uri=https://x.example/p": &pb.TriggerObligationRequest{
		AgreementId: "a", ObligationId: "o", Title: "x", OccurredDate: "d", Evidence: []*pb.Evidence{{Title: "Photo", Uri: "https://x.example/p"}}},
	"obligation submit a o --note x":                             &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "o", Note: "x"},
	"obligation accept a o --submission 2":                       &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: "o", Submission: 2},
	"obligation return a o --reason x":                           &pb.ReturnObligationRequest{AgreementId: "a", ObligationId: "o", Reason: "x"},
	"obligation acknowledge a o --received 2026-03-01T00:00:00Z": &pb.AcknowledgeObligationRequest{AgreementId: "a", ObligationId: "o", ReceivedTime: at("2026-03-01")},
	"obligation measure a o --value 99.8 --qualifying 5":         &pb.MeasureObligationRequest{AgreementId: "a", ObligationId: "o", Value: "99.8", QualifyingValue: "5"},
	"obligation admit a o --reason x":                            &pb.AdmitObligationRequest{AgreementId: "a", ObligationId: "o", Reason: "x"},
	"obligation cure a o --cause c --effect e --fix f --prevention p --by d": &pb.CureObligationRequest{
		AgreementId: "a", ObligationId: "o", Cause: "c", Effect: "e", Fix: "f", Prevention: "p", CureDate: "d"},
	"obligation object a o --interest x":       &pb.ObjectObligationRequest{AgreementId: "a", ObligationId: "o", Interest: "x"},
	"obligation excuse a o --reason x":         &pb.ExcuseObligationRequest{AgreementId: "a", ObligationId: "o", Reason: "x"},
	"obligation waive a o --reason x --etag 4": &pb.WaiveObligationRequest{AgreementId: "a", ObligationId: "o", Reason: "x", Etag: "4"},
	"obligation extend a o --to d --reason x":  &pb.ExtendObligationRequest{AgreementId: "a", ObligationId: "o", DueDate: "d", Reason: "x"},
	"obligation notify a o --waits-for p":      &pb.NotifyObligationRequest{AgreementId: "a", ObligationId: "o", PrerequisiteObligationId: "p"},
	"obligation dispute a o --ground measurement --reason x": &pb.DisputeObligationRequest{
		AgreementId: "a", ObligationId: "o", Ground: pb.DisputeGround_DISPUTE_GROUND_MEASUREMENT, Reason: "x"},
	"obligation determine a o --outcome restore --reason x": &pb.DetermineObligationRequest{
		AgreementId: "a", ObligationId: "o", Settlement: &pb.Settlement{Outcome: pb.SettlementOutcome_SETTLEMENT_OUTCOME_RESTORE, Reason: "x"}},

	"objective list help --side vendor": &pb.ListObjectivesRequest{AgreementId: "help", Side: pb.Side_SIDE_VENDOR, PageSize: pageSize},
	"objective show help calls":         &pb.GetObjectiveRequest{AgreementId: "help", ObjectiveId: "calls"},
	"objective observe a o --value 7 --on d --note x --id may --evidence title=Photo": &pb.RecordObservationRequest{
		AgreementId: "a", ObjectiveId: "o", ObservationId: "may", Value: "7", ObservedDate: "d", Note: "x", Evidence: []*pb.Evidence{{Title: "Photo"}}},
	"objective confirm a may --etag 3":           &pb.ConfirmObservationRequest{AgreementId: "a", ObservationId: "may", Etag: "3"},
	"objective return a may --reason x":          &pb.ReturnObservationRequest{AgreementId: "a", ObservationId: "may", Reason: "x"},
	"objective observations a o --state pending": &pb.ListObservationsRequest{AgreementId: "a", ObjectiveId: "o", State: pb.ObservationState_OBSERVATION_STATE_PENDING, PageSize: pageSize},
	"objective observation a may":                &pb.GetObservationRequest{AgreementId: "a", ObservationId: "may"},
	"concern raise a --id late --kind breach-concern --title Late --text x --obligation o --obligation p --evidence title=Photo,uri=https://x.example/p": &pb.RaiseConcernRequest{
		AgreementId: "a", ConcernId: "late", Kind: pb.ConcernKind_CONCERN_KIND_BREACH_CONCERN, Title: "Late", Text: "x", ObligationIds: []string{"o", "p"}, Evidence: []*pb.Evidence{{Title: "Photo", Uri: "https://x.example/p"}}},
	"concern raise a --kind early-warning --title Ill --about vendor --commitment c": &pb.RaiseConcernRequest{
		AgreementId: "a", Kind: pb.ConcernKind_CONCERN_KIND_EARLY_WARNING, Title: "Ill", About: pb.Side_SIDE_VENDOR, CommitmentId: "c"},
	"concern list a --state open --kind feedback --raised-by client --obligation o": &pb.ListConcernsRequest{
		AgreementId: "a", State: pb.ConcernState_CONCERN_STATE_OPEN, Kind: pb.ConcernKind_CONCERN_KIND_FEEDBACK, RaisedBy: pb.Side_SIDE_CLIENT, ObligationId: "o", PageSize: pageSize},
	"concern show a c":                           &pb.GetConcernRequest{AgreementId: "a", ConcernId: "c"},
	"concern acknowledge a c --note x":           &pb.AcknowledgeConcernRequest{AgreementId: "a", ConcernId: "c", Note: "x"},
	"concern reply a c --reply x --taken":        &pb.ReplyConcernRequest{AgreementId: "a", ConcernId: "c", Reply: "x", Taken: true},
	"concern admit a c --note x --etag 7":        &pb.AdmitConcernRequest{AgreementId: "a", ConcernId: "c", Note: "x", Etag: "7"},
	"concern contest a c --reason x":             &pb.ContestConcernRequest{AgreementId: "a", ConcernId: "c", Reason: "x"},
	"concern propose-remedy a c --text x --by d": &pb.ProposeRemedyRequest{AgreementId: "a", ConcernId: "c", Text: "x", DueDate: "d"},
	"concern accept-remedy a c --note x":         &pb.AcceptRemedyRequest{AgreementId: "a", ConcernId: "c", Note: "x"},
	"concern reject-remedy a c --reason x":       &pb.RejectRemedyRequest{AgreementId: "a", ConcernId: "c", Reason: "x"},
	"concern escalate a c --reason x":            &pb.EscalateConcernRequest{AgreementId: "a", ConcernId: "c", Reason: "x"},
	"concern determine a c --outcome upheld --reason x": &pb.DetermineConcernRequest{
		AgreementId: "a", ConcernId: "c", Outcome: pb.ConcernOutcome_CONCERN_OUTCOME_UPHELD, Reason: "x"},
	"concern withdraw a c --reason x":             &pb.WithdrawConcernRequest{AgreementId: "a", ConcernId: "c", Reason: "x"},
	"concern reopen a c --reason x":               &pb.ReopenConcernRequest{AgreementId: "a", ConcernId: "c", Reason: "x"},
	"review open help --title Q1 --from d --to e": &pb.OpenReviewRequest{AgreementId: "help", Title: "Q1", FromDate: "d", ToDate: "e"},
	"review list help --state signed":             &pb.ListReviewsRequest{AgreementId: "help", State: pb.ReviewState_REVIEW_STATE_SIGNED, PageSize: pageSize},
	"review show help q1":                         &pb.GetReviewRequest{AgreementId: "help", ReviewId: "q1"},
	"review sign help q1 --digest x":              &pb.SignReviewRequest{AgreementId: "help", ReviewId: "q1", Revision: 2, Digest: "x"},
	"review withdraw help q1 --reason x --etag 3": &pb.WithdrawReviewRequest{AgreementId: "help", ReviewId: "q1", Reason: "x", Etag: "3"},
	"review write help q1 --minutes x":            &pb.UpdateReviewRequest{AgreementId: "help", ReviewId: "q1", Review: &pb.Review{Minutes: "x"}, UpdateMask: mask("minutes")},
	"review write help q1 --action client_d_Do_it": &pb.UpdateReviewRequest{
		AgreementId: "help", ReviewId: "q1", Review: &pb.Review{Actions: []*pb.ReviewAction{{Obligor: pb.Side_SIDE_CLIENT, DueDate: "d", Title: "Do it"}}}, UpdateMask: mask("actions")},
	"review propose help q1 --action 2 --commitment c --weight 3 --category payment": &pb.ProposeReviewActionRequest{
		AgreementId: "help", ReviewId: "q1", Action: 2, CommitmentId: "c", Weight: 3, Category: pb.Category_CATEGORY_PAYMENT},

	"pulse request help --id q2": &pb.RequestPulseRequest{AgreementId: "help", PulseRoundId: "q2"},
	"pulse answer help q2 --other 4,4,4,5,4 --self 3,4,5,4,4 --comment x --improve-self y --improve-other z": &pb.AnswerPulseRequest{
		AgreementId: "help", PulseRoundId: "q2", View: &pb.PulseView{OfOther: &pb.Ratings{Trust: 4, Communication: 4, Fairness: 4, Focus: 5, WouldRenew: 4},
			OfSelf: &pb.Ratings{Trust: 3, Communication: 4, Fairness: 5, Focus: 4, WouldRenew: 4}, Comment: "x", ImproveSelf: "y", ImproveOther: "z"}},
	"pulse list help --state closed":         &pb.ListPulseRoundsRequest{AgreementId: "help", State: pb.PulseRoundState_PULSE_ROUND_STATE_CLOSED, PageSize: pageSize},
	"pulse show help q2":                     &pb.GetPulseRoundRequest{AgreementId: "help", PulseRoundId: "q2"},
	"pulse answers help q2":                  &pb.ListPulseAnswersRequest{AgreementId: "help", PulseRoundId: "q2", PageSize: pageSize},
	"feed create Telephone --agreement help": &pb.CreateFeedRequest{Feed: &pb.Feed{DisplayName: "Telephone", AgreementId: "help"}},
	"feed create Wall --kind scorecard":      &pb.CreateFeedRequest{Feed: &pb.Feed{DisplayName: "Wall", Kind: pb.FeedKind_FEED_KIND_SCORECARD}},
	"feed list":                              &pb.ListFeedsRequest{PageSize: pageSize},
	"feed show f":                            &pb.GetFeedRequest{FeedId: "f"},
	"feed revoke f --etag 2":                 &pb.RevokeFeedRequest{FeedId: "f", Etag: "2"},
	"log show":                               &pb.GetLogPolicyRequest{},
	"log policy":                             &pb.GetLogPolicyRequest{},
	"log keys":                               &pb.GetLogPolicyRequest{},
	"log checkpoint":                         &pb.GetCheckpointRequest{},
	"log checkpoint 7":                       &pb.GetCheckpointRequest{Size: 7},
	"log checkpoints --after 3":              &pb.ListCheckpointsRequest{AfterSize: 3, PageSize: pageSize},
	"log add-key":                            &pb.AddLogKeyRequest{},
	"log add-key log.example+x --etag 2":     &pb.AddLogKeyRequest{VerifierKey: "log.example+x", Etag: "2"},
	"audit proof help 3 --size 9":            &pb.GetInclusionProofRequest{AgreementId: "help", Version: 3, Size: 9},
	"audit proof --position 4":               &pb.GetInclusionProofRequest{Position: 4},
	"audit growth 7 9":                       &pb.GetConsistencyProofRequest{OldSize: 7, NewSize: 9},
	"log retire-key 0badc0de":                &pb.RetireLogKeyRequest{LogKeyId: "0badc0de"},
	"event list help --after 3":              &pb.ListEventsRequest{AgreementId: "help", AfterVersion: 3, PageSize: pageSize},
	"event list --of acme --by k --kind obligation-waived,proposal-made --kind party-updated --from 2026-03-01T00:00:00Z --before 2026-04-01T00:00:00Z --after-position 9": &pb.ListEventsRequest{
		PartyId: "acme", PrincipalId: "k", Kinds: []string{"obligation_waived", "proposal_made", "party_updated"}, RecordedFrom: at("2026-03-01"), RecordedBefore: at("2026-04-01"), AfterPosition: 9, PageSize: pageSize},
	"event show help 3":       &pb.GetEventRequest{AgreementId: "help", Version: 3},
	"event show --position 9": &pb.GetEventRequest{Position: 9},

	"agreement list --as-of 2026-03-01T00:00:00Z":              &pb.ListAgreementsRequest{AsOf: at("2026-03-01"), PageSize: pageSize, PageToken: "2"},
	"agreement show help --as-of 2026-03-01T00:00:00Z":         &pb.GetAgreementRequest{AgreementId: "help", AsOf: at("2026-03-01")},
	"agreement terms help --as-of 2026-03-01T00:00:00Z":        nil, // likewise
	"agreement revisions help --as-of 2026-03-01T00:00:00Z":    &pb.ListRevisionsRequest{AgreementId: "help", PageSize: pageSize, AsOf: at("2026-03-01")},
	"proposal list next --as-of 2026-03-01T00:00:00Z":          &pb.ListProposalsRequest{AgreementId: "next", PageSize: pageSize, AsOf: at("2026-03-01")},
	"proposal show next first --as-of 2026-03-01T00:00:00Z":    &pb.GetProposalRequest{AgreementId: "next", ProposalId: "first", AsOf: at("2026-03-01")},
	"proposal text next first --as-of 2026-03-01T00:00:00Z":    &pb.GetProposalRequest{AgreementId: "next", ProposalId: "first", AsOf: at("2026-03-01")},
	"commitment list help --as-of 2026-03-01T00:00:00Z":        &pb.ListCommitmentsRequest{AgreementId: "help", PageSize: pageSize, AsOf: at("2026-03-01")},
	"commitment show help desk --as-of 2026-03-01T00:00:00Z":   &pb.GetCommitmentRequest{AgreementId: "help", CommitmentId: "desk", AsOf: at("2026-03-01")},
	"obligation list help --as-of 2026-03-01T00:00:00Z":        &pb.ListObligationsRequest{AgreementId: "help", PageSize: pageSize, AsOf: at("2026-03-01")},
	"obligation show help desk-1 --as-of 2026-03-01T00:00:00Z": &pb.GetObligationRequest{AgreementId: "help", ObligationId: "desk-1", AsOf: at("2026-03-01")},
}

func TestEveryRPCHasAVerb(t *testing.T) {
	file := filepath.Join(t.TempDir(), "terms.json")
	if err := os.WriteFile(file, []byte(jsonOf(t, text())), 0o600); err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{"ImportAgreements": true, "WatchEvents": true, "GetTile": true, "GetEntryBundle": true, "ExportAudit": true} // streams, in tests of their own; files for tools
	for line, want := range verbs {
		o := &office{}
		sh := newShell(t, o)
		code, _, errs := sh.run(words(strings.ReplaceAll(line, "@", file))...)
		if code != exitDone && want != nil {
			t.Errorf("concord %s: %d %s", line, code, errs)
		}
		for rpc, got := range o.called {
			called[rpc] = true
			if want == nil || got.ProtoReflect().Descriptor() != want.ProtoReflect().Descriptor() {
				continue
			}
			m := got.ProtoReflect()
			if id := m.Descriptor().Fields().ByName("request_id"); id != nil {
				m.Clear(id) // the client gives one
			}
			if !proto.Equal(got, want) {
				t.Errorf("concord %s asked\n%v\nand should have asked\n%v", line, got, want)
			}
			want = nil
		}
		if want != nil {
			t.Errorf("concord %s did not ask for %s", line, want.ProtoReflect().Descriptor().Name())
		}
	}
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				if name := string(f.Services().Get(i).Methods().Get(j).Name()); !called[name] {
					t.Errorf("%s: called %t", name, called[name])
				}
			}
		}
		return true
	})
}

// A motion is read and consented to like a text: in full, and by the digest of its bytes.
func TestConsentToAMotion(t *testing.T) {
	motion := &pb.Motion{Kind: pb.ProposalKind_PROPOSAL_KIND_SETTLE_DISPUTE, ObligationIds: []string{"desk-1"},
		Settlement: &pb.Settlement{Outcome: pb.SettlementOutcome_SETTLEMENT_OUTCOME_FULFILLED, Reason: "It stood\x1b there."}}
	body, _ := proto.MarshalOptions{Deterministic: true}.Marshal(motion)
	sum := sha256.Sum256(body)
	o := &office{motion: motion}
	sh := newShell(t, o)
	code, out, errs := sh.run("proposal", "accept", "next", "first", "--yes")
	if code != exitDone || !strings.HasPrefix(out, "To settle dispute desk-1\nOutcome: FULFILLED\nIt stood\uFFFD there.\n") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	if r := o.asked.(*pb.AcceptProposalRequest); r.GetTermsDigest() != hex.EncodeToString(sum[:]) {
		t.Errorf("consented to %v", r)
	}
	o.asked, o.tampered = nil, true
	if code, _, errs := sh.run("proposal", "accept", "next", "first", "--yes"); code != exitRefused || o.asked != nil || !strings.Contains(errs, "do not consent") {
		t.Errorf("a motion that is not what its bytes say was accepted: %d %s", code, errs)
	}
	for _, line := range []string{"proposal counter next first", "proposal make help -f x --reason y", "proposal make help --expires soon", "obligation determine a o --reason x"} {
		if code, _, _ := sh.run(strings.Fields(line)...); code != exitUsage {
			t.Errorf("concord %s: %d", line, code)
		}
	}
}

// What people consent to is shown whole, whatever kinds of promises it has.
func TestATextIsShownInFull(t *testing.T) {
	terms := text()
	terms.NeutralPartyId, terms.HoldsFromDate, terms.HistoryUntilDate = "judge", "2026-05-01", "2026-01-01"
	terms.Concerns = &pb.ConcernTerms{ResponseBusinessDays: proto.Int32(1), RemedyBusinessDays: proto.Int32(5), EscalationBusinessDays: proto.Int32(3), ReopenDays: proto.Int32(0),
		Contacts: []*pb.EscalationContact{{Level: 1, Side: pb.Side_SIDE_VENDOR, DisplayName: "Vanda", Reach: "vanda@acme.example"}, {Level: 3, DisplayName: "Mia"}}}
	terms.SuspensionRights = []*pb.SuspensionRight{{RightId: "flood", Side: pb.Side_SIDE_CLIENT, Ground: "The office is wet."}}
	terms.History = []*pb.PastObligation{{CommitmentId: "desk", DueDate: "2025-06-30", State: pb.ObligationState_OBLIGATION_STATE_FULFILLED, KeptDate: "2025-07-02",
		Timeliness: pb.Timeliness_TIMELINESS_LATE, DisclosedBy: pb.Side_SIDE_VENDOR, Note: "A truck broke."}}
	unit := pb.PeriodUnit_PERIOD_UNIT_MONTH
	terms.Commitments = append(terms.Commitments,
		&pb.CommitmentTerms{CommitmentId: "manual", Obligor: pb.Side_SIDE_VENDOR, Title: "Manual", Category: pb.Category_CATEGORY_DELIVERY, Weight: 1, Material: true, NotCurable: true, Surviving: true,
			Prerequisites: []string{"desk"}, Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{Relative: &pb.RelativeDue{
				Anchor: pb.DueAnchor_DUE_ANCHOR_COMPLETION, CommitmentId: "desk", After: &pb.After{Days: 3, BusinessDays: 2}}}}},
		&pb.CommitmentTerms{CommitmentId: "answer", Obligor: pb.Side_SIDE_CLIENT, Title: "Answer", Weight: 1, Schedule: &pb.CommitmentTerms_Conditional{Conditional: &pb.Conditional{
			Condition: "a question is asked", Within: &pb.After{BusinessDays: 2}, Once: true, UntilDate: "2026-10-01"}}},
		&pb.CommitmentTerms{CommitmentId: "uptime", Obligor: pb.Side_SIDE_VENDOR, Title: "Uptime", Weight: 5, Schedule: &pb.CommitmentTerms_Measured{Measured: &pb.Measured{
			Measure: "availability", Unit: "%", Comparator: pb.Comparator_COMPARATOR_AT_LEAST, Objective: "99.9", Tolerance: "0.05", Window: &pb.Period{Unit: unit}, Due: &pb.After{BusinessDays: 5},
			Qualifying: &pb.Qualifying{Measure: "users", Comparator: pb.Comparator_COMPARATOR_AT_MOST, Threshold: "500", Responsible: pb.Side_SIDE_CLIENT},
			Credit: &pb.Credit{CommitmentId: "credit", Title: "Credit", Weight: 2, Step: "0.1", PercentPerStep: "5", CapPercent: "20", Of: &pb.Amount{Currency: "EUR", Value: "1000"},
				Due: &pb.After{Days: 30}}}}},
		&pb.CommitmentTerms{CommitmentId: "secret", Obligor: pb.Side_SIDE_CLIENT, Title: "Secrecy", Weight: 3, Schedule: &pb.CommitmentTerms_Standing{Standing: &pb.Standing{
			Conduct: "say nothing", Period: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_QUARTER, Every: 2}, Due: &pb.After{BusinessDays: 10}}}})
	terms.Pulse = &pb.PulseTerms{Rrule: "FREQ=MONTHLY;INTERVAL=3", Respondents: new(int32(2)), AnswerBusinessDays: new(int32(5))}
	terms.Objectives = []*pb.ObjectiveTerms{{ObjectiveId: "calls", Side: pb.Side_SIDE_CLIENT, Title: "Fewer calls", Measure: "calls a day", Unit: "calls", Baseline: "40", Target: "10", ByDate: "2026-12-31", Weight: 4}}
	golden(t, "terms-in-full", termsText(terms))
}
