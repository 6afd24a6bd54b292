package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// PrivateCommitment is what an event's body holds of its private part: HMAC-SHA256(salt, private), 32 bytes. salt has
// KeySize bytes; private is a serialized PrivatePart, exactly as stored.
func PrivateCommitment(salt, private []byte) []byte {
	h := hmac.New(sha256.New, salt)
	h.Write(private)
	return h.Sum(nil)
}

// Split takes what is private out of a serialized event. It returns the body, which holds a commitment to it instead, the
// serialized PrivatePart, and its salt, KeySize bytes that draw fills with random ones. An event that says nothing private
// is its own body, and both others are nil. It works on bytes, because a message that was decided upon may be in other
// hands, and because it is in the way of every write.
func Split(event []byte, draw func(salt []byte)) (body, private, salt []byte, err error) {
	s := split{path: make([]byte, 0, 96)}
	body, err = s.message(make([]byte, 0, len(event)), event, eventShape)
	switch {
	case err != nil:
		return nil, nil, nil, fmt.Errorf("proof: split an event: %w", err)
	case len(s.private) == 0:
		return event, nil, nil, nil
	}
	salt = make([]byte, KeySize, KeySize+len(s.private)) // whoever stores them puts one behind the other
	draw(salt)
	whole := make([]byte, 0, len(body)+sha256.Size+4)
	whole = append(whole, body[:s.header]...)
	whole = protowire.AppendTag(whole, commitmentField, protowire.BytesType)
	whole = protowire.AppendBytes(whole, PrivateCommitment(salt, s.private))
	return append(whole, body[s.header:]...), s.private, salt, nil
}

// Join puts a private part, serialized, back into the event that was made of a body. It refuses one that says what that
// event cannot keep private, or says anything twice; whether it is the one committed to is for PrivateCommitment to tell.
func Join(e *pb.Event, private []byte) error {
	part := &pb.PrivatePart{}
	if err := proto.Unmarshal(private, part); err != nil {
		return fmt.Errorf("proof: the private part of an event: %w", err)
	}
	for _, f := range part.GetFields() {
		if err := join(e.ProtoReflect(), eventShape, f, f.GetPath()); err != nil {
			return fmt.Errorf("proof: the private part of an event: %q: %w", f.GetPath(), err)
		}
	}
	return nil
}

// PrivateTexts is every text of an event that is private, in no order, those within private messages included.
func PrivateTexts(e *pb.Event) []string {
	return appendTexts(nil, e.ProtoReflect(), eventShape, false)
}

// appendTexts appends the texts of a message that are private; all of them, if it is.
func appendTexts(texts []string, m protoreflect.Message, of shape, private bool) []string {
	for d, v := range m.Range {
		f := of[d.Number()]
		if f == nil {
			f = &field{}
		}
		values := []protoreflect.Value{v}
		if d.IsList() {
			values = values[:0]
			for i := range v.List().Len() {
				values = append(values, v.List().Get(i))
			}
		}
		for _, v := range values {
			switch {
			case d.Message() != nil && (private || f.private || f.inner != nil):
				texts = appendTexts(texts, v.Message(), f.inner, private || f.private)
			case d.Kind() == protoreflect.StringKind && (private || f.private):
				texts = append(texts, v.String())
			}
		}
	}
	return texts
}

// commitmentField is Event.private_commitment, the last field before the change.
const commitmentField = 8

// shape is what of a message is private, or leads there, by number. It is read from the descriptors once.
type shape map[protowire.Number]*field

// field is one field of a shape.
type field struct {
	name    string
	is      protoreflect.FieldDescriptor
	private bool
	inner   shape // of the message that is no private one itself
}

var eventShape = shapeOf((*pb.Event)(nil).ProtoReflect().Descriptor(), map[protoreflect.FullName]shape{})

// shapeOf reads a shape; nil if nothing of the message is private. No message of an event contains itself.
func shapeOf(m protoreflect.MessageDescriptor, known map[protoreflect.FullName]shape) shape {
	if s, ok := known[m.FullName()]; ok {
		return s
	}
	known[m.FullName()] = nil
	var s shape
	for i := range m.Fields().Len() {
		d := m.Fields().Get(i)
		f := &field{name: string(d.Name()), is: d, private: proto.GetExtension(d.Options(), pb.E_Private).(bool)}
		if !f.private && d.Message() != nil && !d.IsMap() {
			f.inner = shapeOf(d.Message(), known)
		}
		if f.private || f.inner != nil {
			if s == nil {
				s = shape{}
			}
			s[d.Number()] = f
		}
	}
	known[m.FullName()] = s
	return s
}

// split is an event being split.
type split struct {
	path    []byte // to the message at hand
	private []byte // the PrivatePart so far
	header  int    // how much of the event's body comes before its change
	depth   int
}

