package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/proof/bundle"
)

func (s *session) auditCommand() *cobra.Command {
	return noun("audit", "Proof of what was recorded, for those who trust nobody", s.auditExport(), s.auditVerify(), s.auditScorecard(), s.auditProof(), s.auditGrowth(), s.auditWatch())
}

func (s *session) auditExport() *cobra.Command {
	request := &pb.ExportAuditRequest{}
	cmd := &cobra.Command{
		Use: "export FILE", Short: "Export an audit bundle: exact events, what they led to, and the log that proves them", Args: cobra.ExactArgs(1),
		Long: "Export an audit bundle: one zip file with the exact events of an agreement, of all agreements of a party, or of the whole\n" +
			"service if neither is named, with what they have led to and the log that proves them. \"concord audit verify\" checks it\n" +
			"without the service and without a network. A file is there once it is whole; \"-\" is standard output.\n\n" +
			"The same export at the same checkpoint (--size) is the same bytes.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			return s.saved(args[0], func(out io.Writer) error {
				stream, err := c.Log.ExportAudit(ctx, request)
				for err == nil {
					var piece *pb.ExportAuditResponse
					if piece, err = stream.Recv(); err == nil {
						_, err = out.Write(piece.GetData())
					}
				}
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			})
		}),
	}
	cmd.Flags().StringVar(&request.AgreementId, "agreement", "", "only this agreement")
	cmd.Flags().StringVar(&request.PartyId, "of", "", "only the agreements of this party")
	cmd.Flags().BoolVar(&request.ProofsOnly, "proofs-only", false, "leave out the log but for what proves the events: smaller, and no proof that nothing was left out")
	cmd.Flags().Uint64Var(&request.Size, "size", 0, "up to the checkpoint of this size; the newest if not given")
	cmd.MarkFlagsMutuallyExclusive("agreement", "of")
	return cmd
}

// saved writes a file, which is there once it is whole.
func (s *session) saved(name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(s.out)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".concord-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // which it is not called any more, once it is whole
	out := bufio.NewWriterSize(f, 1<<20)
	err = write(out)
	for _, end := range []func() error{out.Flush, f.Sync, f.Close, func() error { return os.Rename(f.Name(), name) }} {
		if err == nil {
			if err = end(); err != nil {
				err = fmt.Errorf("write %s: %w", name, err)
			}
		}
	}
	_ = f.Close() // it may have been closed
	return err
}

// policies reads the auditor's own policies.
func policies(files []string) ([]bundle.Policy, error) {
	if len(files) == 0 {
		return nil, usagef("--policy is needed: whose signatures count is for you to say, and for nobody else")
	}
	var all []bundle.Policy
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the policy: %w", err)
		}
		p, err := bundle.ReadPolicy(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

const policyHelp = "whose signatures count, a C2SP tlog-policy; more than one: any of them, as where the log changed its key"

func (s *session) auditVerify() *cobra.Command {
	var policyFiles []string
	var since string
	cmd := &cobra.Command{
		Use: "verify FILE --policy POLICY", Short: "Check an audit bundle, without the service and without a network", Args: cobra.ExactArgs(1),
		Long: "Check an audit bundle, without the service and without a network: the signatures on its checkpoint, the log, each event's\n" +
			"entry in it, versions from 1 on without a gap, texts that are kept apart, and that the rules lead from the events to the\n" +
			"exported records and to every scorecard that a review froze. With --since, that the log has only grown from a checkpoint you kept.\n\n" +
			"Exit codes: 0 sound, 1 tampered, 2 incomplete, or nothing could be checked.",
		RunE: func(_ *cobra.Command, args []string) error {
			s.started = true
			trust := bundle.Trust{}
			var err error
			if trust.Policies, err = policies(policyFiles); err != nil {
				return incomplete(err)
			}
			if since != "" {
				if trust.Since, err = os.ReadFile(since); err != nil {
					return incomplete(fmt.Errorf("read the earlier checkpoint: %w", err))
				}
			}
			f, size, err := openBundle(args[0])
			if err != nil {
				return incomplete(err)
			}
			defer f.Close()
			r := bundle.Verify(f, size, trust)
			if err := s.printReport(s.out, r); err != nil {
				return incomplete(err) // what nobody could read convicts nobody
			}
			return exits[r.Outcome]
		},
	}
	cmd.Flags().StringArrayVar(&policyFiles, "policy", nil, policyHelp)
	cmd.Flags().StringVar(&since, "since", "", "a checkpoint of this log that you kept, which it must have grown from")
	return cmd
}

// openBundle opens a bundle, and says how long it is.
func openBundle(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("read the bundle: %w", err)
	}
	is, err := f.Stat()
	if err != nil || !is.Mode().IsRegular() {
		_ = f.Close() // nothing was written
		return nil, 0, fmt.Errorf("read the bundle: %s is no file", name)
	}
	return f, is.Size(), nil
}

// exits are what a check ends with: a report said why.
var exits = map[bundle.Outcome]error{bundle.Sound: nil, bundle.Tampered: saidError(exitTampered), bundle.Incomplete: saidError(exitIncomplete)}

