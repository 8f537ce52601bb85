package agent

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// Reconfigure takes the plugins' blocks and the hours of devices of a configuration that was read again; the rest of it counts from
// the next start. It gives the plugins that are told something else from their next task on. Hosts hear of it.
func (a *Agent) Reconfigure(file *config.Config) []string {
	anew := a.machine.Reconfigure(a.file.Swap(file), file)
	a.link.Changed(true)
	return anew
}

// Configuration says what the plugins find wrong with their blocks in the configuration.
func (a *Agent) Configuration(ctx context.Context) diagnostic.Diagnostics {
	file := a.file.Load()
	if len(file.Plugins) == 0 {
		return nil
	}
	v, err := a.catalog.Last(ctx)
	if err != nil {
		return diagnostic.Diagnostics{{Severity: diagnostic.Warning, Summary: "the plugins' configuration was not checked: " + err.Error()}}
	}
	return machine.CheckConfig(v, file)
}
