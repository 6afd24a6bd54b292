package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/cmd/concord/bench"
)

// What bench does if it is not told otherwise: the load the project's own figures are given for.
const (
	benchCallers     = 256
	benchConnections = 8
	benchAgreements  = 10_000
	benchDuration    = 10 * time.Second
	benchWarmup      = 2 * time.Second
	// defaultHTTPAddr is where a service on this machine serves REST if it was not told otherwise.
	defaultHTTPAddr = "http://127.0.0.1:8400"
)

func (s *session) benchCommand() *cobra.Command {
	settings := bench.Settings{Verb: bench.Submit}
	verb := string(bench.Submit)
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a service under a closed loop of callers (operator)", Args: cobra.NoArgs,
		Long: "Measure a service under a closed loop of callers: each makes its next call when it has the answer to the last.\n\n" +
			"It needs an operator's key. It registers two parties, prepares agreements between them, and revokes the keys it made\n" +
			"when it is done; parties and agreements stay. Use a service that is there to be measured.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s.started = true
			settings.Addr, settings.Verb = s.addr, bench.Verb(verb)
			if settings.Options, err = s.options(); err != nil {
				return err
			}
			if err := settings.Check(); err != nil {
				return usagef("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
			}
			bench.TreadLightly()
			report, err := bench.Run(cmd.Context(), settings, s.errs)
			if err != nil {
				return err
			}
			return s.figures(report, report.Print)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&verb, "verb", verb, "what the callers do: submit (and return), get, rest-get, mixed")
	fixed(cmd, "verb", verbNames()...)
	flags.IntVar(&settings.Callers, "callers", benchCallers, "how many call at a time")
	flags.IntVar(&settings.Connections, "connections", benchConnections, "how many connections they share")
	flags.IntVar(&settings.Agreements, "agreements", benchAgreements, "how many agreements are hit, at random")
	flags.DurationVar(&settings.Duration, "duration", benchDuration, "how long to count")
	flags.DurationVar(&settings.Warmup, "warmup", benchWarmup, "how long to work before counting")
	flags.Int64Var(&settings.MaxErrors, "max-errors", 0, "stop when more calls than this have failed; 0: go on")
	flags.StringVar(&settings.Prefix, "prefix", "", "begin ids with this, and use what was prepared under it before; made up if not given")
	flags.BoolVar(&settings.PrepareOnly, "prepare-only", false, "stop when the agreements are ready")
	flags.StringVar(&settings.HTTPAddr, "http-addr", s.env("CONCORD_HTTP_ADDR", defaultHTTPAddr), "the REST face, for rest-get (CONCORD_HTTP_ADDR)")
	flags.StringVar(&settings.AckLog, "ack-log", "", "add a line to this file for every acknowledged command")
	flags.StringVar(&settings.FsyncDir, "fsync-dir", "", "where to measure a durable write; the directory for temporary files if not given")
	cmd.AddCommand(s.benchVerify())
	return cmd
}

func (s *session) benchVerify() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "verify --ack-log FILE", Short: "Tell whether the service still knows every command it acknowledged", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			proof, err := bench.Verify(ctx, c, file)
			if err != nil {
				return err
			}
			if err := s.figures(proof, proof.Print); err != nil {
				return err
			}
			if proof.Lost > 0 {
				return errSaid
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&file, "ack-log", "", "the file that bench --ack-log wrote")
	_ = cmd.MarkFlagRequired("ack-log") // the flag is there
	return cmd
}

// figures prints what is no message of the API: for people, or as JSON.
func (s *session) figures(f any, print func(io.Writer) error) error {
	if s.output != outputJSON {
		return print(s.out)
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	if _, err := fmt.Fprintf(s.out, "%s\n", text); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func verbNames() []string {
	var all []string
	for _, v := range bench.Verbs() {
		all = append(all, string(v))
	}
	return all
}
