package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) watchCommand() *cobra.Command {
	var after uint64
	c := &cobra.Command{
		Use:   "watch RUN",
		Short: "Follow what happens in a run, event by event, until it ends",
		Long: "Writes one line per recorded event of a run, from its first or from a sequence number, and goes on as they happen\n" +
			"until the run has ended. With --json each line is the event as the journal has it.",
		Example: "  spinbot watch last\n  spinbot watch last --after 120 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Run(c.Context(), args[0])
				if err != nil {
					return err
				}
				out := json.NewEncoder(os.Stdout)
				return s.Watch(c.Context(), r.ID, after, func(f client.Frame) error {
					switch {
					case f.Event == nil:
						return nil
					case p.json:
						return out.Encode(f.Event.Data)
					}
					e, err := run.Decode(f.Event.Data)
					if err == nil {
						fmt.Println(eventLine(r.ID, e))
					}
					return err
				})
			})
		},
	}
	c.Flags().Uint64Var(&after, "after", 0, "the sequence number of the last event that is known")
	p.jsonFlag(c)
	return c
}

// eventLine is an event in one line: its number, time, address and words.
func eventLine(id string, e run.Event) string {
	style := styleOf(os.Stdout)
	level, text := e.Tell()
	if text == "" {
		text = strings.ReplaceAll(string(e.Kind), "_", " ")
	}
	if text = firstLine(text); level == "error" {
		text = style.Bad(text)
	}
	where := "run"
	if e.Node != "" {
		at := e.At(run.ID(id))
		at.Attempt = 0 // it is in the words
		where = at.String()[len(id)+1:]
	}
	return fmt.Sprintf("%5d  %s  %s  %s", e.Seq, style.Dim(e.Time.Local().Format("15:04:05.000")), style.Bold(where), text)
}
