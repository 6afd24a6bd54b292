package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// instant is a flag that takes a time.
type instant struct{ to **timestamppb.Timestamp }

// Set reads the flag.
func (i instant) Set(text string) error {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("it takes a time such as 2026-03-31T15:04:05Z")
	}
	*i.to = timestamppb.New(at)
	return nil
}

// String returns what the flag is set to.
func (i instant) String() string {
	if i.to == nil || *i.to == nil {
		return ""
	}
	return (*i.to).AsTime().Format(time.RFC3339Nano)
}

// Type names what the flag takes, for the help.
func (i instant) Type() string { return "time" }

// timeFlag adds a flag that takes a time.
func timeFlag(cmd *cobra.Command, at **timestamppb.Timestamp, flag, help string) {
	cmd.Flags().Var(instant{at}, flag, help+"; RFC 3339, such as 2026-03-31T15:04:05Z")
}

// asOf adds the flag for reading what was, and is the command.
func asOf(cmd *cobra.Command, at **timestamppb.Timestamp) *cobra.Command {
	timeFlag(cmd, at, "as-of", "as the service knew it at this time, instead of now")
	return cmd
}
