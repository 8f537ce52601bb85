package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) gcCommand() *cobra.Command {
	var ask client.Sweep
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove old runs, and artifacts that no run refers to",
		Long: "Removes runs that ended a while ago, with their logs, and then every artifact that no run refers to any more. Results\n" +
			"that are kept for later runs go when they take more than a fifth of the disk, the longest unused first. Runs that are\n" +
			"pinned or have not ended stay, and so does what was put less than a day ago: it may be on its way into a run.\n" +
			"spinbot serve does the same once an hour, see --retain there.",
		Example: "  spinbot gc --dry-run\n  spinbot gc --older-than 7d",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return p.gc(c.Context(), ask) },
	}
	c.Flags().BoolVar(&ask.DryRun, "dry-run", false, "only say what would go")
	c.Flags().StringVar(&ask.OlderThan, "older-than", "", "how long ago a run must have ended to go (default 30d, or what serve was told)")
	p.jsonFlag(c)
	return c
}

func (p *program) gc(ctx context.Context, ask client.Sweep) error {
	if _, err := sdk.ParseDuration(ask.OlderThan); ask.OlderThan != "" && err != nil {
		return usage("--older-than: %s is not a time; write it like 30d or 12h", ask.OlderThan)
	}
	return p.with(ctx, func(s *session) error {
		swept, err := s.Sweep(ctx, ask)
		if err != nil {
			return err
		}
		if p.json {
			return printJSON(swept)
		}
		printSwept(swept)
		return nil
	})
}

// maxSwept is how many runs are listed in a terminal.
const maxSwept = 20

func printSwept(s client.Swept) {
	style, now := styleOf(os.Stdout), time.Now()
	var rows [][]cell
	for _, r := range s.Runs[:min(len(s.Runs), maxSwept)] {
		rows = append(rows, []cell{plain(r.ID), plain(r.Pipeline), stateCell(style, r.State), plain(ago(r.Updated, now))})
	}
	if len(rows) > 0 {
		table(os.Stdout, style, []string{"RUN", "PIPELINE", "STATE", "ENDED"}, rows)
	}
	if more := len(s.Runs) - len(rows); more > 0 {
		fmt.Println(style.Dim(fmt.Sprintf("and %d more; --json lists all", more)))
	}
	results := ""
	if s.Results.Count > 0 {
		results = ", " + counted(s.Results.Count, "kept result", "kept results")
	}
	what := fmt.Sprintf("%s%s and %s", counted(len(s.Runs), "run", "runs"), results, counted(s.Artifacts.Count, "artifact", "artifacts"))
	parts := fmt.Sprintf("artifacts %s, database %s, logs %s", sdk.FormatSize(s.Artifacts.Bytes), sdk.FormatSize(s.JournalBytes), sdk.FormatSize(s.Logs.Bytes))
	switch {
	case len(s.Runs) == 0 && s.Results.Count == 0 && s.Artifacts.Count == 0 && s.FreedBytes == 0:
		fmt.Printf("nothing to remove: no run that may go ended before %s, and every artifact is referred to or new\n", s.Before.Local().Format("2 Jan 2006 15:04"))
	case s.DryRun:
		fmt.Printf("%s would go, and free %s %s\n", what, style.Bold(sdk.FormatSize(s.FreedBytes)), style.Dim("("+parts+")"))
	default:
		fmt.Printf("removed %s, which freed %s %s\n", what, style.Bold(sdk.FormatSize(s.FreedBytes)), style.Dim("("+parts+")"))
	}
	for _, line := range keptLines(s) {
		fmt.Println(style.Dim(line))
	}
}

// keptLines says how much stays, and why.
func keptLines(s client.Swept) []string {
	runs := map[string]int{}
	for _, r := range s.Kept {
		runs[r.Why]++
	}
	var out []string
	for _, why := range sortedKeys(runs) {
		out = append(out, fmt.Sprintf("kept %s: %s", counted(runs[why], "run", "runs"), why))
	}
	for _, why := range sortedKeys(s.KeptArtifacts) {
		a := s.KeptArtifacts[why]
		out = append(out, fmt.Sprintf("kept %s (%s): %s", counted(a.Count, "artifact", "artifacts"), sdk.FormatSize(a.Bytes), why))
	}
	return slices.DeleteFunc(out, func(line string) bool { return strings.HasPrefix(line, "kept 0 ") })
}
