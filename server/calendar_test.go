package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

// calendar asks for a calendar as a program does, with a URL and what it kept of the last answer.
func (s *stage) calendar(t *testing.T, path, token string, header ...string) (*servertest.Answer, *servertest.Refusal) {
	t.Helper()
	who := servertest.Caller{}
	for i := 0; i < len(header); i += 2 {
		who = who.With(header[i], header[i+1])
	}
	r := servertest.Request{Method: http.MethodGet, Path: path}
	if token != "" {
		r.Query = "token=" + token
	}
	return s.Send(t, who, r)
}

// status is how a GET is answered.
func (s *stage) status(t *testing.T, path, header, value string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(header, value)
	answer, err := s.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// entries reads a calendar: its events by UID.
func entries(t *testing.T, file []byte) map[string]*ics.VEvent {
	t.Helper()
	parsed, err := ics.ParseCalendar(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	all := map[string]*ics.VEvent{}
	for _, e := range parsed.Events() {
		all[e.Id()] = e
	}
	return all
}

func (s *stage) newFeed(t *testing.T, who servertest.Caller, f *pb.Feed) (id, secret string) {
	t.Helper()
	made := s.REST().Must(t, who, &pb.CreateFeedRequest{Feed: f}).(*pb.CreateFeedResponse)
	return made.GetFeed().GetFeedId(), made.GetSecret()
}

// A telephone subscribes with nothing but a URL, sees what changes, and sees nothing once the feed is revoked.
func TestACalendarIsSubscribedTo(t *testing.T) {
	s := setStage(t, servertest.Options{Configure: func(c *server.Config) { c.LogLevel = "debug" }})
	id, secret := s.newFeed(t, s.globex, &pb.Feed{DisplayName: "Telephone"})
	const path = "/v1/parties/globex/calendar.ics"
	first, refusal := s.calendar(t, path, secret)
	if refusal != nil {
		t.Fatal(refusal)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/calendar; charset=utf-8", "Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	all := entries(t, first.Body)
	due := s.GRPC().Must(t, s.globex, &pb.GetObligationRequest{AgreementId: "running", ObligationId: "bill-1"}).(*pb.Obligation)
	bill := all["running.bill-1@concord"]
	if bill == nil || bill.GetProperty(ics.ComponentPropertySequence).Value != due.GetEtag() || bill.GetProperty(ics.ComponentPropertyDtStart).Value != "20260113" {
		t.Fatalf("the bill is not in its place:\n%s", first.Body)
	}
	tag := first.Header.Get("Etag")
	again, refusal := s.calendar(t, path, secret)
	if refusal != nil || again.Header.Get("Etag") != tag || !bytes.Equal(again.Body, first.Body) || strings.HasPrefix(tag, "W/") {
		t.Errorf("the same calendar came with %q and then with %q: %v", tag, again.Header.Get("Etag"), refusal)
	}
	if status := s.status(t, path+"?token="+secret, "If-None-Match", tag); status != http.StatusNotModified {
		t.Errorf("what the program has: %d", status)
	}

	// A waiver strikes the entry out: the same UID, a higher sequence.
	s.GRPC().Must(t, s.acme, &pb.WaiveObligationRequest{AgreementId: "running", ObligationId: "pay-1", Reason: "Our gift."})
	changed, refusal := s.calendar(t, path, secret, "if-none-match", tag)
	if refusal != nil {
		t.Fatal(refusal)
	}
	was, is := all["running.pay-1@concord"], entries(t, changed.Body)["running.pay-1@concord"]
	if is.GetProperty(ics.ComponentPropertyStatus).Value != "CANCELLED" || was.GetProperty(ics.ComponentPropertyStatus).Value != "CONFIRMED" {
		t.Errorf("%s\n%s", first.Body, changed.Body)
	}
	if a, b := was.GetProperty(ics.ComponentPropertySequence).Value, is.GetProperty(ics.ComponentPropertySequence).Value; len(b) < len(a) || len(b) == len(a) && b <= a {
		t.Errorf("the sequence went from %s to %s", a, b)
	}

	s.GRPC().Must(t, s.globex, &pb.RevokeFeedRequest{FeedId: id})
	_, refusal = s.calendar(t, path, secret, "if-none-match", tag)
	if refused(t, "once revoked", refusal, "CREDENTIALS_INVALID") && refusal.Status != http.StatusUnauthorized {
		t.Errorf("once revoked: %d", refusal.Status)
	}
	if log := s.Log(); strings.Contains(log, secret) || strings.Contains(log, "token=") {
		t.Errorf("the secret was logged:\n%s", log)
	}
}

// What a feed opens, and what it does not.
func TestAFeedOpensACalendarAndNothingElse(t *testing.T) {
	s := setStage(t, servertest.Options{})
	_, ours := s.newFeed(t, s.acme, &pb.Feed{DisplayName: "All"})
	_, one := s.newFeed(t, s.acme, &pb.Feed{DisplayName: "One", AgreementId: "running"})
	_, theirs := s.newFeed(t, s.initech, &pb.Feed{DisplayName: "Nothing"})
	key := s.acme.Key
	bearer := func(secret string) []string { return []string{"authorization", "Bearer " + secret} }
	for _, c := range []struct {
		what, path, token string
		header            []string
		want              string
	}{
		{"the party's own", "/v1/parties/acme/calendar.ics", ours, nil, ""},
		{"one of its agreements", "/v1/agreements/running/calendar.ics", ours, nil, ""},
		{"the one it is for", "/v1/agreements/running/calendar.ics", one, nil, ""},
		{"the party's, as far as it is for it", "/v1/parties/acme/calendar.ics", one, nil, ""},
		{"in a header", "/v1/parties/acme/calendar.ics", "", bearer(ours), ""},
		{"with a key in a header", "/v1/parties/acme/calendar.ics", "", bearer(key), ""},
		{"another agreement", "/v1/agreements/offered/calendar.ics", one, nil, "NOT_FOUND"},
		{"others' agreement", "/v1/agreements/running/calendar.ics", theirs, nil, "NOT_FOUND"},
		{"a missing agreement", "/v1/agreements/missing/calendar.ics", theirs, nil, "NOT_FOUND"},
		{"the other party", "/v1/parties/globex/calendar.ics", ours, nil, "NOT_FOUND"},
		{"a missing party", "/v1/parties/missing/calendar.ics", ours, nil, "NOT_FOUND"},
		{"an API key in the URL", "/v1/parties/acme/calendar.ics", key, nil, "CREDENTIALS_INVALID"},
		{"a forged secret", "/v1/parties/acme/calendar.ics", ours + "x", nil, "CREDENTIALS_INVALID"},
		{"no secret", "/v1/parties/acme/calendar.ics", "", nil, "CREDENTIALS_MISSING"},
		{"two secrets", "/v1/parties/acme/calendar.ics", ours + "&token=" + one, nil, "INVALID_FIELDS"},
		{"an empty one", "/v1/parties/acme/calendar.ics", "&token=", nil, "INVALID_FIELDS"},
		{"a secret and a key", "/v1/parties/acme/calendar.ics", ours, bearer(key), "INVALID_FIELDS"},
		{"another parameter", "/v1/parties/acme/calendar.ics", ours + "&pageSize=1", nil, "INVALID_FIELDS"},
		{"an id that is none", "/v1/parties/ACME/calendar.ics", ours, nil, "INVALID_FIELDS"},
		{"another file", "/v1/parties/acme/calendar.txt", ours, nil, "UNKNOWN_METHOD"},
		{"another noun", "/v1/obligations/acme/calendar.ics", ours, nil, "UNKNOWN_METHOD"},
		{"the agreement itself, by URL", "/v1/agreements/running", ours, nil, "INVALID_FIELDS"},
		{"the agreement itself", "/v1/agreements/running", "", bearer(ours), "ROLE_NOT_ALLOWED"},
		{"the agreement, with its scheme", "/v1/agreements/running", "", []string{"authorization", "Feed " + ours}, "ROLE_NOT_ALLOWED"},
		{"the agreement, with a key called a feed", "/v1/agreements/running", "", []string{"authorization", "Feed " + key}, "CREDENTIALS_INVALID"},
	} {
		_, refusal := s.calendar(t, c.path, c.token, c.header...)
		switch {
		case c.want != "":
			refused(t, c.what, refusal, c.want)
		case refusal != nil:
			t.Errorf("%s: %v", c.what, refusal)
		}
	}
	whole, _ := s.calendar(t, "/v1/parties/acme/calendar.ics", ours)
	part, _ := s.calendar(t, "/v1/parties/acme/calendar.ics", one)
	for what, file := range map[string][]byte{"the party's": whole.Body, "the agreement's": part.Body} {
		others := 0
		for uid := range entries(t, file) {
			if !strings.HasPrefix(uid, "running.") {
				others++
			}
		}
		if (others > 0) != (what == "the party's") {
			t.Errorf("%s has %d entries of other agreements:\n%s", what, others, file)
		}
	}
}

func TestACalendarIsRead(t *testing.T) {
	s := setStage(t, servertest.Options{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		_, refusal := s.Send(t, s.acme, servertest.Request{Method: method, Path: "/v1/parties/acme/calendar.ics"})
		if refused(t, method, refusal, "UNKNOWN_METHOD") && refusal.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, refusal.Status)
		}
	}
	for _, req := range []*pb.GetCalendarRequest{{}, {AgreementId: "running", PartyId: acme}} {
		_, refusal := s.GRPC().Call(t, s.acme, req)
		if refused(t, "none or both", refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), []string{"agreement_id", "party_id"}) {
			t.Error(refusal)
		}
	}
}

// A party's members see its feeds, in pages, and nobody else's; a secret is in none of them.
func TestFeedsAreListed(t *testing.T) {
	s := setStage(t, servertest.Options{})
	want := []string{"feed_spare"}
	for n := range 5 {
		id := fmt.Sprintf("feed_x%d", n)
		s.GRPC().Must(t, s.Member(t, viewer, acme), &pb.CreateFeedRequest{FeedId: id, Feed: &pb.Feed{DisplayName: "A telephone"}})
		s.GRPC().Must(t, s.globex, &pb.CreateFeedRequest{FeedId: "theirs" + id, Feed: &pb.Feed{DisplayName: "A telephone"}})
		want = append(want, id)
	}
	for _, face := range s.Faces() {
		var got []string
		req := &pb.ListFeedsRequest{PageSize: 2}
		for {
			list := face.Must(t, s.acme, req).(*pb.ListFeedsResponse)
			for _, f := range list.GetFeeds() {
				got = append(got, f.GetFeedId())
				if one := face.Must(t, s.acme, &pb.GetFeedRequest{FeedId: f.GetFeedId()}).(*pb.Feed); !proto.Equal(one, f) || f.GetPartyId() != acme {
					t.Errorf("%v is listed as %v", one, f)
				}
			}
			if req.PageToken = list.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %v", face.Name(), got)
		}
	}
	keys := s.GRPC().Must(t, s.operator, &pb.ListApiKeysRequest{PartyId: acme, PageSize: 1000}).(*pb.ListApiKeysResponse)
	if !slices.ContainsFunc(keys.GetApiKeys(), func(k *pb.ApiKey) bool { return k.GetApiKeyId() == "feed_spare" && k.GetPrincipal().GetRole() == feed }) {
		t.Error("the operator does not see the feed among the keys")
	}
}

// A calendar has a first and a last day, and room for so many entries, the next ones first.
func TestACalendarHasBounds(t *testing.T) {
	s := setStage(t, servertest.Options{})
	s.propose(t, s.acme, "daily", "first", text("Daily", recurring("tidy", vendor, "FREQ=DAILY")))
	s.accept(t, s.globex, "daily", "first")
	for day := s.Clock.Now(); day.Before(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)); day = day.AddDate(0, 1, 0) {
		s.Advance(t, day)
	}
	answer := s.GRPC().Must(t, s.acme, &pb.GetCalendarRequest{PartyId: acme}).(*pb.GetCalendarResponse)
	first := ""
	for uid, e := range entries(t, answer.GetIcs()) {
		if day := e.GetProperty(ics.ComponentPropertyDtStart).Value; first == "" || day < first {
			first = day
		}
		if uid == "running.desk-1@concord" {
			t.Error("what is long past is still shown")
		}
	}
	if first != "20260406" { // 31 days before 5 May is a Saturday
		t.Errorf("the first day is %s", first)
	}
	if strings.Contains(string(answer.GetIcs()), "X-WR-CALDESC") || len(answer.GetEtag()) != 32 {
		t.Error("something was cut off")
	}
	days := []string{}
	for line := range strings.SplitSeq(string(answer.GetIcs()), "\r\n") {
		if day, ok := strings.CutPrefix(line, "DTSTART;VALUE=DATE:"); ok {
			days = append(days, day)
		}
	}
	if !slices.IsSorted(days) || len(days) < 30 {
		t.Errorf("%d entries in this order: %v", len(days), fmt.Sprint(days))
	}
}

