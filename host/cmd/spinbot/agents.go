package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) agentsCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "agents",
		Short: "Show the machines of the fleet, and what they work on",
		Long:  "Shows the machines that carry out plugins' tasks beside the host's own: what they have, what they work on, and why one gets\nno tasks.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				if watch {
					return p.watchAgents(c.Context(), s)
				}
				l, err := s.Agents(c.Context())
				return p.showAgentList(l, err)
			})
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show them again every second, until Ctrl-C")
	p.jsonFlag(c)
	c.AddCommand(p.joinCommand(), p.agentHealthCommand(), p.drainAgentCommand(), p.orderCommand("cordon", "Give an agent no more tasks; those on it go on", client.AgentOrder{Cordon: true}),
		p.orderCommand("resume", "Give an agent tasks again that was drained or cordoned", client.AgentOrder{Resume: true}), p.labelCommand(), p.removeAgentCommand())
	return c
}

func (p *program) joinCommand() *cobra.Command {
	var ttl time.Duration
	c := &cobra.Command{
		Use:   "join",
		Short: "Print the command with which one more machine joins the fleet",
		Long:  "Prints a command for the next machine. It serves once, and for a while: whoever has it can join.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.JoinAgent(c.Context(), client.JoinRequest{TTL: int(ttl.Seconds())})
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(l)
				}
				fmt.Println(l.Command)
				warn("good once, until %s", l.Expires.Local().Format("15:04:05"))
				return nil
			})
		},
	}
	c.Flags().DurationVar(&ttl, "ttl", 15*time.Minute, "how long the command is good")
	p.jsonFlag(c)
	return c
}

func (p *program) agentHealthCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "health AGENT",
		Short: "Ask an agent whether it is well",
		Long:  "Asks an agent whether it is well: what it looked at, and how that went. The host's own agent is called local. Exits with 1 if\nsomething is not well.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				h, err := s.AgentHealth(c.Context(), args[0])
				if err != nil {
					return err
				}
				if p.json {
					err = printJSON(h)
				} else {
					style := styleOf(os.Stdout)
					var rows [][]cell
					for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
						paint := style.Good
						if h.Checks[name] != "ok" {
							paint = style.Bad
						}
						rows = append(rows, []cell{plain(name), {h.Checks[name], paint}})
					}
					table(os.Stdout, style, []string{"CHECK", "RESULT"}, rows)
				}
				if err == nil && h.Status != "ok" {
					err = fmt.Errorf("%s is not well", args[0])
				}
				return err
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) drainAgentCommand() *cobra.Command {
	var grace time.Duration
	c := &cobra.Command{
		Use:   "drain AGENT",
		Short: "Give an agent no more tasks, and wait until it has none",
		Long:  "Gives an agent no more tasks. What is not done after --grace is handed back and goes elsewhere. The agent stays out of use\nuntil spinbot agents resume.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error { return p.drainAgent(c.Context(), s, args[0], grace) })
		},
	}
	c.Flags().DurationVar(&grace, "grace", 10*time.Minute, "how long its tasks may take to finish")
	p.jsonFlag(c)
	return c
}

func (p *program) drainAgent(ctx context.Context, s *session, name string, grace time.Duration) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := s.OrderAgent(ctx, name, client.AgentOrder{Drain: true, Grace: int(grace.Seconds()), Reason: "it is drained"})
	for said := -1; err == nil && len(a.Tasks) > 0; {
		if len(a.Tasks) != said {
			said = len(a.Tasks)
			warn("%s still works on %d", a.Name, said)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s goes on draining; %d tasks are on it", a.Name, len(a.Tasks))
		case <-time.After(time.Second / 2):
		}
		var l client.AgentList
		l, err = s.Agents(ctx)
		if k := slices.IndexFunc(l.Agents, func(x client.Agent) bool { return x.ID == a.ID }); k >= 0 {
			a = l.Agents[k]
		}
	}
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(a)
	}
	fmt.Printf("%s has no tasks, and gets none until spinbot agents resume %s\n", a.Name, a.Name)
	return nil
}

func (p *program) orderCommand(word, short string, o client.AgentOrder) *cobra.Command {
	c := &cobra.Command{
		Use:   word + " AGENT",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error { return p.order(c.Context(), s, args[0], o) })
		},
	}
	if o.Cordon {
		c.Flags().StringVar(&o.Reason, "reason", "", "why, for whoever waits")
	}
	p.jsonFlag(c)
	return c
}

