package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// planSuffix is what the file of a plan ends in.
const planSuffix = ".spinplan"

func (p *program) planCommand() *cobra.Command {
	var in runInput
	var out string
	var detailed bool
	c := &cobra.Command{
		Use:   "plan FILE",
		Short: "Say what a run would do, without doing it",
		Long: "Says for each node whether its result is cached, whether it will run and why, or what that depends on; what it asks of\n" +
			"a device, and how long it took in earlier runs, or with ~ before it what its node type says; and warns of what takes hours. With --out the plan becomes a file that spinbot run carries out\n" +
			"exactly, or refuses because something has changed.",
		Example: "  spinbot plan explainer.hcl --artifact article=article.md --artifact picture=shop.png\n" +
			"  spinbot plan film.hcl --out film.spinplan && spinbot run film.spinplan",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				sub, err := submission(c.Context(), s, args[0], in)
				if err != nil {
					return err
				}
				plan, err := s.Plan(c.Context(), sub)
				if err != nil {
					return diagnosed(err, args[0], sub.Pipeline)
				}
				if err := writePlan(out, plan); err != nil {
					return err
				}
				if err := p.showPlan(plan, out); err != nil {
					return err
				}
				if detailed && changes(plan) {
					return errChanges
				}
				return nil
			})
		},
	}
	f := c.Flags()
	f.StringArrayVar(&in.vars, "var", nil, "a variable's value, `name=value`; JSON for lists and objects")
	f.StringArrayVar(&in.varFiles, "var-file", nil, "a file of values: a JSON object, or lines name = value")
	f.StringArrayVar(&in.artifacts, "artifact", nil, "a file for an artifact variable, `name=path`; repeat for a list")
	f.StringVar(&out, "out", "", "write the plan to a file, such as film.spinplan")
	f.BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when anything would run")
	p.jsonFlag(c)
	return c
}

// changes says whether anything would run.
func changes(plan client.Plan) bool {
	for _, n := range plan.Nodes {
		if n.Verdict != "cached" && n.Verdict != "skip" {
			return true
		}
	}
	return false
}

func writePlan(path string, plan client.Plan) error {
	if path == "" {
		return nil
	}
	if !strings.HasSuffix(path, planSuffix) {
		return usage("--out %s: let the file of a plan end in %s", path, planSuffix)
	}
	raw, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// readPlan reads what writePlan wrote.
func readPlan(path string) (*client.Plan, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(path)
	}
	if err != nil {
		return nil, err
	}
	var plan client.Plan
	if err := json.Unmarshal(raw, &plan); err != nil || plan.Digest == "" {
		return nil, fmt.Errorf("%s is no plan; make one with: spinbot plan FILE --out %s", path, path)
	}
	if plan.Version != client.ShapeVersion {
		return nil, fmt.Errorf("%s was made by another version of spinbot; make the plan again", path)
	}
	return &plan, nil
}

func (p *program) showPlan(plan client.Plan, out string) error {
	if p.json {
		return printJSON(plan)
	}
	style := styleOf(os.Stdout)
	marks := map[string]func(string) string{"cached": style.Good, "skip": style.Dim, "unknown": style.Bold}
	count := map[string]int{}
	var rows [][]cell
	for _, n := range plan.Nodes {
		count[n.Verdict]++
		rows = append(rows, []cell{plain(strings.TrimPrefix(n.At, "node.")), {n.Type, style.Dim}, {n.Verdict, marks[n.Verdict]}, plain(instancesText(n)),
			plain(deviceText(n)), plain(tookText(n)), {whyText(n), style.Dim}})
	}
	table(os.Stdout, style, []string{"NODE", "TYPE", "PLAN", "TIMES", "DEVICE", "EACH", "WHY"}, rows)
	var parts []string
	for _, v := range []struct{ verdict, text string }{{"run", "will run"}, {"cached", "cached"}, {"skip", "skipped"}, {"ask", "ask a person"}, {"unknown", "unknown"}} {
		if n := count[v.verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.text))
		}
	}
	fmt.Printf("\n%s: %s\n", style.Bold(plan.Pipeline), strings.Join(parts, ", "))
	for _, n := range plan.Nodes {
		if n.Warns != "" {
			fmt.Printf("%s %s\n", style.Bold(strings.TrimPrefix(n.At, "node.")+":"), n.Warns)
		}
	}
	if len(plan.Assets) > 0 {
		fmt.Printf("with %s\n", strings.Join(plan.Assets, ", "))
	}
	if plan.Work > 0 {
		least := "at least "
		if plan.Complete {
			least = "about "
		}
		fmt.Printf("%s%s of work, %s when nothing has to wait\n", least, progress.Elapsed(secondsOf(plan.Work)), progress.Elapsed(secondsOf(plan.Least)))
	}
	if out != "" {
		warn("written to %s; spinbot run %s carries it out", out, out)
	}
	return nil
}

func secondsOf(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func instancesText(n client.Planned) string {
	switch {
	case n.Instances < 0:
		return "?"
	case n.Verdict == "skip":
		return ""
	case n.Cached > 0 && n.Cached < n.Instances:
		return fmt.Sprintf("%d of %d", n.Instances-n.Cached, n.Instances)
	}
	return fmt.Sprint(n.Instances)
}

func whyText(n client.Planned) string {
	text := n.Why
	if n.Note != "" {
		text += "; " + n.Case + ": " + n.Note
	}
	if n.Waits == "" || n.Verdict == "cached" || n.Verdict == "skip" {
		return text
	}
	return text + "; it would wait: " + n.Waits
}

func deviceText(n client.Planned) string {
	d := n.Device
	if d == nil {
		return ""
	}
	var parts []string
	if d.Count > 1 {
		parts = append(parts, fmt.Sprintf("%d×", d.Count))
	}
	if d.Memory > 0 {
		parts = append(parts, sdk.FormatSize(d.Memory))
	}
	if d.Model != "" {
		parts = append(parts, d.Model)
	}
	for _, k := range sortedKeys(d.AtLeast) {
		parts = append(parts, k+" ≥ "+d.AtLeast[k])
	}
	if d.Exclusive {
		parts = append(parts, "alone")
	}
	if d.RAM > 0 {
		parts = append(parts, sdk.FormatSize(d.RAM)+" RAM")
	}
	if d.Disk > 0 {
		parts = append(parts, sdk.FormatSize(d.Disk)+" disk")
	}
	if n.Where != "" {
		parts = append(parts, "on "+n.Where)
	}
	return strings.Join(parts, " ")
}

func tookText(n client.Planned) string {
	switch {
	case n.Each == 0 || n.Verdict == "cached" || n.Verdict == "skip":
		return ""
	case n.Samples == 0: // as its node type says
		return "~" + progress.Elapsed(secondsOf(n.Each))
	}
	return progress.Elapsed(secondsOf(n.Each))
}

// runPlan runs what was planned.
func (p *program) runPlan(ctx context.Context, s *session, file string, in runInput) error {
	if len(in.vars)+len(in.varFiles)+len(in.artifacts) > 0 {
		return usage("a plan has its inputs; make another one with spinbot plan")
	}
	plan, err := readPlan(file)
	if err != nil {
		return err
	}
	r, err := s.Submit(ctx, client.Submission{Plan: plan})
	if err != nil {
		return err
	}
	return p.follow(ctx, s, fromStart(r), in.out)
}
