// Command imports prints the third-party .proto files that Concord's contract may import, so that
// buf can compile it without a registry.
//
// Each Go module that a generated file of ours links carries the descriptors of its own .proto
// files. Printing those descriptors gives the protos in exactly the version that go.mod pins:
// nothing is downloaded, nothing is copied into the repository, and protos and linked code cannot
// drift apart. Comments are not part of descriptors and are not printed.
//
// Usage, from the root of the module:
//
//	go run ./proto/imports DIRECTORY
//
// DIRECTORY is emptied first. To let the contract import another file, link the Go package that
// registers it below and name the file in roots.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// Linked only to register the descriptors of the files in roots.
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv3/options"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/api/visibility"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
)

// roots are the files the contract may import; what they import in turn is printed with them.
var roots = []string{
	"buf/validate/validate.proto",
	"google/api/annotations.proto",
	"google/api/client.proto",
	"google/api/field_behavior.proto",
	"google/api/field_info.proto",
	"google/api/httpbody.proto",
	"google/api/resource.proto",
	"google/api/visibility.proto",
	"google/rpc/error_details.proto",
	"google/rpc/status.proto",
	"protoc-gen-openapiv3/options/annotations.proto",
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("imports: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: imports DIRECTORY")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// run empties dir and prints every root and all it imports into it.
func run(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	files := map[string]protoreflect.FileDescriptor{}
	for _, root := range roots {
		file, err := protoregistry.GlobalFiles.FindFileByPath(root)
		if err != nil {
			return fmt.Errorf("no linked Go package registers %s: %w", root, err)
		}
		collect(file, files)
	}
	printer := protoprint.Printer{}
	for path, file := range files {
		text, err := printer.PrintProtoToString(file)
		if err != nil {
			return fmt.Errorf("print %s: %w", path, err)
		}
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// collect adds file and, in turn, its imports to files. The well-known types are left out: buf
// brings its own.
func collect(file protoreflect.FileDescriptor, files map[string]protoreflect.FileDescriptor) {
	path := file.Path()
	if _, seen := files[path]; seen || strings.HasPrefix(path, "google/protobuf/") {
		return
	}
	files[path] = file
	imports := file.Imports()
	for i := range imports.Len() {
		collect(imports.Get(i).FileDescriptor, files)
	}
}
