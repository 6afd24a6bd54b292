package rules

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestWordsStandWithoutWhatWasErased holds that the sentence of every event of every story is whole, also when what people wrote
// is gone: no name in empty quotes, no colon before nothing.
func TestWordsStandWithoutWhatWasErased(t *testing.T) {
	for _, path := range stories(t) {
		for _, e := range tell(t, path).history {
			bare := proto.CloneOf(e)
			forget(bare.ProtoReflect())
			for _, said := range []string{Words(e), Words(bare)} {
				whole := len(said) > 10 && strings.ToUpper(said[:1]) == said[:1] && !strings.ContainsAny(said, "%\x00") && !strings.Contains(said, "  ") && !strings.Contains(said, `""`)
				for _, end := range []string{":", ": ", ": .", " .", ",.", ", .", "something."} {
					whole = whole && !strings.HasSuffix(said, end)
				}
				if !whole {
					t.Errorf("%s of %s says %q", EventKind(e), storyName(path), said)
				}
			}
		}
	}
}

// forget clears what is private of a message.
func forget(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case proto.GetExtension(f.Options(), pb.E_Private).(bool):
			m.Clear(f)
		case f.Message() != nil && f.IsList():
			for i := range v.List().Len() {
				forget(v.List().Get(i).Message())
			}
		case f.Message() != nil && !f.IsMap():
			forget(v.Message())
		}
		return true
	})
}
