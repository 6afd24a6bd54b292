package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
)

// defaultAddr is where a service on this machine listens if it was not told otherwise.
const defaultAddr = "127.0.0.1:9400"

// What -o takes.
const (
	outputTable = "table"
	outputJSON  = "json"
	outputCSV   = "csv" // these where a command says so; see forms
	outputSVG   = "svg"
)

// formsKey is where a command says what -o takes beside table and json.
const formsKey = "forms"

// forms says of a command what -o takes beside table and json, and is the command.
func forms(cmd *cobra.Command, more ...string) *cobra.Command {
	cmd.Annotations = map[string]string{formsKey: strings.Join(more, " ")}
	return cmd
}

// session is one run of the command: where it reads and writes, and what the global flags say.
type session struct {
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string

	addr, key, keyFile, party, caFile, output string
	tls                                       bool
	timeout                                   time.Duration

	// started is set when the command line was understood and the work begins; what fails before is a usage error.
	started bool
}

// run carries out a command line and returns the exit code.
func (s *session) run(ctx context.Context, args []string) int {
	root := s.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	return s.fail(cmd, err)
}

// root is the tree of commands.
func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "concord",
		Short: "What a vendor and a client owe each other, from a shell",
		Long: "concord speaks to a Concord service: it keeps what a vendor and a client owe each other, lets each side answer\n" +
			"for its own promises and judge the other's, and shows both sides the same history.\n\n" +
			"Exit codes: 0 done, 1 refused or failed, 2 the command line makes no sense.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.errs)
	flags := root.PersistentFlags()
	flags.StringVar(&s.addr, "addr", s.env("CONCORD_ADDR", defaultAddr), "the service, host:port (CONCORD_ADDR)")
	flags.StringVar(&s.key, "key", "", "the API key; other users of this machine can see flags, prefer the next (CONCORD_KEY)")
	flags.StringVar(&s.keyFile, "key-file", s.env("CONCORD_KEY_FILE", ""), "a file that holds the API key (CONCORD_KEY_FILE)")
	flags.StringVar(&s.party, "party", s.env("CONCORD_PARTY", ""), "the party to act for, where a key serves several (CONCORD_PARTY)")
	flags.StringVar(&s.caFile, "ca-file", s.env("CONCORD_CA_FILE", ""), "PEM file with the authorities that vouch for the service (CONCORD_CA_FILE)")
	flags.BoolVar(&s.tls, "tls", false, "speak TLS even to this machine; to every other machine it always is")
	flags.DurationVar(&s.timeout, "timeout", client.DefaultTimeout, "how long one call may take")
	flags.StringVarP(&s.output, "output", "o", outputTable, "table, or json: the API's messages, a list as one object per line; scorecards also csv and svg")
	root.MarkFlagsMutuallyExclusive("key", "key-file")
	fixed(root, "output", outputTable, outputJSON, outputCSV, outputSVG)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		takes := append([]string{outputTable, outputJSON}, strings.Fields(cmd.Annotations[formsKey])...)
		if !slices.Contains(takes, s.output) {
			return usagef("-o takes %s here, not %q", strings.Join(takes, ", "), s.output)
		}
		return nil
	}
	root.AddCommand(
		s.partyCommand(), s.keyCommand(), s.eraseCommand(), s.agreementCommand(), s.proposalCommand(),
		s.commitmentCommand(), s.obligationCommand(), s.concernCommand(), s.objectiveCommand(), s.pulseCommand(), s.reviewCommand(),
		s.scorecardCommand(), s.outlookCommand(), s.portfolioCommand(), s.feedCommand(), s.eventCommand(),
		s.watchCommand(), s.logCommand(), s.auditCommand(), s.importCommand(), s.whoamiCommand(), s.versionCommand(),
		s.benchCommand(),
	)
	return root
}

// work is what a command does once it is connected.
type work func(ctx context.Context, c *client.Client, args []string) error

// does makes a command's RunE of its work: it connects, works, and hangs up.
func (s *session) does(do work) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		s.started = true
		options, err := s.options()
		if err != nil {
			return err
		}
		c, err := client.Dial(cmd.Context(), s.addr, options)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		return do(cmd.Context(), c, args)
	}
}

// options turns the global flags into the client's options.
func (s *session) options() (client.Options, error) {
	o := client.Options{Key: s.key, Party: s.party, CAFile: s.caFile, Timeout: s.timeout}
	if s.timeout <= 0 {
		return o, usagef("--timeout must be longer than nothing, not %s", s.timeout)
	}
	if s.tls {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	switch {
	case s.key != "":
	case s.keyFile != "":
		held, err := os.ReadFile(s.keyFile)
		if err != nil {
			return o, fmt.Errorf("read the key: %w", err)
		}
		o.Key = strings.TrimSpace(string(held))
	default:
		o.Key = s.getenv("CONCORD_KEY")
	}
	return o, nil
}

// env returns an environment variable, or what holds without it.
func (s *session) env(name, otherwise string) string {
	if v := s.getenv(name); v != "" {
		return v
	}
	return otherwise
}

// noun is a command that only holds verbs.
func noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("%s needs a verb", cmd.CommandPath())
		},
	}
	cmd.AddCommand(verbs...)
	return cmd
}
