package nodetypes

import (
	"context"
	"errors"
	"log/slog"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/host/internal/kv/memkv"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/sdk"
)

// Nodes are what nodes can do on this machine, without a host: the catalog, and the sandbox of the control nodes. The
// state directory need not be held. No plugin is started but to ask it once what it offers.
type Nodes struct {
	// View is the catalog as it was when Nodes were opened.
	View *catalog.View

	catalog *catalog.Catalog
	wasm    *wasmexec.Executor
	plugins *pluginexec.Executor
	library *library.Library
}

// OpenNodes looks at the plugin folders.
func OpenNodes(ctx context.Context, cfg Folders, log *slog.Logger) (*Nodes, error) {
	n := &Nodes{library: library.New(auth.NewFolder(cfg.State.Library()))}
	var err error
	if n.plugins, err = pluginexec.New(pluginexec.Config{Log: log}); err != nil {
		return nil, err
	}
	n.wasm = wasmexec.New(wasmexec.Config{CacheDir: cfg.State.Modules(), Resolve: n.module, Grants: n.inTests, KV: memkv.New(), Log: log})
	asks := &Types{wasm: n.wasm, plugins: n.plugins}
	n.catalog = catalog.New(cfg.catalog(asks.describe))
	if n.View, err = n.catalog.View(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Types looks again at what there is: the same value as before when nothing has changed.
// Where hosts keep their assets elsewhere, or there are none, nothing is known of assets.
func (n *Nodes) Types(ctx context.Context) (pipeline.Types, error) {
	v, err := n.catalog.View(ctx)
	if err != nil {
		return nil, err
	}
	if l, err := n.library.Now(ctx); err == nil && len(l.Assets) > 0 {
		return known{v, l}, nil
	}
	return v, nil
}

// Control carries out control nodes.
func (n *Nodes) Control() exec.Executor { return n.wasm }

// IsControl says whether a node type is offered by a module.
func (n *Nodes) IsControl(nodeType string) bool {
	e, ok := n.View.Offers(nodeType)
	return ok && e.Kind == catalog.Module
}

func (n *Nodes) module(nodeType string) (wasmexec.Module, error) {
	e, ok := n.View.Offers(nodeType)
	if !ok {
		return wasmexec.Module{}, errors.New("no module offers it")
	}
	return module(e), nil
}

// Close frees the modules.
func (n *Nodes) Close() error { return errors.Join(n.wasm.Close(), n.plugins.Close()) }

// Folders say where plugins and modules are looked for.
type Folders struct {
	State                   local.State
	PluginDirs, ControlDirs []string
	// BundledTrust is the SHA-256 of the trust file of the plugins that came with this binary; empty without any.
	BundledTrust string
	// Own describes the node types that the host carries out itself.
	Own *sdk.Manifest
}

func (f Folders) catalog(describe func(context.Context, catalog.Entry) (catalog.Description, error)) catalog.Config {
	return catalog.Config{PluginDirs: f.PluginDirs, ControlDirs: f.ControlDirs, BuiltIn: builtIn(), Own: f.Own, TrustFile: f.State.Trust(),
		BundledTrust: f.BundledTrust, CacheDir: f.State.Manifests(), Describe: describe}
}
