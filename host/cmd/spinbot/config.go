package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration, and where each value comes from",
		Long: "Shows every value that spinbot serve would have here: from a flag, else the environment, else the configuration, else\n" +
			"the default. The configuration is spinbot.hcl in $XDG_CONFIG_HOME/spinbot (~/.config/spinbot), or what --config names.\n" +
			"What is secret is not shown.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.showConfig(c) },
	}
	p.jsonFlag(c)
	check := &cobra.Command{
		Use:         "check [FILE]",
		Short:       "Check a configuration, with what the plugins say of their blocks",
		Long:        "Checks the configuration, or FILE, and exits with 3 when something in it is wrong.",
		Args:        cobra.MaximumNArgs(1),
		Annotations: map[string]string{readsFile: "itself"},
		RunE:        func(c *cobra.Command, args []string) error { return p.checkConfig(c, args) },
	}
	p.jsonFlag(check)
	c.AddCommand(check)
	return c
}

// tellConfig shows what is wrong with the configuration.
func (p *program) tellConfig(found diagnostic.Diagnostics) {
	found.Write(os.Stderr, func(name string) []byte {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		return src
	}, styleOf(os.Stderr).Colour)
}

func (p *program) checkConfig(c *cobra.Command, args []string) error {
	path, named := p.configPath()
	if len(args) == 1 {
		path, named = args[0], true
	}
	file, found, err := config.Load(path, named, p.options(c.Root()))
	if err != nil {
		return err
	}
	if p.file = file; !found.HasErrors() {
		if err := p.take(c.Root(), c.Flags()); err != nil {
			return err
		}
		_, more, err := p.pluginsOfConfig(c.Context())
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	if err := p.tellChecked(path, found); err != nil {
		return err
	}
	if found.HasErrors() {
		return errInvalid
	}
	return nil
}

func (p *program) tellChecked(path string, found diagnostic.Diagnostics) error {
	if p.json {
		if found == nil {
			found = diagnostic.Diagnostics{}
		}
		return printJSON(map[string]any{"version": client.ShapeVersion, "file": p.file.File, "valid": !found.HasErrors(), "diagnostics": found})
	}
	p.tellConfig(found)
	switch {
	case found.HasErrors():
	case p.file.File == "":
		fmt.Printf("there is no %s: the defaults hold\n", path)
	default:
		fmt.Printf("%s is fine\n", path)
	}
	return nil
}

// pluginsOfConfig gives the values of the plugins' blocks for people, and what the plugins find wrong with them.
func (p *program) pluginsOfConfig(ctx context.Context) (entries []value.Entry, found diagnostic.Diagnostics, err error) {
	if len(p.file.Plugins) == 0 {
		return nil, nil, nil
	}
	state, err := local.At(p.stateDir)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := p.hostConfig(state, nil)
	if err != nil {
		return nil, nil, err
	}
	nodes, err := host.OpenNodes(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range p.file.Plugins {
		e, _ := nodes.View.Entry(b.Name)
		entries = append(entries, b.Entries(e.Manifest.ConfigSchema)...)
	}
	return entries, machine.CheckConfig(nodes.View, p.file), nodes.Close()
}

// shownValue is a line of spinbot config.
type shownValue struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	From  string `json:"from"`            // flag, environment, file or default
	Where string `json:"where,omitempty"` // the flag, the variable, or file:line
	text  string
}

func (p *program) showConfig(c *cobra.Command) error {
	root := c.Root()
	own := serveFlags(root)
	if err := errors.Join(p.environment(root, own), p.take(root, own)); err != nil {
		return err
	}
	var values []shownValue
	add := func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "config" {
			values = append(values, p.flagValue(f))
		}
	}
	root.PersistentFlags().VisitAll(add)
	own.VisitAll(add)
	plugins, _, err := p.pluginsOfConfig(c.Context())
	if err != nil {
		return err
	}
	for _, e := range append(p.file.Entries, plugins...) {
		values = append(values, entryValue(e))
	}
	if p.json {
		return printJSON(map[string]any{"version": client.ShapeVersion, "file": p.file.File, "values": values})
	}
	style := styleOf(os.Stdout)
	rows := make([][]cell, len(values))
	for i, v := range values {
		from := v.Where
		if from == "" {
			from = v.From
		}
		rows[i] = []cell{{v.Key, style.Bold}, plain(v.text), {from, style.Dim}}
	}
	table(os.Stdout, style, []string{"KEY", "VALUE", "FROM"}, rows)
	return nil
}

// withoutPassword hides the password in an address.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	if _, has := u.User.Password(); !has {
		return text
	}
	u.User = url.UserPassword(u.User.Username(), "(secret)")
	shown, err := url.PathUnescape(u.String())
	if err != nil {
		return u.Redacted()
	}
	return shown
}

func (p *program) flagValue(f *pflag.Flag) shownValue {
	v := shownValue{Key: key(f.Name), From: "default"}
	if o, ok := p.origins[f.Name]; ok {
		v.From, v.Where = o.from, o.where
	}
	text := withoutPassword(f.Value.String())
	switch f.Value.Type() {
	case "stringArray":
		values := append([]string{}, list(f.Value)...)
		v.Value, v.text = values, value.Show(values)
		return v
	case "int":
		v.Value, _ = strconv.Atoi(text)
	case "bool":
		v.Value = text == "true"
	case "duration":
		d, _ := time.ParseDuration(text)
		v.Value = value.ShowDuration(d)
	default:
		v.Value = text
	}
	v.text = value.Show(v.Value)
	if said := saidDefault.FindStringSubmatch(f.Usage); v.From == "default" && said != nil {
		v.text = "(" + said[1] + ")"
	}
	if state, err := local.Where(p.stateDir); f.Name == "state-dir" && err == nil {
		v.Value, v.text = state.Dir, value.Show(state.Dir)
	}
	return v
}

// saidDefault is the default of a flag whose zero value stands for it.
var saidDefault = regexp.MustCompile(`\(default:? (.*)\)$`)

func entryValue(e value.Entry) shownValue {
	v := shownValue{Key: e.Key, Value: e.Value, From: "default", text: value.Show(e.Value)}
	if d, ok := e.Value.(time.Duration); ok {
		v.Value = value.ShowDuration(d)
	}
	if e.Range.Start.Line > 0 {
		v.From, v.Where = "file", place(e.Range)
	}
	return v
}
