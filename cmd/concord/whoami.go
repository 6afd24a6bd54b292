package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (s *session) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Say whom the service takes you for", Args: cobra.NoArgs,
		RunE: s.does(func(ctx context.Context, c *client.Client, _ []string) error {
			p, err := c.Admin.GetCaller(ctx, &pb.GetCallerRequest{})
			if err != nil {
				return err
			}
			return s.printOne(p, []fact{{"key", p.GetPrincipalId()}, {"role", word(p.GetRole())}, {"for", reach(p)}})
		}),
	}
}
