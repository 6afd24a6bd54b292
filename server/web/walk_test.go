package web

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// FuzzBody holds the walker against protojson, which decides: what one takes the other takes.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"revision":3,"terms":{"title":"t"}}`, `{"terms":{"calendar":{"weekend":["WEEKDAY_SUNDAY",7,"7"]}}}`, `{"note":"a","note":"b"}`,
		`{"request_id":"a","requestId":null}`, `{"terms":{"commitments":[{"oneOff":{},"recurring":{}},null]}}`, `{"revision":1e2,"validateOnly":null}`, `{"revision":0e}`,
		`{"revision":"1.0"}`, `{"terms":{"thresholds":{"kept":"NaN"}}}`, `{"note":"\ud800"}`, `{"x":[{}]} `, `{} {}`, `[]`, `null`, `{"receivedTime":"2026-01-01T00:00:00.1234567891Z"}`,
		`{"updateMask":"a,bC","agreement":{"createTime":"9999-12-31T23:59:59Z","calendar":null}}`, `{"updateMask":"a_b"}`, `{"agreement":{"draftTerms":{"clocks":{"leadDays":null}}}}`,
		"{\"\\ud800\":1}", `{"body":"_-8","note":"\u0000"}`, `{"revision":-0,"revision ":1}`, `{"terms":{"holidays":[null]}}`, `{"[x]":1}`, `{"secretHash":"!"}`, "\xef\xbb\xbf{}",
		"{}\f", `{"version":"18446744073709551615","proposalMade":{"body":"AA==","kind":2},"requestId":5}`,
	} {
		f.Add([]byte(s))
	}
	messages := []protoreflect.ProtoMessage{&pb.CounterProposalRequest{}, &pb.UpdateAgreementRequest{}, &pb.AcknowledgeObligationRequest{}, &pb.Event{}}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, m := range messages {
			m := m.ProtoReflect().New()
			err := parse(body, m.Interface())
			found, p := checkBody(body, m.Descriptor())
			if good := len(found) == 0 && p == nil; good != (err == nil) {
				t.Errorf("%s %q: reading says %v, the walker %v %v", m.Descriptor().Name(), body, err, found, p)
			}
		}
	})
}
