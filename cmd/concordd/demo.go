package main

import (
	"github.com/spf13/cobra"

	"github.com/concordhq/concord/server"
)

func demoCommand(config *server.Config) *cobra.Command {
	return &cobra.Command{Use: "demo"}
}
