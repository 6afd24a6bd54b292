package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// event reads "ObligationFellDue obligation_id=report-1 effective=2026-01-01T00:00:00Z".
func (s *story) event(line string) {
	s.t.Helper()
	if line == "…" {
		if len(s.told) == 0 {
			s.fail("nothing more happened")
		}
		s.told = nil
		return
	}
	kind, fields, _ := strings.Cut(line, " ")
	if len(s.told) == 0 {
		s.fail("%s did not happen", kind)
	}
	e := s.told[0]
	s.told = s.told[1:]
	m := e.ProtoReflect()
	change := m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("change"))).Message()
	if got := string(change.Descriptor().Name()); got != kind {
		s.fail("%s did not happen, but %s: %v", kind, got, e)
	}
	for _, f := range s.fields(fields) {
		switch f.name {
		case "effective":
			s.same(f, showTime(e.GetEffectiveTime().AsTime()))
		case "side":
			s.same(f, word(e.GetActor().GetSide()))
		case "by":
			s.same(f, e.GetActor().GetPrincipalId())
		default:
			s.same(f, s.show(change, f.name))
		}
	}
	if strings.Contains(Words(e), "no words") {
		s.fail("no words for %s", kind)
	}
}

// refused reads `WRONG_SIDE rule="obligation submit" state=DUE`.
func (s *story) refused(line string) {
	s.t.Helper()
	reason, fields, _ := strings.Cut(line, " ")
	e := s.refusal
	if e == nil {
		s.fail("it was not refused")
	}
	s.refusal = nil
	if got := strings.TrimPrefix(e.Reason.String(), "ERROR_REASON_"); got != reason {
		s.fail("refused with %s (rule %q): %v", got, e.Rule, e)
	}
	for _, f := range s.fields(fields) {
		switch f.name {
		case "rule":
			s.same(f, e.Rule)
		case "subject":
			s.same(f, e.Subject)
		case "words":
			if !strings.Contains(e.Error(), f.value) {
				s.fail("the words are %q, without %q", e.Error(), f.value)
			}
		case "field":
			if !slices.ContainsFunc(e.Violations, func(v Violation) bool { return v.Field == f.value }) {
				s.fail("%s is not among %v", f.value, e.Violations)
			}
		default:
			s.same(f, e.Metadata[f.name])
		}
	}
}

// record reads "obligation care/report-1 state=DUE overdue=true".
func (s *story) record(line string) {
	s.t.Helper()
	noun, rest, _ := strings.Cut(line, " ")
	var m proto.Message
	switch noun {
	case "answer":
		m = s.w.decision.Answer
	case "remembered":
		m = s.w.decision.Remembered
	default:
		var id string
		id, rest, _ = strings.Cut(rest, " ")
		m = s.w.records[s.ref(noun, id)]
		if m == nil != (rest == "absent") {
			s.fail("%s %s: %v", noun, id, m)
		}
		if m == nil {
			return
		}
	}
	if m == nil {
		s.fail("there is no %s", noun)
	}
	m = Present(proto.Clone(m), s.w.now)
	if key, ok := m.(*journalv1.StoredKey); ok {
		m = key.GetApiKey()
	}
	for _, f := range s.fields(rest) {
		s.same(f, s.show(m.ProtoReflect(), f.name))
	}
}

func (s *story) ref(noun, path string) Ref {
	s.t.Helper()
	agreement, id, _ := strings.Cut(path, "/")
	switch noun {
	case "party":
		return partyRef(path)
	case "key":
		return apiKeyRef(path)
	case "log":
		return LogRef()
	case "agreement":
		return agreementRef(path)
	case "proposal":
		return proposalRef(agreement, id)
	case "commitment":
		return commitmentRef(agreement, id)
	case "obligation":
		return obligationRef(agreement, id)
	case "objective":
		return objectiveRef(agreement, id)
	case "observation":
		return observationRef(agreement, id)
	case "concern":
		return concernRef(agreement, id)
	case "round":
		return pulseRoundRef(agreement, id)
	case "answer-of":
		round, number, _ := strings.Cut(id, "/")
		n, _ := strconv.Atoi(number)
		return pulseAnswerRef(agreement, round, int32(n))
	case "review":
		return reviewRef(agreement, id)
	case "revision":
		n, _ := strconv.Atoi(id)
		return revisionRef(agreement, int32(n))
	case "text":
		proposal, number, _ := strings.Cut(id, "/")
		n, _ := strconv.Atoi(number)
		return proposalRevisionRef(agreement, proposal, int32(n))
	}
	s.fail("there is no noun %q", noun)
	return Ref{}
}

type expectation struct{ name, value string }

var storyField = regexp.MustCompile(`^([a-z0-9_.]+)=("(?:[^"\\]|\\.)*"|\S*)(?:\s+|$)`)

// fields reads `state=DUE reason="two words"`.
func (s *story) fields(line string) (list []expectation) {
	s.t.Helper()
	for rest := strings.TrimSpace(line); rest != ""; {
		m := storyField.FindStringSubmatch(rest)
		if m == nil {
			s.fail("not FIELD=VALUE: %q", rest)
		}
		value := m[2]
		if strings.HasPrefix(value, `"`) {
			value, _ = strconv.Unquote(value)
		}
		list = append(list, expectation{m[1], s.fillIn(value)})
		rest = rest[len(m[0]):]
	}
	return list
}

func (s *story) same(want expectation, got string) {
	s.t.Helper()
	if at, err := time.Parse(time.RFC3339Nano, want.value); err == nil {
		want.value = showTime(at)
	}
	if got != want.value {
		s.fail("%s is %q, not %q", want.name, got, want.value)
	}
}

// show is a field in words: "terms.commitments.0.title" goes into lists. What is not set is empty.
func (s *story) show(m protoreflect.Message, path string) string {
	s.t.Helper()
	name, rest, deeper := strings.Cut(path, ".")
	f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if f == nil {
		s.fail("%s has no field %q", m.Descriptor().Name(), name)
	}
	v := m.Get(f)
	if f.IsList() {
		index, inner, further := strings.Cut(rest, ".")
		n, err := strconv.Atoi(index)
		switch {
		case err != nil:
			s.fail("which of %s?", name)
		case n >= v.List().Len():
			return ""
		case further:
			return s.show(v.List().Get(n).Message(), inner)
		}
		return fmt.Sprint(v.List().Get(n).Interface())
	}
	switch {
	case deeper:
		return s.show(v.Message(), rest)
	case f.Message() != nil && !m.Has(f):
		return ""
	case f.Message() != nil && f.Message().FullName() == "google.protobuf.Timestamp":
		at := v.Message().Interface().(interface{ AsTime() time.Time }).AsTime()
		return showTime(at)
	case f.Message() != nil:
		return fmt.Sprint(v.Message().Interface())
	case f.Enum() != nil:
		return showEnum(f, v.Enum())
	}
	return fmt.Sprint(v.Interface())
}

// showEnum is a value without its type's prefix: OBLIGATION_STATE_DUE is DUE; the zero value is empty.
func showEnum(f protoreflect.FieldDescriptor, n protoreflect.EnumNumber) string {
	zero := string(f.Enum().Values().ByNumber(0).Name())
	name := string(f.Enum().Values().ByNumber(n).Name())
	if n == 0 {
		return ""
	}
	return strings.TrimPrefix(name, strings.TrimSuffix(zero, "UNSPECIFIED"))
}

func showTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
