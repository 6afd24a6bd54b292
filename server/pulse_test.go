package server_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof/bundle"
	"github.com/concordhq/concord/server/servertest"
)

// felt is what somebody of acme says in a round, which nobody else may read while it is open.
const felt = "They laugh at our tickets."

// view is an answer with the same rating throughout.
func view(rating int32, comment string) *pb.PulseView {
	all := func() *pb.Ratings {
		return &pb.Ratings{Trust: rating, Communication: rating, Fairness: rating, Focus: rating, WouldRenew: rating}
	}
	return &pb.PulseView{OfOther: all(), OfSelf: all(), Comment: comment}
}

// unzipped is all that is in the files of a bundle, in one piece.
func unzipped(t *testing.T, file []byte) string {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range in.File {
		r, err := f.Open()
		if err == nil {
			_, err = io.Copy(&all, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// everywhere is what a caller reads of the agreement level, by the way it reads it.
func (s *stage) everywhere(t *testing.T, who servertest.Caller, asOf *timestamppb.Timestamp) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, face := range s.Faces() {
		answers := face.Must(t, who, &pb.ListPulseAnswersRequest{AgreementId: "level", PulseRoundId: "winter", AsOf: asOf}).(*pb.ListPulseAnswersResponse)
		all["answers, "+face.Name()] = fmt.Sprint(answers)
		all["round, "+face.Name()] = fmt.Sprint(face.Must(t, who, &pb.GetPulseRoundRequest{AgreementId: "level", PulseRoundId: "winter", AsOf: asOf}))
		events := face.Must(t, who, &pb.ListEventsRequest{AgreementId: "level", PageSize: 1000}).(*pb.ListEventsResponse).GetEvents()
		all["events, "+face.Name()] = fmt.Sprintf("%v", events)
		for _, e := range events {
			if e.GetEvent().GetPulseAnswered() != nil && e.GetEvent().GetActor().GetSide() == vendor {
				one := face.Must(t, who, &pb.GetEventRequest{AgreementId: "level", Version: e.GetEvent().GetVersion()})
				all[fmt.Sprintf("event %d, %s", e.GetPosition(), face.Name())] = fmt.Sprint(one)
				all["events, "+face.Name()] += string(e.GetPrivate()) + string(e.GetBody())
			}
		}
	}
	file, refusal := s.exported(t, who, &pb.ExportAuditRequest{AgreementId: "level"})
	if refusal != nil {
		t.Fatal(refusal)
	}
	if r := s.verified(t, file, nil); r.Outcome != bundle.Sound {
		t.Errorf("the bundle of %v: %+v", who, r)
	}
	all["bundle"] = unzipped(t, file)
	return all
}

// What somebody says in a round of the pulse is read by the own side alone while it is open, on whatever way; by both once it is
// closed; and never told by a watch. A question about the time before is answered as then.
func TestWhatIsSaidInAPulseIsSealed(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	g := s.GRPC()
	own, other := s.Member(t, viewer, acme), s.Member(t, contributor, globex)
	live := newWatch(t, s.REST(), s.acme, &pb.WatchEventsRequest{AgreementId: "level"})
	g.Must(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(2, felt), RequestId: "once"})
	if heard := live.Hear(t, live.Position+1); len(heard) != 1 || heard[0].GetEvent().GetPulseAnswered() == nil || strings.Contains(fmt.Sprint(heard), felt) {
		t.Errorf("a watch that was there tells %v", heard)
	}
	live.Stop()
	sealed := s.Clock.Now()
	s.Clock.Set(sealed.Add(time.Hour))
	s.Written(t)
	s.Seal(t)
	readers := map[string]servertest.Caller{"acme": s.acme, "a viewer of acme": own, "globex": s.globex, "somebody of globex": other, "the auditor": s.auditor}
	reads := func(open bool, asOf *timestamppb.Timestamp) {
		t.Helper()
		for name, who := range readers {
			for way, read := range s.everywhere(t, who, asOf) {
				theirs := name == "acme" || name == "a viewer of acme"
				shown := (theirs || !open) && !strings.HasPrefix(way, "round")
				if asOf != nil && strings.HasPrefix(way, "answers") {
					shown = theirs
				}
				if strings.Contains(read, felt) != shown {
					t.Errorf("open: %t, as of %v: %s by %s: shown %t", open, asOf, way, name, !shown)
				}
			}
		}
	}
	reads(true, nil)
	if a := g.Must(t, s.globex, &pb.ListPulseAnswersRequest{AgreementId: "level", PulseRoundId: "winter"}).(*pb.ListPulseAnswersResponse).GetPulseAnswers(); len(a) != 1 ||
		!a[0].GetSealed() || a[0].GetView() != nil || a[0].GetSide() != vendor || a[0].GetPrincipalId() == "" {
		t.Errorf("globex is shown %v", a)
	}
	if repeated := g.Must(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(2, felt), RequestId: "once"}); strings.Contains(fmt.Sprint(repeated), felt) {
		t.Errorf("asked again: %v", repeated)
	}

	tried := g.Must(t, s.globex, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(5, "Fine."), ValidateOnly: true}).(*pb.PulseRound)
	if tried.GetResult() != nil || tried.GetState() != pb.PulseRoundState_PULSE_ROUND_STATE_OPEN {
		t.Errorf("who only tries to answer is told %v", tried)
	}

	// The other side answers, which closes it; all of it holds after a restart.
	g.Must(t, s.globex, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(5, "Fine.")})
	s.Server = s.Restart(t)
	s.Written(t)
	s.Seal(t)
	reads(false, nil)
	reads(false, timestamppb.New(sealed))
	r := s.REST().Must(t, s.auditor, &pb.GetPulseRoundRequest{AgreementId: "level", PulseRoundId: "winter"}).(*pb.PulseRound)
	if r.GetState() != pb.PulseRoundState_PULSE_ROUND_STATE_CLOSED || r.GetResult().GetVendor().GetOfOther().GetTrust() != 2 || r.GetResult().GetClient().GetOfSelf().GetWouldRenew() != 5 {
		t.Errorf("it came to %v", r)
	}
	newest := newWatch(t, s.GRPC(), s.operator, &pb.WatchEventsRequest{}).Position
	for name, who := range readers {
		for _, e := range newWatch(t, s.GRPC(), who, &pb.WatchEventsRequest{AgreementId: "level", AfterPosition: proto.Uint64(0)}).Hear(t, newest) {
			if answered := e.GetEvent().GetPulseAnswered(); answered != nil && (answered.GetView() != nil || e.GetPrivate() != nil || !e.GetWithheld()) {
				t.Errorf("a watch tells %s %v", name, e)
			}
		}
	}
}

