package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/concordhq/concord/client"
)

// The exit codes.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
)

// usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// What a check of a bundle or of the log ends with, if not with exitDone.
const (
	exitTampered   = 1
	exitIncomplete = 2
)

// saidError ends a command that has said on its output what it found, with an exit code of its own.
type saidError int

func (e saidError) Error() string { return fmt.Sprintf("ended with %d", int(e)) }

// incompleteError is what kept a checker from checking.
type incompleteError struct{ error }

func (e incompleteError) Unwrap() error { return e.error }

func incomplete(err error) error { return incompleteError{err} }

// errSaid ends a command that has already said on its output what is wrong.
var errSaid = errors.New("failed")

// failure is what goes to standard error with -o json.
type failure struct {
	Code       string            `json:"code,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Message    string            `json:"message"`
	Details    map[string]string `json:"details,omitempty"`
	Violations []violation       `json:"violations,omitempty"`
}

type violation struct {
	Subject     string `json:"subject,omitempty"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description"`
}

// fail says on standard error why a command did not succeed, and returns the exit code.
func (s *session) fail(cmd *cobra.Command, err error) int {
	if errors.Is(err, errSaid) {
		return exitRefused
	}
	var said saidError
	if errors.As(err, &said) {
		return int(said)
	}
	var misused usageError
	if !s.started || errors.As(err, &misused) {
		fmt.Fprintf(s.errs, "concord: %s\nusage: %s\nMore: %s --help\n", clean(err.Error()), cmd.UseLine(), cmd.CommandPath())
		return exitUsage
	}
	refused := exitRefused
	var unchecked incompleteError
	if errors.As(err, &unchecked) {
		refused = exitIncomplete
	}
	f := s.failureOf(err)
	if s.output == outputJSON {
		if line, err := json.Marshal(f); err == nil {
			fmt.Fprintf(s.errs, "%s\n", line)
			return refused
		}
	}
	fmt.Fprint(s.errs, f.text())
	return refused
}

// failureOf takes an error apart.
func (s *session) failureOf(err error) failure {
	f := failure{Message: err.Error(), Reason: client.Reason(err), Details: client.Details(err)}
	var answer interface{ GRPCStatus() *status.Status }
	if errors.As(err, &answer) {
		f.Code = code.Code(answer.GRPCStatus().Code()).String()
		f.Message = answer.GRPCStatus().Message()
		if answer.GRPCStatus().Code() == codes.Unavailable && f.Reason == "" {
			f.Message = "no answer from " + s.addr + ": " + f.Message
		}
	}
	for _, v := range client.Violations(err) {
		f.Violations = append(f.Violations, violation(v))
	}
	return f
}

// text is the failure as a block for people: the message, the reason, every violation.
func (f failure) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "concord: %s\n", clean(f.Message))
	if reason := cmp.Or(f.Reason, f.Code); reason != "" {
		fmt.Fprintf(&b, "  reason: %s\n", reason)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Details)) {
		fmt.Fprintf(&b, "  %s: %s\n", clean(name), clean(f.Details[name]))
	}
	for _, v := range f.Violations {
		if v.Description == f.Message {
			// The only violation, in the words of the message.
			fmt.Fprintf(&b, "  - %s\n", clean(cmp.Or(v.Subject, v.Type)))
			continue
		}
		fmt.Fprintf(&b, "  - %s: %s\n", clean(cmp.Or(v.Subject, v.Type)), clean(v.Description))
	}
	return b.String()
}