// message appends to out what of a serialized message is not private.
func (s *split) message(out, in []byte, of shape) ([]byte, error) {
	var list protowire.Number // the field at hand: the elements of a list lie together
	place := 0
	for len(in) > 0 {
		number, kind, n := protowire.ConsumeField(in)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		whole := in[:n]
		in = in[n:]
		if s.depth == 0 && number == commitmentField {
			return nil, errors.New("it was split before")
		}
		f := of[number]
		if f == nil {
			out = append(out, whole...)
			if s.depth == 0 && number < commitmentField {
				s.header = len(out)
			}
			continue
		}
		if place++; number != list {
			list, place = number, 0
		}
		if kind != protowire.BytesType {
			return nil, fmt.Errorf("field %d is of type %d", number, kind)
		}
		_, _, tag := protowire.ConsumeTag(whole)
		value, _ := protowire.ConsumeBytes(whole[tag:])
		at := len(s.path)
		s.step(f, place)
		var err error
		if f.private {
			s.keep(f, value)
		} else {
			out, err = s.inner(out, whole, whole[:tag], value, f.inner)
		}
		if err != nil {
			return nil, err
		}
		s.path = s.path[:at]
	}
	return out, nil
}

// step goes into a field.
func (s *split) step(f *field, place int) {
	if len(s.path) > 0 {
		s.path = append(s.path, '.')
	}
	s.path = append(s.path, f.name...)
	if f.is.IsList() {
		s.path = append(strconv.AppendInt(append(s.path, '['), int64(place), 10), ']')
	}
}

// inner appends what of a message within is not private: if nothing is, the field as it is.
func (s *split) inner(out, whole, tag, value []byte, of shape) ([]byte, error) {
	before := len(s.private)
	s.depth++
	rest, err := s.message(make([]byte, 0, len(value)), value, of)
	s.depth--
	if err != nil || len(s.private) == before {
		return append(out, whole...), err
	}
	return protowire.AppendBytes(append(out, tag...), rest), nil
}

// Of PrivatePart and PrivateField.
const (
	partFields   = 1
	fieldPath    = 1
	fieldText    = 2
	fieldMessage = 3
)

// keep adds a field to the private part.
func (s *split) keep(f *field, value []byte) {
	is := protowire.Number(fieldText)
	if f.is.Message() != nil {
		is = fieldMessage
	}
	size := protowire.SizeTag(fieldPath) + protowire.SizeBytes(len(s.path)) + protowire.SizeTag(is) + protowire.SizeBytes(len(value))
	if s.private == nil {
		s.private = make([]byte, 0, len(value)+192)
	}
	p := protowire.AppendTag(s.private, partFields, protowire.BytesType)
	p = protowire.AppendVarint(p, uint64(size))
	p = protowire.AppendBytes(protowire.AppendTag(p, fieldPath, protowire.BytesType), s.path)
	s.private = protowire.AppendBytes(protowire.AppendTag(p, is, protowire.BytesType), value)
}

// join sets one private field of a message, at a path within it.
func join(m protoreflect.Message, of shape, value *pb.PrivateField, path string) error {
	step, rest, more := strings.Cut(path, ".")
	name, place, listed := strings.Cut(step, "[")
	d := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if d == nil || of[d.Number()] == nil || of[d.Number()].private == more || d.IsList() != listed {
		return errors.New("nothing private is there")
	}
	if !more {
		return set(m, d, value)
	}
	if listed {
		list := m.Get(d).List()
		n, err := strconv.Atoi(strings.TrimSuffix(place, "]"))
		if err != nil || step != name+"["+strconv.Itoa(n)+"]" || n < 0 || n >= list.Len() {
			return errors.New("the event has no such element")
		}
		return join(list.Get(n).Message(), of[d.Number()].inner, value, rest)
	}
	if !m.Has(d) {
		return errors.New("the event does not go there")
	}
	return join(m.Mutable(d).Message(), of[d.Number()].inner, value, rest)
}

// set sets a private field that is not set.
func set(m protoreflect.Message, d protoreflect.FieldDescriptor, value *pb.PrivateField) error {
	if m.Has(d) {
		return errors.New("it is said already")
	}
	switch v := value.GetValue().(type) {
	case *pb.PrivateField_Text:
		if d.Kind() == protoreflect.StringKind {
			m.Set(d, protoreflect.ValueOfString(v.Text))
			return nil
		}
	case *pb.PrivateField_Message:
		if d.Message() != nil {
			inner := m.NewField(d)
			if err := proto.Unmarshal(v.Message, inner.Message().Interface()); err != nil {
				return err
			}
			m.Set(d, inner)
			return nil
		}
	}
	return errors.New("it is of another type")
}
