package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
	"github.com/concordhq/concord/server/servertest"
)

const picturePath = "/v1/agreements/running/scorecard.svg"

// A page embeds a scorecard by its URL: the same bytes that the RPC gives, until something changes, or the day.
func TestAScorecardIsEmbedded(t *testing.T) {
	s := setStage(t, servertest.Options{})
	picture := func() (*http.Header, []byte) {
		answer, refusal := s.Send(t, s.acme, servertest.Request{Method: http.MethodGet, Path: picturePath})
		if refusal != nil {
			t.Fatal(refusal)
		}
		return &answer.Header, answer.Body
	}
	header, first := picture()
	for name, want := range map[string]string{
		"Content-Type": "image/svg+xml", "Cache-Control": "private, no-cache", "Vary": "Authorization, Concord-Party", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	tag := header.Get("Etag")
	told := s.GRPC().Must(t, s.globex, &pb.GetScorecardPictureRequest{AgreementId: "running"}).(*pb.GetScorecardPictureResponse)
	if !bytes.Equal(told.GetSvg(), first) || tag != `"`+told.GetEtag()+`"` || !bytes.Contains(first, []byte("The vendor is acme, the client is globex.")) {
		t.Errorf("the RPC says %s\n%s\nand the page has %s\n%s", told.GetEtag(), told.GetSvg(), tag, first)
	}
	s.Clock.Set(s.Clock.Now().Add(time.Hour))
	if _, again := picture(); !bytes.Equal(again, first) {
		t.Error("an hour changed the picture")
	}
	have := func() int {
		req, err := http.NewRequest(http.MethodGet, s.URL(picturePath), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.acme.Key)
		req.Header.Set("If-None-Match", tag)
		answer, err := s.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if status := have(); status != http.StatusNotModified {
		t.Errorf("what the page has: %d", status)
	}
	s.GRPC().Must(t, s.acme, &pb.WaiveObligationRequest{AgreementId: "running", ObligationId: "pay-1", Reason: "Our gift."})
	if status := have(); status != http.StatusOK {
		t.Errorf("what the page had: %d", status)
	}
}

// Who may not read a scorecard does not see its picture, and what is wrong with the question is said.
func TestAPictureOfAScorecardIsRefused(t *testing.T) {
	s := setStage(t, servertest.Options{})
	for _, c := range []struct {
		what, method, path, query string
		who                       servertest.Caller
		want                      string
		fields                    []string
	}{
		{"others' agreement", http.MethodGet, picturePath, "", s.initech, "NOT_FOUND", nil},
		{"a missing agreement", http.MethodGet, "/v1/agreements/missing/scorecard.svg", "", s.acme, "NOT_FOUND", nil},
		{"nobody", http.MethodGet, picturePath, "", servertest.Caller{}, "CREDENTIALS_MISSING", nil},
		{"the operator", http.MethodGet, picturePath, "", s.operator, "ROLE_NOT_ALLOWED", nil},
		{"a write", http.MethodPost, picturePath, "", s.acme, "UNKNOWN_METHOD", nil},
		{"another file", http.MethodGet, "/v1/agreements/running/scorecard.png", "", s.acme, "UNKNOWN_METHOD", nil},
		{"another noun", http.MethodGet, "/v1/parties/acme/scorecard.svg", "", s.acme, "UNKNOWN_METHOD", nil},
		{"an id that is none", http.MethodGet, "/v1/agreements/RUNNING/scorecard.svg", "", s.acme, "INVALID_FIELDS", []string{"agreementId"}},
		{"unknown parameters", http.MethodGet, picturePath, "from=2026-01-01&width=3", s.acme, "INVALID_FIELDS", []string{"from", "width"}},
		{"a secret in the URL", http.MethodGet, picturePath, "token=x", s.acme, "INVALID_FIELDS", []string{"token"}},
		{"a day that is none", http.MethodGet, picturePath, "fromDate=2026-02-30", s.acme, "INVALID_FIELDS", []string{"fromDate"}},
		{"a day in words", http.MethodGet, picturePath, "fromDate=monday&toDate=x", s.acme, "INVALID_FIELDS", []string{"fromDate", "toDate"}},
		{"a window that ends before it begins", http.MethodGet, picturePath, "fromDate=2026-01-05&toDate=2026-01-01", s.acme, "INVALID_FIELDS", []string{"toDate"}},
		{"a time that is none", http.MethodGet, picturePath, "asOf=noon", s.acme, "INVALID_FIELDS", []string{"asOf"}},
		{"a time to come", http.MethodGet, picturePath, "asOf=2036-01-01T00:00:00Z", s.acme, "INVALID_FIELDS", []string{"asOf"}},
	} {
		_, refusal := s.Send(t, c.who, servertest.Request{Method: c.method, Path: c.path, Query: c.query})
		if refused(t, c.what, refusal, c.want) && !slices.Equal(refusal.Fields(), c.fields) && c.fields != nil {
			t.Errorf("%s: %v", c.what, refusal.Fields())
		}
	}
	s.GRPC().Must(t, s.acme, &pb.CreateAgreementRequest{AgreementId: "secret", Agreement: &pb.Agreement{VendorPartyId: acme, ClientPartyId: globex, DraftTerms: text("Secret")}})
	answer, refusal := s.Send(t, s.acme, servertest.Request{Method: http.MethodGet, Path: "/v1/agreements/secret/scorecard.svg"})
	if refusal != nil || !strings.Contains(string(answer.Body), "no data") {
		t.Errorf("of a draft: %v", refusal)
	}
	_, refusal = s.Send(t, s.globex, servertest.Request{Method: http.MethodGet, Path: "/v1/agreements/secret/scorecard.svg"})
	refused(t, "others' draft", refusal, "NOT_FOUND")
}

// A page that can only remember a URL embeds the pictures with the secret of a scorecard feed, which opens nothing else; and
// no other secret opens them.
func TestAScorecardFeedOpensPicturesAndNothingElse(t *testing.T) {
	s := setStage(t, servertest.Options{Configure: func(c *server.Config) { c.LogLevel = "debug" }})
	all, one := s.feed(t, acme, "", scorecardFeed).Key, s.feed(t, acme, "running", scorecardFeed).Key
	theirs, calendar := s.feed(t, initech, "", scorecardFeed).Key, s.feed(t, acme, "", calendarFeed).Key
	for _, c := range []struct {
		what, path, query string
		bearer, want      string
	}{
		{"its party's", picturePath, "token=" + all, "", ""},
		{"the one it is for", picturePath, "token=" + one, "", ""},
		{"of a window", picturePath, "fromDate=2026-01-05&token=" + one + "&toDate=2026-01-05", "", ""},
		{"in a header", picturePath, "", all, ""},
		{"another agreement", "/v1/agreements/offered/scorecard.svg", "token=" + one, "", "NOT_FOUND"},
		{"others' agreement", picturePath, "token=" + theirs, "", "NOT_FOUND"},
		{"a calendar feed", picturePath, "token=" + calendar, "", "ROLE_NOT_ALLOWED"},
		{"an API key in the URL", picturePath, "token=" + s.acme.Key, "", "CREDENTIALS_INVALID"},
		{"a forged secret", picturePath, "token=" + all + "x", "", "CREDENTIALS_INVALID"},
		{"two secrets", picturePath, "token=" + all + "&token=" + one, "", "INVALID_FIELDS"},
		{"an empty one", picturePath, "token=", "", "INVALID_FIELDS"},
		{"a secret and a key", picturePath, "token=" + all, all, "INVALID_FIELDS"},
		{"a query that cannot be read", picturePath, "token=%zz", "", "MALFORMED_REQUEST"},
		{"the calendar", "/v1/agreements/running/calendar.ics", "token=" + all, "", "ROLE_NOT_ALLOWED"},
		{"the figures", "/v1/agreements/running/scorecard", "", all, "ROLE_NOT_ALLOWED"},
		{"the agreement", "/v1/agreements/running", "", all, "ROLE_NOT_ALLOWED"},
	} {
		who := servertest.Caller{Key: c.bearer}
		_, refusal := s.Send(t, who, servertest.Request{Method: http.MethodGet, Path: c.path, Query: c.query})
		switch {
		case c.want != "":
			refused(t, c.what, refusal, c.want)
		case refusal != nil:
			t.Errorf("%s: %v", c.what, refusal)
		}
	}
	for _, secret := range []string{all, one, theirs, calendar} {
		if strings.Contains(s.Log(), secret) {
			t.Errorf("the secret was logged:\n%s", s.Log())
		}
	}
	made := s.GRPC().Must(t, s.acme, &pb.CreateFeedRequest{FeedId: "wall", Feed: &pb.Feed{DisplayName: "The wall", Kind: scorecardFeed}}).(*pb.CreateFeedResponse)
	listed := s.GRPC().Must(t, s.acme, &pb.ListFeedsRequest{PageSize: 100}).(*pb.ListFeedsResponse).GetFeeds()
	if !slices.ContainsFunc(listed, func(f *pb.Feed) bool { return proto.Equal(f, made.GetFeed()) && f.GetKind() == scorecardFeed }) {
		t.Errorf("%v is not among %v", made.GetFeed(), listed)
	}
	answer, refusal := s.Send(t, servertest.Caller{}, servertest.Request{Method: http.MethodGet, Path: picturePath, Query: "token=" + made.GetSecret()})
	if refusal != nil || answer.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%v", refusal)
	}
	s.GRPC().Must(t, s.acme, &pb.RevokeFeedRequest{FeedId: "wall"})
	_, refusal = s.Send(t, servertest.Caller{}, servertest.Request{Method: http.MethodGet, Path: picturePath, Query: "token=" + made.GetSecret()})
	refused(t, "once revoked", refusal, "CREDENTIALS_INVALID")
	_, refusal = s.GRPC().Call(t, s.acme, &pb.CreateFeedRequest{Feed: &pb.Feed{DisplayName: "Odd", Kind: 9}})
	refused(t, "a kind that is none", refusal, "INVALID_FIELDS")
	_, refusal = s.GRPC().Call(t, s.operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Odd", Principal: &pb.Principal{Role: pb.Role_ROLE_SCORECARD_FEED, PartyId: acme}}})
	refused(t, "a key of the role", refusal, "INVALID_FIELDS")
}

// The files that HTTP serves beside the RPCs stand in the reference too, with the parameters that they take.
func TestFilesAreInTheReference(t *testing.T) {
	s := setStage(t, servertest.Options{})
	_, _, page := s.get(t, s.acme, "/openapi.json", "")
	var reference struct {
		Paths map[string]map[string]struct {
			Parameters []map[string]any
			Security   []map[string]any
			Responses  map[string]any
		}
	}
	if err := json.Unmarshal(page, &reference); err != nil {
		t.Fatal(err)
	}
	for path, query := range map[string]string{
		"/v1/agreements/{agreement_id}/scorecard.svg": "fromDate=2026-01-01&toDate=2026-12-31",
		"/v1/agreements/{agreement_id}/calendar.ics":  "",
		"/v1/agreements/{agreement_id}/audit.zip":     "proofsOnly=true",
	} {
		get, there := reference.Paths[path]["get"]
		if !there || get.Responses["200"] == nil || len(get.Security) == 0 {
			t.Errorf("%s: %v", path, get)
			continue
		}
		asked, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		for name := range asked {
			if !slices.ContainsFunc(get.Parameters, func(p map[string]any) bool { return p["name"] == name && p["in"] == "query" }) {
				t.Errorf("%s does not tell of %s", path, name)
			}
		}
		if status, _, body := s.get(t, s.acme, strings.Replace(path, "{agreement_id}", "running", 1)+"?"+query, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
