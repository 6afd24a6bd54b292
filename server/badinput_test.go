package server_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/concordhq/concord/server/servertest"
)

// battery asks every RPC over both faces something that is wrong in one way, and then looks whether anything was written.
func battery(t *testing.T, wrong func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message)) {
	t.Helper()
	s := setStage(t, servertest.Options{})
	before := s.Written(t)
	for _, req := range s.ready(t) {
		rpc := servertest.RPCOf(t, req)
		for _, face := range s.Faces() {
			if !face.Offers(rpc) || rpc.Streams() { // the rows of a stream are asked one by one, elsewhere
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", rpc.Name(), face.Name()), func(t *testing.T) {
				wrong(t, s, face, rpc, proto.Clone(req))
				if after := s.Written(t); after != before+1 {
					t.Errorf("%d events were written", after-before-1)
				} else {
					before = after
				}
			})
		}
	}
	if log := s.Log(); strings.Contains(log, "fault") {
		t.Errorf("a caller's fault was taken for the service's own:\n%s", log)
	}
}

func behaves(f protoreflect.FieldDescriptor, as annotations.FieldBehavior) bool {
	all, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(all, as)
}

// place is a field somewhere within a request.
type place struct {
	path  string
	field protoreflect.FieldDescriptor
	leads []protoreflect.FieldDescriptor // the messages that lead to it
	out   bool                           // what a caller says there is ignored, or may be anything: drafts are unfinished
}

// places are all plain fields of a request, at any depth; of lists of messages, the fields of the first.
func places(m protoreflect.MessageDescriptor, in place) (all []place) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		p := place{field: f, leads: in.leads, out: in.out || behaves(f, annotations.FieldBehavior_OUTPUT_ONLY) || f.Name() == "draft_terms"}
		p.path = strings.TrimPrefix(in.path+"."+string(f.Name()), ".")
		if f.Message() == nil {
			if f.IsList() {
				p.path += "[0]"
			}
			all = append(all, p)
			continue
		}
		if f.Message().ParentFile().Package() == "concord.v1" {
			p.leads = append(slices.Clone(in.leads), f)
			if f.IsList() {
				p.path += "[0]"
			}
			all = append(all, places(f.Message(), p)...)
		}
	}
	return all
}

// at is the message that holds a place, made where it is missing.
func (p place) at(req proto.Message) protoreflect.Message {
	m := req.ProtoReflect()
	for _, f := range p.leads {
		if !f.IsList() {
			m = m.Mutable(f).Message()
			continue
		}
		list := m.Mutable(f).List()
		if list.Len() == 0 {
			list.AppendMutable()
		}
		m = list.Get(0).Message()
	}
	return m
}

// put sets the place to a value, or to a list of it.
func (p place) put(req proto.Message, value protoreflect.Value) {
	m := p.at(req)
	if p.field.IsList() {
		list := m.NewField(p.field)
		list.List().Append(value)
		value = list
	}
	m.Set(p.field, value)
}

// inPath says whether REST has a field in the path, so that a wrong one may name no path at all.
func inPath(rpc servertest.RPC, field string) bool {
	rule := rpc.Rule
	return strings.Contains(rule.GetGet()+rule.GetPost()+rule.GetPatch(), "{"+field+"}")
}

func TestAnEmptyRequestIsToldWhatIsMissing(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		if face.Name() == "REST" {
			return // over REST the ids are in the path: see below
		}
		empty := ready.ProtoReflect().New().Interface()
		var want []string
		for i := range rpc.Input().Fields().Len() {
			if f := rpc.Input().Fields().Get(i); behaves(f, annotations.FieldBehavior_REQUIRED) {
				want = append(want, string(f.Name()))
			}
		}
		switch rpc.Name() { // one of them, whichever
		case "GetCalendar":
			want = []string{"agreement_id", "party_id"}
		case "GetEvent", "GetInclusionProof":
			want = []string{"position", "version"}
		}
		set(empty, "validate_only", true)
		_, refusal := face.Call(t, s.maker(rpc), empty)
		if len(want) == 0 {
			if refusal != nil {
				t.Errorf("nothing is required, but: %v", refusal)
			}
			return
		}
		slices.Sort(want)
		if refused(t, "empty", refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), want) {
			t.Errorf("told of %v; required are %v", refusal.Fields(), want)
		}
	})
}

func TestLongTextIsRefusedWhereverItStands(t *testing.T) {
	long := protoreflect.ValueOfString(strings.Repeat("x", 25_000))
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		for _, p := range places(rpc.Input(), place{}) {
			if p.field.Kind() != protoreflect.StringKind {
				continue
			}
			req := proto.Clone(ready)
			p.put(req, long)
			if p.out || unread(rpc, p.path) {
				set(req, "validate_only", true)
				alone := strings.Contains(p.path, "[0]") // in an element of a list that has nothing else, and is refused for what it lacks
				if _, refusal := face.Call(t, s.maker(rpc), req); refusal != nil && !alone && !refusal.Names(spelled(face, rpc, p.path)) {
					t.Errorf("%s, which is not read: %v", p.path, refusal)
				}
				continue
			}
			_, refusal := face.Call(t, s.maker(rpc), req)
			if refused(t, p.path, refusal, "INVALID_FIELDS") && !refusal.Names(spelled(face, rpc, p.path)) {
				t.Errorf("%s: told of %v", p.path, refusal.Fields())
			}
		}
	})
}

