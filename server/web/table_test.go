package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/web"
)

// Every RPC of the API is reached at its path, with the ids of the path in their fields, and by no
// other.
func TestEveryRPCIsReached(t *testing.T) {
	var called string
	var with proto.Message
	conn := connFunc(func(method string, m proto.Message) error {
		called, with = method, m
		return status.Error(codes.NotFound, "")
	})
	h, err := web.New(web.Config{Conn: conn, OpenAPI: []byte("{}"), Ready: func() error { return nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	count, unbound := 0, []string{}
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				m := methods.Get(j)
				count++
				rule := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
				if rule == nil {
					unbound = append(unbound, string(m.Name()))
					continue
				}
				method, path := http.MethodGet, rule.GetGet()
				if p := rule.GetPost(); p != "" {
					method, path = http.MethodPost, p
				} else if p := rule.GetPatch(); p != "" {
					method, path = http.MethodPatch, p
				}
				path = strings.NewReplacer("{version}", "7", "{revision}", "7", "{", "", "}", "").Replace(path)
				var body io.Reader
				if rule.GetBody() != "" {
					body = strings.NewReader("{}")
				}
				called = ""
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(method, path, body))
				if want := "/" + string(m.Parent().FullName()) + "/" + string(m.Name()); called != want {
					t.Errorf("%s %s called %q, want %q: %s", method, path, called, want, w.Body)
					continue
				}
				for k := range m.Input().Fields().Len() {
					field := m.Input().Fields().Get(k)
					if strings.Contains(path, "/"+string(field.Name())) && field.Kind() == protoreflect.StringKind {
						if got := with.ProtoReflect().Get(field).String(); got != string(field.Name()) {
							t.Errorf("%s: %s is %q", path, field.Name(), got)
						}
					}
				}
			}
		}
		return true
	})
	if slices.Sort(unbound); !slices.Equal(unbound, []string{"ExportAudit", "GetCalendar", "GetEntryBundle", "GetScorecardPicture", "GetTile", "ImportAgreements"}) {
		t.Errorf("REST does not offer %v", unbound)
	}
	if count < 30 {
		t.Errorf("only %d RPCs", count)
	}
}

type connFunc func(method string, m proto.Message) error

func (f connFunc) Invoke(_ context.Context, method string, args, _ any, _ ...grpc.CallOption) error {
	return f(method, args.(proto.Message))
}

func (f connFunc) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, f(method, nil)
}

// Paths that nearly are paths of the API reach nothing.
func TestPathsThatAreNone(t *testing.T) {
	h, s := open(t)
	for _, path := range []string{
		"/v1/", "/v1", "/v2/agreements/a1", "/v1/agreements/", "/v1//agreements", "/v1/agreements//revisions",
		"/v1/agreements/a1/", "/v1/agreements/a1:sign", "/v1/agreements/a1%3Asign", "/v1/agreements/a1:",
		"/v1/agreements/a1:x:y", "/v1/agreements:a1", "/v1/agreements/:sign", "/v1/agreements/%00", "/v1/agreements/a%2Fb",
		"/v1/agreements/a%2fb", "/v1/agreements/..", "/v1/agreements/../parties/p1", "/v1/agreements/a1/../a2", "/v1/agreements/.",
		"/v1/agreements/%2e%2e", "/v1/agreements/%252e", "/v1/agreements/a%20b", "/v1/agreements/\xc3\xa9", "/v1/agreements/%C3%A9", "/v1/agreements/%ff",
		"/v1/agreements/a1;x=1", "/v1/agreements/a+b", "/v1/agreements/a.b", "/v1/agreements/a~b", "/v1/agreements/a*", "/v1/agreements/{agreement_id}",
		"/v1/agreements/a1/obligations/o1:submit:submit", "/v1/agreements/a1/obligations/o1%3Asubmit", "/v1/agreements/a1/obligations/:submit",
		"/v1/agreements/a1:submit/obligations/o1", "/v1/Agreements/a1", "/v1/agreements/a1/revisions/1/x", "/v1/%61greements/a1",
		"/v1/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s", "/concord.v1.AgreementService/GetAgreement", "/openapi.json/", "/docs/../healthz", "/%6fpenapi.json", "/metrics",
	} {
		for _, method := range []string{"GET", "POST"} {
			a := call(t, s, method, path, "")
			if p := a.problem(t); p.Status != 404 || p.Reason != "UNKNOWN_METHOD" || p.Type != "urn:concord:problem:unknown-method" {
				t.Errorf("%s %q: %d %s", method, path, p.Status, p.Reason)
			}
		}
	}
	if m, _ := h.last(); m != nil {
		t.Errorf("reached %T", m)
	}
}

