package web_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/concordhq/concord/server/web"
)

func refusal(code codes.Code, message, reason string, details ...protoadapt.MessageV1) error {
	s, err := status.New(code, message).WithDetails(append([]protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: reason, Domain: "concord", Metadata: map[string]string{"state": "DRAFT"}}}, details...)...)
	if err != nil {
		panic(err)
	}
	return s.Err()
}

var codesByName = func() map[string]codes.Code {
	m := map[string]codes.Code{"CANCELLED": codes.Canceled}
	for c := codes.Code(1); c <= codes.Unauthenticated; c++ {
		name := regexp.MustCompile("([a-z])([A-Z])").ReplaceAllString(c.String(), "${1}_$2")
		m[strings.ToUpper(name)] = c
	}
	return m
}()

// Each reason of the catalogue reaches a client with the status that its comment in the proto promises.
func TestEveryReasonHasItsStatus(t *testing.T) {
	source, err := os.ReadFile("../../proto/concord/v1/error.proto")
	if err != nil {
		t.Fatal(err)
	}
	h, s := open(t)
	entries := regexp.MustCompile(`(?s)((?:  //[^\n]*\n)+)  ERROR_REASON_([A-Z_]+) = ([0-9]+);`).FindAllStringSubmatch(string(source), -1)
	if len(entries) < 26 {
		t.Fatalf("%d reasons", len(entries))
	}
	for _, e := range entries {
		comment, reason := e[1], e[2]
		if e[3] == "0" {
			continue
		}
		names := regexp.MustCompile(`\b[A-Z]{3,}(_[A-Z]+)*\b`).FindAllString(comment, -1)
		wanted := regexp.MustCompile(`\b[45][0-9][0-9]\b`).FindAllString(comment, -1)
		var got []string
		for _, name := range names {
			code, ok := codesByName[name]
			if !ok {
				continue
			}
			h.fail = refusal(code, "No.", reason)
			a := call(t, s, "GET", "/v1/agreements/a1", "")
			p := a.problem(t)
			got = append(got, a.Status[:3])
			if p.Reason != reason || p.Type != "urn:concord:problem:"+strings.ReplaceAll(strings.ToLower(reason), "_", "-") {
				t.Errorf("%s: %s", reason, a.text)
			}
			if reason != "INTERNAL" && (p.Detail != "No." || p.Metadata["state"] != "DRAFT") {
				t.Errorf("%s: %s", reason, a.text)
			}
			if has := a.Header.Get("Retry-After") != ""; has != (a.StatusCode == 503 || a.StatusCode == 429) {
				t.Errorf("%s: Retry-After %v", reason, has)
			}
			if has := strings.HasPrefix(a.Header.Get("Www-Authenticate"), "Bearer"); has != (a.StatusCode == 401) {
				t.Errorf("%s: WWW-Authenticate %v", reason, has)
			}
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Etag") != "" {
				t.Errorf("%s: %v", reason, a.Header)
			}
		}
		if len(wanted) == 0 || !sameSet(got, wanted) {
			t.Errorf("%s: got %v, the proto says %v", reason, got, wanted)
		}
	}
}

func sameSet(a, b []string) bool {
	for _, list := range [][2][]string{{a, b}, {b, a}} {
		for _, s := range list[0] {
			if !strings.Contains(strings.Join(list[1], " "), s) {
				return false
			}
		}
	}
	return true
}

func TestDetailsOfProblems(t *testing.T) {
	h, s := open(t)
	h.fail = refusal(codes.InvalidArgument, "Two fields.", "INVALID_FIELDS",
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "agreement.draft_terms.commitments[3].one_off.due_date", Description: "before the effective date"},
			{Field: `map_field["a_b"].time_zone`, Description: "x"}, {Field: "agreement", Description: "y"}}},
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "TURN", Subject: "agreements/a1", Description: "wait"}}})
	p := call(t, s, "POST", "/v1/agreements", `{}`).problem(t)
	if want := `draftTerms.commitments[3].oneOff.dueDate mapField["a_b"].timeZone agreement`; p.fields() != want {
		t.Error(p.fields())
	}
	if len(p.Preconditions) != 1 || p.Preconditions[0].Subject != "agreements/a1" || p.Preconditions[0].Type != "TURN" || p.Preconditions[0].Description != "wait" {
		t.Error(p.Preconditions)
	}
	h.fail = refusal(codes.Unavailable, "Later.", "OVERLOADED", &errdetails.RetryInfo{RetryDelay: durationpb.New(2500 * time.Millisecond)})
	if a := call(t, s, "GET", "/v1/agreements", ""); a.Header.Get("Retry-After") != "3" {
		t.Error(a.Header)
	}
}

// What does not come from the API tells a client nothing about the inside.
func TestFaultsTellNothing(t *testing.T) {
	h, s := open(t)
	for _, err := range []error{
		errors.New("open /var/lib: secret"), status.Error(codes.Internal, "secret"), status.Error(codes.DataLoss, "secret"),
		refusal(codes.Internal, "secret", "INTERNAL", &errdetails.DebugInfo{Detail: "secret"}),
	} {
		h.fail = err
		a := call(t, s, "GET", "/v1/agreements", "")
		if p := a.problem(t); p.Status != 500 || p.Reason != "INTERNAL" || strings.Contains(a.text, "secret") || strings.Contains(a.text, "DRAFT") {
			t.Error(a.text)
		}
	}
	for code, want := range map[codes.Code]int{codes.NotFound: 404, codes.Unimplemented: 501, codes.Unauthenticated: 401, codes.PermissionDenied: 403,
		codes.ResourceExhausted: 429, codes.Unavailable: 503, codes.InvalidArgument: 400, codes.Aborted: 409, codes.AlreadyExists: 409} {
		h.fail = status.Error(code, "x")
		if a := call(t, s, "GET", "/v1/agreements", ""); a.problem(t).Status != want {
			t.Errorf("%s: %s", code, a.text)
		}
	}
}

// A call without a deadline of its own ends all the same.
func TestCallsEnd(t *testing.T) {
	h, s := open(t, func(c *web.Config) { c.Timeout = 50 * time.Millisecond })
	h.wait = func(ctx context.Context) { <-ctx.Done() }
	a := call(t, s, "GET", "/v1/agreements", "", "Grpc-Timeout", "8000H")
	if p := a.problem(t); p.Status != 504 || p.Reason != "CALL_ENDED" {
		t.Error(a.text)
	}
	h, s = open(t)
	call(t, s, "GET", "/v1/agreements", "", "Grpc-Timeout", "1n")
	if left := time.Until(h.deadline); left < 20*time.Second || left > web.DefaultTimeout {
		t.Error(left)
	}
}
