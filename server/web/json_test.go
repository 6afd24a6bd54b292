package web

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Every message of the API becomes the JSON that protojson makes of it, but for the spaces that protojson strews in; what
// protojson refuses is refused.
func TestJSONIsWhatProtojsonWrites(t *testing.T) {
	var kinds []protoreflect.MessageType
	protoregistry.GlobalTypes.RangeMessages(func(kind protoreflect.MessageType) bool {
		if kind.Descriptor().ParentFile().Package() == "concord.v1" {
			kinds = append(kinds, kind)
		}
		return true
	})
	slices.SortFunc(kinds, func(a, b protoreflect.MessageType) int { // so that every run draws the same
		return strings.Compare(string(a.Descriptor().FullName()), string(b.Descriptor().FullName()))
	})
	draw := rand.New(rand.NewPCG(1, 2))
	written, refused := 0, 0
	for _, kind := range kinds {
		for n := range 60 {
			m := kind.New()
			fill(draw, m, n%6)
			if jsonAgrees(t, m.Interface()) {
				written++
			} else {
				refused++
			}
		}
	}
	if written < 10_000 || refused < 100 {
		t.Errorf("%d messages were written and %d refused: too few to tell", written, refused)
	}
}

// jsonAgrees compares the two, and says whether there is JSON of the message.
func jsonAgrees(t *testing.T, m proto.Message) bool {
	t.Helper()
	ours, err := appendJSON([]byte("before"), m)
	theirs, wrong := written.Marshal(m)
	if (err == nil) != (wrong == nil) {
		t.Fatalf("%T: %v, protojson says %v", m, err, wrong)
	}
	if err != nil {
		return false
	}
	var want bytes.Buffer
	if err := json.Compact(&want, theirs); err != nil {
		t.Fatal(err)
	}
	var have bytes.Buffer // what is left to protojson has its spaces
	if err := json.Compact(&have, bytes.TrimPrefix(ours, []byte("before"))); err != nil {
		t.Fatalf("%T: %v: %s", m, err, ours)
	}
	if have.String() != want.String() {
		t.Fatalf("%T:\n%s\nand not\n%s", m, &have, &want)
	}
	return true
}

// An operator is told which field cannot be written, however deep it lies.
func TestJSONSaysWhichFieldIsWrong(t *testing.T) {
	list := &pb.ListObligationsResponse{Obligations: []*pb.Obligation{{}, {Title: "\xff"}}}
	if _, err := appendJSON(nil, list); err == nil || !strings.Contains(err.Error(), "concord.v1.Obligation.title") {
		t.Errorf("told %v", err)
	}
}

// What many reads answer with is written here, not by protojson.
func TestUsualAnswersAreNotForeign(t *testing.T) {
	for _, m := range []proto.Message{&pb.Obligation{}, &pb.ListObligationsResponse{}, &pb.Agreement{}, &pb.Event{}, &pb.WatchEventsResponse{}, &pb.Party{}} {
		if scriptOf(m.ProtoReflect().Descriptor()).foreign {
			t.Errorf("%T is left to protojson", m)
		}
	}
}

// fill sets some of the fields of a message, and of the messages within it, to values at random.
func fill(draw *rand.Rand, m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case draw.IntN(3) == 0, f.IsMap(), f.Message() != nil && depth == 0:
		case f.IsList():
			for range draw.IntN(3) {
				list := m.Mutable(f).List()
				list.Append(drawn(draw, f, list.NewElement, depth))
			}
		default:
			m.Set(f, drawn(draw, f, func() protoreflect.Value { return m.NewField(f) }, depth))
		}
	}
}

// drawn is a value of a field at random, by preference an awkward one.
func drawn(draw *rand.Rand, f protoreflect.FieldDescriptor, fresh func() protoreflect.Value, depth int) protoreflect.Value {
	number := []int64{0, 1, -1, 7, 1 << 31, -1 << 31, 1<<53 + 1, 1<<63 - 1}[draw.IntN(8)]
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(draw.IntN(2) == 0)
	case protoreflect.StringKind:
		texts := []string{"", "plain", `"quoted"\`, "Línguas, 言語 \U0001f642", "\x00\x1f\b\f\n\r\t\x7f", "<&>\u2028\ufffd", "/"}
		if draw.IntN(500) == 0 {
			return protoreflect.ValueOfString("\xff")
		}
		return protoreflect.ValueOfString(texts[draw.IntN(len(texts))])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("\x00\xff\xfe?")[:draw.IntN(5)])
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(number))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(number)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(number))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(number) / 7)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(draw.IntN(6) - 1))
	}
	v := fresh()
	if f.Message().FullName() == "google.protobuf.Timestamp" {
		fields := v.Message().Descriptor().Fields()
		odd := draw.IntN(20) / 19 // not a time that JSON has
		seconds := []int64{0, -1, 1767603600, -62135596800, 253402300799, 253402300800, -62135596801}[draw.IntN(5+2*odd)]
		nanos := []int32{0, 1, 1000, 120_000_000, 999_999_999, 123_456_000, -1, 1_000_000_000}[draw.IntN(6+2*odd)]
		v.Message().Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds))
		v.Message().Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(nanos))
		return v
	}
	if isPlain(f.Message()) {
		fill(draw, v.Message(), depth-1)
	}
	return v
}

// BenchmarkJSON is an answer of a usual size, by the script and by protojson.
func BenchmarkJSON(b *testing.B) {
	m := (&pb.Obligation{}).ProtoReflect()
	fill(rand.New(rand.NewPCG(3, 4)), m, 1)
	for name, marshal := range map[string]func([]byte, proto.Message) ([]byte, error){"script": appendJSON, "protojson": written.MarshalAppend} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			room := make([]byte, 0, 1<<16)
			for b.Loop() {
				if _, err := marshal(room, m.Interface()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
