package machine

import (
	"slices"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/config/plugin"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// Reconfigure takes the hours of devices and the plugins' blocks of a configuration that was read again. It gives the plugins whose
// next task starts a process of its own: those whose block changed, or asks for a secret.
func (m *Machine) Reconfigure(before, now *config.Config) []string {
	m.SetHours(now.Hours)
	m.Wanted() // the hours may have come, or be over
	anew := config.Changed(before, now)
	for _, name := range anew {
		m.Plugins.Renew(name)
	}
	return anew
}

// CheckConfig holds the blocks of plugins to what those declare.
func CheckConfig(v *catalog.View, c *config.Config) (found diagnostic.Diagnostics) {
	for _, block := range c.Plugins {
		found = append(found, CheckBlock(v, block)...)
	}
	return found
}

// CheckBlock does so with one.
func CheckBlock(v *catalog.View, block *plugin.Block) diagnostic.Diagnostics {
	e, ok := v.Entry(block.Name)
	switch {
	case !ok || e.Kind != catalog.Plugin:
		var names []string
		for _, e := range v.Entries {
			if e.Kind == catalog.Plugin && !slices.Contains(names, e.Name) {
				names = append(names, e.Name)
			}
		}
		return diagnostic.Diagnostics{block.Unknown(names)}
	case e.State != catalog.Ready:
		return diagnostic.Diagnostics{{Severity: diagnostic.Warning, Range: block.Range, Detail: e.Reason,
			Summary: "the configuration of plugin " + block.Name + " was not checked, for it cannot be used"}}
	}
	return block.Check(e.Manifest.ConfigSchema)
}
