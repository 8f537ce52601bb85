package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/control/dist"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// builtIn gives the modules that are part of this binary.
func builtIn() map[string][]byte {
	code, ok := dist.Module()
	if !ok {
		return nil
	}
	return map[string][]byte{"control": code}
}

// describe asks a plugin or module what it offers, and looks at what a module imports.
func (h *Host) describe(ctx context.Context, e catalog.Entry) (d catalog.Description, err error) {
	if e.Kind != catalog.Module {
		d.Manifest, err = h.plugins.Describe(ctx, binary(e))
		return d, err
	}
	if d.Manifest, err = h.wasm.Describe(ctx, module(e)); err == nil {
		d.Imports, err = h.wasm.Imports(ctx, module(e))
	}
	return d, err
}

func module(e catalog.Entry) wasmexec.Module {
	m := wasmexec.Module{Bytes: e.Code, SHA256: e.SHA256}
	if e.Code == nil {
		m.Path = e.Path
	}
	return m
}

func binary(e catalog.Entry) pluginexec.Binary {
	return pluginexec.Binary{Name: e.Name, Path: e.Path, SHA256: "sha256:" + e.SHA256, UsesDevices: e.Manifest.UsesDevices()}
}

// offers finds who carries out a node type, as of the last look at the catalog.
func (h *Host) offers(nodeType string) (catalog.Entry, error) {
	v, err := h.catalog.Last(context.Background())
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

// previewer gives a node type that makes previews. Unlike offers it is asked by a page, which nothing of a run is known to.
func (h *Host) previewer(ctx context.Context, nodeType string) (sdk.NodeType, error) {
	v, err := h.catalog.View(ctx)
	if err != nil {
		return sdk.NodeType{}, err
	}
	if t, ok := v.NodeType(nodeType); ok {
		return t, nil
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

func (h *Host) isModule(nodeType string) bool {
	e, err := h.offers(nodeType)
	return err == nil && e.Kind == catalog.Module
}

func (h *Host) resolveModule(nodeType string) (wasmexec.Module, error) {
	e, err := h.offers(nodeType)
	return module(e), err
}

func (h *Host) resolveBinary(nodeType string) (pluginexec.Binary, error) {
	e, err := h.offers(nodeType)
	return binary(e), err
}

// program finds the program of a plugin of this machine that may be used.
func (h *Host) program(plugin string) (pluginexec.Binary, bool) {
	v, err := h.catalog.Last(context.Background())
	if err != nil {
		return pluginexec.Binary{}, false
	}
	e, ok := v.Entry(plugin)
	return binary(e), ok && e.Kind == catalog.Plugin && e.State == catalog.Ready && e.Path != ""
}

// types is what the API says about pipelines and node types.
type types struct{ h *Host }

// NodeTypes implements fleetroutes.Catalog.
func (t types) NodeTypes(ctx context.Context) (client.NodeTypeList, error) {
	v, err := t.h.catalog.View(ctx)
	if err != nil {
		return client.NodeTypeList{}, err
	}
	return client.NodeTypeList{NodeTypes: v.NodeTypes(), Grants: grantShapes(v)}, nil
}

// Plugins implements fleetroutes.Catalog.
func (t types) Plugins(ctx context.Context) ([]client.Plugin, error) {
	v, err := t.h.catalog.View(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]client.Plugin, len(v.Entries))
	for i, e := range v.Entries {
		out[i] = pluginShape(e)
		if found := t.h.configured(v, e); len(found) > 0 {
			out[i].Configuration = diagnosticShapes(found)
		}
	}
	return out, nil
}

// Trust implements fleetroutes.Catalog.
func (t types) Trust(ctx context.Context, name string) (client.Plugin, error) {
	e, err := t.h.catalog.Accept(ctx, name)
	var unknown *catalog.UnknownError
	if errors.As(err, &unknown) {
		return client.Plugin{}, &client.Problem{Code: client.CodeNotFound, Detail: err.Error()}
	}
	if err != nil {
		return client.Plugin{}, &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	}
	return pluginShape(e), nil
}

// Check implements pipelineroutes.Checker.
func (t types) Check(ctx context.Context, src client.Source, format string) (client.Checked, error) {
	v, err := t.h.catalog.View(ctx)
	if err != nil {
		return client.Checked{}, err
	}
	p, found, err := t.h.load(ctx, src, v)
	if err != nil {
		return client.Checked{}, err
	}
	found = append(found, ungranted(p, v)...)
	c := client.Checked{Version: client.ShapeVersion, Valid: p != nil && !found.HasErrors(), Diagnostics: diagnosticShapes(found)}
	if p == nil {
		return c, nil
	}
	c.Pipeline, c.Nodes, c.Declared = p.Name, len(p.Nodes), declared(p)
	c.Graph = drawn(p, format)
	return c, nil
}

func pluginShape(e catalog.Entry) client.Plugin {
	p := client.Plugin{Name: e.Name, Version: e.Version, Kind: string(e.Kind), Path: e.Path, SHA256: e.SHA256, State: string(e.State), Reason: e.Reason}
	for _, t := range e.Manifest.NodeTypes {
		p.NodeTypes = append(p.NodeTypes, t.Name)
	}
	return p
}
