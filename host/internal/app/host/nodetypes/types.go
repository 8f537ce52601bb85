// Package nodetypes is which node types a host has: the catalog of its plugins and modules, how executors find them, what they were
// granted and are configured with, and how the API shows that.
package nodetypes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/control/dist"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what node types are known from.
type Config struct {
	Folders
	// Library has the assets that pipelines are checked against, too.
	Library *library.Library
	// File is the configuration as it was read last.
	File  func() *config.Config
	Vault *secrets.Vault
	// Members are the agents beside this process.
	Members func() []fleet.Member
}

// Types is which node types there are, who offers them, and what each may do. Catalog is there after Open.
type Types struct {
	Catalog *catalog.Catalog

	cfg     Config
	wasm    *wasmexec.Executor
	plugins *pluginexec.Executor
}

// New makes what Open opens, so that the executors can ask it for their modules and programs.
func New(cfg Config) *Types { return &Types{cfg: cfg} }

// Open makes the catalog: of what this machine has, as the executors describe it, and of what others have.
func (t *Types) Open(wasm *wasmexec.Executor, plugins *pluginexec.Executor, elsewhere func() ([]catalog.Entry, string)) {
	t.wasm, t.plugins = wasm, plugins
	look := t.cfg.catalog(t.describe)
	look.Elsewhere, look.Settings = elsewhere, t.settings
	t.Catalog = catalog.New(look)
}

// Now gives the node types there are now.
func (t *Types) Now(ctx context.Context) (pipeline.Types, error) {
	v, err := t.Catalog.View(ctx)
	if err != nil {
		return nil, err
	}
	return t.WithAssets(ctx, v)
}

// known are the node types and assets that pipelines are checked against. It is a pipeline.Library.
type known struct {
	*catalog.View
	assets *asset.Library
}

// Library implements pipeline.Library.
func (k known) Library() *asset.Library { return k.assets }

// WithAssets adds the assets that there are now to a view: the same value (==) as before when nothing has changed.
func (t *Types) WithAssets(ctx context.Context, v *catalog.View) (pipeline.Types, error) {
	l, err := t.cfg.Library.Now(ctx)
	return known{v, l}, err
}

// builtIn gives the modules that are part of this binary.
func builtIn() map[string]catalog.Linked {
	sum, ok := dist.Sum()
	if !ok {
		return nil
	}
	return map[string]catalog.Linked{"control": {SHA256: sum, Code: dist.Module, Description: dist.Description(sum)}}
}

// describe asks a plugin or module what it offers, and looks at what a module imports.
func (t *Types) describe(ctx context.Context, e catalog.Entry) (d catalog.Description, err error) {
	if e.Kind != catalog.Module {
		d.Manifest, err = t.plugins.Describe(ctx, binary(e))
		return d, err
	}
	if d.Manifest, err = t.wasm.Describe(ctx, module(e)); err == nil {
		d.Imports, err = t.wasm.Imports(ctx, module(e))
	}
	return d, err
}

func module(e catalog.Entry) wasmexec.Module {
	m := wasmexec.Module{Load: e.Code, SHA256: e.SHA256}
	if e.Code == nil {
		m.Path = e.Path
	}
	return m
}

func binary(e catalog.Entry) pluginexec.Binary {
	return pluginexec.Binary{Name: e.Name, Path: e.Path, SHA256: "sha256:" + e.SHA256, UsesDevices: e.Manifest.UsesDevices(), Tells: e.Manifest.Installed}
}

// Offers finds who carries out a node type, as of the last look at the catalog.
func (t *Types) Offers(nodeType string) (catalog.Entry, error) {
	v, err := t.Catalog.Last(context.Background())
	if err != nil {
		return catalog.Entry{}, err
	}
	e, ok := v.Offers(nodeType)
	if !ok {
		why := v.Why(nodeType)
		if why == "" {
			why = "no plugin or module that is installed offers it"
		}
		return e, sdk.Refuse(fmt.Sprintf("node type %s is not there: %s", nodeType, why), "spinbot plugins lists what is there; then resume the run")
	}
	return e, nil
}

