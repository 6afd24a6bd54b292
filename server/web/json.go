package web

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// written is how messages become JSON: every plain field is there, also when it is empty, and what is not set is left out
// rather than null. It is the judge of what script writes, and writes what script does not.
var written = protojson.MarshalOptions{EmitDefaultValues: true}

// script is how the messages of one kind become JSON: their fields in the order of the proto, with all that is the same
// for every message worked out once. protojson finds it out again for each of them, which took a quarter of a read's time.
type script struct {
	fields  []fieldScript
	foreign bool // left to protojson: something of Google's, or with numbers that are not whole
}

// fieldScript is how one field is written.
type fieldScript struct {
	field    protoreflect.FieldDescriptor
	key      string // the name in quotes, and the colon
	optional bool   // left out where it is not set
	value    valueScript
}

// valueScript appends a value in JSON.
type valueScript func([]byte, protoreflect.Value) ([]byte, error)

// scripts are those that were asked for so far, by the descriptors of their messages.
var scripts sync.Map

func scriptOf(m protoreflect.MessageDescriptor) *script {
	if known, ok := scripts.Load(m); ok {
		return known.(*script)
	}
	s := &script{foreign: !isPlain(m)}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		value := scriptOfValue(f)
		if s.foreign = s.foreign || value == nil || f.IsMap(); s.foreign {
			break
		}
		if f.IsList() {
			value = listOf(value)
		}
		s.fields = append(s.fields, fieldScript{f, `"` + f.JSONName() + `":`, f.HasPresence(), value})
	}
	known, _ := scripts.LoadOrStore(m, s)
	return known.(*script)
}

// scriptOfValue is how one value of a field is written; nil: protojson has to.
func scriptOfValue(f protoreflect.FieldDescriptor) valueScript {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return func(b []byte, v protoreflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case protoreflect.StringKind:
		return func(b []byte, v protoreflect.Value) ([]byte, error) { return appendText(b, v.String()) }
	case protoreflect.BytesKind:
		return func(b []byte, v protoreflect.Value) ([]byte, error) {
			return append(base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes()), '"'), nil
		}
	case protoreflect.Int32Kind:
		return func(b []byte, v protoreflect.Value) ([]byte, error) { return strconv.AppendInt(b, v.Int(), 10), nil }
	case protoreflect.Uint32Kind:
		return func(b []byte, v protoreflect.Value) ([]byte, error) { return strconv.AppendUint(b, v.Uint(), 10), nil }
	case protoreflect.Int64Kind: // beyond what every reader of JSON takes for a number
		return func(b []byte, v protoreflect.Value) ([]byte, error) {
			return append(strconv.AppendInt(append(b, '"'), v.Int(), 10), '"'), nil
		}
	case protoreflect.Uint64Kind:
		return func(b []byte, v protoreflect.Value) ([]byte, error) {
			return append(strconv.AppendUint(append(b, '"'), v.Uint(), 10), '"'), nil
		}
	case protoreflect.EnumKind:
		return enumOf(f.Enum().Values())
	case protoreflect.MessageKind:
		if f.Message().FullName() == "google.protobuf.Timestamp" {
			return appendTime
		}
		inner := sync.OnceValue(func() *script { return scriptOf(f.Message()) }) // later: messages may hold their own kind
		return func(b []byte, v protoreflect.Value) ([]byte, error) { return inner().append(b, v.Message()) }
	}
	return nil
}

// enumOf writes names; a number that has none stays one.
func enumOf(values protoreflect.EnumValueDescriptors) valueScript {
	return func(b []byte, v protoreflect.Value) ([]byte, error) {
		if known := values.ByNumber(v.Enum()); known != nil {
			return append(append(append(b, '"'), known.Name()...), '"'), nil
		}
		return strconv.AppendInt(b, int64(v.Enum()), 10), nil
	}
}

func listOf(element valueScript) valueScript {
	return func(b []byte, v protoreflect.Value) (_ []byte, err error) {
		b = append(b, '[')
		for i, list := 0, v.List(); i < list.Len(); i++ {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = element(b, list.Get(i)); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
}

// append writes a message.
func (s *script) append(b []byte, m protoreflect.Message) (_ []byte, err error) {
	if s.foreign {
		return written.MarshalAppend(b, m.Interface())
	}
	b = append(b, '{')
	begun := len(b)
	for i := range s.fields {
		f := &s.fields[i]
		if f.optional && !m.Has(f.field) {
			continue
		}
		if len(b) > begun {
			b = append(b, ',')
		}
		if b, err = f.value(append(b, f.key...), m.Get(f.field)); err != nil {
			return nil, fmt.Errorf("%s: %w", f.field.FullName(), err)
		}
	}
	return append(b, '}'), nil
}

// appendJSON writes a message as JSON.
func appendJSON(b []byte, m proto.Message) ([]byte, error) {
	message := m.ProtoReflect()
	return scriptOf(message.Descriptor()).append(b, message)
}

// appendTime writes a time in RFC 3339, with as many groups of three digits behind the second as it needs.
func appendTime(b []byte, v protoreflect.Value) ([]byte, error) {
	t, ok := v.Message().Interface().(*timestamppb.Timestamp)
	if !ok || t.CheckValid() != nil {
		return written.MarshalAppend(b, v.Message().Interface()) // which says what is wrong with it
	}
	b = time.Unix(t.GetSeconds(), 0).UTC().AppendFormat(append(b, '"'), time.RFC3339)
	if nanos := t.GetNanos(); nanos != 0 {
		digits := strconv.Itoa(1e9 + int(nanos))[1:]
		for digits[len(digits)-3:] == "000" {
			digits = digits[:len(digits)-3]
		}
		b = append(append(append(b[:len(b)-1], '.'), digits...), 'Z')
	}
	return append(b, '"'), nil
}

var errNotUTF8 = errors.New("the text is not valid UTF-8")

// appendText writes a text in quotes, as RFC 8259 has it.
func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errNotUTF8
	}
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(append(b, s[from:i]...), escapes[c]...)
		from = i + 1
	}
	return append(append(b, s[from:]...), '"'), nil
}

// escapes are how the characters that cannot stand in a text of JSON are written there.
var escapes = func() (all ['\\' + 1]string) {
	for c := range byte(' ') {
		all[c] = fmt.Sprintf(`\u%04x`, c)
	}
	all['\b'], all['\f'], all['\n'], all['\r'], all['\t'], all['"'], all['\\'] = `\b`, `\f`, `\n`, `\r`, `\t`, `\"`, `\\`
	return all
}()
