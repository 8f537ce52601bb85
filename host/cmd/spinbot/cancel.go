package main

import (
	"github.com/spf13/cobra"
)

func (p *program) cancelCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Cancel a run, from any terminal",
		Long:  "Cancels a run. What its nodes have made is kept; spinbot resume goes on from there.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Cancel(c.Context(), args[0], reason)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(map[string]any{"version": 1, "run": r})
				}
				if r.Ended() {
					warn("%s is %s; spinbot resume %s goes on", r.ID, r.State, r.ID)
				} else {
					warn("cancelling %s", r.ID)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "cancelled at the terminal", "why, for the record")
	p.jsonFlag(c)
	return c
}