// Previewer gives a node type that makes previews. Unlike Offers it is asked by a page, which nothing of a run is known to.
func (t *Types) Previewer(ctx context.Context, nodeType string) (sdk.NodeType, error) {
	v, err := t.Catalog.View(ctx)
	if err != nil {
		return sdk.NodeType{}, err
	}
	if known, ok := v.NodeType(nodeType); ok {
		return known, nil
	}
	return sdk.NodeType{}, noPreviews(v, nodeType)
}

// noPreviews says why they cannot be made, and what mends that.
func noPreviews(v *catalog.View, nodeType string) *client.Problem {
	owner, _, _ := strings.Cut(nodeType, ".")
	p := &client.Problem{Code: client.CodeUnavailable, Detail: "previews are made by the plugin " + owner + ", which is not ready: " + v.Why(nodeType), Fix: "spinbot plugins trust " + owner}
	if e, ok := v.Entry(owner); !ok {
		p.Detail, p.Fix = "previews are made by the plugin "+owner+", which is not installed", "it comes with spinbot; elsewhere, say where it is: spinbot serve --plugin-dir DIR"
	} else if e.State == catalog.Ready {
		p.Detail, p.Fix = "the plugin "+owner+" that is installed makes no previews", "take the one that comes with this spinbot"
	}
	return p
}

// IsModule says whether a module offers a node type.
func (t *Types) IsModule(nodeType string) bool {
	e, err := t.Offers(nodeType)
	return err == nil && e.Kind == catalog.Module
}

// IsPlugin says whether a plugin offers a node type, here or on other machines; a node type that nobody offers may be a plugin's.
func (t *Types) IsPlugin(nodeType string) bool {
	e, err := t.Offers(nodeType)
	return err != nil || e.Kind == catalog.Plugin
}

// Module finds the module of a node type.
func (t *Types) Module(nodeType string) (wasmexec.Module, error) {
	e, err := t.Offers(nodeType)
	return module(e), err
}

// Binary finds the plugin of a node type.
func (t *Types) Binary(nodeType string) (pluginexec.Binary, error) {
	e, err := t.Offers(nodeType)
	return binary(e), err
}

// Program finds the program of a plugin of this machine that may be used.
func (t *Types) Program(plugin string) (pluginexec.Binary, bool) {
	v, err := t.Catalog.Last(context.Background())
	if err != nil {
		return pluginexec.Binary{}, false
	}
	e, ok := v.Entry(plugin)
	return binary(e), ok && e.Kind == catalog.Plugin && e.State == catalog.Ready && e.Path != ""
}

// NodeTypes implements fleetroutes.Catalog.
func (t *Types) NodeTypes(ctx context.Context) (client.NodeTypeList, error) {
	v, err := t.Catalog.View(ctx)
	if err != nil {
		return client.NodeTypeList{}, err
	}
	return client.NodeTypeList{NodeTypes: v.NodeTypes(), Grants: grantShapes(v)}, nil
}

// Plugins implements fleetroutes.Catalog.
func (t *Types) Plugins(ctx context.Context) ([]client.Plugin, error) {
	v, err := t.Catalog.View(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]client.Plugin, len(v.Entries))
	for i, e := range v.Entries {
		out[i] = pluginShape(e)
		if found := t.configured(v, e); len(found) > 0 {
			out[i].Configuration = shape.Diagnostics(found)
		}
	}
	return out, nil
}

// Trust implements fleetroutes.Catalog.
func (t *Types) Trust(ctx context.Context, name string) (client.Plugin, error) {
	e, err := t.Catalog.Accept(ctx, name)
	var unknown *catalog.UnknownError
	if errors.As(err, &unknown) {
		return client.Plugin{}, &client.Problem{Code: client.CodeNotFound, Detail: err.Error()}
	}
	if err != nil {
		return client.Plugin{}, &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	}
	return pluginShape(e), nil
}

func pluginShape(e catalog.Entry) client.Plugin {
	p := client.Plugin{Name: e.Name, Version: e.Version, Kind: string(e.Kind), Path: e.Path, SHA256: e.SHA256, State: string(e.State), Reason: e.Reason}
	for _, t := range e.Manifest.NodeTypes {
		p.NodeTypes = append(p.NodeTypes, t.Name)
	}
	return p
}
