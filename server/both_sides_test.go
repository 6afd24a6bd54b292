package server_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Nothing that the service says has a figure, or figures, of one side and not of the other.
func TestNothingShowsOneSideAlone(t *testing.T) {
	looked := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			m := f.Messages().Get(i)
			if m.Name() == "SideScores" {
				continue // which is half of a whole, wherever it stands
			}
			sides, figures, both := 0, 0, 0
			for j := range m.Fields().Len() {
				field := m.Fields().Get(j)
				if field.Message() == nil {
					continue
				}
				switch field.Message().Name() {
				case "SideScores", "SideOutlook", "PulseSum":
					sides++
				case "Figure":
					switch field.Name() {
					case "balance", "parity", "mutual_outcome", "lower_pulse":
						both++
					default:
						figures++
					}
				}
			}
			if looked += sides + figures; sides%2 != 0 || figures%2 != 0 || both > 0 && sides == 0 {
				t.Errorf("%s has %d sides, %d figures of one, %d of both", m.Name(), sides, figures, both)
			}
		}
		return true
	})
	if looked < 8 {
		t.Errorf("%d figures were looked at", looked)
	}
}
