package main

import (
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// change is what every command that changes something can be told beside what it does.
type change struct {
	etag      string
	requestID string
	check     bool
}

// flags adds the flags to a command that changes something that is there.
func (c *change) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&c.etag, "etag", "", "refuse if the thing changed since this etag was read")
	return c.createFlags(cmd)
}

// createFlags adds the flags to a command that makes something new.
func (c *change) createFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&c.requestID, "request-id", "", "a name for this very command, so that repeating it is harmless; made if not given")
	cmd.Flags().BoolVar(&c.check, "validate-only", false, "only check: say what would come of it, and change nothing")
	return cmd
}

// pageSize is how much of a list is asked for at a time: a few round trips for thousands of things, and small answers.
const pageSize = 200

// mask names the fields to change.
func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
