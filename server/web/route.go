package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// computedFields are fields that can change without a change of the etag beside them, because they are
// worked out when they are read. A client that asks "has it changed" by etag must get an answer with
// such a field in full.
var computedFields = []protoreflect.Name{"overdue"}

// route is one RPC at one path: what the checks need to know about it, worked out once.
type route struct {
	rpc      protoreflect.MethodDescriptor
	fullName string              // "/concord.v1.AgreementService/GetAgreement"
	handler  runtime.HandlerFunc // the generated code that calls it
	method   string              // of HTTP
	template string              // "/v1/agreements/{agreement_id}:sign"

	params   []pathParam
	query    map[string]protoreflect.FieldDescriptor // by both spellings of its name
	body     protoreflect.MessageDescriptor          // nil: takes no body
	bodyName string                                  // the field that is the body; "" when it is the request itself
	needBody bool

	watches      bool                           // answers with events, as they happen
	takesEtag    bool                           // the request has an etag: If-Match means something
	validateOnly protoreflect.FieldDescriptor   // of the request; nil if it has none
	etag         protoreflect.FieldDescriptor   // of the answer; nil if it has none
	revalidates  bool                           // the same etag means the same answer
	creates      bool                           // answers 201
	location     []string                       // the parts of the path of what was created, with "" for its id; nil: no Location
	created      []protoreflect.FieldDescriptor // leads to that id, within the answer
}

// pathParam is a field of the request that is bound to one segment of the path.
type pathParam struct {
	segment int
	field   protoreflect.FieldDescriptor
}

// creating is the names of the RPCs that make something new; proto/openapi knows them by the same.
var creating = regexp.MustCompile("^(Create|Raise|Record|Request|Open)")

// newRoute reads one HTTP rule.
func newRoute(m protoreflect.MethodDescriptor, rule *annotations.HttpRule) (*route, error) {
	r := &route{
		rpc:      m,
		fullName: "/" + string(m.Parent().FullName()) + "/" + string(m.Name()),
		creates:  creating.MatchString(string(m.Name())),
	}
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		r.method, r.template = http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		r.method, r.template = http.MethodPost, p.Post
	case *annotations.HttpRule_Patch:
		r.method, r.template = http.MethodPatch, p.Patch
	case *annotations.HttpRule_Put:
		r.method, r.template = http.MethodPut, p.Put
	case *annotations.HttpRule_Delete:
		r.method, r.template = http.MethodDelete, p.Delete
	default:
		return nil, fmt.Errorf("an HTTP method that is not served")
	}
	if rule.GetResponseBody() != "" || !strings.HasPrefix(r.template, "/v1/") {
		return nil, fmt.Errorf("an HTTP rule that is not served")
	}
	if err := r.bindPath(); err != nil {
		return nil, err
	}
	if err := r.bindBody(rule.GetBody()); err != nil {
		return nil, err
	}
	r.bindQuery(rule.GetBody())
	in, out := m.Input().Fields(), m.Output().Fields()
	r.watches = watches(m)
	r.takesEtag = in.ByName("etag") != nil
	r.validateOnly = in.ByName("validate_only")
	if f := out.ByName("etag"); f != nil && f.Kind() == protoreflect.StringKind {
		r.etag, r.revalidates = f, r.method == http.MethodGet
	}
	for _, name := range computedFields {
		r.revalidates = r.revalidates && out.ByName(name) == nil
	}
	return r, nil
}

// bindPath finds the fields that the path holds.
func (r *route) bindPath() error {
	path, _, _ := strings.Cut(r.template, ":")
	segments := strings.Split(path, "/")[1:]
	if len(segments) > maxSegments {
		return fmt.Errorf("a path of more than %d parts", maxSegments)
	}
	for i, s := range segments {
		name, isParam := strings.CutPrefix(s, "{")
		if !isParam {
			continue
		}
		f := r.rpc.Input().Fields().ByName(protoreflect.Name(strings.TrimSuffix(name, "}")))
		if f == nil || f.Message() != nil || f.IsList() {
			return fmt.Errorf("%s in the path is not a plain field", s)
		}
		r.params = append(r.params, pathParam{i, f})
	}
	return nil
}

