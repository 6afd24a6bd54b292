package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what this program was made from.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Changed bool   `json:"changed,omitempty"`
	Go      string `json:"go"`
}

func (s *session) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say what this program was made from", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s.started = true
			b := thisBuild()
			if s.output == outputJSON {
				line, err := json.MarshalIndent(b, "", "  ")
				if err != nil {
					return fmt.Errorf("write JSON: %w", err)
				}
				_, err = fmt.Fprintf(s.out, "%s\n", line)
				return err
			}
			facts := []fact{{"version", b.Version}, {"commit", b.Commit}, {"go", b.Go}}
			if b.Changed {
				facts = append(facts, fact{"note", "made from a tree with changes that were not committed"})
			}
			return printFacts(s.out, facts)
		},
	}
}

// thisBuild reads what the Go tool wrote into the program.
func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{Version: "unknown"}
	}
	b := build{Version: info.Main.Version, Go: info.GoVersion}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			b.Changed = setting.Value == "true"
		}
	}
	return b
}
