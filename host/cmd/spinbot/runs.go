package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) runsCommand() *cobra.Command {
	var q client.RunQuery
	var since, until string
	c := &cobra.Command{
		Use:   "runs",
		Short: "List runs, newest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = whenOf(since, time.Now()); err != nil {
				return usage("--since %v", err)
			}
			if q.Until, err = whenOf(until, time.Now()); err != nil {
				return usage("--until %v", err)
			}
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
	c.Flags().StringVar(&q.Owner, "owner", "", "only runs of this user")
	c.Flags().StringVar(&q.Text, "search", "", "only runs with this text in their id, pipeline, owner or error")
	c.Flags().StringVar(&since, "since", "", "only runs made then or later: a time ago such as 12h or 7d, a day such as 2026-01-31, or a moment")
	c.Flags().StringVar(&until, "until", "", "only runs made before, written like --since")
	c.Flags().StringVar(&q.Before, "before", "", "only runs older than this one (a whole id)")
	c.Flags().IntVar(&q.Limit, "limit", 20, "how many")
	p.jsonFlag(c)
	c.AddCommand(p.pinCommand("pin", "Keep a run, however old it gets", true), p.pinCommand("unpin", "Let a run go like any other when it gets old", false))
	return c
}

// whenOf reads a time ago, a day here or a moment; empty: none.
func whenOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := sdk.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q: write it like 12h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z", text)
	}
	return t, nil
}

func (p *program) pinCommand(word, short string, on bool) *cobra.Command {
	c := &cobra.Command{
		Use: word + " RUN", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Pin(c.Context(), args[0], on)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(map[string]any{"version": client.ShapeVersion, "run": r})
				}
				warn("%s is %sned", r.ID, word)
				return nil
			})
		},
	}
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
			plain(progress.Elapsed(r.Updated.Sub(r.Created))), noteCell(style, r),
		})
	}
	table(os.Stdout, style, []string{"RUN", "PIPELINE", "STATE", "STARTED", "TOOK", ""}, rows)
	if list.Next != "" {
		warn("there are older ones: --before %s", list.Next)
	}
}

// noteCell says what went wrong, and that a run is pinned.
func noteCell(style progress.Style, r client.Run) cell {
	switch {
	case r.Pinned && r.Error == "":
		return cell{"pinned", style.Dim}
	case r.Pinned:
		return cell{"pinned; " + firstLine(r.Error), style.Bad}
	}
	return cell{firstLine(r.Error), style.Bad}
}

// stateOf is a run's state as people see it.
func stateOf(r client.Run) string {
	if r.Interrupted {
		return "interrupted"
	}
	return r.State
}