// inPath tells whether the path holds a field.
func (r *route) inPath(f protoreflect.FieldDescriptor) bool {
	for _, p := range r.params {
		if p.field == f {
			return true
		}
	}
	return false
}

// bindBody finds what the body holds, and whether there must be one.
func (r *route) bindBody(body string) error {
	switch body {
	case "":
	case "*":
		r.body = r.rpc.Input()
		for i := range r.body.Fields().Len() {
			f := r.body.Fields().Get(i)
			r.needBody = r.needBody || isRequired(f) && !r.inPath(f)
		}
	default:
		f := r.rpc.Input().Fields().ByName(protoreflect.Name(body))
		if f == nil || f.Message() == nil || f.IsList() || f.IsMap() {
			return fmt.Errorf("the body %q is not a message", body)
		}
		r.body, r.bodyName, r.needBody = f.Message(), body, true
	}
	return nil
}

// isRequired tells whether a field is annotated as required.
func isRequired(f protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, b := range behaviors {
		if b == annotations.FieldBehavior_REQUIRED {
			return true
		}
	}
	return false
}

// bindQuery finds the query parameters: plain fields that are neither in the path nor the body.
func (r *route) bindQuery(body string) {
	r.query = map[string]protoreflect.FieldDescriptor{}
	if body == "*" {
		return
	}
	for i := range r.rpc.Input().Fields().Len() {
		f := r.rpc.Input().Fields().Get(i)
		if string(f.Name()) == body || r.inPath(f) || f.IsMap() || f.Message() != nil && !isText(f.Message()) {
			continue
		}
		r.query[string(f.Name())] = f
		r.query[f.JSONName()] = f
	}
}

// findLocation works out where what is created stands: what the answer is, or holds, is read at a path with one id more than
// are in this one, and the answer has that id.
func (r *route) findLocation(all []*route) {
	if !r.creates {
		return
	}
	for _, get := range all {
		if get.method != http.MethodGet || !holds(r.rpc.Output(), get.rpc.Output()) {
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(get.params), func(p pathParam) bool { return r.hasParam(p.field.Name()) })
		if len(missing) != 1 {
			continue
		}
		if r.created = pathToField(r.rpc.Output(), missing[0].field.Name()); r.created != nil {
			r.location = strings.Split(get.template, "/")
			r.location[missing[0].segment+1] = ""
			return
		}
	}
}

// hasParam tells whether the path holds a field of that name.
func (r *route) hasParam(name protoreflect.Name) bool {
	return slices.ContainsFunc(r.params, func(p pathParam) bool { return p.field.Name() == name })
}

// locate is the path of what a call created, by the path of the call and the answer; "" if there is none.
func (r *route) locate(path string, answer protoreflect.Message) string {
	id := textAt(answer, r.created)
	if id == "" {
		return ""
	}
	asked, location := strings.Split(path, "/"), slices.Clone(r.location)
	for i, part := range location {
		switch {
		case i > 0 && part == "":
			location[i] = id
		case strings.HasPrefix(part, "{"):
			at := slices.IndexFunc(r.params, func(p pathParam) bool { return "{"+string(p.field.Name())+"}" == part })
			location[i] = asked[r.params[at].segment+1]
		}
	}
	return strings.Join(location, "/")
}

// holds tells whether a message is of a kind, or one of its fields is.
func holds(m, kind protoreflect.MessageDescriptor) bool {
	if m == kind {
		return true
	}
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); !f.IsList() && !f.IsMap() && f.Message() == kind {
			return true
		}
	}
	return false
}

// pathToField finds a text field in a message or in one of its messages; nil if there is none.
func pathToField(m protoreflect.MessageDescriptor, name protoreflect.Name) []protoreflect.FieldDescriptor {
	if f := m.Fields().ByName(name); f != nil && f.Kind() == protoreflect.StringKind {
		return []protoreflect.FieldDescriptor{f}
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if f.Message() == nil || f.IsList() || f.IsMap() {
			continue
		}
		if inner := f.Message().Fields().ByName(name); inner != nil && inner.Kind() == protoreflect.StringKind {
			return []protoreflect.FieldDescriptor{f, inner}
		}
	}
	return nil
}
