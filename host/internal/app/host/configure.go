package host

import (
	"context"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// configure gives what a plugin is told when its process starts: its block in the configuration, with the secrets of now.
// What may not be seen of it is masked from here on.
func (h *Host) configure(ctx context.Context, plugin string) (sdk.Values, error) {
	block, ok := h.file.Load().Plugin(plugin)
	if !ok {
		return nil, nil
	}
	v, err := h.catalog.Last(ctx)
	if err != nil {
		return nil, err
	}
	e, _ := v.Entry(plugin)
	values, err := block.Values(e.Manifest.ConfigSchema, func(name string) (string, error) { return h.secretOf(ctx, name) })
	if err != nil {
		return nil, err
	}
	for _, text := range block.Private(e.Manifest.ConfigSchema, values) {
		h.secrets.Mask().Keep(text)
	}
	return values, nil
}

// settings gives the names of what a plugin is told here, and by agents' configurations there.
func (h *Host) settings(plugin string) (names []string) {
	if block, ok := h.file.Load().Plugin(plugin); ok {
		names = block.Settings()
	}
	if h.fleet == nil {
		return names
	}
	for _, m := range h.fleet.link.Members() {
		for _, p := range m.Plugins {
			if p.Name == plugin {
				names = append(names, p.Settings...)
			}
		}
	}
	return names
}

// Reconfigure takes the plugins' blocks of a configuration that was read again; the rest of it counts from the next start.
// It gives the plugins whose next task starts a process of its own: those whose block changed, or asks for a secret.
func (h *Host) Reconfigure(file *config.Config) []string {
	anew := config.Changed(h.file.Swap(file), file)
	for _, name := range anew {
		h.plugins.Renew(name)
	}
	return anew
}

// Configuration says what the plugins find wrong with their blocks in the configuration.
func (h *Host) Configuration(ctx context.Context) pipeline.Diagnostics {
	file := h.file.Load()
	if len(file.Plugins) == 0 {
		return nil
	}
	v, err := h.catalog.View(ctx)
	if err != nil {
		return pipeline.Diagnostics{{Severity: pipeline.Warning, Summary: "the plugins' configuration was not checked: " + err.Error()}}
	}
	return CheckConfig(v, file)
}

// CheckConfig holds the blocks of plugins to what those declare.
func CheckConfig(v *catalog.View, c *config.Config) (found pipeline.Diagnostics) {
	for _, block := range c.Plugins {
		found = append(found, checkBlock(v, block)...)
	}
	return found
}

func checkBlock(v *catalog.View, block *config.Plugin) pipeline.Diagnostics {
	e, ok := v.Entry(block.Name)
	switch {
	case !ok || e.Kind != catalog.Plugin:
		var names []string
		for _, e := range v.Entries {
			if e.Kind == catalog.Plugin && !slices.Contains(names, e.Name) {
				names = append(names, e.Name)
			}
		}
		return pipeline.Diagnostics{block.Unknown(names)}
	case e.State != catalog.Ready:
		return pipeline.Diagnostics{{Severity: pipeline.Warning, Range: block.Range, Detail: e.Reason,
			Summary: "the configuration of plugin " + block.Name + " was not checked, for it cannot be used"}}
	}
	return block.Check(e.Manifest.ConfigSchema)
}

// configured is what is wrong with the configuration of one entry of the catalog.
func (h *Host) configured(v *catalog.View, e catalog.Entry) pipeline.Diagnostics {
	if e.Kind != catalog.Plugin || e.State != catalog.Ready {
		return nil
	}
	if block, ok := h.file.Load().Plugin(e.Name); ok {
		return checkBlock(v, block)
	}
	return config.Missing(e.Name, e.Manifest.ConfigSchema)
}
