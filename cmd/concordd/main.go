// Command concordd serves Concord. Without arguments it serves on loopback, with its data in ./concord-data; every
// setting is a flag, an environment variable or a line of a file (see "concordd config").
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/server"
)

// heapGrowth is how far the heap may grow, in percent of what is live, before it is collected, unless GOGC says
// otherwise. What is live is bounded by the store's two generations; a collection walks all of it, and at Go's own
// default did so several times a second under load.
const heapGrowth = 300

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks; a second one ends at once
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "concordd:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	config := server.Default()
	cmd := &cobra.Command{
		Use:           "concordd",
		Short:         "Serve Concord, the record of what each side of a partnership owes the other",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       server.Version(),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return config.Fill(cmd.Root().PersistentFlags(), os.LookupEnv)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), config) },
	}
	config.Bind(cmd.PersistentFlags())
	cmd.AddCommand(&cobra.Command{
		Use:   "config",
		Short: "Print the settings in effect, each with its manual, as a file that --config takes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return server.Print(cmd.OutOrStdout(), cmd.Root().PersistentFlags())
		},
	}, &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "concordd", server.Version()) },
	}, &cobra.Command{
		Use:   "compact DIRECTORY",
		Short: "Copy the data of a stopped server into a new directory, without what was written over or erased",
		Long: "Copy --data-dir of a server that does not run into a new directory: all that it holds, and nothing that was written over\n" +
			"or erased and still lies in its files. Start the server with the new directory, then destroy the old one.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return server.Compact(cmd.Context(), config.DataDir, args[0])
		},
	}, demoCommand(&config))
	return cmd
}

func serve(ctx context.Context, config server.Config) error {
	s, err := server.New(ctx, config, os.Stderr)
	if err != nil {
		return err
	}
	return s.Run(ctx, func(started server.Started) { welcome(os.Stdout, config, started) })
}
