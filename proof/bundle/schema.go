package bundle

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// schema describes the messages of a bundle to those who read it without our code: a serialized
// google.protobuf.FileDescriptorSet in which each file stands behind those that it imports.
func schema() ([]byte, error) {
	set, seen := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	add(journalv1.File_concord_journal_v1_journal_proto) // imports the events and what they hold
	add(bundlev1.File_concord_bundle_v1_bundle_proto)
	b, err := deterministic.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("bundle: schema: %w", err)
	}
	return b, nil
}
