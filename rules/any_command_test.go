package rules

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// TestAnyCommandIsDecidedOrRefused fills commands of every kind field by field, with values that fit and values that no
// face of the service lets in. It goes where FuzzDecide, which must stumble over JSON first, seldom comes.
func TestAnyCommandIsDecidedOrRefused(t *testing.T) {
	base := busyWorld(t)
	done := map[protoreflect.FullName]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := base.again(t)
		for range 20 {
			command := proto.Clone(rapid.SampledFrom(commands()).Draw(t, "command"))
			fillAnything(t, command.ProtoReflect(), 0)
			by := rapid.SampledFrom(randomPeople).Draw(t, "by")
			switch command.(type) {
			case *journalv1.Wake:
				by = Clock()
			case *journalv1.FirstKey:
				by = Service()
			}
			if _, err := w.do(by, command); err == nil {
				done[command.ProtoReflect().Descriptor().FullName()]++
			}
		}
		w.close()
	})
	if len(done) < 8 {
		t.Errorf("hardly anything fitted: %v", done)
	}
}

// anyText is what strings are drawn from: ids of the busy world, field masks, days, rules, and things that are none.
var anyText = []string{
	"", " ", "care", "offer", "draft", "none", "manual-1", "fee-1", "manual", "first", "northwind", "acme", "oldco", "key_operator", "1", "2", "Europe/Lisbon", "Mars/Olympus",
	"2026-01-12", "2026-02-30", "9999-12-31", "1970-01-01", "FREQ=DAILY", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=NEVER", "*", "display_name", "draft_terms", "draft_terms.title",
	"draft_terms.calendar.time_zone", "draft_terms.commitments", "draft_terms.commitments.title", "draft_terms.", ".", "vendor_party_id", "etag", "create_time.seconds", "update_mask",
}

// fittingText is what a field most often has, so that commands come past the first rule.
var fittingText = map[protoreflect.Name][]string{
	"agreement_id": {"care", "offer", "draft"}, "proposal_id": {"first"}, "obligation_id": {"manual-1", "fee-1"}, "party_id": {"northwind", "acme", ""},
	"vendor_party_id": {"northwind"}, "client_party_id": {"acme"}, "etag": {""}, "api_key_id": {"", "key_operator", "k"}, "commitment_id": {"manual", "fee"},
	"paths": {"display_name", "draft_terms", "draft_terms.title", "draft_terms.commitments"}, "service_party_ids": {"acme"}, "display_name": {"Acme"},
	"effective_date": {"2026-01-01"}, "end_date": {""}, "due_date": {"2026-01-12"}, "time_zone": {"UTC"}, "title": {"Care"}, "rrule": {"FREQ=DAILY"}, "note": {"done"},
}

func fillAnything(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if depth > 5 || rapid.IntRange(0, 4).Draw(t, "leave out") == 0 {
			continue
		}
		if !f.IsList() {
			m.Set(f, anything(t, f, m.NewField(f), depth))
			continue
		}
		list := m.NewField(f).List()
		for range rapid.IntRange(0, 2).Draw(t, "how many") {
			element := protoreflect.Value{}
			if f.Message() != nil {
				element = list.NewElement()
			}
			list.Append(anything(t, f, element, depth))
		}
		m.Set(f, protoreflect.ValueOfList(list))
	}
}

func anything(t *rapid.T, f protoreflect.FieldDescriptor, empty protoreflect.Value, depth int) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.MessageKind:
		fillAnything(t, empty.Message(), depth+1)
		return empty
	case protoreflect.StringKind:
		values := anyText
		if fitting, ok := fittingText[f.Name()]; ok && rapid.IntRange(0, 5).Draw(t, "fitting") > 0 {
			values = fitting
		}
		return protoreflect.ValueOfString(rapid.SampledFrom(values).Draw(t, string(f.Name())))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.SampledFrom([]int32{0, 1, 1, 2, 3, 5, 99, -1}).Draw(t, string(f.Name()))))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, string(f.Name())))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.SampledFrom([]int32{0, 1, 1, 2, 5, -1, 365, math.MaxInt32, math.MinInt32}).Draw(t, string(f.Name())))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(rapid.SampledFrom([]uint64{0, 1, 1, 2, 5, math.MaxUint64}).Draw(t, string(f.Name())))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.SampledFrom([]int64{0, 1_767_225_600, -62135596801, math.MaxInt64, math.MinInt64}).Draw(t, string(f.Name())))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.SampledFrom([]float64{0, 0.5, -1, math.NaN(), math.Inf(1)}).Draw(t, string(f.Name())))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(rapid.SampledFrom(anyText).Draw(t, string(f.Name()))))
	}
	t.Fatalf("no values for %v", f.Kind())
	return protoreflect.Value{}
}
