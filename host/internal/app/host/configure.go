package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/app/host/nodetypes"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// Reconfigure takes the plugins' blocks and the hours of a configuration that was read again; the rest of it counts from the next
// start, as far as it is the host's.
// It gives the plugins whose next task starts a process of its own: those whose block changed, or asks for a secret.
func (h *Host) Reconfigure(file *config.Config) []string {
	return h.machine.Reconfigure(h.file.Swap(file), file)
}

// Configuration says what the plugins find wrong with their blocks in the configuration.
func (h *Host) Configuration(ctx context.Context) diagnostic.Diagnostics {
	return h.types.Configuration(ctx)
}

// OpenNodes looks at the plugin folders of a Config, of which it uses neither the lock nor the database.
func OpenNodes(ctx context.Context, cfg Config) (*nodetypes.Nodes, error) {
	return nodetypes.OpenNodes(ctx, cfg.folders(), cfg.Log)
}

// folders is where a host looks for plugins and modules.
func (c Config) folders() nodetypes.Folders {
	return nodetypes.Folders{State: c.State, PluginDirs: c.PluginDirs, ControlDirs: c.ControlDirs, BundledTrust: c.BundledTrust, Own: assets.Manifest()}
}