// printReport prints what a check found out.
func (s *session) printReport(out io.Writer, r *bundle.Report) error {
	if s.output == outputJSON {
		b, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", b)
		}
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		return nil
	}
	if _, err := fmt.Fprintln(out, strings.ToUpper(r.Outcome.String())); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(out, "\n%s: %s (%s)\n  %s\n", clean(f.Where), f.Outcome, f.Check, clean(f.What))
	}
	if r.More > 0 {
		fmt.Fprintf(out, "\nand %d more.\n", r.More)
	}
	if r.Origin == "" {
		return nil
	}
	fmt.Fprintln(out)
	facts := []fact{
		{"about", scopeWord(r.Scope)}, {"log", r.Origin}, {"entries", strconv.FormatInt(r.Size, 10)}, {"root", r.Root}, {"signed by", strings.Join(r.Signatures, ", ")},
	}
	if r.Since != nil && r.Outcome == bundle.Sound {
		facts = append(facts, fact{"grown from", strconv.FormatInt(*r.Since, 10) + " entries"})
	}
	if len(r.Chains) > 0 {
		facts = append(facts, fact{"events", strconv.FormatInt(r.Events, 10)}, fact{"of others", strconv.FormatInt(r.Others, 10)})
	}
	if err := printFacts(out, facts); err != nil || len(r.Chains) == 0 {
		return err
	}
	w := tabs(out)
	fmt.Fprintln(w, "\nCHAIN\tLOG ID\tEVENTS\tRECORDS\tSCORECARDS\tERASED\tWITHHELD")
	for _, c := range r.Chains {
		id := c.AgreementID
		if id == "" {
			id = "(service)"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", id, c.LogID, c.Version, c.Records, c.Scorecards, len(c.Erased), len(c.Withheld))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func scopeWord(scope bundle.Scope) string {
	switch {
	case scope.AgreementID != "":
		return "agreement " + scope.AgreementID
	case scope.PartyID != "":
		return "agreements of " + scope.PartyID
	}
	return "the service"
}

func (s *session) auditProof() *cobra.Command {
	var policyFiles []string
	request := &pb.GetInclusionProofRequest{}
	cmd := &cobra.Command{
		Use: "proof AGREEMENT VERSION", Short: "Print the proof that an event stands in the log (C2SP tlog-proof)", Args: cobra.MaximumNArgs(2),
		Long: "Print the proof that an event stands in the log, as tools take it (C2SP tlog-proof); \"concord event show\" has the event's\n" +
			"exact body. With --policy the proof is checked against the body first.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if err := named(request, args); err != nil {
				return err
			}
			answer, err := c.Log.GetInclusionProof(ctx, request)
			if err != nil {
				return err
			}
			if policyFiles == nil {
				return s.printText(answer, answer.GetTlogProof())
			}
			trusted, err := policies(policyFiles)
			if err != nil {
				return err
			}
			list := make([]torchwood.Policy, len(trusted))
			for i, p := range trusted {
				list[i] = p
			}
			e, err := c.History.GetEvent(ctx, &pb.GetEventRequest{Position: answer.GetPosition()})
			if err != nil {
				return err
			}
			if _, err := proof.CheckInclusion([]byte(answer.GetTlogProof()), e.GetBody(), list...); err != nil {
				return fmt.Errorf("the service's proof is wrong: %w", err)
			}
			return s.printText(answer, answer.GetTlogProof())
		}),
	}
	cmd.Flags().StringArrayVar(&policyFiles, "policy", nil, policyHelp)
	cmd.Flags().Uint64Var(&request.Position, "position", 0, "the event at this position of the whole history, instead of an agreement's")
	cmd.Flags().Uint64Var(&request.Size, "size", 0, "in the checkpoint of this size; the newest if not given")
	return cmd
}

// named puts into a request which event it is about: an agreement and a version, or a position.
func named(request *pb.GetInclusionProofRequest, args []string) error {
	if len(args) == 2 && request.GetPosition() == 0 {
		version, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil || version == 0 {
			return usagef("%q is no version", args[1])
		}
		request.AgreementId, request.Version = args[0], version
		return nil
	}
	if len(args) > 0 || request.GetPosition() == 0 {
		return usagef("name AGREEMENT and VERSION, or --position")
	}
	return nil
}

func (s *session) auditGrowth() *cobra.Command {
	return &cobra.Command{
		Use: "growth OLD-SIZE [NEW-SIZE]", Short: "Print the hashes that prove that the log only grew between two sizes (RFC 6962)", Args: cobra.RangeArgs(1, 2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request := &pb.GetConsistencyProofRequest{}
			for i, into := range []*uint64{&request.OldSize, &request.NewSize}[:len(args)] {
				size, err := strconv.ParseUint(args[i], 10, 64)
				if err != nil || size == 0 {
					return usagef("%q is no size of a log", args[i])
				}
				*into = size
			}
			answer, err := c.Log.GetConsistencyProof(ctx, request)
			if err != nil {
				return err
			}
			var text strings.Builder
			for _, h := range answer.GetHashes() {
				text.WriteString(base64.StdEncoding.EncodeToString(h) + "\n")
			}
			return s.printText(answer, text.String())
		}),
	}
}
