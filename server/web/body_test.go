package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/web"
)

const counter = "/v1/agreements/a1/proposals/p1:counter"

// Everything that is wrong with a body is named at once, by the path the client wrote.
func TestBodiesWithWrongFields(t *testing.T) {
	h, s := open(t)
	for _, c := range []struct{ method, path, body, fields string }{
		{"POST", counter, `{"revision":"x","foo":{"a":[1,{}]},"terms":{"calendar":{"weekend":["WEEKDAY_SUNDAY","SUNDAY",99,true],"timeZone":5},
			"commitments":[{"oneOff":{"dueDate":"2026-01-01"},"recurring":{},"weight":1.5},7,null,{"obligor":"VENDOR","nope":1}],"clocks":[]}}`,
			"revision foo terms.calendar.weekend[1] terms.calendar.weekend[3] terms.calendar.timeZone terms.commitments[0].recurring " +
				"terms.commitments[0].weight terms.commitments[1] terms.commitments[2] terms.commitments[3].obligor terms.commitments[3].nope terms.clocks"},
		{"POST", counter, `{"note":"a","note":"b","terms":{},"terms":null}`, "note terms"},
		{"POST", counter, `{"requestId":"a","request_id":"b"}`, "request_id"},
		{"POST", counter, `{"terms":{"guidingPrinciples":"x","commitments":{},"thresholds":{"kept":"high"}}}`, "terms.guidingPrinciples terms.commitments terms.thresholds.kept"},
		{"POST", counter, `{"revision":2147483648,"note":"\ud800","validateOnly":"true"}`, "revision note validateOnly"},
		{"POST", counter, `{"Terms":{},"ETAG":"x","":1,"[concord.v1.access]":{},"@type":"x"}`, "Terms ETAG  [concord.v1.access] @type"},
		{"POST", "/v1/agreements/a1/obligations/o1:acknowledge", `{"receivedTime":"yesterday","note":null}`, "receivedTime"},
		{"POST", "/v1/agreements/a1/obligations/o1:acknowledge", `{"received_time":1767225600}`, "received_time"},
		{"POST", "/v1/agreements/a1/obligations/o1:acknowledge", `{"receivedTime":"2026-02-30T00:00:00Z"}`, "receivedTime"},
		{"POST", "/v1/agreements", `{"agreement":{"vendorPartyId":"p"}}`, "agreement"},
		{"PATCH", "/v1/agreements/a1", `{"draftTerms":{"titel":"x"}}`, "draftTerms.titel"},
	} {
		a := call(t, s, c.method, c.path, c.body)
		if p := a.problem(t); p.Status != 400 || p.Reason != "INVALID_FIELDS" || p.fields() != c.fields {
			t.Errorf("%s\ngot  %s\nwant %s", c.body, p.fields(), c.fields)
		}
	}
	if m, _ := h.last(); m != nil {
		t.Errorf("reached %T", m)
	}
}

