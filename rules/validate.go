package rules

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
)

// Check lists where a message breaks the bounds that its proto declares. Field paths start with prefix.
func Check(m proto.Message, prefix string) []Violation {
	err := protovalidate.Validate(m)
	if err == nil {
		return nil
	}
	var failed *protovalidate.ValidationError
	if !errors.As(err, &failed) {
		return []Violation{{prefix, fmt.Sprintf("cannot be checked: %v", err)}}
	}
	wrong := make([]Violation, 0, len(failed.Violations))
	for _, v := range failed.Violations {
		path := protovalidate.FieldPathString(v.Proto.GetField())
		switch {
		case prefix != "" && path != "":
			path = prefix + "." + path
		case path == "":
			path = prefix
		}
		wrong = append(wrong, Violation{path, v.Proto.GetMessage()})
	}
	return wrong
}
