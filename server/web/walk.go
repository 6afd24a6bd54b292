package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkBody says everything that is wrong with a body as JSON of a message: a problem when it is no
// JSON at all, else the fields. It is asked only about bodies that were refused, by protojson or because
// of the query, so it may take its time; a good body costs nothing here.
func checkBody(body []byte, m protoreflect.MessageDescriptor) ([]violation, *problem) {
	if !utf8.Valid(body) {
		return nil, malformed(http.StatusBadRequest, "The body is not valid UTF-8.")
	}
	var value json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&value); err != nil {
		return nil, malformed(http.StatusBadRequest, "The body is not JSON"+where(body, err)+".")
	}
	if len(bytes.Trim(body[d.InputOffset():], " \t\r\n")) > 0 { // what JSON calls space, which is not what Unicode does
		return nil, malformed(http.StatusBadRequest, "The body holds something behind its JSON value.")
	}
	if !isObject(value) {
		return nil, malformed(http.StatusBadRequest, "The body must be a JSON object, "+string(m.Name())+".")
	}
	w := walker{}
	w.object(m, value, "")
	return w.found, nil
}

// where says where in the body a syntax error is.
func where(body []byte, err error) string {
	var wrong *json.SyntaxError
	if !errors.As(err, &wrong) || wrong.Offset < 1 || wrong.Offset > int64(len(body)) {
		return ": it ends too early"
	}
	before := body[:wrong.Offset-1]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf(": line %d, column %d", line, column)
}

// walker goes through a JSON object beside the description of its message and collects what is wrong.
// Of each single value protojson is the judge, so the two never disagree about one.
type walker struct{ found []violation }

// wrong notes a violation, as long as the list is not too long already.
func (w *walker) wrong(path, description string) {
	if len(w.found) <= maxViolations { // one more than is shown, which tells that there are more
		w.found = append(w.found, violation{path, description})
	}
}

// object checks an object, given as valid JSON.
func (w *walker) object(m protoreflect.MessageDescriptor, raw []byte, path string) {
	if !isObject(raw) {
		w.wrong(path, "must be an object")
		return
	}
	given := map[protoreflect.Name]bool{}
	chosen := map[protoreflect.Name]string{}
	d := json.NewDecoder(bytes.NewReader(raw))
	_, _ = d.Token() // the brace; raw is known to be valid
	for d.More() && len(w.found) <= maxViolations {
		token, _ := d.Token()
		key, _ := token.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return // cannot be: raw is valid
		}
		f := m.Fields().ByJSONName(key)
		if f == nil {
			f = m.Fields().ByTextName(key)
		}
		at := join(path, key)
		switch {
		case f == nil:
			w.wrong(at, "is not a field of "+string(m.Name()))
			continue
		case given[f.Name()]:
			w.wrong(at, "is given more than once")
			continue
		}
		given[f.Name()] = true
		if bytes.Equal(value, []byte("null")) && fits(m, f, value) {
			continue // null means not set
		}
		if choice := f.ContainingOneof(); choice != nil && !choice.IsSynthetic() {
			if other := chosen[choice.Name()]; other != "" {
				w.wrong(at, "cannot be given together with "+other)
				continue
			}
			chosen[choice.Name()] = key
		}
		w.field(m, f, value, at)
	}
}

// field checks the value of a field of m.
func (w *walker) field(m protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor, raw []byte, path string) {
	switch {
	case f.IsMap():
		if !fits(m, f, raw) {
			w.wrong(path, "must be an object with values of the right kind, each key once")
		}
	case f.IsList():
		w.list(m, f, raw, path)
	case f.Message() != nil && isPlain(f.Message()):
		w.object(f.Message(), raw, path)
	case !fits(m, f, raw):
		w.wrong(path, mustBe(f))
	}
}

// list checks the value of a repeated field of m.
func (w *walker) list(m protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor, raw []byte, path string) {
	var elements []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		w.wrong(path, "must be a list")
		return
	}
	if f.Message() == nil && fits(m, f, raw) {
		return // the usual case of a long list of plain values
	}
	for i, element := range elements {
		if len(w.found) > maxViolations {
			return // more are not shown
		}
		at := path + "[" + strconv.Itoa(i) + "]"
		if f.Message() != nil && isPlain(f.Message()) {
			w.object(f.Message(), element, at)
		} else if !fits(m, f, append(append([]byte("["), element...), ']')) {
			w.wrong(at, mustBe(f))
		}
	}
}

// isPlain tells whether a message is an object of its fields in JSON, and none of those that JSON
// writes in a way of their own.
func isPlain(m protoreflect.MessageDescriptor) bool {
	return m.ParentFile().Package() != "google.protobuf"
}

// isObject tells whether valid JSON is an object.
func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// join adds a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
