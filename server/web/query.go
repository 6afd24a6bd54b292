package web

import (
	"net/url"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkQuery reads a query strictly. It returns the parameters under their proto names and in the one
// spelling the gateway reads as this package does, or everything that is wrong with them.
func checkQuery(r *route, raw string) (form map[string][]string, found []violation) {
	if raw == "" {
		return noForm, nil
	}
	form = map[string][]string{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		rawKey, rawValue, _ := strings.Cut(part, "=")
		key, keyErr := url.QueryUnescape(rawKey)
		value, valueErr := url.QueryUnescape(rawValue)
		if keyErr != nil || valueErr != nil {
			found = append(found, violation{rawKey, "is not percent-encoded correctly"})
			continue
		}
		f := r.query[key]
		if f == nil {
			found = append(found, violation{key, r.whyNoParameter(key)})
			continue
		}
		name := string(f.Name())
		if !f.IsList() && form[name] != nil {
			found = append(found, violation{key, "is given more than once"})
			continue
		}
		if isMask(f) {
			var wrong []violation
			value, wrong = protoMask(r, key, value)
			found = append(found, wrong...)
		} else if !readsAs(f, value) {
			found = append(found, violation{key, mustBe(f)})
		}
		form[name] = append(form[name], value)
	}
	return form, found
}

// whyNoParameter says why key is no query parameter of the call.
func (r *route) whyNoParameter(key string) string {
	in := r.rpc.Input().Fields()
	f := in.ByTextName(key)
	if f == nil {
		f = in.ByJSONName(key)
	}
	switch {
	case f == nil:
		return "is not a parameter of this call"
	case r.inPath(f):
		return "is part of the path, not of the query"
	default:
		return "belongs in the body, not in the query"
	}
}

// checkPath checks the parts of the path that are no text.
func checkPath(r *route, segments *[maxSegments]string) (found []violation) {
	for _, p := range r.params {
		if p.field.Kind() != protoreflect.StringKind && !readsAs(p.field, segments[p.segment]) {
			found = append(found, violation{p.field.JSONName(), mustBe(p.field)})
		}
	}
	return found
}

// isMask tells whether a field is a field mask.
func isMask(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && f.Message().FullName() == "google.protobuf.FieldMask"
}

// protoMask turns the comma list of a field mask, in either spelling, into proto names. "*" means every
// field, as AIP-134 has it.
func protoMask(r *route, key, value string) (string, []violation) {
	if value == "*" || r.body == nil {
		return value, nil
	}
	var found []violation
	paths := strings.Split(value, ",")
	for i, path := range paths {
		name, ok := protoPath(r.body, path)
		if !ok {
			found = append(found, violation{key, `names no field of ` + string(r.body.Name()) + `: "` + path + `"`})
		}
		paths[i] = name
	}
	return strings.Join(paths, ","), found
}

// protoPath turns one path of a field mask into proto names; ok is false if it leads nowhere.
func protoPath(m protoreflect.MessageDescriptor, path string) (name string, ok bool) {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if m == nil {
			return "", false
		}
		f := m.Fields().ByTextName(part)
		if f == nil {
			f = m.Fields().ByJSONName(part)
		}
		if f == nil {
			return "", false
		}
		parts[i] = string(f.Name())
		if m = f.Message(); f.IsList() || f.IsMap() {
			m = nil // a mask takes lists and maps as a whole
		}
	}
	return strings.Join(parts, "."), true
}