// However much there is, a calendar stays small, and says what it leaves out.
func TestALargeCalendarSaysWhatItLeavesOut(t *testing.T) {
	s := setStage(t, servertest.Options{})
	const umbra, agreements, promises = "umbra", 201, 11
	terms := text("Many")
	terms.NeutralPartyId = umbra
	for n := range promises {
		terms.Commitments = append(terms.Commitments, oneOff(fmt.Sprintf("thing-%d", n), vendor, "2026-02-02"))
	}
	for n := range agreements {
		id := fmt.Sprintf("many-%d", n)
		s.propose(t, s.acme, id, "first", terms)
		s.accept(t, s.globex, id, "first")
	}
	s.Settle(t)
	calendar := func(who servertest.Caller, party string) string {
		return string(s.GRPC().Must(t, who, &pb.GetCalendarRequest{PartyId: party}).(*pb.GetCalendarResponse).GetIcs())
	}
	file := calendar(s.acme, acme)
	if n := strings.Count(file, "BEGIN:VEVENT"); n != 2000 || !strings.Contains(file, "X-WR-CALDESC:Only the first 200 agreements are shown. Only the first 2000") {
		t.Errorf("%d entries\n%.1000s", n, file)
	}
	other := s.Member(t, signatory, umbra)
	s.GRPC().Must(t, other, &pb.CreateAgreementRequest{
		AgreementId: "own", Agreement: &pb.Agreement{VendorPartyId: umbra, ClientPartyId: globex, DraftTerms: text("Own", oneOff("roof", vendor, "2026-02-02"))},
	})
	s.GRPC().Must(t, other, &pb.CreateProposalRequest{AgreementId: "own", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	s.accept(t, s.globex, "own", "first")
	s.Settle(t)
	file = calendar(other, umbra)
	if !strings.Contains(file, "UID:own.roof-1@concord") || strings.Contains(file, "UID:many-") || strings.Contains(file, "X-WR-CALDESC") {
		t.Errorf("who is the neutral of many misses its own:\n%.1000s", file)
	}
}
