package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/sim"
)

// simulated is what one rule made of the tasks: as they came, and of a part of them that came together.
type simulated struct {
	Rule    string     `json:"rule"`
	Source  string     `json:"source"`
	Coming  sim.Result `json:"coming"`
	Backlog sim.Result `json:"backlog"`
	// Seconds is how long it took to play both, and PerSecond how many tasks that placed in one of them.
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"placements_per_second"`
}

func (p *program) simulateCommand() *cobra.Command {
	c := sim.Config{Agents: 1000, Devices: 8, Tasks: 1_000_000, Users: 100, Models: 120, Load: 0.9, Seed: 1}
	var names []string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Play a made-up fleet in virtual time, and compare rules of placement",
		Long: "Plays a fleet in virtual time: tasks come, are placed, load their models and end. Every rule gets the same tasks, once as\n" +
			"they come and once, a quarter of them, all together: a backlog. It needs no host. See docs/placement.md for what the\n" +
			"figures mean and whose the rules are: " + strings.Join(ruleNames(), ", ") + ".",
		Example: "  spinbot simulate --agents 1 --devices 4 --tasks 5000 --policy ours --policy comfyui",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			rules, err := rulesOf(names)
			if err != nil {
				return err
			}
			if min(c.Agents, c.Devices, c.Tasks, c.Users, c.Models) < 1 || c.Load <= 0 {
				return usage("there has to be at least one agent, device, task, user and model, and a load above zero")
			}
			if c.Agents*c.Devices < 4 && c.Models > 5 {
				return usage("some tasks need the fourth device, which is the first with 80 GiB; use --devices 4, or --models 5 at most")
			}
			return p.showSimulated(c, rules)
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Agents, "agents", c.Agents, "how many agents")
	f.IntVar(&c.Devices, "devices", c.Devices, "how many devices each agent has")
	f.IntVar(&c.Tasks, "tasks", c.Tasks, "how many tasks come")
	f.IntVar(&c.Users, "users", c.Users, "how many users they are of")
	f.IntVar(&c.Models, "models", c.Models, "how many models they use")
	f.Float64Var(&c.Load, "load", c.Load, "the work that comes, as a part of what the devices could do at best")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "the same seed gives the same tasks")
	f.StringArrayVar(&names, "policy", nil, "a rule to play (may be repeated; default: all)")
	p.jsonFlag(cmd)
	return cmd
}

func ruleNames() (names []string) {
	for _, r := range sim.Rules() {
		names = append(names, r.Name)
	}
	return names
}

// rulesOf finds rules by name; no names: all of them.
func rulesOf(names []string) ([]sim.Rule, error) {
	var out []sim.Rule
	for _, name := range names {
		at := slices.Index(ruleNames(), name)
		if at < 0 {
			return nil, usage("--policy %s: there are %s", name, strings.Join(ruleNames(), ", "))
		}
		out = append(out, sim.Rules()[at])
	}
	if len(out) == 0 {
		out = sim.Rules()
	}
	return out, nil
}

func (p *program) showSimulated(c sim.Config, rules []sim.Rule) error {
	style := styleOf(os.Stdout)
	if !p.json {
		fmt.Println(style.Dim(fmt.Sprintf("%d agents with %d devices, %d tasks of %d users and %d models, load %g, seed %d", c.Agents, c.Devices, c.Tasks, c.Users, c.Models, c.Load, c.Seed)))
	}
	var all []simulated
	for _, c.Rule = range rules {
		all = append(all, play(c))
	}
	if p.json {
		return printJSON(struct {
			Version int         `json:"version"`
			Rules   []simulated `json:"rules"`
		}{1, all})
	}
	for _, part := range []struct {
		title string
		of    func(simulated) sim.Result
	}{
		{"as they come", func(s simulated) sim.Result { return s.Coming }},
		{"a backlog: a quarter of them, together", func(s simulated) sim.Result { return s.Backlog }},
	} {
		fmt.Println("\n" + part.title)
		var rows [][]cell
		for _, s := range all {
			rows = append(rows, simulatedRow(s.Rule, part.of(s)))
		}
		table(os.Stdout, style, []string{"RULE", "USED", "P50", "P90", "P99", "P99.9", "LONGEST", "LOADS", "WARM", "FAIR", "PASSED", "YIELDS"}, rows)
	}
	for _, s := range all {
		fmt.Println(style.Dim(fmt.Sprintf("%s: %.0f placements a second", s.Rule, s.PerSecond)))
	}
	return nil
}

func play(c sim.Config) simulated {
	began := time.Now()
	s := simulated{Rule: c.Rule.Name, Source: c.Rule.Source, Coming: sim.Run(c)}
	c.Together, c.Tasks = true, max(1, c.Tasks/4)
	s.Backlog = sim.Run(c)
	s.Seconds = time.Since(began).Seconds()
	s.PerSecond = float64(s.Coming.Loads+s.Coming.Warm+s.Backlog.Loads+s.Backlog.Warm) / s.Seconds
	return s
}

func simulatedRow(name string, r sim.Result) []cell {
	row := []cell{plain(name), plain(fmt.Sprintf("%.1f%%", 100*r.Utilisation))}
	for _, w := range r.Waits {
		row = append(row, plain(w.Round(100*time.Millisecond).String()))
	}
	fair := "-"
	if r.Jain > 0 {
		fair = fmt.Sprintf("%.3f", r.Jain)
	}
	return append(row, plain(strconv.Itoa(r.Loads)), plain(strconv.Itoa(r.Warm)), plain(fair), plain(strconv.Itoa(r.Bypassed)), plain(strconv.Itoa(r.Yields)))
}
