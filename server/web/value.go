package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// maxEnumNames is how many names of an enum a description lists; a longer list helps nobody.
const maxEnumNames = 24

// readsAs tells whether a piece of text, from the path or the query, can be the value of a field.
func readsAs(f protoreflect.FieldDescriptor, text string) bool {
	var err error
	switch f.Kind() {
	case protoreflect.StringKind:
		return utf8.ValidString(text)
	case protoreflect.BoolKind:
		return text == "true" || text == "false"
	case protoreflect.EnumKind:
		return f.Enum().Values().ByName(protoreflect.Name(text)) != nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		_, err = strconv.ParseInt(text, 10, 32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		_, err = strconv.ParseInt(text, 10, 64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		_, err = strconv.ParseUint(text, 10, 32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		_, err = strconv.ParseUint(text, 10, 64)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		var v float64
		v, err = strconv.ParseFloat(text, 64)
		return err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
	default: // bytes and the messages that are text
		return fits(f.ContainingMessage(), f, []byte(strconv.Quote(text)))
	}
	return err == nil
}

// fits tells whether protojson takes the JSON in raw as the value of a field: as the whole of it, so a
// list for a repeated one.
func fits(m protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor, raw []byte) bool {
	probe := append(append([]byte(`{"`+f.JSONName()+`":`), raw...), '}')
	return protojson.Unmarshal(probe, dynamicpb.NewMessage(m)) == nil
}

// isText tells whether a message is written as one piece of text in JSON.
func isText(m protoreflect.MessageDescriptor) bool {
	switch m.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	}
	return false
}

// mustBe describes what a value of a field looks like in JSON and in the query.
func mustBe(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.StringKind:
		return "must be text in UTF-8"
	case protoreflect.BoolKind:
		return "must be true or false"
	case protoreflect.BytesKind:
		return "must be bytes in base64"
	case protoreflect.EnumKind:
		return "must be one of " + enumNames(f.Enum())
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "must be a number"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return fmt.Sprintf("must be a whole number from %d to %d", math.MinInt32, math.MaxInt32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return fmt.Sprintf("must be a whole number from %d to %d", math.MinInt64, math.MaxInt64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return fmt.Sprintf("must be a whole number from 0 to %d", uint32(math.MaxUint32))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return fmt.Sprintf("must be a whole number from 0 to %d", uint64(math.MaxUint64))
	}
	switch f.Message().FullName() {
	case "google.protobuf.Timestamp":
		return "must be a time as in RFC 3339, for example 2026-01-31T09:30:00Z"
	case "google.protobuf.Duration":
		return "must be a length of time in seconds, for example 1.5s"
	case "google.protobuf.FieldMask":
		return "must be names of fields, separated by commas"
	}
	return "must be an object"
}

// enumNames lists the names a client may use.
func enumNames(e protoreflect.EnumDescriptor) string {
	var names []string
	for i := range e.Values().Len() {
		if v := e.Values().Get(i); v.Number() != 0 {
			names = append(names, string(v.Name()))
		}
	}
	if len(names) > maxEnumNames {
		return "the names of " + string(e.Name())
	}
	return strings.Join(names, ", ")
}
