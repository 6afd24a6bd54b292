package server_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// told is a partnership told over one face: every request with who made it, and every answer.
type told struct {
	t    *testing.T
	s    *servertest.Server
	face servertest.Face
	keys map[string]servertest.Caller
	asks []asked
}

type asked struct {
	at     time.Time
	who    string
	req    proto.Message
	answer proto.Message
}

// ask makes a call as one of the cast. What changes something carries a request_id, so that it can be asked again.
func (w *told) ask(who string, req proto.Message) proto.Message {
	w.t.Helper()
	set(req, "request_id", fmt.Sprintf("step-%d", len(w.asks)))
	answer := w.face.Must(w.t, w.keys[who], req)
	w.asks = append(w.asks, asked{w.s.Clock.Now(), who, req, answer})
	return answer
}

// until lets time pass, and looks whether the obligations of the agreement stand as time has them.
func (w *told) until(day string, want map[string]pb.ObligationState) {
	w.t.Helper()
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		w.t.Fatal(err)
	}
	w.s.Advance(w.t, at.Add(9*time.Hour))
	got := map[string]pb.ObligationState{}
	list := w.s.GRPC().Must(w.t, w.keys["acme-signs"], &pb.ListObligationsRequest{AgreementId: "desk"}).(*pb.ListObligationsResponse)
	for _, o := range list.GetObligations() {
		got[o.GetObligationId()] = o.GetState()
	}
	if !maps.Equal(got, want) {
		w.t.Fatalf("on %s stand %v; wanted %v", day, got, want)
	}
}

func (w *told) key(id string, role pb.Role, party string) {
	w.t.Helper()
	made := w.ask("operator", &pb.CreateApiKeyRequest{ApiKeyId: id, ApiKey: &pb.ApiKey{DisplayName: id, Principal: &pb.Principal{Role: role, PartyId: party}}})
	w.keys[id] = servertest.Caller{Key: made.(*pb.CreateApiKeyResponse).GetSecret()}
}

