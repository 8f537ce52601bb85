package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) pluginsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "plugins",
		Short: "List plugins and WASM modules, and whether they may run",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				list, err := s.Plugins(c.Context())
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(list)
				}
				style := styleOf(os.Stdout)
				var rows [][]cell
				for _, g := range list.Plugins {
					rows = append(rows, []cell{{g.Name, style.Bold}, plain(g.Version), plain(g.Kind), stateCell(style, g.State),
						plain(strings.Join(g.NodeTypes, " ")), {g.Path, style.Dim}})
				}
				table(os.Stdout, style, []string{"NAME", "VERSION", "KIND", "STATE", "NODE TYPES", "PATH"}, rows)
				for _, g := range list.Plugins {
					if g.Reason != "" {
						warn("\n%s: %s", style.Bold(g.Name), g.Reason)
					}
					if len(g.Configuration) > 0 {
						warn("")
						writeDiagnostics(g.Configuration, "-", client.Source{})
					}
				}
				return nil
			})
		},
	}
	p.jsonFlag(c)
	c.AddCommand(p.trustCommand(), p.pushCommand(), p.grantCommand(), p.revokeCommand())
	return c
}

func (p *program) trustCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trust NAME",
		Short: "Let a plugin or module run on this machine, as it is now",
		Long:  "Writes the plugin's checksum into this machine's trust file. From then on it runs with your rights, until its\nbinary changes. Only trust what you know the source of.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				g, err := s.Trust(c.Context(), args[0])
				if err != nil {
					return err
				}
				if g.State != "ready" {
					return fmt.Errorf("%s was accepted as it is, but cannot be used: %s", g.Name, g.Reason)
				}
				fmt.Printf("%s may run: %s (sha256 %s)\n", g.Name, g.Path, g.SHA256)
				return nil
			})
		},
	}
}
