package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) pauseCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "pause RUN",
		Short: "Let what is under way finish, and begin nothing new",
		Long:  "Pauses a run: attempts that are under way finish, nothing new begins. spinbot resume goes on.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.tellRun(c.Context(), args[0], client.WordPause, client.Word{Reason: reason}, "paused")
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	p.jsonFlag(c)
	return c
}

// tellRun says something to a run, and then how it stands.
func (p *program) tellRun(ctx context.Context, id, what string, w client.Word, done string) error {
	return p.with(ctx, func(s *session) error {
		r, err := s.Tell(ctx, id, what, w)
		if err != nil {
			return err
		}
		if p.json {
			return printJSON(map[string]any{"version": client.ShapeVersion, "run": r})
		}
		warn("%s %s; it is %s", done, r.ID, stateOf(r))
		tellWaiting(r)
		return nil
	})
}
