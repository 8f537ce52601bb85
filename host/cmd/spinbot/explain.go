package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain RUN [NODE]",
		Short: "Say why a run, or a node of it, waits or failed, and what to do",
		Long: "Says in a sentence why a run, and everything in it that is under way, waits or failed, stands where it stands, and\n" +
			"what to do. With NODE it explains that node, or one instance of it.",
		Example: "  spinbot explain last\n  spinbot explain last node.shot[2]",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				node := ""
				if len(args) > 1 {
					node = args[1]
				}
				x, err := s.Explain(c.Context(), args[0], node)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(x)
				}
				style := styleOf(os.Stdout)
				for _, e := range x.List {
					at := strings.TrimPrefix(e.At, x.Run+"/")
					fmt.Printf("%s %s: %s\n", style.Mark(e.State), style.Bold(at)+" is "+e.State, e.Why)
					if e.Changed != "" {
						fmt.Println("  " + e.Changed)
					}
					if e.Next != "" {
						fmt.Println("  " + style.Dim(e.Next))
					}
				}
				return nil
			})
		},
	}
	p.jsonFlag(c)
	return c
}
