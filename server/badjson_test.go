package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/concordhq/concord/server/servertest"
)

// restBattery asks every RPC over REST something that is wrong in one way.
func restBattery(t *testing.T, wrong func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request)) {
	t.Helper()
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		if face.Name() == "REST" {
			wrong(t, s, s.maker(rpc), rpc, servertest.Spell(t, rpc, ready))
		}
	})
}

// bodyOf is the message that the body of a call is; nil if it takes none.
func bodyOf(rpc servertest.RPC) protoreflect.MessageDescriptor {
	switch name := rpc.Rule.GetBody(); name {
	case "":
		return nil
	case "*":
		return rpc.Input()
	default:
		return rpc.Input().Fields().ByName(protoreflect.Name(name)).Message()
	}
}

// misfit is JSON that is no value of a field.
func misfit(f protoreflect.FieldDescriptor) any {
	switch {
	case f.IsList():
		return "a list"
	case f.Message() != nil && f.Message().ParentFile().Package() == "concord.v1":
		return []int{1}
	case f.Message() != nil, f.Kind() == protoreflect.StringKind, f.Kind() == protoreflect.BytesKind:
		return map[string]any{"not": "this"}
	}
	return "no such value"
}

func TestJSONOfTheWrongTypeIsRefused(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		body := bodyOf(rpc)
		if body == nil {
			return
		}
		all, want := map[string]any{}, []string{}
		for i := range body.Fields().Len() {
			f := body.Fields().Get(i)
			one, err := json.Marshal(map[string]any{f.JSONName(): misfit(f)})
			if err != nil {
				t.Fatal(err)
			}
			bad := good
			bad.Body = one
			_, refusal := s.Send(t, who, bad)
			if refused(t, string(one), refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), []string{f.JSONName()}) {
				t.Errorf("%s: told of %v", one, refusal.Fields())
			}
			all[f.JSONName()] = misfit(f)
			want = append(want, f.JSONName())
		}
		// All at once, with an unknown field beside them.
		all["nonsense"] = 1
		want = append(want, "nonsense")
		slices.Sort(want)
		bad := good
		bad.Body, _ = json.Marshal(all)
		_, refusal := s.Send(t, who, bad)
		if refused(t, "all", refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), want) {
			t.Errorf("told of %v; wrong are %v", refusal.Fields(), want)
		}
	})
}

