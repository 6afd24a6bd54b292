package bundle

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Difference is something that a scorecard says and the events do not.
type Difference struct {
	// Where is the field, as the API spells it: "vendor.kept.value".
	Where string `json:"where"`
	// Shown is what the scorecard says, Reckoned what the events say; "nothing" for a field that is not set.
	Shown    string `json:"shown"`
	Reckoned string `json:"reckoned"`
}

// String is a difference in words.
func (d Difference) String() string {
	return fmt.Sprintf("%s is said to be %s, and is %s", d.Where, d.Shown, d.Reckoned)
}

// unsaid are the fields in which scorecards may differ that say the same: the verdict's words, which releases may put
// differently, and the place in the log, which one that a review froze does not have.
var unsaid = map[protoreflect.Name]bool{"verdict_words": true, "position": true}

// Differences lists where a scorecard that somebody was shown says something else than one that was reckoned again. The
// verdict's words are compared by nobody: the verdict is.
func Differences(shown, reckoned *pb.Scorecard) []Difference {
	var all []Difference
	differences(&all, "", shown.ProtoReflect(), reckoned.ProtoReflect())
	return all
}

func differences(all *[]Difference, path string, shown, reckoned protoreflect.Message) {
	fields := reckoned.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		at, before := strings.TrimPrefix(path+"."+f.JSONName(), "."), len(*all)
		has, should := shown.Get(f), reckoned.Get(f)
		switch {
		case unsaid[f.Name()] || shown.Has(f) == reckoned.Has(f) && has.Equal(should):
		case f.IsList():
			for n := range max(has.List().Len(), should.List().Len()) {
				one, other := element(has.List(), n), element(should.List(), n)
				differences(all, fmt.Sprintf("%s[%d]", at, n), one, other)
			}
			if len(*all) == before && has.List().Len() != should.List().Len() { // what one has more is empty
				*all = append(*all, Difference{at, many(has.List()), many(should.List())})
			}
		case f.Message() != nil && f.Message().ParentFile().Package() == "concord.v1":
			differences(all, at, has.Message(), should.Message())
			if len(*all) == before && shown.Has(f) != reckoned.Has(f) { // it is empty in one, and not there in the other
				*all = append(*all, Difference{at, there(shown.Has(f)), there(reckoned.Has(f))})
			}
		default:
			*all = append(*all, Difference{at, saying(f, shown), saying(f, reckoned)})
		}
	}
	if len(shown.GetUnknown()) > 0 {
		*all = append(*all, Difference{strings.TrimPrefix(path+".?", "."), "something that this program does not know", "nothing"})
	}
}

// many is how long a list is.
func many(list protoreflect.List) string { return fmt.Sprintf("a list of %d", list.Len()) }

// there is what a message says in which nothing is said.
func there(is bool) string {
	if is {
		return "empty"
	}
	return "nothing"
}

// element is an element of a list of messages; an empty one where the list is shorter.
func element(list protoreflect.List, n int) protoreflect.Message {
	if n < list.Len() {
		return list.Get(n).Message()
	}
	return list.NewElement().Message()
}

// saying is what a field says.
func saying(f protoreflect.FieldDescriptor, m protoreflect.Message) string {
	if !m.Has(f) {
		return "nothing"
	}
	v := m.Get(f)
	switch {
	case f.Enum() != nil:
		if value := f.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
	case f.Message() != nil:
		if t, is := v.Message().Interface().(*timestamppb.Timestamp); is {
			return instant(t)
		}
	}
	return fmt.Sprint(v.Interface())
}

// formulas is the highest version of a formula by which anything in a message is reckoned.
func formulas(m proto.Message) (highest int32) {
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		each := func(in protoreflect.Value) {
			if f.Message() != nil {
				highest = max(highest, formulas(in.Message().Interface()))
			}
		}
		switch {
		case f.Name() == "formula_version":
			highest = max(highest, int32(v.Int()))
		case f.IsList():
			for i := range v.List().Len() {
				each(v.List().Get(i))
			}
		default:
			each(v)
		}
		return true
	})
	return highest
}
