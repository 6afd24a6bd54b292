package servertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

// Refusal is how either face says no.
type Refusal struct {
	// Code is the gRPC code; OK over REST.
	Code codes.Code `json:"-"`
	// Status is the HTTP status; 0 over gRPC.
	Status int `json:"status"`
	// Reason is the reason of the catalogue, without its prefix; Domain is "concord".
	Reason, Domain string
	// Message is the sentence for people.
	Message string `json:"detail"`
	// Violations are the fields that are wrong, spelled as the face spells them.
	Violations []Violation
	// Preconditions are the rules that refused.
	Preconditions []Precondition
	// Metadata is what programs may need.
	Metadata map[string]string
	// Body is what REST sent, to the byte; nil over gRPC.
	Body []byte `json:"-"`
}

// Violation is one field that is wrong.
type Violation struct{ Field, Description string }

// Precondition is one rule that refused.
type Precondition struct{ Type, Subject, Description string }

// String is everything about it, in one line.
func (r *Refusal) String() string {
	return fmt.Sprintf("%s %d %s: %s %v %v", r.Code, r.Status, r.Reason, r.Message, r.Violations, r.Preconditions)
}

// Fields are the fields that are wrong, each once, sorted.
func (r *Refusal) Fields() []string {
	var all []string
	for _, v := range r.Violations {
		all = append(all, v.Field)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Names says whether a field, or something within it, is among those that are wrong.
func (r *Refusal) Names(field string) bool {
	return slices.ContainsFunc(r.Violations, func(v Violation) bool {
		rest, ok := strings.CutPrefix(v.Field, field)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// readProblem reads the problem+json of a refusal over REST.
func readProblem(status int, contentType string, body []byte) (*Refusal, error) {
	if contentType != "application/problem+json" {
		return nil, fmt.Errorf("status %d came as %q and not as a problem: %.200s", status, contentType, body)
	}
	r := &Refusal{Body: body}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("status %d came with a problem that is no JSON: %w", status, err)
	}
	if r.Status != status {
		return nil, fmt.Errorf("status %d came with a problem of status %d", status, r.Status)
	}
	return r, nil
}