// unread says whether an update does not look at a field of the resource, because its mask does not name it.
func unread(rpc servertest.RPC, path string) bool {
	return rpc.Name() == "UpdateAgreement" && strings.HasPrefix(path, "agreement.")
}

func TestNumbersAndEnumsOutOfRangeAreRefused(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		for _, p := range places(rpc.Input(), place{}) {
			var value protoreflect.Value
			switch p.field.Kind() {
			case protoreflect.EnumKind:
				value = protoreflect.ValueOfEnum(99)
			case protoreflect.Int32Kind:
				value = protoreflect.ValueOfInt32(math.MinInt32)
			case protoreflect.DoubleKind:
				value = protoreflect.ValueOfFloat64(math.NaN())
			default:
				continue
			}
			if p.out || unread(rpc, p.path) {
				continue
			}
			req := proto.Clone(ready)
			p.put(req, value)
			if face.Name() == "REST" && inPath(rpc, string(p.field.Name())) {
				continue
			}
			_, refusal := face.Call(t, s.maker(rpc), req)
			if refused(t, p.path, refusal, "INVALID_FIELDS") && !refusal.Names(spelled(face, rpc, p.path)) {
				t.Errorf("%s: told of %v", p.path, refusal.Fields())
			}
		}
	})
}

// Ids as an attacker, or a careless program, would write them.
var badIDs = []string{"..", ".", "\x00", "a:sign", "a/b", "Grün", "поле", "UPPER", "-first", strings.Repeat("a", 64), "a b", "a%2e", "a\nb", "'or'1'='1"}

func TestBadIDsAreRefused(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		for _, p := range places(rpc.Input(), place{}) {
			name := string(p.field.Name())
			if len(p.leads) > 0 || p.field.Kind() != protoreflect.StringKind || !strings.HasSuffix(name, "_id") || name == "request_id" {
				continue
			}
			for _, id := range badIDs {
				req := proto.Clone(ready)
				p.put(req, protoreflect.ValueOfString(id))
				_, refusal := face.Call(t, s.maker(rpc), req)
				if face.Name() == "REST" && inPath(rpc, name) {
					// What cannot be an id at all names no path.
					refused(t, fmt.Sprintf("%s %q", p.path, id), refusal, "INVALID_FIELDS", "UNKNOWN_METHOD")
					continue
				}
				if refused(t, fmt.Sprintf("%s %q", p.path, id), refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), []string{spelled(face, rpc, p.path)}) {
					t.Errorf("%s %q: told of %v", p.path, id, refusal.Fields())
				}
			}
		}
	})
}

func TestEveryViolationIsListed(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		var want []string
		long := 3000
		if rpc.Rule.GetBody() != "" {
			long = 5000 // a query has less room
		}
		for _, p := range places(rpc.Input(), place{}) {
			if p.out || len(p.leads) > 0 || face.Name() == "REST" && inPath(rpc, string(p.field.Name())) {
				continue
			}
			switch p.field.Kind() {
			case protoreflect.StringKind:
				p.put(ready, protoreflect.ValueOfString(strings.Repeat("Ä", long)))
			case protoreflect.Int32Kind:
				p.put(ready, protoreflect.ValueOfInt32(-5))
			case protoreflect.EnumKind:
				if face.Name() == "REST" && rpc.Rule.GetBody() == "" {
					continue // a query names enums: a number there is no value at all, and told of before any bound
				}
				p.put(ready, protoreflect.ValueOfEnum(77))
			default:
				continue
			}
			want = append(want, spelled(face, rpc, p.path))
		}
		if len(want) == 0 {
			return
		}
		slices.Sort(want)
		_, refusal := face.Call(t, s.maker(rpc), ready)
		if refused(t, "everything", refusal, "INVALID_FIELDS") && !slices.Equal(refusal.Fields(), want) {
			t.Errorf("told of %v; wrong are %v", refusal.Fields(), want)
		}
	})
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		if face.Name() == "REST" {
			return // JSON that is not known is in the tests of REST
		}
		unknown := protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 1)
		req := proto.Clone(ready)
		req.ProtoReflect().SetUnknown(unknown)
		_, refusal := face.Call(t, s.maker(rpc), req)
		refused(t, "an unknown field", refusal, "INVALID_FIELDS")

		for i := range rpc.Input().Fields().Len() {
			f := rpc.Input().Fields().Get(i)
			if f.Message() == nil || f.IsList() {
				continue
			}
			req := proto.Clone(ready)
			req.ProtoReflect().Mutable(f).Message().SetUnknown(unknown)
			_, refusal := face.Call(t, s.maker(rpc), req)
			if refused(t, "an unknown field within", refusal, "INVALID_FIELDS") && !refusal.Names(string(f.Name())) {
				t.Errorf("told of %v", refusal.Fields())
			}
		}
	})
}