// begin brings the two parties together and has them agree, after one counter.
func (w *told) begin() {
	w.t.Helper()
	for _, party := range []string{acme, globex} {
		w.ask("operator", &pb.CreatePartyRequest{PartyId: party, Party: &pb.Party{DisplayName: party}})
	}
	w.ask("operator", &pb.UpdatePartyRequest{PartyId: acme, Party: &pb.Party{DisplayName: "Acme — the people of acme"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}})
	w.key("acme-signs", signatory, acme)
	w.key("acme-works", contributor, acme)
	w.key("globex-signs", signatory, globex)
	w.key("eye", auditor, "")
	a := w.ask("acme-works", &pb.CreateAgreementRequest{AgreementId: "desk", Agreement: &pb.Agreement{
		VendorPartyId: acme, ClientPartyId: globex, DraftTerms: &pb.Terms{Title: "Unfinished"},
	}}).(*pb.Agreement)
	terms := text("Help desk", recurring("report", vendor, "FREQ=MONTHLY;BYMONTHDAY=31"), recurring("pay", client, "FREQ=MONTHLY"), oneOff("kickoff", client, "2026-02-10"))
	terms.EffectiveDate = "2026-02-01"
	w.ask("acme-works", &pb.UpdateAgreementRequest{AgreementId: "desk", Etag: a.GetEtag(), Agreement: &pb.Agreement{DraftTerms: terms},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms"}}})
	w.ask("acme-signs", &pb.CreateProposalRequest{AgreementId: "desk", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Note: "Please read."})
	w.ask("globex-signs", &pb.GetProposalRevisionRequest{AgreementId: "desk", ProposalId: "first", Revision: 1})
	terms = proto.CloneOf(terms)
	terms.StatementOfIntent = "Both win."
	w.ask("globex-signs", &pb.CounterProposalRequest{AgreementId: "desk", ProposalId: "first", Revision: 1, Terms: terms, Note: "One word."})
	p := w.ask("acme-signs", &pb.GetProposalRequest{AgreementId: "desk", ProposalId: "first"}).(*pb.Proposal)
	w.ask("acme-signs", &pb.AcceptProposalRequest{AgreementId: "desk", ProposalId: "first", Revision: 2, TermsDigest: p.GetTermsDigest()})
	w.ask("globex-signs", &pb.GetAgreementRequest{AgreementId: "desk"})
	// And one that comes to nothing.
	w.ask("globex-signs", &pb.CreateAgreementRequest{AgreementId: "more", Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex, DraftTerms: text("More")}})
	w.ask("globex-signs", &pb.CreateProposalRequest{AgreementId: "more", ProposalId: "wish", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	w.ask("acme-signs", &pb.DeclineProposalRequest{AgreementId: "more", ProposalId: "wish", Reason: "Not yet."})
}

// States of the story by short names.
const (
	isScheduled = pb.ObligationState_OBLIGATION_STATE_SCHEDULED
	isDue       = pb.ObligationState_OBLIGATION_STATE_DUE
	isFulfilled = pb.ObligationState_OBLIGATION_STATE_FULFILLED
	isBreached  = pb.ObligationState_OBLIGATION_STATE_BREACHED
	isWaived    = pb.ObligationState_OBLIGATION_STATE_WAIVED
)

// live lets time pass, and both sides answer for what they promised.
func (w *told) live() {
	w.t.Helper()
	w.until("2026-01-31", map[string]pb.ObligationState{})
	w.until("2026-02-01", map[string]pb.ObligationState{"kickoff-1": isDue, "pay-1": isDue, "pay-2": isScheduled, "report-1": isScheduled})
	w.ask("acme-signs", &pb.WaiveObligationRequest{AgreementId: "desk", ObligationId: "kickoff-1", Reason: "We met by chance."})
	received := timestamppb.New(w.s.Clock.Now().Add(-time.Hour))
	w.ask("acme-works", &pb.AcknowledgeObligationRequest{AgreementId: "desk", ObligationId: "pay-1", ReceivedTime: received, Note: "Thank you."})

	states := map[string]pb.ObligationState{"kickoff-1": isWaived, "pay-1": isFulfilled, "pay-2": isDue, "pay-3": isScheduled, "report-1": isDue, "report-2": isScheduled}
	w.until("2026-02-20", states)
	report := &pb.SubmitObligationRequest{AgreementId: "desk", ObligationId: "report-1", Note: "February.", Evidence: []*pb.Evidence{{Title: "Report", Uri: "https://acme.example/february.pdf"}}}
	w.ask("acme-works", report)
	w.ask("globex-signs", &pb.ReturnObligationRequest{AgreementId: "desk", ObligationId: "report-1", Submission: 1, Reason: "A page is missing."})
	report = proto.CloneOf(report)
	report.Note = "February, whole."
	again := w.ask("acme-works", report).(*pb.Obligation)
	w.ask("globex-signs", &pb.AcceptObligationRequest{AgreementId: "desk", ObligationId: "report-1", Submission: 2, Etag: again.GetEtag(), Note: "Good."})

	states = maps.Clone(states)
	states["report-1"] = isFulfilled
	w.until("2026-03-03", states)
	w.ask("acme-signs", &pb.GetObligationRequest{AgreementId: "desk", ObligationId: "pay-2"}) // overdue
	states["pay-2"], states["pay-3"], states["pay-4"], states["report-2"], states["report-3"] = isBreached, isDue, isScheduled, isDue, isScheduled
	w.until("2026-03-20", states)
	w.ask("acme-works", &pb.AdmitObligationRequest{AgreementId: "desk", ObligationId: "report-2", Reason: "The machine broke; it comes in April."})
	w.ask("globex-signs", &pb.ListObligationsRequest{AgreementId: "desk", State: isBreached})
}

// survey reads all there is, page by page.
func (w *told) survey() []proto.Message {
	w.t.Helper()
	var all []proto.Message
	read := func(who string, req proto.Message) {
		for {
			answer := w.face.Must(w.t, w.keys[who], req)
			all = append(all, answer)
			next := answer.ProtoReflect().Descriptor().Fields().ByName("next_page_token")
			if next == nil || answer.ProtoReflect().Get(next).String() == "" {
				return
			}
			set(req, "page_token", answer.ProtoReflect().Get(next).String())
		}
	}
	for _, who := range []string{"acme-signs", "globex-signs", "eye"} {
		for _, id := range []string{"desk", "more"} {
			read(who, &pb.GetAgreementRequest{AgreementId: id})
			read(who, &pb.ListEventsRequest{AgreementId: id, PageSize: 7})
			read(who, &pb.ListProposalsRequest{AgreementId: id, PageSize: 1})
			read(who, &pb.ListRevisionsRequest{AgreementId: id, PageSize: 1})
			read(who, &pb.ListCommitmentsRequest{AgreementId: id, PageSize: 2})
			read(who, &pb.ListObligationsRequest{AgreementId: id, PageSize: 2})
		}
		read(who, &pb.GetRevisionRequest{AgreementId: "desk", Revision: 1})
		read(who, &pb.GetProposalRevisionRequest{AgreementId: "desk", ProposalId: "first", Revision: 2})
		read(who, &pb.ListAgreementsRequest{PageSize: 1, PartyId: map[string]string{"acme-signs": acme, "globex-signs": globex}[who]})
		read(who, &pb.GetPartyRequest{PartyId: globex})
		read(who, &pb.GetCallerRequest{})
	}
	read("operator", &pb.GetApiKeyRequest{ApiKeyId: "acme-signs"})
	return all
}

// open opens the book: a fresh server and one of its faces.
func open(t *testing.T, name string) *told {
	t.Helper()
	s := servertest.Start(t, servertest.Options{Dir: t.TempDir()})
	w := &told{t: t, s: s, keys: map[string]servertest.Caller{"operator": s.Operator}}
	for _, face := range s.Faces() {
		if face.Name() == name {
			w.face = face
		}
	}
	return w
}

// tell tells the whole story.
func tell(t *testing.T, name string) *told {
	t.Helper()
	w := open(t, name)
	w.begin()
	w.live()
	return w
}

// blank takes out what chance put into an answer, and where in the whole service's history it stands.
func blank(m proto.Message) string {
	m = proto.Clone(m)
	switch r := m.(type) {
	case *pb.CreateApiKeyResponse:
		r.Secret = ""
	case *pb.ListEventsResponse:
		for _, e := range r.GetEvents() {
			e.Position, e.Salt, e.Body, e.EntryHash, e.Event.PreviousEntryHash = 0, nil, nil, nil, nil
			e.Private, e.PrivateSalt, e.Event.PrivateCommitment = nil, nil, nil
		}
	}
	set(m, "next_page_token", "")
	return protojson.Format(m)
}

// The same partnership, told once over gRPC and once over REST, is the same to the letter.
func TestBothFacesTellTheSameStory(t *testing.T) {
	one, other := tell(t, "gRPC"), tell(t, "REST")
	if len(one.asks) != len(other.asks) {
		t.Fatalf("%d calls over gRPC, %d over REST", len(one.asks), len(other.asks))
	}
	for i := range one.asks {
		if a, b := blank(one.asks[i].answer), blank(other.asks[i].answer); a != b {
			t.Errorf("%s asked %v:\nover gRPC %s\nover REST %s", one.asks[i].who, one.asks[i].req, a, b)
		}
	}
	a, b := one.survey(), other.survey()
	if len(a) != len(b) || len(a) < 60 {
		t.Fatalf("%d answers over gRPC, %d over REST", len(a), len(b))
	}
	for i := range a {
		if blank(a[i]) != blank(b[i]) {
			t.Errorf("over gRPC %s\nover REST %s", blank(a[i]), blank(b[i]))
		}
	}
	if !slices.ContainsFunc(one.asks, func(a asked) bool { o, _ := a.answer.(*pb.Obligation); return o.GetOverdue() }) {
		t.Error("nobody sees that anything is overdue")
	}
}

// restart ends the server and starts another one: what was recorded is there, to the letter, and who asks again within a
// day is given the first answer.
func (w *told) restart(face int) {
	w.t.Helper()
	before := w.survey()
	w.s = w.s.Restart(w.t)
	w.face = w.s.Faces()[face]
	for i, after := range w.survey() {
		if !proto.Equal(before[i], after) { // page tokens too: one taken before goes on after
			w.t.Errorf("before the restart\n%s\nafter it\n%s", protojson.Format(before[i]), protojson.Format(after))
		}
	}
	start, replays := w.s.Written(w.t), 0
	for _, a := range w.asks {
		if !servertest.RPCOf(w.t, a.req).Writes() || w.s.Clock.Now().Sub(a.at) > 24*time.Hour {
			continue
		}
		replays++
		if again := w.face.Must(w.t, w.keys[a.who], a.req); blank(again) != blank(a.answer) {
			w.t.Errorf("%s asked %v again:\nfirst %s\nthen %s", a.who, a.req, blank(a.answer), blank(again))
		}
	}
	if end := w.s.Written(w.t); end != start+1 || replays == 0 {
		w.t.Errorf("asking again %d times wrote %d events", replays, end-start-1)
	}
}

func TestARestartChangesNothing(t *testing.T) {
	w := open(t, "gRPC")
	w.begin()
	w.restart(0)
	w.restart(1) // finds what the start before it, and not only the story, left behind
	w.live()
	w.restart(0)
	w.restart(1)
	// And life goes on where it stood.
	answer := w.ask("globex-signs", &pb.WaiveObligationRequest{AgreementId: "desk", ObligationId: "report-2", Reason: "Forgiven."}).(*pb.Obligation)
	events := w.face.Must(t, w.keys["eye"], &pb.ListEventsRequest{AgreementId: "desk", PageSize: 1000}).(*pb.ListEventsResponse).GetEvents()
	last := events[len(events)-1]
	if answer.GetState() != isWaived || fmt.Sprint(last.GetEvent().GetVersion()) != answer.GetEtag() || last.GetEvent().GetObligationWaived() == nil {
		t.Errorf("the answer is %v, the last event %v", answer, last)
	}
	if !slices.IsSortedFunc(events, func(a, b *pb.RecordedEvent) int { return int(a.GetPosition()) - int(b.GetPosition()) }) {
		t.Error("positions go backwards")
	}
}
