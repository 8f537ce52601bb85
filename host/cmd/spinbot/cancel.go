package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) cancelCommand() *cobra.Command {
	var w client.Word
	c := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Cancel a run, from any terminal",
		Long: "Cancels a run. What its nodes have made is kept; spinbot resume goes on from there. With --node only that node,\n" +
			"or one instance of it, is stopped, and its on_failure says what follows.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if w.At != "" && !strings.Contains(w.At, ".") {
				w.At = "node." + w.At
			}
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Tell(c.Context(), args[0], client.WordCancel, w)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(map[string]any{"version": 1, "run": r})
				}
				switch {
				case w.At != "":
					warn("cancelling %s of %s", w.At, r.ID)
				case r.Ended():
					warn("%s is %s; spinbot resume %s goes on", r.ID, r.State, r.ID)
				default:
					warn("cancelling %s", r.ID)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&w.Reason, "reason", "cancelled at the terminal", "why, for the record")
	c.Flags().StringVar(&w.At, "node", "", "stop only this node or instance, such as node.shot[2]")
	p.jsonFlag(c)
	return c
}