// An answer that is erased while its round is open says nothing to the round; erased later, what the round came to stays.
func TestAnAnswerCanBeErased(t *testing.T) {
	s := setStage(t, servertest.Options{})
	g := s.GRPC()
	erase := func(comment string) {
		t.Helper()
		for _, e := range g.Must(t, s.acme, &pb.ListEventsRequest{AgreementId: "level", PageSize: 1000}).(*pb.ListEventsResponse).GetEvents() {
			if e.GetEvent().GetPulseAnswered().GetView().GetComment() == comment {
				g.Must(t, s.operator, &pb.ErasePrivateDataRequest{AgreementId: "level", Versions: []uint64{e.GetEvent().GetVersion()}, Basis: "Article 17"})
				return
			}
		}
		t.Fatalf("nobody said %q", comment)
	}
	check := func(round string, vendors int32) {
		t.Helper()
		result := g.Must(t, s.globex, &pb.GetPulseRoundRequest{AgreementId: "level", PulseRoundId: round}).(*pb.PulseRound).GetResult()
		if result.GetVendor().GetRespondents() != vendors || result.GetVendor().GetOfOther().GetTrust() != 2*vendors || result.GetClient().GetRespondents() != 1 {
			t.Errorf("%s came to %v", round, result)
		}
		answers := g.Must(t, s.globex, &pb.ListPulseAnswersRequest{AgreementId: "level", PulseRoundId: round}).(*pb.ListPulseAnswersResponse).GetPulseAnswers()
		if len(answers) != 2 || answers[0].GetView() != nil || answers[0].GetSealed() || answers[1].GetView() == nil {
			t.Errorf("in %s stand %v", round, answers)
		}
		s.Written(t)
		s.Seal(t)
		file, refusal := s.exported(t, s.globex, &pb.ExportAuditRequest{AgreementId: "level"})
		if refusal != nil {
			t.Fatal(refusal)
		}
		if r := s.verified(t, file, nil); r.Outcome != bundle.Sound {
			t.Errorf("after %s: %+v", round, r)
		}
	}
	g.Must(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(2, felt)})
	erase(felt)
	if _, refusal := g.Call(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(2, felt)}); refusal == nil || refusal.Reason != "RULE_REFUSED" {
		t.Errorf("who answered answers again: %v", refusal)
	}
	g.Must(t, s.globex, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(5, "Fine.")})
	check("winter", 0)

	g.Must(t, s.acme, &pb.RequestPulseRequest{AgreementId: "level", PulseRoundId: "spring"})
	g.Must(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "spring", View: view(2, felt)})
	g.Must(t, s.globex, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "spring", View: view(5, "Fine.")})
	erase(felt)
	check("spring", 1)
}

// An answer is people's word: a program has none, nor has who only reads.
func TestWhoAnswersInAPulse(t *testing.T) {
	s := setStage(t, servertest.Options{})
	program := s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{acme}})
	for _, face := range s.Faces() {
		for name, who := range map[string]servertest.Caller{"a viewer": s.Member(t, viewer, acme), "a program": program, "the auditor": s.auditor, "the operator": s.operator} {
			_, refusal := face.Call(t, who, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(3, "")})
			refused(t, name, refusal, "ROLE_NOT_ALLOWED")
		}
		_, refusal := face.Call(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: view(6, "")})
		if refused(t, "a rating of six", refusal, "INVALID_FIELDS") && len(refusal.Fields()) != 10 {
			t.Errorf("told of %v", refusal.Fields())
		}
		_, refusal = face.Call(t, s.acme, &pb.AnswerPulseRequest{AgreementId: "level", PulseRoundId: "winter", View: &pb.PulseView{OfOther: view(3, "").GetOfOther()}})
		refused(t, "half an answer", refusal, "INVALID_FIELDS")
	}
}
