package server_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/server/servertest"
)

// pages is all pages of what a figure is made of, in one.
func pages(t *testing.T, face servertest.Face, who servertest.Caller, ask *pb.ExplainFigureRequest) *pb.ExplainFigureResponse {
	t.Helper()
	var whole *pb.ExplainFigureResponse
	for ask = proto.CloneOf(ask); ; {
		page := face.Must(t, who, ask).(*pb.ExplainFigureResponse)
		if whole == nil {
			whole = page
		} else {
			whole.Obligations = append(whole.Obligations, page.GetObligations()...)
			whole.Concerns = append(whole.Concerns, page.GetConcerns()...)
			whole.PulseRounds = append(whole.PulseRounds, page.GetPulseRounds()...)
		}
		if ask.PageToken = page.GetNextPageToken(); ask.PageToken == "" {
			whole.NextPageToken = ""
			return whole
		}
	}
}

// fromBundle is what a figure is made of, told from a bundle.
func (s *stage) fromBundle(t *testing.T, file []byte, ask *pb.ExplainFigureRequest) *pb.ExplainFigureResponse {
	t.Helper()
	p, err := bundle.ReadPolicy([]byte(s.policies(t)[0]))
	if err != nil {
		t.Fatal(err)
	}
	report, got, err := bundle.Reckon(bytes.NewReader(file), int64(len(file)), bundle.Trust{Policies: []bundle.Policy{p}}, bundle.Ask{
		AgreementID: ask.GetAgreementId(), FromDate: ask.GetFromDate(), ToDate: ask.GetToDate(), AsOf: ask.GetAsOf().AsTime(), Side: ask.GetSide(), Figure: ask.GetFigureId(),
	})
	if err != nil || report.Outcome != bundle.Sound {
		t.Fatalf("%v, %+v", err, report)
	}
	return got.Explained
}

// lines is what is behind a figure, each in a line, and whether the event that it names tells of it.
func (s *stage) lines(t *testing.T, agreement string, x *pb.ExplainFigureResponse) (all []string) {
	t.Helper()
	add := func(version, position uint64, id, format string, args ...any) {
		e := s.GRPC().Must(t, s.auditor, &pb.GetEventRequest{Position: position}).(*pb.RecordedEvent).GetEvent()
		if e.GetAgreementId() != agreement || e.GetVersion() != version || !strings.Contains(fmt.Sprint(e), `"`+id+`"`) {
			t.Errorf("%s is said to be found at %d: %v", id, position, e)
		}
		all = append(all, id+" "+fmt.Sprintf(format, args...))
	}
	for _, c := range x.GetConcerns() {
		add(c.GetVersion(), c.GetPosition(), c.GetConcern().GetConcernId(), "%s %s", c.GetConcern().GetResponseEndDate(), c.GetCountsAs())
	}
	for _, r := range x.GetPulseRounds() {
		add(r.GetVersion(), r.GetPosition(), r.GetPulseRound().GetPulseRoundId(), "%d/%d %d/%d", r.GetPoints(), r.GetMostPoints(), r.GetToldPoints(), r.GetMostToldPoints())
	}
	for _, o := range x.GetObjectives() {
		id := o.GetTerms().GetObjectiveId()
		if o.GetObservation() != nil {
			id = o.GetObservation().GetObservationId()
		}
		add(o.GetVersion(), o.GetPosition(), id, "%s>%s %s %v %d", o.GetTerms().GetBaseline(), o.GetTerms().GetTarget(), o.GetObservation().GetValue(), o.GetShare(), o.GetTerms().GetWeight())
	}
	return all
}

// behindFigures is what the figures of the test below are made of.
func behindFigures() []behind {
	explain := func(agreement string, side pb.Side, figure pb.FigureId) *pb.ExplainFigureRequest {
		return &pb.ExplainFigureRequest{AgreementId: agreement, Side: side, FigureId: figure}
	}
	return []behind{
		{explain("argued", vendor, pb.FigureId_FIGURE_ID_RESPONSIVENESS), []string{
			"high 2025-12-24 acknowledged in time",
			"contested 2026-01-07 acknowledged in time",
			"denied 2026-01-07 acknowledged in time",
			"fixed 2026-01-07 acknowledged in time",
			"heard 2026-01-07 acknowledged in time",
			"loud 2026-01-07 acknowledged in time",
			"new 2026-01-07 not acknowledged",
			"proposed 2026-01-07 acknowledged in time",
			"refused 2026-01-07 acknowledged in time",
		}},
		{explain("argued", client, pb.FigureId_FIGURE_ID_RESPONSIVENESS), []string{"ours 2026-01-07 acknowledged late"}},
		{&pb.ExplainFigureRequest{AgreementId: "argued", Side: vendor, FigureId: pb.FigureId_FIGURE_ID_RESPONSIVENESS, ToDate: "2026-01-06"}, []string{
			"high 2025-12-24 acknowledged in time",
		}},
		{explain("level", vendor, pb.FigureId_FIGURE_ID_PULSE), []string{"winter 5/20 0/0"}},
		{explain("level", client, pb.FigureId_FIGURE_ID_PULSE), []string{"winter 20/20 0/0"}},
		{explain("level", vendor, pb.FigureId_FIGURE_ID_PULSE_GAP), []string{"winter 5/20 20/20"}},
		{explain("level", vendor, pb.FigureId_FIGURE_ID_ATTAINMENT), []string{"may 20>5 7.5 0.833333 3"}},
		{explain("level", client, pb.FigureId_FIGURE_ID_ATTAINMENT), nil},
		{explain("running", vendor, pb.FigureId_FIGURE_ID_KEPT), nil}, // obligations, as ever
	}
}

