package rules

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Error is a refusal: a rule said no, in words a party can act on. Nothing was changed.
type Error struct {
	// Reason is the refusal's place in the catalogue.
	Reason pb.ErrorReason
	// Message is a sentence for people.
	Message string
	// Violations lists every field that is wrong, where fields are.
	Violations []Violation
	// Rule names the rule that refused and its subject, where a rule of a life cycle did.
	Rule, Subject string
	// Metadata holds what a program may need, for example "state".
	Metadata map[string]string
}

// Violation is one field that is wrong. Field is a path such as "terms.commitments[2].weight".
type Violation struct {
	Field, Description string
}

// Error is the message, for logs.
func (e *Error) Error() string {
	if len(e.Violations) == 0 {
		return e.Message
	}
	fields := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		fields[i] = v.Field + ": " + v.Description
	}
	return e.Message + " (" + strings.Join(fields, "; ") + ")"
}

// Refuse makes a refusal without fields.
func Refuse(reason pb.ErrorReason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes a refusal that lists every field that is wrong.
func Invalid(violations ...Violation) *Error {
	message := "The request has a field that is wrong."
	if len(violations) > 1 {
		message = fmt.Sprintf("The request has %d fields that are wrong.", len(violations))
	}
	return &Error{Reason: pb.ErrorReason_ERROR_REASON_INVALID_FIELDS, Message: message, Violations: violations}
}

// NotFound is the answer for what is missing and for what the caller may not know of; they cannot be told apart.
func NotFound(kind, id string) *Error {
	e := Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "There is no %s %q here.", kind, id)
	e.Metadata = map[string]string{"resource_type": kind, "resource_id": id}
	return e
}

func taken(kind, id string) *Error {
	e := Refuse(pb.ErrorReason_ERROR_REASON_ALREADY_EXISTS, "The %s id %q is taken. Choose another, or leave it empty to be given one.", kind, id)
	e.Metadata = map[string]string{"resource_type": kind, "resource_id": id}
	return e
}

// refuseGuard refuses a move that the table has, because what its row asks for besides does not hold; guard is that in the
// words of the row.
func refuseGuard(noun, verb, guard, format string, args ...any) *Error {
	e := Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, format, args...)
	e.Rule = noun + " " + verb + ": " + guard
	return e
}

// as is the refusal with a reason of its own, and what a program may need to know of it.
func (e *Error) as(reason pb.ErrorReason, key, value string) *Error {
	e.Reason, e.Metadata = reason, map[string]string{key: value}
	return e
}

// tooEarly is refuseGuard for what may be done from a time on.
func tooEarly(noun, verb, guard string, from time.Time, format string, args ...any) *Error {
	return refuseGuard(noun, verb, guard, format, args...).as(pb.ErrorReason_ERROR_REASON_TOO_EARLY, "from", from.UTC().Format(time.RFC3339Nano))
}

// tooLate is refuseGuard for what could be done until a time.
func tooLate(noun, verb, guard string, until time.Time, format string, args ...any) *Error {
	return refuseGuard(noun, verb, guard, format, args...).as(pb.ErrorReason_ERROR_REASON_TOO_LATE, "until", until.UTC().Format(time.RFC3339Nano))
}

// wrongKind is refuseGuard for what the kind of a commitment rules out.
func wrongKind(verb string, kind pb.CommitmentKind, format string, args ...any) *Error {
	of := strings.TrimPrefix(kind.String(), "COMMITMENT_KIND_")
	return refuseGuard("obligation", verb, "not of a "+of+" commitment", format, args...).as(pb.ErrorReason_ERROR_REASON_WRONG_KIND, "kind", of)
}
