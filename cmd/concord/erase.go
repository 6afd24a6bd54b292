package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) eraseCommand() *cobra.Command {
	var change change
	var service bool
	request := &pb.ErasePrivateDataRequest{}
	cmd := &cobra.Command{
		Use:   "erase (AGREEMENT | --service) VERSION… --basis WHY",
		Short: "Erase what people wrote in events, for good (operator)", Args: cobra.MinimumNArgs(1),
		Long: "Erase what people wrote in events: names, notes, reasons, where evidence lies, the texts of drafts. What happened stays,\n" +
			"and all that was committed to the log still verifies. It cannot be undone. A VERSION is a number from the history, or\n" +
			"several: 3-7. With --service the events are those of the service itself, which name parties and who holds keys.\n\n" +
			"Backups and the files of the store keep older bytes for a while: see docs/operations.md.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			if !service {
				request.AgreementId, args = args[0], args[1:]
			}
			var err error
			if request.Versions, err = versions(args); err != nil {
				return err
			}
			request.RequestId, request.ValidateOnly = change.requestID, change.check
			done, err := c.Admin.ErasePrivateData(ctx, request)
			if err != nil {
				return err
			}
			return s.printOne(done, []fact{
				{"agreement", done.GetAgreementId()}, {"erased", strings.Trim(fmt.Sprint(done.GetVersions()), "[]")}, {"recorded as", number(done.GetVersion())},
			})
		}),
	}
	cmd.Flags().BoolVar(&service, "service", false, "the service's own events, not an agreement's")
	cmd.Flags().StringVar(&request.Basis, "basis", "", "by what right; everybody who sees the history reads it: name no person")
	_ = cmd.MarkFlagRequired("basis") // the flag is there
	return change.createFlags(cmd)
}

// maxVersions is how many events one order takes; see ErasePrivateDataRequest. It keeps a slip in a range from making a list
// of millions.
const maxVersions = 1000

// versions reads numbers of events: "3", or "3-7".
func versions(args []string) (all []uint64, err error) {
	if len(args) == 0 {
		return nil, usagef("which events? Name their versions: concord event list")
	}
	for _, arg := range args {
		from, to, several := strings.Cut(arg, "-")
		first, err := strconv.ParseUint(from, 10, 64)
		last := first
		if err == nil && several {
			last, err = strconv.ParseUint(to, 10, 64)
		}
		if err != nil || last < first {
			return nil, usagef("%q is no version of an event: 3, or several, 3-7", arg)
		}
		if last-first >= maxVersions || len(all)+int(last-first) >= maxVersions {
			return nil, usagef("more than %d events: erase them in several orders", maxVersions)
		}
		for v := first; v <= last; v++ {
			all = append(all, v)
		}
	}
	return all, nil
}
