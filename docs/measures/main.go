// Command measures takes the figures the project is judged by, each against something a reader knows, on the reader's own
// machine: durable commands against etcd, one call against what the network and the disk take by themselves, reads against
// a bare gRPC service with the same interceptors, REST against gRPC, a large agreement against a small one, and a start
// against the clock. What is compared works in turns within one run, and the cost of a durable write is taken before each
// turn: figures of different machines, or of different hours, mean little side by side.
//
// It is a module of its own, so that nothing it needs becomes a need of the product. It builds and starts the processes it
// measures, on loopback, with their data in a directory of its own; it ends them and removes the directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"

	"github.com/concordhq/concord/cmd/concord/bench"
)

const (
	// asEtcd and asEcho are the hidden commands by which this program is its own child: the services to compare with.
	asEtcd = "etcd"
	asEcho = "echo"

	outputTable = "table"
	outputJSON  = "json"
)

// plan says how large and how long the measures are.
type plan struct {
	agreements, events, rounds int
	warmup, duration, limit    time.Duration
	dir, output                string
}

// The sizes that the project's figures are given for take the better part of an hour; what is measured when nothing is said takes
// minutes.
func defaultPlan() plan {
	return plan{
		agreements: 20_000, events: 200_000, rounds: 3,
		warmup: 2 * time.Second, duration: 10 * time.Second, limit: 4 * time.Hour, output: outputTable,
	}
}

// The bounds of a plan: a run stays one that somebody waits for.
const (
	maxAgreements = 10_000_000
	maxRounds     = 101
	maxDuration   = time.Hour
	maxLimit      = 24 * time.Hour
)

func (p plan) check() error {
	var wrong []error
	claim := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	claim(p.agreements >= callers && p.agreements <= maxAgreements, "agreements are %d to %d, not %d", callers, maxAgreements, p.agreements)
	claim(p.events >= 1 && p.events <= maxAgreements, "events are 1 to %d, not %d", maxAgreements, p.events)
	claim(p.rounds >= 1 && p.rounds <= maxRounds, "rounds are 1 to %d, not %d", maxRounds, p.rounds)
	claim(p.duration > 0 && p.duration <= maxDuration, "the duration is above 0 and at most %s, not %s", maxDuration, p.duration)
	claim(p.warmup >= 0 && p.warmup <= maxDuration, "the warm-up is 0 to %s, not %s", maxDuration, p.warmup)
	claim(p.limit > 0 && p.limit <= maxLimit, "the limit is above 0 and at most %s, not %s", maxLimit, p.limit)
	claim(p.output == outputTable || p.output == outputJSON, "the output is %s or %s, not %q", outputTable, outputJSON, p.output)
	return errors.Join(wrong...)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == asEtcd {
		etcdmain.Main(os.Args[1:]) // takes signals and flags by itself
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "measures:", err)
		stop()
		os.Exit(1)
	}
}

func root() *cobra.Command {
	p := defaultPlan()
	cmd := &cobra.Command{
		Use: "measures", Short: "Take the figures the project is judged by, each against something a reader knows",
		SilenceUsage: true, SilenceErrors: true,
	}
	flags := cmd.PersistentFlags()
	flags.IntVar(&p.agreements, "agreements", p.agreements, "how many agreements are hit at random; the project's figures are for 1000000")
	flags.IntVar(&p.events, "events", p.events, "how many events the store holds at least, for start; the project's figure is for 1000000")
	flags.DurationVar(&p.duration, "duration", p.duration, "how long each turn is counted")
	flags.DurationVar(&p.warmup, "warmup", p.warmup, "how long each turn works before it is counted")
	flags.IntVar(&p.rounds, "rounds", p.rounds, "how many turns each of those compared has")
	flags.DurationVar(&p.limit, "limit", p.limit, "when to give up")
	flags.StringVar(&p.dir, "dir", p.dir, "where data may lie for the length of the run, on the disk to measure; the directory for temporary files if not given")
	flags.StringVarP(&p.output, "output", "o", p.output, "table or json")

	all := &cobra.Command{Use: "all", Short: "Everything below, one after the other, over one store", Args: cobra.NoArgs}
	all.RunE = func(cmd *cobra.Command, _ []string) error { return take(cmd, p, measures...) }
	cmd.AddCommand(all)
	for _, m := range measures {
		cmd.AddCommand(&cobra.Command{
			Use: m.name, Short: m.about, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return take(cmd, p, m) },
		})
	}
	cmd.AddCommand(echoCommand())
	return cmd
}

// measure is one of the things that can be measured.
type measure struct {
	name, about string
	take        func(context.Context, *stage, *Measure) error
}

var measures = []measure{
	{"durable", "Durable commands at 256 callers, against etcd on the same disk", durable},
	{"single", "One caller's command, against what an echo and the syncs of an append take", single},
	{"read", "Reads at 256 callers, against a bare gRPC echo with the same interceptors", read},
	{"rest", "A read over REST, against the same over gRPC", rest},
	{"growth", "The same submission on small and on large agreements", growth},
	{"timers", "A million timers an hour while 64 callers write: how late the clock is", timers},
	{"catch-up", "What the clock does after a year of sleep, and in how much memory", catchUp},
	{"watch", "How long after the answer to a change a watcher is told, at 1,000 changes a second, beside etcd", watchLatency},
	{"crowd", "Ten thousand watches, some of which take nothing: memory, and how long it takes to tell all", watchCrowd},
	{"log", "Durable commands at 256 callers, with the log and without", logCost},
	{"audit", "A whole history checked offline, and the time of a proof", audit},
	{"start", "From exec to ready, with many events in the store", start},
}

// take takes measures, prints what it found, also when a later one fails, and leaves nothing behind.
func take(cmd *cobra.Command, p plan, which ...measure) (err error) {
	if err := p.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), p.limit, fmt.Errorf("it took longer than %s", p.limit))
	defer cancel()
	s, err := newStage(ctx, p, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.strike()) }()
	bench.TreadLightly() // towards all who are compared
	report := newReport(p, s)
	for _, m := range which {
		s.say("== %s: %s", m.name, m.about)
		found := &Measure{Name: m.name, About: m.about}
		begun := time.Now()
		if err = m.take(ctx, s, found); err != nil {
			err = fmt.Errorf("%s: %w", m.name, errors.Join(err, context.Cause(ctx)))
			break
		}
		found.Seconds = time.Since(begun).Seconds()
		report.Measures = append(report.Measures, found)
	}
	if len(report.Measures) == 0 {
		return err
	}
	return errors.Join(err, report.write(cmd.OutOrStdout(), p.output))
}