func TestMethodsThatAreNone(t *testing.T) {
	h, s := open(t)
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/v1/agreements/a1", "GET, HEAD, PATCH"},
		{"DELETE", "/v1/agreements", "GET, HEAD, POST"},
		{"OPTIONS", "/v1/agreements", "GET, HEAD, POST"},
		{"GET", "/v1/agreements/a1/obligations/o1:submit", "POST"},
		{"HEAD", "/v1/agreements/a1/obligations/o1:submit", "POST"},
		{"get", "/v1/agreements", "GET, HEAD, POST"},
		{"POST", "/healthz", "GET, HEAD"},
		{"PUT", "/docs/", "GET, HEAD"},
	} {
		// A method in a header is not believed, nor a form.
		a := call(t, s, c.method, c.path, "", "X-Http-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded")
		if a.StatusCode != 405 || a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.StatusCode, a.Header["Allow"])
		}
		if c.method != "HEAD" && a.problem(t).Reason != "UNKNOWN_METHOD" {
			t.Error(a.text)
		}
	}
	if m, _ := h.last(); m != nil {
		t.Errorf("reached %T", m)
	}
}

func TestIDsReachTheirRPC(t *testing.T) {
	h, s := open(t)
	for _, id := range []string{"a", "agr_01jz", "A-1", "0", "revisions", strings.Repeat("x", 200)} {
		if a := call(t, s, "GET", "/v1/agreements/"+id, ""); a.StatusCode != 200 {
			t.Fatal(a.text)
		}
		if m, _ := h.last(); m.(*pb.GetAgreementRequest).GetAgreementId() != id {
			t.Errorf("%s became %v", id, m)
		}
	}
	a := call(t, s, "GET", "/v1/agreements/a1/revisions/two?pageSize=1", "")
	if p := a.problem(t); p.Status != 400 || p.Reason != "INVALID_FIELDS" || p.fields() != "revision pageSize" {
		t.Error(a.text)
	}
}

// Whatever a POST without a verb makes, and a GET reads, was created: the answer says at which path it is.
func TestWhateverIsMadeHasALocation(t *testing.T) {
	h, err := web.New(web.Config{Conn: making{}, OpenAPI: []byte("{}"), Ready: func() error { return nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	read, made := map[protoreflect.FullName]string{}, map[string]protoreflect.MessageDescriptor{}
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				m := f.Services().Get(i).Methods().Get(j)
				rule := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
				if path := rule.GetGet(); strings.HasSuffix(path, "_id}") {
					read[m.Output().FullName()] = path
				}
				if path := rule.GetPost(); path != "" && !strings.Contains(path, ":") {
					made[path] = m.Output()
				}
			}
		}
		return true
	})
	count := 0
	for path, answer := range made {
		place := read[answer.FullName()]
		for i := range answer.Fields().Len() {
			if m := answer.Fields().Get(i).Message(); place == "" && m != nil {
				place = read[m.FullName()]
			}
		}
		if place == "" {
			continue // nothing reads one of it
		}
		count++
		id := place[strings.LastIndex(place, "{"):]
		ids := strings.NewReplacer(id, "made", "{", "", "}", "") // those in the path are what they are called
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, ids.Replace(path), strings.NewReader("{}")))
		if got := w.Header().Get("Location"); w.Code != http.StatusCreated || got != ids.Replace(place) {
			t.Errorf("POST %s: %d at %q, want 201 at %q", path, w.Code, got, ids.Replace(place))
		}
	}
	if count < 9 {
		t.Errorf("only %d calls make something", count)
	}
}

// making answers every call with a message in which, and in whose messages, each text is "made".
type making struct{}

func (making) Invoke(_ context.Context, _ string, _, answer any, _ ...grpc.CallOption) error {
	fill := func(m protoreflect.Message) {
		for i := range m.Descriptor().Fields().Len() {
			if f := m.Descriptor().Fields().Get(i); f.Kind() == protoreflect.StringKind && !f.IsList() {
				m.Set(f, protoreflect.ValueOfString("made"))
			}
		}
	}
	m := answer.(proto.Message).ProtoReflect()
	fill(m)
	for i := range m.Descriptor().Fields().Len() {
		if f := m.Descriptor().Fields().Get(i); f.Message() != nil && !f.IsList() && !f.IsMap() {
			fill(m.Mutable(f).Message())
		}
	}
	return nil
}

func (making) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "")
}
