package nodetypes

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config/plugin"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/sdk"
)

// Configure gives what a plugin is told when its process starts: its block in the configuration, with the secrets of now.
// What may not be seen of it is masked from here on.
func (t *Types) Configure(ctx context.Context, plugin string) (sdk.Values, error) {
	block, ok := t.cfg.File().Plugin(plugin)
	if !ok {
		return nil, nil
	}
	v, err := t.Catalog.Last(ctx)
	if err != nil {
		return nil, err
	}
	e, _ := v.Entry(plugin)
	values, err := block.Values(e.Manifest.ConfigSchema, func(name string) (string, error) { return t.cfg.Vault.Value(ctx, name) })
	if err != nil {
		return nil, err
	}
	for _, text := range block.Private(e.Manifest.ConfigSchema, values) {
		t.cfg.Vault.Mask().Keep(text)
	}
	return values, nil
}

// settings gives the names of what a plugin is told here, and by agents' configurations there.
func (t *Types) settings(plugin string) (names []string) {
	if block, ok := t.cfg.File().Plugin(plugin); ok {
		names = block.Settings()
	}
	for _, m := range t.cfg.Members() {
		for _, p := range m.Plugins {
			if p.Name == plugin {
				names = append(names, p.Settings...)
			}
		}
	}
	return names
}

// Configuration says what the plugins find wrong with their blocks in the configuration.
func (t *Types) Configuration(ctx context.Context) diagnostic.Diagnostics {
	file := t.cfg.File()
	if len(file.Plugins) == 0 {
		return nil
	}
	v, err := t.Catalog.View(ctx)
	if err != nil {
		return diagnostic.Diagnostics{{Severity: diagnostic.Warning, Summary: "the plugins' configuration was not checked: " + err.Error()}}
	}
	return machine.CheckConfig(v, file)
}

// configured is what is wrong with the configuration of one entry of the catalog.
func (t *Types) configured(v *catalog.View, e catalog.Entry) diagnostic.Diagnostics {
	if e.Kind != catalog.Plugin || e.State != catalog.Ready {
		return nil
	}
	if block, ok := t.cfg.File().Plugin(e.Name); ok {
		return machine.CheckBlock(v, block)
	}
	return plugin.Missing(e.Name, e.Manifest.ConfigSchema)
}
