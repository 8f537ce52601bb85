package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) runsCommand() *cobra.Command {
	var q client.RunQuery
	c := &cobra.Command{
		Use:   "runs",
		Short: "List runs, newest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				list, err := s.Runs(c.Context(), q)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(list)
				}
				printRuns(list)
				return nil
			})
		},
	}
	c.Flags().StringVar(&q.Pipeline, "pipeline", "", "only runs of this pipeline")
	c.Flags().StringVar(&q.State, "state", "", "only runs in this state")
	c.Flags().StringVar(&q.Before, "before", "", "only runs older than this one (a whole id)")
	c.Flags().IntVar(&q.Limit, "limit", 20, "how many")
	p.jsonFlag(c)
	return c
}

func printRuns(list client.RunList) {
	if len(list.Runs) == 0 {
		warn("no runs yet; spinbot run FILE makes one")
		return
	}
	style := styleOf(os.Stdout)
	now := time.Now()
	var rows [][]cell
	for _, r := range list.Runs {
		rows = append(rows, []cell{
			plain(r.ID), plain(r.Pipeline), stateCell(style, stateOf(r)), plain(ago(r.Created, now)),
			plain(progress.Elapsed(r.Updated.Sub(r.Created))), {firstLine(r.Error), style.Bad},
		})
	}
	table(os.Stdout, style, []string{"RUN", "PIPELINE", "STATE", "STARTED", "TOOK", ""}, rows)
	if list.Next != "" {
		warn("there are older ones: --before %s", list.Next)
	}
}

// stateOf is a run's state as people see it.
func stateOf(r client.Run) string {
	if r.Interrupted {
		return "interrupted"
	}
	return r.State
}
