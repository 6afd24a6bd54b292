package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"filippo.io/torchwood"
	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/client/monitor"
)

// watchEvery is how long a monitor pauses between two looks at the log if it is not told otherwise: ten times what the
// service takes to sign.
const watchEvery = 10 * time.Second

// auditWatch is the command that follows a log.
func (s *session) auditWatch() *cobra.Command {
	var policyFiles []string
	var dir string
	var every time.Duration
	var once bool
	cmd := &cobra.Command{
		Use: "watch [URL] --policy FILE --dir DIR", Short: "Follow the log as a monitor, and keep every checkpoint", Args: cobra.MaximumNArgs(1),
		Long: "Follow the log of the service, or the one at a URL such as https://concord.example/tlog/, and keep in a directory every\n" +
			"checkpoint that it publishes. Each must be signed as the policy asks, and consistent with the one before; each entry must\n" +
			"be part of its tree; and no label may occur twice. It goes on where it left off.\n\n" +
			"Exit codes: 0 all was sound when it was stopped (or, with --once, is), 1 tampered with, 2 it could not be looked at.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if every <= 0 {
				return usagef("--every must be longer than nothing, not %s", every)
			}
			s.started = true
			log, hangUp, err := s.log(cmd.Context(), args)
			if err != nil {
				return incomplete(err)
			}
			defer hangUp()
			trusted, err := policies(policyFiles)
			if err != nil {
				return incomplete(err)
			}
			var any monitor.Policy
			for _, p := range trusted {
				any = append(any, p)
			}
			m, err := monitor.Open(dir, log, any)
			if err != nil {
				return incomplete(err)
			}
			defer func() { _ = m.Close() }()
			if once {
				return watched(s.lookOnce(cmd.Context(), m))
			}
			return watched(s.follow(cmd.Context(), m, every))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&policyFiles, "policy", nil, policyHelp)
	flags.StringVar(&dir, "dir", "", "where to keep checkpoints, and what is known of the log")
	flags.DurationVar(&every, "every", watchEvery, "how long to pause between two looks")
	flags.BoolVar(&once, "once", false, "look until everything published so far is read, and end")
	_ = cmd.MarkFlagRequired("dir") // fails only if there is no such flag
	return cmd
}

// log is the log to follow: the one at a URL, or the service's.
func (s *session) log(ctx context.Context, urls []string) (_ torchwood.TileReader, hangUp func(), err error) {
	o, err := s.options()
	if err != nil {
		return nil, nil, err
	}
	if len(urls) == 0 {
		c, err := client.Dial(ctx, s.addr, o)
		if err != nil {
			return nil, nil, err
		}
		return monitor.RPC(c.Log), func() { _ = c.Close() }, nil
	}
	authorities, err := o.TLSConfig()
	if err != nil {
		return nil, nil, err
	}
	by := &http.Transport{TLSClientConfig: authorities, Proxy: http.ProxyFromEnvironment}
	log, err := monitor.HTTP(urls[0], o.Key, by)
	return log, by.CloseIdleConnections, err
}

// lookOnce reads what is published, and tells what it saw.
func (s *session) lookOnce(ctx context.Context, m *monitor.Monitor) error {
	for {
		seen, err := m.Turn(ctx)
		if err != nil {
			return err
		}
		s.tellSeen(seen)
		if seen.Read >= seen.Size {
			return nil
		}
	}
}

// follow follows the log until it is told to stop, and tells what is new.
func (s *session) follow(ctx context.Context, m *monitor.Monitor, every time.Duration) error {
	last := int64(-1)
	return m.Run(ctx, every, func(seen monitor.Seen, err error) {
		var wrong *monitor.Tampered
		switch {
		case errors.As(err, &wrong): // is told at the end
		case err != nil:
			fmt.Fprintf(s.errs, "%s\n", clean(err.Error()))
		case seen.Size != last || seen.Read < seen.Size:
			s.tellSeen(seen)
		}
		last = seen.Size
	})
}

// tellSeen tells what a monitor saw of a log that is sound.
func (s *session) tellSeen(seen monitor.Seen) {
	if s.output == outputJSON {
		line, err := json.Marshal(seen)
		if err == nil {
			fmt.Fprintf(s.out, "%s\n", line)
		}
		return
	}
	follows := "the first that is kept"
	if seen.Before > 0 {
		follows = fmt.Sprintf("consistent with the %d before", seen.Before)
	}
	fmt.Fprintf(s.out, "%d entries, root %s, signed by %s: %s; %d read, no label twice\n",
		seen.Size, seen.Root, clean(strings.Join(seen.Signers, ", ")), follows, seen.Read)
}

// watched gives the end of a monitor's work its exit code.
func watched(err error) error {
	var wrong *monitor.Tampered
	if err == nil || errors.As(err, &wrong) {
		return err
	}
	return incomplete(err)
}
