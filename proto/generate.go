// Package proto holds Concord's contract, concord/v1, and regenerates everything that follows from it.
//
// Run
//
//	go generate ./proto
//
// after any change to a .proto file and commit what it writes to gen/: Go types, gRPC, the REST
// gateway and one OpenAPI document. It needs Go and nothing else, and running it twice changes
// nothing. Three steps:
//
//  1. imports prints the third-party .proto files that the contract imports, so that protos and
//     linked Go code are always the same version;
//  2. buf compiles the contract and runs the generators listed in buf.gen.yaml;
//  3. openapi merges the OpenAPI parts and adds what holds for every REST call.
//
// The tools are pinned in tools.mod, a module file of their own, so that what they need never enters
// the product's go.mod. Any of them is run from the root as
//
//	go tool -modfile=proto/tools.mod buf lint
//
// grpc-gateway must have the same version in tools.mod and go.mod, because what the one generates
// calls the other; a test compares them. To move a tool to another version, run
//
//	go get -modfile=proto/tools.mod -tool github.com/bufbuild/buf/cmd/buf@v1.75.0
//
// and not `go mod tidy`, which would mix the product's own imports into tools.mod.
package proto

//go:generate go run -C .. ./proto/imports proto/.scratch/imports
//go:generate go tool -C .. -modfile=proto/tools.mod buf format -w proto/.scratch/imports
//go:generate go tool -C .. -modfile=proto/tools.mod buf generate
//go:generate go run -C .. ./proto/openapi proto/.scratch/openapi gen/openapi/concord.json
