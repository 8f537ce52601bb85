package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/myspinbot/spinbot/host/internal/config/plugin"
)

// Plugin finds a plugin's block.
func (c *Config) Plugin(name string) (*plugin.Block, bool) {
	i := slices.IndexFunc(c.Plugins, func(p *plugin.Block) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return c.Plugins[i], true
}

// Changed gives the plugins that are told something else by one configuration than by another. One that is told a secret
// is among them always: the secret may have changed.
func Changed(before, now *Config) (names []string) {
	for _, p := range now.Plugins {
		old, ok := before.Plugin(p.Name)
		if !ok || p.Differs(old) {
			names = append(names, p.Name)
		}
	}
	for _, p := range before.Plugins {
		if _, ok := now.Plugin(p.Name); !ok {
			names = append(names, p.Name)
		}
	}
	return names
}

// told is a setting of a plugin that another block says.
type told struct {
	plugin, name, value string
	at                  hcl.Range
}

// tell adds to plugins' blocks what other blocks say; a plugin without one gets one.
func (r *reader) tell() {
	for _, t := range r.told {
		p, ok := r.c.Plugin(t.plugin)
		if !ok {
			p = plugin.Heading(t.plugin, t.at, r.opts.Getenv)
			r.c.Plugins = append(r.c.Plugins, p)
		}
		if slices.Contains(p.Settings(), t.name) {
			r.Fail(t.at, "write it in one place", "%s of plugin %s stands in the file twice", t.name, t.plugin)
			continue
		}
		p.Tell(t.name, t.value, t.at)
	}
}
