package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

// pushPatience is how long an agent may take to fetch a plugin and to try it.
const pushPatience = 60 * time.Second

func (p *program) pushCommand() *cobra.Command {
	var names []string
	var all bool
	c := &cobra.Command{
		Use:   "push NAME",
		Short: "Send a plugin of the host to agents, in place of an older one",
		Long: "Sends a plugin's folder, as the host has and trusts it, to agents of the fleet: they verify and try it, and offer it from then\n" +
			"on. What still runs there ends in the plugin that it began in. Waits until each agent has it, or says why not.",
		Example: "  spinbot plugins push voice --agent box2 --agent box3\n  spinbot plugins push voice --all",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(names) > 0) {
				return usage("to which agents? Name them with --agent, which may be repeated, or take --all")
			}
			return p.with(c.Context(), func(s *session) error { return p.push(c.Context(), s, args[0], names) })
		},
	}
	c.Flags().StringArrayVar(&names, "agent", nil, "an agent's `name` or id (may be repeated)")
	c.Flags().BoolVar(&all, "all", false, "all agents of the fleet")
	p.jsonFlag(c)
	return c
}

// pushed is what became of a plugin on one agent.
type pushed struct {
	Agent   string `json:"agent"`
	Plugin  string `json:"plugin"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Error   string `json:"error,omitempty"`
	id      string
	done    bool
	before  []string // notes that the agent had already
}

// push sends the plugin to the agents of those names; none: to all.
func (p *program) push(ctx context.Context, s *session, plugin string, names []string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(names) == 0 {
		l, err := s.Agents(ctx)
		if err != nil {
			return err
		}
		if len(l.Agents) == 0 {
			return errors.New("there are no agents: spinbot serve --fleet prints the command with which one joins")
		}
		for _, a := range l.Agents {
			names = append(names, a.ID)
		}
	}
	version, sum, err := ownPlugin(ctx, s, plugin)
	if err != nil {
		return err
	}
	sent := make([]*pushed, len(names))
	for i, name := range names {
		sent[i] = pushOne(ctx, s, name, pushed{Agent: name, Plugin: plugin, Version: version, SHA256: sum})
	}
	if err := awaitPushed(ctx, s, sent); err != nil {
		return err
	}
	return p.tellPushed(sent)
}

// ownPlugin gives the version and checksum of a plugin as the host has it.
func ownPlugin(ctx context.Context, s *session, name string) (version, sum string, err error) {
	l, err := s.Plugins(ctx)
	if err != nil {
		return "", "", err
	}
	for _, g := range l.Plugins {
		if g.Name == name && g.State == "ready" {
			return g.Version, g.SHA256, nil
		}
	}
	return "", "", nil // the host says why when it is to be sent
}

func pushOne(ctx context.Context, s *session, name string, to pushed) *pushed {
	a, err := s.OrderAgent(ctx, name, client.AgentOrder{Plugin: to.Plugin})
	if err != nil {
		to.done, to.Error = true, err.Error()
		if l, listed := s.Agents(ctx); listed == nil { // --all names them by their ids
			if k := slices.IndexFunc(l.Agents, func(x client.Agent) bool { return x.ID == name }); k >= 0 {
				to.Agent = l.Agents[k].Name
			}
		}
		return &to
	}
	to.Agent, to.id, to.before = a.Name, a.ID, a.Notes
	return &to
}

// awaitPushed waits until each agent has the plugin, or says why not.
func awaitPushed(ctx context.Context, s *session, sent []*pushed) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pushPatience, fmt.Errorf("it has not answered for %s; spinbot agents shows whether it has the plugin later", pushPatience))
	defer cancel()
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for {
		l, err := s.Agents(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		waiting := slices.DeleteFunc(slices.Clone(sent), func(x *pushed) bool { return x.look(l) })
		if len(waiting) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			for _, x := range waiting {
				x.done, x.Error = true, context.Cause(ctx).Error()
			}
			return nil
		}
	}
}

// look says whether it is known by now what became of it.
func (x *pushed) look(l client.AgentList) bool {
	k := slices.IndexFunc(l.Agents, func(a client.Agent) bool { return a.ID == x.id })
	if x.done || k < 0 {
		return x.done
	}
	a := l.Agents[k]
	for _, note := range a.Notes {
		if why, ok := strings.CutPrefix(note, fmt.Sprintf("plugin %s %s was sent and refused: ", x.Plugin, x.Version)); ok && !slices.Contains(x.before, note) {
			x.done, x.Error = true, why
		}
	}
	if slices.ContainsFunc(a.Plugins, func(g client.AgentPlugin) bool {
		return g.Name == x.Plugin && g.Version == x.Version && g.SHA256 == x.SHA256
	}) {
		x.done = true
	}
	return x.done
}

func (p *program) tellPushed(sent []*pushed) error {
	var failed error
	for _, x := range sent {
		if x.Error != "" {
			failed = errPushed
		}
		switch {
		case p.json:
		case x.Error != "":
			fmt.Printf("%s: %s\n", x.Agent, x.Error)
		default:
			fmt.Printf("%s has %s %s\n", x.Agent, x.Plugin, x.Version)
		}
	}
	if p.json {
		return errors.Join(printJSON(map[string]any{"version": client.ShapeVersion, "agents": sent}), failed)
	}
	return failed
}
