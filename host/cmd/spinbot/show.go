package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) showCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "show RUN",
		Short:   "Show one run: its nodes, inputs and outputs",
		Long:    "Shows a run. RUN is its id, a prefix that only it has, or \"last\".",
		Example: "  spinbot show last --out film",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Run(c.Context(), args[0])
				if err != nil {
					return err
				}
				var files []saved
				if out != "" {
					if files, err = save(c.Context(), s, r, out); err != nil {
						return err
					}
				}
				if p.json {
					return printJSON(map[string]any{"version": client.ShapeVersion, "run": r, "files": files})
				}
				showRun(r, files)
				return nil
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "the folder to save the outputs' files in")
	p.jsonFlag(c)
	return c
}

func showRun(r client.Run, files []saved) {
	style := styleOf(os.Stdout)
	state := stateCell(style, stateOf(r))
	if state.paint != nil {
		state.text = state.paint(state.text)
	}
	fmt.Printf("%s  %s  %s\n", style.Bold(r.ID), r.Pipeline, state.text)
	fmt.Println(style.Dim(fmt.Sprintf("started %s, %s, %d events", r.Created.Local().Format("2 Jan 2006 15:04:05"),
		progress.Elapsed(r.Updated.Sub(r.Created)), r.Seq)))
	if r.Imported != nil {
		fmt.Println(style.Dim(fmt.Sprintf("carried out by %s, imported %s", r.Imported.Host, r.Imported.At.Local().Format("2 Jan 2006 15:04:05"))))
	}
	if r.Error != "" {
		fmt.Println(style.Bad(r.Error))
	}
	if len(r.Inputs) > 0 {
		fmt.Println()
		for _, name := range sortedKeys(r.Inputs) {
			fmt.Printf("var.%s = %s\n", name, valueText(r.Inputs[name]))
		}
	}
	fmt.Println()
	var rows [][]cell
	for _, n := range r.Nodes {
		rows = append(rows, nodeRow(style, n))
	}
	table(os.Stdout, style, []string{"NODE", "TYPE", "STATE", "ATTEMPT", "TOOK", ""}, rows)
	if len(r.Outputs) > 0 {
		fmt.Println()
		printOutputs(r, files)
	}
	tellWaiting(r)
	if r.Interrupted {
		warn("\nno process advances this run; spinbot resume %s goes on", r.ID)
	}
}

// shownAs is a node's address within its run, without the word node where nothing is around it.
func shownAs(n client.Node) string { return strings.TrimPrefix(n.At, "node.") }

// givenText says what device a node was given.
func givenText(n client.Node) string {
	text := strings.Join(n.Devices, ", ")
	if onAnother(n) {
		text = strings.TrimSpace("on " + n.Agent + " " + text)
	}
	if n.Memory > 0 {
		text += " " + sdk.FormatSize(n.Memory)
	}
	if n.Rung > 0 {
		text += fmt.Sprintf(", rung %d", n.Rung)
	}
	return text
}

// onAnother says whether a node was carried out on another machine than the host's.
func onAnother(n client.Node) bool { return n.Agent != "" && n.Agent != "local" }

// usageText is what a node used: units of work, memory, what beyond computing, and of which versions.
func usageText(u sdk.Usage) string {
	var parts []string
	if u.Cost > 0 {
		parts = append(parts, countOf(u.Cost)+" units")
	}
	if u.Memory > 0 {
		parts = append(parts, sdk.FormatSize(u.Memory))
	}
	if u.DeviceMemory > 0 {
		parts = append(parts, "at most "+sdk.FormatSize(u.DeviceMemory))
	}
	parts = append(parts, u.Grants...)
	for _, name := range slices.Sorted(maps.Keys(u.Versions)) {
		parts = append(parts, strings.TrimSpace(name+" "+u.Versions[name]))
	}
	return strings.Join(parts, ", ")
}

// countOf writes a number with three digits at most, and what they count: 12.3M.
func countOf(n int64) string {
	x, unit := float64(n), ""
	for _, u := range []string{"k", "M", "G", "T"} {
		if x < 1000 {
			break
		}
		x, unit = x/1000, u
	}
	if unit == "" {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatFloat(x, 'g', 3, 64) + unit
}

func nodeRow(style progress.Style, n client.Node) []cell {
	took, attempt, why := "", "", ""
	if n.Started != nil {
		end := time.Now()
		if n.Ended != nil {
			end = *n.Ended
		}
		took = progress.Elapsed(end.Sub(*n.Started))
	}
	if n.Attempt > 0 {
		attempt = strconv.Itoa(n.Attempt)
	}
	paint := style.Bad
	switch {
	case n.Error != nil:
		why = firstLine(n.Error.Error())
	case n.Ask != nil:
		why, paint = firstLine(n.Ask.Message), nil
	case n.Source != "":
		why, paint = n.Source, style.Dim
	case len(n.Devices) > 0 || onAnother(n):
		why, paint = givenText(n), style.Dim
		if n.Usage != nil && usageText(*n.Usage) != "" {
			why += ", " + usageText(*n.Usage)
		}
	case n.Usage != nil:
		why, paint = usageText(*n.Usage), style.Dim
	}
	return []cell{plain(shownAs(n)), {n.Type, style.Dim}, stateCell(style, n.State), plain(attempt), plain(took), {why, paint}}
}
