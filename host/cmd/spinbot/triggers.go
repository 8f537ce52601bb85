package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) triggersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "triggers",
		Short: "List what makes runs by itself: schedules and webhooks",
		Long: "Lists the triggers of the pipelines in pipelines.d of the state directory, and in the folders of --pipelines. Schedules\n" +
			"fire, and webhooks are answered, while spinbot serve runs.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error { return p.listTriggers(c.Context(), s) })
		},
	}
	p.jsonFlag(c)
	p.pipelinesFlag(c)
	c.AddCommand(p.fireCommand())
	return c
}

// pipelinesFlag adds --pipelines to a command.
func (p *program) pipelinesFlag(c *cobra.Command) {
	c.Flags().StringArrayVar(&p.pipelineDirs, "pipelines", nil, "another folder of pipelines whose triggers fire (may be repeated)")
	paths(c, c.Flags(), "pipelines")
}

func (p *program) fireCommand() *cobra.Command {
	var body, out string
	c := &cobra.Command{
		Use:   "fire PIPELINE/NAME",
		Short: "Fire a trigger now, and wait for the end of its run",
		Long: "Makes a run of a trigger whatever its schedule says, and whether or not its last run has ended. What a webhook would\n" +
			"be sent is given with --body; it needs no signature.",
		Example: "  spinbot triggers fire explainer/nightly --out film\n  spinbot triggers fire explainer/publish --body '{\"topic\": \"tides\"}'",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			pipeline, name, ok := strings.Cut(args[0], "/")
			if !ok {
				return usage("%q names no trigger; write it PIPELINE/NAME, as spinbot triggers does", args[0])
			}
			if body != "" && !json.Valid([]byte(body)) {
				return usage("--body %s: it is not JSON", body)
			}
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Fire(c.Context(), pipeline, name, client.TriggerEvent{Body: json.RawMessage(body)})
				if err != nil {
					return err
				}
				return p.follow(c.Context(), s, fromStart(r), out)
			})
		},
	}
	c.Flags().StringVar(&body, "body", "", "the JSON that a webhook is sent")
	c.Flags().StringVar(&out, "out", "", "the folder to save the outputs' files in")
	p.jsonFlag(c)
	p.pipelinesFlag(c)
	return c
}

func (p *program) listTriggers(ctx context.Context, s *session) error {
	list, err := s.Triggers(ctx)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(list)
	}
	if err := tellBroken(ctx, s); err != nil {
		return err
	}
	if len(list.Triggers) == 0 {
		warn("no triggers; a pipeline with a trigger block in pipelines.d of the state directory, or in a folder of --pipelines, has some")
		return nil
	}
	style := styleOf(os.Stdout)
	now := time.Now()
	var rows [][]cell
	for _, t := range list.Triggers {
		rows = append(rows, triggerRow(style, t, now))
	}
	table(os.Stdout, style, []string{"TRIGGER", "KIND", "WHEN", "NEXT", "LAST RUN", ""}, rows)
	return nil
}

// tellBroken says which pipelines are out of use, and so their triggers.
func tellBroken(ctx context.Context, s *session) error {
	list, err := s.Pipelines(ctx)
	if err != nil {
		return err
	}
	for _, p := range list.Pipelines {
		if p.State == "broken" {
			warn("%s is out of use: %s", p.Name, p.Reason)
		}
	}
	return nil
}

func triggerRow(style progress.Style, t client.Trigger, now time.Time) []cell {
	when, next := t.Path, ""
	if t.Next != nil {
		when = t.Schedule + " " + t.Timezone
		next = ahead(*t.Next, now)
	}
	note := cell{}
	switch {
	case t.LastError != "":
		note = cell{firstLine(t.LastError), style.Bad}
	case t.LastSkipped != nil && (t.LastFired == nil || t.LastSkipped.After(*t.LastFired)):
		note = cell{"skipped " + t.LastSkipped.Local().Format("2 Jan 15:04") + ": " + t.SkippedBecause, style.Dim}
	}
	return []cell{plain(t.Pipeline + "/" + t.Name), {t.Kind, style.Dim}, plain(when), plain(next), plain(t.LastRun), note}
}

// ahead writes when something comes: in how long when it is soon, with the local time.
func ahead(t, now time.Time) string {
	at := t.Local().Format("2 Jan 15:04")
	if d := t.Sub(now); d < 24*time.Hour {
		return at + ", in " + progress.Elapsed(max(0, d.Round(time.Second)))
	}
	return at
}
