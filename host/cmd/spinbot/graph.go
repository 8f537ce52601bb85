package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) graphCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "graph FILE",
		Short:   "Draw a pipeline's graph",
		Example: "  spinbot graph explainer.hcl --format dot | dot -Tsvg > explainer.svg",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if format != "dot" && format != "mermaid" && format != "text" {
				return usage("--format %s: write dot, mermaid or text", format)
			}
			return p.with(c.Context(), func(s *session) error {
				src, err := s.source(c.Context(), args[0])
				if err != nil {
					return err
				}
				checked, err := s.Check(c.Context(), src, format)
				if err != nil {
					return err
				}
				writeDiagnostics(checked.Diagnostics, args[0], src)
				if !checked.Valid {
					return errInvalid
				}
				fmt.Println(strings.TrimRight(checked.Graph, "\n"))
				return nil
			})
		},
	}
	c.Flags().StringVar(&format, "format", "text", "dot, mermaid or text")
	return c
}