func (p *program) labelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "label AGENT NAME=VALUE…",
		Short:   "Set labels of an agent; an empty value takes one away",
		Example: "  spinbot agents label box2 room=attic",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := labels(args[1:])
			if err != nil {
				return err
			}
			return p.with(c.Context(), func(s *session) error { return p.order(c.Context(), s, args[0], client.AgentOrder{Labels: l}) })
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) order(ctx context.Context, s *session, name string, o client.AgentOrder) error {
	if _, err := s.OrderAgent(ctx, name, o); err != nil {
		return err
	}
	l, err := s.Agents(ctx)
	return p.showAgentList(l, err)
}

func (p *program) removeAgentCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "remove AGENT",
		Short: "Forget an agent that will not come back",
		Long:  "Forgets an agent that is offline, with all that waits for it. What it worked on is tried again elsewhere.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.RemoveAgent(c.Context(), args[0])
				return p.showAgentList(l, err)
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) showAgentList(l client.AgentList, err error) error {
	switch {
	case err != nil:
		return err
	case p.json:
		return printJSON(l)
	}
	showAgents(os.Stdout, styleOf(os.Stdout), l, time.Now())
	return nil
}

// watchAgents shows the agents every second: in place on a terminal, else one after another.
func (p *program) watchAgents(ctx context.Context, s *session) error {
	return p.watched(ctx, func(ctx context.Context, w io.Writer, style progress.Style) error {
		l, err := s.Agents(ctx)
		if err == nil && p.json {
			return json.NewEncoder(w).Encode(l)
		}
		if err == nil {
			showAgents(w, style, l, time.Now())
		}
		return err
	})
}

func showAgents(w io.Writer, style progress.Style, l client.AgentList, now time.Time) {
	if len(l.Agents) == 0 {
		fmt.Fprintln(w, "No agents beside this machine. spinbot serve --fleet prints the command with which another joins; with --redis, spinbot agent --redis does.")
		return
	}
	var rows [][]cell
	for _, a := range l.Agents {
		heard := "never"
		if a.Heard != nil {
			heard = now.Sub(*a.Heard).Round(time.Second).String() + " ago"
		}
		rows = append(rows, []cell{{a.Name, style.Bold}, agentCell(style, a.State), plain(devicesOf(a)), plain(fmt.Sprint(len(a.Tasks))), plain(pluginsOf(a)),
			plain(heard), plain(a.Version), {labelsOf(a), style.Dim}, {a.ID, style.Dim}})
	}
	table(w, style, []string{"NAME", "STATE", "DEVICES", "TASKS", "PLUGINS", "HEARD", "VERSION", "LABELS", "ID"}, rows)
	for _, a := range l.Agents {
		if a.Reason != "" {
			fmt.Fprintf(w, "%s %s\n", style.Bold(a.Name+" gets no tasks:"), strings.TrimPrefix(a.Reason, a.State+": "))
		}
		for _, at := range a.Tasks {
			fmt.Fprintf(w, "%s works on %s\n", a.Name, at)
		}
		for _, g := range a.Plugins {
			if g.Differs != "" {
				fmt.Fprintf(w, "%s has %s %s, and pipelines are checked against %s: it gets no tasks of it. %s\n", a.Name, g.Name, g.Version, g.Differs, mending(a, g))
			}
		}
		for _, line := range a.Notes {
			fmt.Fprintln(w, style.Dim(a.Name+": "+line))
		}
	}
}

func agentCell(style progress.Style, state string) cell {
	switch state {
	case client.AgentReady:
		return cell{state, style.Good}
	case client.AgentOffline, client.AgentIncompatible:
		return cell{state, style.Bad}
	}
	return cell{state, style.Bold}
}

// devicesOf says how many devices there are, and how much of their memory is free.
func devicesOf(a client.Agent) string {
	if len(a.Devices) == 0 {
		return "-"
	}
	var all, free int64
	known := true
	for _, d := range a.Devices {
		all += d.Memory
		if d.Reading.Free == nil {
			known = false
			continue
		}
		free += *d.Reading.Free
	}
	text := fmt.Sprintf("%d, %s", len(a.Devices), sdk.FormatSize(all))
	if known {
		text += ", " + sdk.FormatSize(free) + " free"
	}
	return text
}

func pluginsOf(a client.Agent) string {
	var names []string
	for _, g := range a.Plugins {
		names = append(names, g.Name)
	}
	return strings.Join(names, " ")
}

// mending says how an agent gets the version of a plugin that it needs.
func mending(a client.Agent, g client.AgentPlugin) string {
	push := fmt.Sprintf("spinbot plugins push %s --agent %s", g.Name, a.Name)
	if g.Sendable {
		return push + " sends it this one."
	}
	return fmt.Sprintf("This host has no %s to send: install %s there, or here and then %s.", g.Name, g.Differs, push)
}

func labelsOf(a client.Agent) string {
	var out []string
	for k, v := range a.Labels {
		if v != "" {
			out = append(out, k+"="+v)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