func TestBodiesThatAreNone(t *testing.T) {
	h, s := open(t, func(c *web.Config) { c.MaxBody = 1 << 20 })
	type c struct {
		path, body, detail string
		status             int
	}
	for _, c := range []c{
		{counter, "", "The body is empty", 400},
		{counter, " \n", "The body is empty", 400},
		{counter, "{\n  \"note\": }", "line 2, column 11", 400},
		{counter, `{"note":"a"`, "too early", 400},
		{counter, `note=a`, "not JSON", 400},
		{counter, `{"note":"a"} {"note":"b"}`, "behind", 400},
		{counter, `{"note":"a"},`, "behind", 400},
		{counter, `[]`, "must be a JSON object", 400},
		{counter, `null`, "must be a JSON object", 400},
		{counter, `"x"`, "must be a JSON object", 400},
		{counter, "{\"note\":\"\xff\"}", "UTF-8", 400},
		{counter, "\ufeff{}", "not JSON", 400},
		{counter, `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "not JSON", 400},
		{counter, `{"note":"` + strings.Repeat("x", 1<<20) + `"}`, "larger than 1048576 bytes", 413},
	} {
		for _, path := range []string{c.path, "/v1/agreements"} {
			a := call(t, s, "POST", path, c.body)
			if p := a.problem(t); p.Status != c.status || p.Reason != "MALFORMED_REQUEST" || !strings.Contains(p.Detail, c.detail) {
				t.Errorf("%.40q: %.300s", c.body, a.text)
			}
		}
	}
	if a := call(t, s, "GET", "/v1/agreements", "{}"); a.problem(t).Reason != "MALFORMED_REQUEST" {
		t.Error(a.text)
	}
	if m, _ := h.last(); m != nil {
		t.Errorf("reached %T", m)
	}
	// A call whose body may be empty needs none.
	if a := call(t, s, "POST", "/v1/apiKeys/k1:revoke", ""); a.StatusCode != 200 {
		t.Error(a.text)
	}
}

func TestMediaTypes(t *testing.T) {
	_, s := open(t)
	for _, c := range []struct {
		name, value string
		want        int
	}{
		{"Content-Type", "application/json", 200}, {"Content-Type", "application/json; charset=UTF-8", 200}, {"Content-Type", "Application/JSON", 200}, {"Content-Type", "", 200},
		{"Content-Type", "text/plain", 415}, {"Content-Type", "application/x-www-form-urlencoded", 415}, {"Content-Type", "application/json; charset=latin1", 415},
		{"Content-Type", "application/json;;", 415}, {"Content-Type", "application/merge-patch+json", 415}, {"Content-Encoding", "gzip", 415}, {"Content-Encoding", "identity", 200},
		{"Accept", "*/*", 200}, {"Accept", "application/json", 200}, {"Accept", "application/*;q=0.1", 200}, {"Accept", "text/html, */*;q=0.8", 200}, {"Accept", "", 200},
		{"Accept", "text/html", 406}, {"Accept", "text/event-stream", 406}, {"Accept", "application/json;q=0, text/html", 406},
	} {
		a := call(t, s, "POST", counter, `{"note":"x"}`, c.name, c.value)
		if a.StatusCode != c.want {
			t.Errorf("%s: %s: %d %s", c.name, c.value, a.StatusCode, a.text)
		}
		if c.want != 200 && a.problem(t).Reason != "MALFORMED_REQUEST" {
			t.Error(a.text)
		}
	}
}

// A body that is not announced in length is bounded too, and one that dribbles in does not hold the
// connection longer than a call may take.
func TestSlowAndEndlessBodies(t *testing.T) {
	_, s := open(t, func(c *web.Config) { c.MaxBody, c.Timeout = 1000, 200*time.Millisecond })
	send := func(parts ...string) string {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		for _, p := range parts {
			if _, err := io.WriteString(c, p); err != nil {
				break
			}
		}
		line, _ := bufio.NewReader(c).ReadString('\n')
		return strings.TrimSpace(line)
	}
	head := "POST " + counter + " HTTP/1.1\r\nHost: x\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 600, strings.Repeat(" ", 600))
	if got := send(head+"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk); got != "HTTP/1.1 413 Request Entity Too Large" {
		t.Error(got)
	}
	if got := send(head + "Content-Length: 100\r\n\r\n{"); got != "HTTP/1.1 408 Request Timeout" {
		t.Error(got)
	}
	if got := send(head + "Content-Length: " + strconv.Itoa(1<<40) + "\r\n\r\n"); got != "HTTP/1.1 413 Request Entity Too Large" {
		t.Error(got)
	}
}

func TestBodiesThatAreUnderstood(t *testing.T) {
	h, s := open(t)
	a := call(t, s, "POST", counter, ` {"revision":"3","terms":{"title":"é😀","calendar":{"time_zone":"Europe/Lisbon","weekend":["WEEKDAY_SUNDAY"]},
		"clocks":{"leadDays":0},"thresholds":{"kept":0.5},"commitments":[{"commitmentId":"c","oneOff":{"dueDate":"2026-01-01"},"recurring":null}]}, "note":null} `+"\n")
	m, _ := h.last()
	r, _ := m.(*pb.CounterProposalRequest)
	if a.StatusCode != 200 || r.GetRevision() != 3 || r.GetTerms().GetTitle() != "é😀" || r.GetTerms().GetClocks().LeadDays == nil ||
		r.GetTerms().GetCommitments()[0].GetOneOff().GetDueDate() != "2026-01-01" || r.GetAgreementId() != "a1" || r.GetProposalId() != "p1" {
		t.Errorf("%d %s %v", a.StatusCode, a.text, r)
	}
}

func TestLongListsOfViolationsEnd(t *testing.T) {
	_, s := open(t)
	a := call(t, s, "POST", counter, `{"terms":{"holidays":0`+strings.Repeat(`,"x":1`, 1000)+`}}`)
	if p := a.problem(t); len(p.Violations) != 100 || !strings.Contains(p.Detail, "More than 100") {
		t.Errorf("%d %s", len(p.Violations), p.Detail)
	}
}
