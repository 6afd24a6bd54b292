package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var checkpointColumns = []column[*pb.Checkpoint]{
	{"SIZE", func(c *pb.Checkpoint) string { return number(c.GetSize()) }},
	{"PUBLISHED", func(c *pb.Checkpoint) string { return moment(c.GetPublishTime()) }},
	{"ROOT", func(c *pb.Checkpoint) string { return short(hex.EncodeToString(c.GetRootHash())) }},
	{"SIGNED BY", func(c *pb.Checkpoint) string { return strings.Join(signers(c.GetNote()), ", ") }},
}

// signers is the keys on the signature lines of a note, which nobody here has checked.
func signers(note string) (keys []string) {
	for line := range strings.Lines(note) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "—" {
			continue
		}
		id, err := base64.StdEncoding.DecodeString(fields[2])
		if err == nil && len(id) > keyIDBytes {
			keys = append(keys, fields[1]+"+"+hex.EncodeToString(id[:keyIDBytes]))
		}
	}
	return keys
}

// keyIDBytes is how long the id is that stands before a signature.
const keyIDBytes = 4

var logKeyColumns = []column[*pb.LogKey]{
	{"KEY", (*pb.LogKey).GetLogKeyId},
	{"SIGNS FROM", func(k *pb.LogKey) string { return moment(k.GetCreateTime()) }},
	{"UNTIL", func(k *pb.LogKey) string { return moment(k.GetRetireTime()) }},
	{"VERIFIER KEY", (*pb.LogKey).GetVerifierKey},
}

func (s *session) logCommand() *cobra.Command {
	return noun("log", "The log that nobody can quietly rewrite", s.logShow(), s.logCheckpoint(), s.logCheckpoints(), s.logPolicy(), s.logKeys(), s.logAddKey(), s.logRetireKey())
}

func (s *session) logShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the log's name, and who signs and cosigns it", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			policy, err := c.Log.GetLogPolicy(ctx, &pb.GetLogPolicyRequest{})
			if err != nil {
				return err
			}
			facts := logFacts(policy.GetLog())
			for _, w := range policy.GetWitnesses() {
				facts = append(facts, fact{"witness", strings.Join(slices.DeleteFunc([]string{w.GetName(), w.GetVerifierKey(), w.GetUrl()}, func(s string) bool { return s == "" }), " ")})
			}
			without := "is not published"
			if policy.GetFailOpen() {
				without = "is published all the same"
			}
			return s.printOne(policy, append(facts, fact{"quorum", policy.GetQuorum()}, fact{"without it", without}))
		}),
	}
}

func logFacts(l *pb.Log) []fact {
	facts := []fact{{"log", l.GetOrigin()}, {"opened", moment(l.GetCreateTime())}}
	for _, k := range l.GetKeys() {
		if k.GetRetireTime() == nil {
			facts = append(facts, fact{"key", k.GetVerifierKey()})
		}
	}
	return append(facts, fact{"etag", l.GetEtag()})
}

func (s *session) logCheckpoint() *cobra.Command {
	return &cobra.Command{
		Use: "checkpoint [SIZE]", Short: "Print a checkpoint, byte for byte: the newest, or the one of a size", Args: cobra.MaximumNArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request := &pb.GetCheckpointRequest{}
			if len(args) > 0 {
				size, err := strconv.ParseUint(args[0], 10, 64)
				if err != nil || size == 0 {
					return usagef("%q is no size of a log", args[0])
				}
				request.Size = size
			}
			checkpoint, err := c.Log.GetCheckpoint(ctx, request)
			if err != nil {
				return err
			}
			return s.printText(checkpoint, checkpoint.GetNote())
		}),
	}
}

// printText prints a text that tools read, as it is; or its message as JSON.
func (s *session) printText(m proto.Message, text string) error {
	if s.output == outputJSON {
		return s.object(m)
	}
	if _, err := io.WriteString(s.out, text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (s *session) logCheckpoints() *cobra.Command {
	request := &pb.ListCheckpointsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "checkpoints", Short: "List the checkpoints that were published, smallest first", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			return printList(s, client.Pages(ctx, c.Log.ListCheckpoints, request, (*pb.ListCheckpointsResponse).GetCheckpoints), checkpointColumns)
		}),
	}
	cmd.Flags().Uint64Var(&request.AfterSize, "after", 0, "only of a log with more entries than this")
	return cmd
}

func (s *session) logPolicy() *cobra.Command {
	return &cobra.Command{
		Use: "policy", Short: "Print the policy that the newest key stands in, as tools take it (C2SP tlog-policy)", Args: cobra.NoArgs,
		Long: "Print the policy that the newest key stands in, as tools take it (C2SP tlog-policy).\n\n" +
			"Compare it with what you were given by the operator and the witnesses themselves: a policy that comes from the\n" +
			"service it is to check checks nothing.",
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			policy, err := c.Log.GetLogPolicy(ctx, &pb.GetLogPolicyRequest{})
			if err != nil {
				return err
			}
			text := ""
			if n := len(policy.GetTexts()); n > 0 {
				text = policy.GetTexts()[n-1]
			}
			return s.printText(policy, text)
		}),
	}
}

func (s *session) logKeys() *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "List the keys that sign the log, and those that did", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			policy, err := c.Log.GetLogPolicy(ctx, &pb.GetLogPolicyRequest{})
			if err != nil {
				return err
			}
			return printList(s, func(yield func(*pb.LogKey, error) bool) {
				for _, k := range policy.GetLog().GetKeys() {
					if !yield(k, nil) {
						return
					}
				}
			}, logKeyColumns)
		}),
	}
}

func (s *session) logAddKey() *cobra.Command {
	var change change
	return change.flags(&cobra.Command{
		Use: "add-key [VERIFIER-KEY]", Short: "Have another key sign the log, beside those that do (operator)", Args: cobra.MaximumNArgs(1),
		Long: "Have another key sign the log, beside those that do. The service makes it, and keeps its private half in its log key\n" +
			"file; or it takes the one that is named, whose private half you have put there.\n\n" +
			"Tell those who check the log, give them time to take the new key over, then retire the old one.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request := &pb.AddLogKeyRequest{}
			change.put(request, args)
			l, err := c.Admin.AddLogKey(ctx, request)
			if err != nil {
				return err
			}
			return s.printOne(l, logFacts(l))
		}),
	})
}

func (s *session) logRetireKey() *cobra.Command {
	var change change
	return change.flags(&cobra.Command{
		Use: "retire-key KEY", Short: "Have a key sign the log no more, for good (operator)", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request := &pb.RetireLogKeyRequest{}
			change.put(request, args)
			l, err := c.Admin.RetireLogKey(ctx, request)
			if err != nil {
				return err
			}
			return s.printOne(l, logFacts(l))
		}),
	})
}
