package servertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// REST is the REST face, spoken to with plain net/http.
func (s *Server) REST() Face { return restFace{s} }

type restFace struct{ s *Server }

func (restFace) Name() string { return "REST" }

func (restFace) Offers(rpc RPC) bool { return rpc.Rule != nil }

func (f restFace) Call(t testing.TB, who Caller, req proto.Message) (proto.Message, *Refusal) {
	t.Helper()
	rpc := RPCOf(t, req)
	answer, refusal := f.s.Send(t, who, Spell(t, rpc, req))
	if refusal != nil {
		return nil, refusal
	}
	message := newAnswer(t, rpc)
	if err := protojson.Unmarshal(answer.Body, message); err != nil {
		t.Fatalf("%s answered over REST with what is no %s: %v\n%s", rpc.Path(), rpc.Output().Name(), err, answer.Body)
	}
	return message, nil
}

func (f restFace) Must(t testing.TB, who Caller, req proto.Message) proto.Message {
	t.Helper()
	answer, refusal := f.Call(t, who, req)
	if refusal != nil {
		t.Fatalf("over REST %T was refused: %v", req, refusal)
	}
	return answer
}

// Request is a call in the words of REST.
type Request struct {
	// Method is the HTTP method, Path the path as it is sent, Query the query without "?".
	Method, Path, Query string
	// Body is the body; nil: none.
	Body []byte
}

// Answer is a good answer over REST.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Spell writes a call as its HTTP rule has it.
func Spell(t testing.TB, rpc RPC, req proto.Message) Request {
	t.Helper()
	r := Request{}
	for method, path := range map[string]string{
		http.MethodGet: rpc.Rule.GetGet(), http.MethodPost: rpc.Rule.GetPost(), http.MethodPatch: rpc.Rule.GetPatch(),
	} {
		if path != "" {
			r.Method, r.Path = method, path
		}
	}
	body := proto.Clone(req)
	m := body.ProtoReflect()
	query := url.Values{}
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		name := string(field.Name())
		switch {
		case strings.Contains(r.Path, "{"+name+"}"):
			r.Path = strings.ReplaceAll(r.Path, "{"+name+"}", url.PathEscape(m.Get(field).String()))
			m.Clear(field)
		case rpc.Rule.GetBody() == "*" || rpc.Rule.GetBody() == name || !m.Has(field):
		default:
			query.Set(field.JSONName(), text(t, body, field))
		}
	}
	r.Query = query.Encode()
	switch name := rpc.Rule.GetBody(); name {
	case "":
		return r
	case "*":
	default:
		field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		if !m.Has(field) {
			return r
		}
		body = m.Get(field).Message().Interface()
	}
	var err error
	if r.Body, err = protojson.Marshal(body); err != nil {
		t.Fatal(err)
	}
	return r
}

// text is a plain field as a query has it.
func text(t testing.TB, m proto.Message, field protoreflect.FieldDescriptor) string {
	t.Helper()
	only := m.ProtoReflect().New()
	only.Set(field, m.ProtoReflect().Get(field))
	all, err := protojson.Marshal(only.Interface())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(all))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(values[field.JSONName()])
}

// Send sends a request as it is.
func (s *Server) Send(t testing.TB, who Caller, r Request) (*Answer, *Refusal) {
	t.Helper()
	target := s.URL(r.Path)
	if r.Query != "" {
		target += "?" + r.Query
	}
	req, err := http.NewRequest(r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	if r.Body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range who.headers() {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	defer res.Body.Close()
	var body []byte
	if res.Header.Get("Content-Type") == "text/event-stream" { // which has no end
		body, err = firstData(res.Body)
	} else {
		body, err = io.ReadAll(res.Body)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	if res.StatusCode < 300 {
		return &Answer{res.StatusCode, res.Header, body}, nil
	}
	refusal, err := readProblem(res.StatusCode, res.Header.Get("Content-Type"), body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	return nil, refusal
}

// firstData is the data of the first event of a stream.
func firstData(stream io.Reader) ([]byte, error) {
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		if data, found := bytes.CutPrefix(line, []byte("data: ")); found || err != nil {
			return data, err
		}
	}
}
