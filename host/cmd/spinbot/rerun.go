package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) rerunCommand() *cobra.Command {
	var in runInput
	var from []string
	var file string
	c := &cobra.Command{
		Use:   "rerun RUN",
		Short: "Repeat a run with other inputs, and keep what they do not change",
		Long: "Makes a new run of the pipeline as it was, or as --file has it now, with the same inputs but for those given here.\n" +
			"Every node whose inputs are the same takes its result from RUN; nodes named with --from are done again all the same.\n" +
			"At the end it says what was taken, and why the rest was not.",
		Example: "  spinbot rerun last --var topic=tides\n  spinbot rerun last --from node.shot[2] --out film\n  spinbot rerun last --file explainer.hcl",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				sub, err := inputsOf(c.Context(), s, in)
				if err != nil {
					return err
				}
				if file != "" {
					if sub.Pipeline, err = s.source(c.Context(), file); err != nil {
						return err
					}
				}
				sub.Rerun = &client.Rerun{Of: args[0]}
				for _, at := range from {
					if !strings.Contains(at, ".") {
						at = "node." + at
					}
					sub.Rerun.From = append(sub.Rerun.From, at)
				}
				r, err := s.Submit(c.Context(), sub)
				if err != nil {
					return diagnosed(err, file, sub.Pipeline)
				}
				err = p.follow(c.Context(), s, fromStart(r), in.out)
				if !p.json {
					tellReuse(c.Context(), s, r)
				}
				return err
			})
		},
	}
	c.Flags().StringArrayVar(&from, "from", nil, "a node, or one instance, to be done again although nothing changed")
	c.Flags().StringVar(&file, "file", "", "the pipeline to run instead of the one that the run had")
	p.inputFlags(c, &in)
	p.jsonFlag(c)
	return c
}

// tellReuse says what a run took from the one that it repeats, and why the rest was done again.
func tellReuse(ctx context.Context, s *session, r client.Run) {
	style := styleOf(os.Stderr)
	taken, after := 0, uint64(0)
	var again []string
	for {
		page, err := s.Events(ctx, r.ID, after, 0)
		if err != nil || len(page.Events) == 0 {
			break
		}
		after = page.Next
		for _, raw := range page.Events {
			e, err := run.Decode(raw.Data)
			if err != nil {
				continue
			}
			at := e.At(run.ID(r.ID))
			at.Attempt = 0
			switch {
			case e.Kind == run.NodeCachedEvent:
				taken++
			case e.Kind == run.AttemptStarted && e.Reason != "":
				again = append(again, fmt.Sprintf("%s: %s", style.Bold(strings.TrimPrefix(at.String(), r.ID+"/")), e.Reason))
			}
		}
	}
	warn("\n%d results were taken from earlier runs", taken)
	for k, line := range again {
		if k == 12 {
			warn("  … and %d more were done again", len(again)-k)
			break
		}
		warn("  %s", line)
	}
}
