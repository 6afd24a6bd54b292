package bundle

import (
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
)

// schema describes the messages of a bundle to those who read it without our code: a serialized
// google.protobuf.FileDescriptorSet in which each file stands behind those that it imports.
var schema = sync.OnceValues(func() ([]byte, error) {
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
})

// knownFields is what schema says of each field, and of each value of an enumeration.
var knownFields = sync.OnceValues(func() (map[string]string, error) {
	b, err := schema()
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	return known, described(b, func(what, is string) { known[what] = is })
})

// schema holds that the description of the messages in the bundle says of each field, and of each value of an enumeration,
// what this program knows: who reads the bundle by it reads the same. An older release knew less, which is as well.
func (v *verifier) schema() {
	is, err := v.read(fileSchema)
	if err != nil {
		v.found.add(Incomplete, CheckFile, fileSchema, "It is missing.")
		return
	}
	known, err := knownFields()
	if err != nil {
		v.found.add(Incomplete, CheckWords, fileSchema, "It cannot be compared: %v.", err)
		return
	}
	told := false
	err = described(is, func(what, is string) {
		should, ok := known[what]
		switch {
		case ok && should == is || told:
			return
		case ok:
			v.found.add(Tampered, CheckWords, fileSchema, "It calls %s %q, and it is %q: who reads the events by it reads something else.", what, is, should)
		default:
			v.found.add(Incomplete, CheckWords, fileSchema, "It describes %s, which this program does not know. If a newer release wrote it, check with that one.", what)
		}
		told = true
	})
	if err != nil {
		v.found.add(Tampered, CheckWords, fileSchema, "It cannot be read: %v.", err)
	}
}

// described yields what a schema says of every field of its messages and every value of its enumerations, by number.
func described(schema []byte, yield func(what, is string)) error {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(schema, set); err != nil {
		return err
	}
	enums := func(in string, list []*descriptorpb.EnumDescriptorProto) {
		for _, e := range list {
			for _, value := range e.GetValue() {
				yield(fmt.Sprintf("value %d of %s.%s", value.GetNumber(), in, e.GetName()), value.GetName())
			}
		}
	}
	var messages func(in string, list []*descriptorpb.DescriptorProto)
	messages = func(in string, list []*descriptorpb.DescriptorProto) {
		for _, m := range list {
			name := in + "." + m.GetName()
			for _, f := range m.GetField() {
				yield(fmt.Sprintf("field %d of %s", f.GetNumber(), name), strings.Join([]string{f.GetName(), f.GetLabel().String(), f.GetType().String(), f.GetTypeName()}, " "))
			}
			enums(name, m.GetEnumType())
			messages(name, m.GetNestedType())
		}
	}
	for _, f := range set.GetFile() {
		messages(f.GetPackage(), f.GetMessageType())
		enums(f.GetPackage(), f.GetEnumType())
	}
	return nil
}
