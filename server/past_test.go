package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// get asks for a path as a browser does, with the ETag it kept, and is the answer's status, ETag and body.
func (s *stage) get(t *testing.T, who servertest.Caller, path, kept string) (status int, etag string, body []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+who.Key)
	if kept != "" {
		req.Header.Set("If-None-Match", kept)
	}
	answer, err := s.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Etag"), body
}

// TestReadingThePast tells how a partner portal shows an agreement as it was: by a time in the URL, with pages and ETags that
// hold, and what it is told when the time is wrong.
func TestReadingThePast(t *testing.T) {
	s := setStage(t, servertest.Options{})
	g := s.GRPC()
	before := s.Clock.Now()
	s.Clock.Set(before.Add(time.Hour))
	g.Must(t, s.acme, &pb.CounterProposalRequest{AgreementId: "asked", ProposalId: "ask", Revision: 1, Terms: text("Countered")})
	g.Must(t, s.acme, &pb.AdmitObligationRequest{AgreementId: "running", ObligationId: "desk-1", Reason: "The truck broke."})
	s.Clock.Set(before.Add(2 * time.Hour))
	then := "?asOf=" + url.QueryEscape(before.Format(time.RFC3339Nano))

	// One path for all: what is read was read before.
	desk := &pb.Obligation{}
	_, _, body := s.get(t, s.acme, "/v1/agreements/running/obligations/desk-1"+then, "")
	if err := protojson.Unmarshal(body, desk); err != nil || desk.GetState() != pb.ObligationState_OBLIGATION_STATE_DUE || desk.GetAdmission() != nil {
		t.Errorf("%v: %s", err, body)
	}
	_, now, _ := s.get(t, s.acme, "/v1/agreements/asked/proposals/ask", "")
	status, was, body := s.get(t, s.globex, "/v1/agreements/asked/proposals/ask"+then, "")
	if status != http.StatusOK || was == "" || was == now || !strings.Contains(string(body), `"revision":1`) {
		t.Errorf("%d %s (now %s): %s", status, was, now, body)
	}
	// The same ETag is the same answer, whenever it is asked about.
	if status, _, _ := s.get(t, s.acme, "/v1/agreements/asked/proposals/ask"+then, was); status != http.StatusNotModified {
		t.Errorf("what was read already: %d", status)
	}
	if status, _, _ := s.get(t, s.acme, "/v1/agreements/asked/proposals/ask"+then, now); status != http.StatusOK {
		t.Errorf("what is not the same: %d", status)
	}
	// A page token fits the time it was made for.
	list := "/v1/agreements/running/obligations" + then + "&pageSize=2"
	_, _, body = s.get(t, s.acme, list, "")
	page := &pb.ListObligationsResponse{}
	if err := protojson.Unmarshal(body, page); err != nil || len(page.GetObligations()) != 2 || page.GetNextPageToken() == "" {
		t.Fatalf("%v: %s", err, body)
	}
	token := "&pageToken=" + page.GetNextPageToken()
	if status, _, body := s.get(t, s.acme, list+token, ""); status != http.StatusOK {
		t.Errorf("the next page: %d %s", status, body)
	}
	later := strings.Replace(list, then, "?asOf="+url.QueryEscape(before.Add(time.Minute).Format(time.RFC3339)), 1)
	if status, _, body := s.get(t, s.acme, later+token, ""); status != http.StatusBadRequest || !strings.Contains(string(body), "INVALID_PAGE_TOKEN") {
		t.Errorf("a page of another time: %d %s", status, body)
	}
	// What did not exist is missing, and so is what one cannot see.
	for path, who := range map[string]servertest.Caller{
		"/v1/agreements/asked?asOf=2020-01-01T00:00:00Z": s.acme, "/v1/agreements/asked" + then: s.initech, "/v1/agreements/draft" + then: s.globex,
	} {
		if status, _, body := s.get(t, who, path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	// Times that are none.
	for value, words := range map[string]string{
		"yesterday": "RFC 3339", "2026-01-05": "RFC 3339", "": "RFC 3339", "2026-01-05T10:00:00": "RFC 3339", "0000-01-05T10:00:00Z": "RFC 3339",
		url.QueryEscape(before.Add(3 * time.Hour).Format(time.RFC3339)): "in the future",
	} {
		for _, path := range []string{"/v1/agreements/asked", "/v1/agreements", "/v1/agreements/running/commitments/desk"} {
			status, _, body := s.get(t, s.acme, path+"?asOf="+value, "")
			if status != http.StatusBadRequest || !strings.Contains(string(body), words) || !strings.Contains(string(body), `"field":"asOf"`) {
				t.Errorf("%s as of %q: %d %s", path, value, status, body)
			}
		}
	}
}

// TestEveryReadKnowsThePast holds that each read of an agreement takes as_of over both faces, and answers alike.
func TestEveryReadKnowsThePast(t *testing.T) {
	s := setStage(t, servertest.Options{})
	at := s.Clock.Now()
	s.Clock.Set(at.Add(time.Hour))
	var asked []string
	for _, req := range s.ready(t) {
		f := req.ProtoReflect().Descriptor().Fields().ByName("as_of")
		if f == nil {
			continue
		}
		rpc := servertest.RPCOf(t, req)
		asked = append(asked, string(rpc.Name()))
		then := s.GRPC().Must(t, s.maker(rpc), req)
		req.ProtoReflect().Set(f, protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
		for _, face := range s.Faces() {
			if !face.Offers(rpc) {
				continue
			}
			answer := face.Must(t, s.maker(rpc), req)
			switch told := then.(type) { // that says when it was reckoned
			case *pb.Scorecard:
				told.AsOf = timestamppb.New(at)
			case *pb.PartyScorecard:
				told.AsOf = timestamppb.New(at)
			case *pb.Outlook:
				told.AsOf = timestamppb.New(at)
			case *pb.GetScorecardPictureResponse: // or where it is asked for
				asked := answer.(*pb.GetScorecardPictureResponse)
				asked.Svg, asked.Etag = bytes.ReplaceAll(asked.GetSvg(), []byte(", as of "+at.Format(time.RFC3339)), nil), told.GetEtag()
			}
			if !proto.Equal(answer, then) {
				t.Errorf("%s over %s: %v, and as of that time %v", rpc.Name(), face.Name(), then, answer)
			}
		}
	}
	slices.Sort(asked)
	want := []string{
		"ExplainFigure", "GetAgreement", "GetCommitment", "GetConcern", "GetObjective", "GetObligation", "GetObservation", "GetOutlook", "GetPartyScorecard",
		"GetProposal", "GetProposalRevision", "GetPulseRound", "GetReview", "GetRevision", "GetScorecard", "GetScorecardPicture", "ListAgreements",
		"ListCommitments", "ListConcerns", "ListObjectives", "ListObligations", "ListObservations", "ListProposals", "ListPulseAnswers",
		"ListPulseRounds", "ListReviews", "ListRevisions",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("as_of is taken by %v", asked)
	}
}

// TestEventsOfAllAgreements tells how a portal and an operator read what happened, whatever it happened to.
func TestEventsOfAllAgreements(t *testing.T) {
	s := setStage(t, servertest.Options{})
	read := func(who servertest.Caller, query string) (events []*pb.RecordedEvent) {
		t.Helper()
		for token := ""; ; {
			status, _, body := s.get(t, who, "/v1/events?pageSize=5"+query+token, "")
			page := &pb.ListEventsResponse{}
			if err := protojson.Unmarshal(body, page); err != nil || status != http.StatusOK {
				t.Fatalf("%s: %d %s", query, status, body)
			}
			events = append(events, page.GetEvents()...)
			if page.GetNextPageToken() == "" {
				return events
			}
			token = "&pageToken=" + page.GetNextPageToken()
		}
	}
	made := read(s.globex, "&kinds=proposal_made&kinds=agreement_drafted&principalId="+principal(t, s, s.globex))
	for _, r := range made {
		if e := r.GetEvent(); e.GetActor().GetPartyId() != globex || e.GetProposalMade() == nil && e.GetAgreementDrafted() == nil {
			t.Errorf("told of %v", e)
		}
	}
	if len(made) < 2 {
		t.Errorf("%d events prove nothing", len(made))
	}
	for _, r := range read(s.operator, "") {
		if r.GetEvent().GetAgreementId() != "" {
			t.Errorf("the operator is told of %v", r.GetEvent())
		}
	}
	whole := read(s.auditor, "")
	last := whole[len(whole)-1]
	if tail := read(s.auditor, fmt.Sprintf("&afterPosition=%d", last.GetPosition()-1)); len(tail) != 1 || !proto.Equal(tail[0], last) {
		t.Errorf("behind %d: %v", last.GetPosition()-1, tail)
	}
	// One event has two paths.
	e := made[0].GetEvent()
	for _, path := range []string{fmt.Sprintf("/v1/events/%d", made[0].GetPosition()), fmt.Sprintf("/v1/agreements/%s/events/%d", e.GetAgreementId(), e.GetVersion())} {
		status, _, body := s.get(t, s.globex, path, "")
		one := &pb.RecordedEvent{}
		if err := protojson.Unmarshal(body, one); err != nil || status != http.StatusOK || !proto.Equal(one, made[0]) {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if status, _, _ := s.get(t, s.initech, path, ""); status != http.StatusNotFound {
			t.Errorf("%s by an outsider: %d", path, status)
		}
	}
	// What is wrong is named.
	for query, field := range map[string]string{
		"kinds=proposal_made&kinds=proposalMade": "kinds[1]", "afterVersion=1": "afterVersion", "recordedFrom=monday": "recordedFrom", "afterPosition=-1": "afterPosition",
	} {
		status, _, body := s.get(t, s.globex, "/v1/events?"+query, "")
		problem := struct{ Violations []struct{ Field string } }{}
		if err := json.Unmarshal(body, &problem); err != nil || status != http.StatusBadRequest || len(problem.Violations) != 1 || problem.Violations[0].Field != field {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// principal is who a caller is.
func principal(t *testing.T, s *stage, who servertest.Caller) string {
	t.Helper()
	return s.GRPC().Must(t, who, &pb.GetCallerRequest{}).(*pb.Principal).GetPrincipalId()
}