func TestWhatIsNoJSONIsRefused(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		if bodyOf(rpc) == nil {
			bad := good
			bad.Body = []byte("{}")
			_, refusal := s.Send(t, who, bad)
			refused(t, "a body where none is taken", refusal, "MALFORMED_REQUEST")
			return
		}
		for _, body := range []string{"[]", "null", `"text"`, "{", "{}{}", "{} x", "\xff\xfe", `{"a":1,}`, "a=b&c=d", strings.Repeat("[", 100_000)} {
			bad := good
			bad.Body = []byte(body)
			_, refusal := s.Send(t, who, bad)
			refused(t, fmt.Sprintf("%.20q", body), refusal, "MALFORMED_REQUEST")
		}
		deep := good
		deep.Body = []byte(`{"nonsense":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001))
		_, refusal := s.Send(t, who, deep)
		refused(t, "a deep body", refusal, "INVALID_FIELDS", "MALFORMED_REQUEST")
	})
}

func TestUnknownQueryParametersAreRefused(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		bad := good
		bad.Query = strings.TrimPrefix(good.Query+"&nonsense=1&pagesize=3", "&")
		_, refusal := s.Send(t, who, bad)
		if refused(t, "unknown parameters", refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), []string{"nonsense", "pagesize"}) {
			t.Errorf("told of %v", refusal.Fields())
		}
		for _, query := range []string{"%zz=1", "nonsense=%", "=", "a;b=1"} {
			bad.Query = query
			_, refusal := s.Send(t, who, bad)
			refused(t, query, refusal, "INVALID_FIELDS")
		}
	})
}

func TestQueryParametersOfTheWrongTypeAreRefused(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		body := rpc.Rule.GetBody()
		for i := range rpc.Input().Fields().Len() {
			f := rpc.Input().Fields().Get(i)
			name := string(f.Name())
			if body == "*" || body == name || inPath(rpc, name) || f.Kind() == protoreflect.StringKind {
				continue
			}
			values := []string{"nothing-like-it", "", "1e400", "\x00"}
			if f.Message() != nil { // a mask; an empty one is one
				values = []string{"nothing-like-it", ".", "display_name..x"}
			}
			for _, value := range values {
				bad := good
				bad.Query = f.JSONName() + "=" + strings.ReplaceAll(value, "\x00", "%00")
				_, refusal := s.Send(t, who, bad)
				if refused(t, bad.Query, refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), []string{f.JSONName()}) {
					t.Errorf("%s: told of %v", bad.Query, refusal.Fields())
				}
			}
			bad := good
			bad.Query = f.JSONName() + "=1&" + name + "=1"
			_, refusal := s.Send(t, who, bad)
			refused(t, "a parameter given twice", refusal, "INVALID_FIELDS")
		}
	})
}

func TestAnEmptyBodyIsToldWhatIsMissing(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		if bodyOf(rpc) == nil {
			return
		}
		bad := good
		bad.Body, bad.Query = []byte("{}"), "validateOnly=true"
		if rpc.Rule.GetBody() == "*" {
			bad.Body, bad.Query = []byte(`{"validateOnly":true}`), ""
		}
		_, refusal := s.Send(t, who, bad)
		switch rpc.Name() {
		case "AcceptObligation", "AcknowledgeObligation", "WithdrawProposal", "RevokeApiKey", "UpdateAgreement", "GiveNotice", "ResumeAgreement", "RevokeFeed", "AddLogKey", "RetireLogKey",
			"AcknowledgeConcern", "AdmitConcern", "AcceptRemedy", "WithdrawConcern", "RequestPulse", "ConfirmObservation", "OpenReview", "UpdateReview":
			if refusal != nil {
				t.Errorf("nothing more is needed, but: %v", refusal)
			}
		default:
			refused(t, "an empty object", refusal, "INVALID_FIELDS")
		}
	})
}

func TestTooLargeABodyIsRefused(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		if bodyOf(rpc) == nil {
			return
		}
		bad := good
		bad.Body = bytes.Repeat([]byte(" "), 4<<20+1)
		_, refusal := s.Send(t, who, bad)
		// The catalogue names no status of its own for this; HTTP has 413.
		if refusal == nil || refusal.Reason != "MALFORMED_REQUEST" || refusal.Status != http.StatusRequestEntityTooLarge || refusal.Metadata["max"] == "" {
			t.Errorf("%v", refusal)
		}
	})
}

func TestWrongMethodsAndPathsAreRefused(t *testing.T) {
	restBattery(t, func(t *testing.T, s *stage, who servertest.Caller, rpc servertest.RPC, good servertest.Request) {
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace, "BREW"} {
			bad := good
			bad.Method = method
			_, refusal := s.Send(t, who, bad)
			if refused(t, method, refusal, "UNKNOWN_METHOD") && refusal.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s: %v", method, refusal)
			}
		}
		for _, path := range []string{good.Path + "/", good.Path + ":nonsense", good.Path + "/nonsense/x/y/z/1/2/3/4/5", "/v1//" + good.Path[4:], strings.Replace(good.Path, "/v1/", "/v2/", 1)} {
			bad := good
			bad.Path = path
			_, refusal := s.Send(t, who, bad)
			if refused(t, path, refusal, "UNKNOWN_METHOD") && refusal.Status != http.StatusNotFound {
				t.Errorf("%s: %v", path, refusal)
			}
		}
	})
}