// behind is what a figure is made of, in lines.
type behind struct {
	ask  *pb.ExplainFigureRequest
	want []string
}

// What is behind an M4, an M8 and an M11 is told over both faces, page by page, as of a time, after a restart, and from a bundle
// alike; and each by an event that is there.
func TestFiguresOfConcernsPulsesAndObjectivesAreExplained(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	g := s.GRPC()
	g.Must(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(2, felt)})
	g.Must(t, s.globex, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(5, "Fine.")})
	hoped := &pb.ExplainFigureRequest{AgreementId: "level", Side: vendor, FigureId: pb.FigureId_FIGURE_ID_ATTAINMENT}
	if is := s.lines(t, "level", g.Must(t, s.acme, hoped).(*pb.ExplainFigureResponse)); fmt.Sprint(is) != "[peace 20>5  0 3]" {
		t.Errorf("before anything is confirmed: %q", is)
	}
	g.Must(t, s.acme, &pb.ConfirmObservationRequest{AgreementId: "level", ObservationId: "may"})
	s.Advance(t, servertest.Morning.AddDate(0, 0, 4))
	g.Must(t, s.globex, &pb.AcknowledgeConcernRequest{AgreementId: "argued", ConcernId: "ours"}) // late
	g.Must(t, s.acme, &pb.RaiseConcernRequest{AgreementId: "argued", ConcernId: "later", Kind: breachConcern, Title: "Too new"})
	for _, c := range behindFigures() {
		name := fmt.Sprintf("%s of the %v in %s to %q", c.ask.GetFigureId(), c.ask.GetSide(), c.ask.GetAgreementId(), c.ask.GetToDate())
		now := pages(t, g, s.auditor, c.ask)
		if is := s.lines(t, c.ask.GetAgreementId(), now); fmt.Sprintf("%q", is) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s is made of %q", name, is)
		}
		c.ask.PageSize = 1
		for _, face := range s.Faces() {
			for _, who := range []servertest.Caller{s.acme, s.globex, s.auditor} {
				if is := pages(t, face, who, c.ask); !proto.Equal(is, now) {
					t.Errorf("%s, page by page over %s: %v, not %v", name, face.Name(), is, now)
				}
			}
		}
		c.ask.AsOf = timestamppb.New(s.Clock.Now())
		s.Seal(t)
		file, refusal := s.exported(t, s.auditor, &pb.ExportAuditRequest{AgreementId: c.ask.GetAgreementId()})
		if refusal != nil {
			t.Fatal(refusal)
		}
		if then := pages(t, g, s.acme, c.ask); !proto.Equal(then, now) {
			t.Errorf("%s, as of now: %v, not %v", name, then, now)
		}
		if is := s.fromBundle(t, file, c.ask); !proto.Equal(is, now) {
			t.Errorf("%s, from the bundle: %v, not %v", name, is, now)
		}
	}
	ask := &pb.ExplainFigureRequest{AgreementId: "argued", Side: vendor, FigureId: pb.FigureId_FIGURE_ID_RESPONSIVENESS}
	before := pages(t, g, s.acme, ask)
	s.Server = s.Restart(t)
	if after := pages(t, s.GRPC(), s.acme, ask); !proto.Equal(before, after) {
		t.Errorf("after a restart: %v, not %v", after, before)
	}
	other := proto.CloneOf(ask)
	ask.PageSize, other.PageSize = 1, 1
	other.PageToken, other.Side = s.GRPC().Must(t, s.acme, ask).(*pb.ExplainFigureResponse).GetNextPageToken(), client
	if _, refusal := s.GRPC().Call(t, s.acme, other); refusal == nil || refusal.Reason != "INVALID_PAGE_TOKEN" {
		t.Errorf("a page of the other side's: %v", refusal)
	}
}
