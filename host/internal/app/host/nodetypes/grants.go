package nodetypes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Grants says what a control node may do beyond its sandbox now: what is revoked counts from the next task on.
func (t *Types) Grants(nodeType string) (wasmexec.Grants, error) {
	e, err := t.Offers(nodeType)
	if err != nil {
		return wasmexec.Grants{}, err
	}
	given, err := t.Catalog.Granted(nodeType)
	return wasmexec.Grants{Asked: asked(e, nodeType), Given: given}, err
}

// inTests is what control nodes may do where nothing is real: keep state in memory, and nothing else.
func (n *Nodes) inTests(nodeType string) (wasmexec.Grants, error) {
	e, _ := n.View.Offers(nodeType)
	return wasmexec.Grants{Asked: asked(e, nodeType), Given: grant.Set{KV: &grant.Store{}}, Why: "a test reaches no network and no secret: mock the node"}, nil
}

func asked(e catalog.Entry, nodeType string) []string {
	i := slices.IndexFunc(e.Manifest.NodeTypes, func(t sdk.NodeType) bool { return t.Name == nodeType })
	if i < 0 {
		return nil
	}
	return e.Manifest.NodeTypes[i].Grants
}

// grantShapes gives what node types ask for and have.
func grantShapes(v *catalog.View) map[string][]client.Grant {
	out := map[string][]client.Grant{}
	for _, t := range v.NodeTypes() {
		given := v.Granted(t.Name)
		for _, name := range grant.Names {
			g := client.Grant{Name: name, Asked: slices.Contains(t.Grants, name), Granted: given.Has(name)}
			if !g.Asked && !g.Granted {
				continue
			}
			if g.Granted {
				fillGrant(&g, given)
			} else {
				g.Command = grant.Command(t.Name, name)
			}
			out[t.Name] = append(out[t.Name], g)
		}
	}
	return out
}

func fillGrant(g *client.Grant, given grant.Set) {
	switch g.Name {
	case grant.HTTP:
		w := given.HTTP.Filled()
		g.Hosts, g.Methods, g.Private = w.Hosts, w.Methods, w.Private
		g.MaxRequest, g.MaxResponse, g.Timeout = w.MaxRequest, w.MaxResponse, w.Timeout.Seconds()
	case grant.Secret:
		g.Secrets = given.Secret.Names
	case grant.KV:
		g.Max = given.KV.Limit()
	}
}

// Ungranted warns of what a pipeline's nodes ask for and were not granted, once for each node type: at its first node.
func Ungranted(p *pipeline.Pipeline, v *catalog.View) (out diagnostic.Diagnostics) {
	if p == nil {
		return nil
	}
	seen := map[string]bool{}
	var walk func(p *pipeline.Pipeline)
	walk = func(p *pipeline.Pipeline) {
		for _, n := range p.Nodes {
			if n.Module != nil {
				walk(n.Module)
			}
			if n.Kind != pipeline.KindNode || seen[n.Type.Name] {
				continue
			}
			seen[n.Type.Name] = true
			out = append(out, lacking(n, v)...)
		}
	}
	walk(p)
	return out
}

func lacking(n *pipeline.Node, v *catalog.View) (out diagnostic.Diagnostics) {
	name := n.Type.Name
	warn := func(summary, detail string) {
		out = append(out, diagnostic.Diagnostic{Severity: diagnostic.Warning, Range: n.Range, Summary: summary, Detail: detail})
	}
	for _, missing := range v.Granted(name).Missing(n.Type.Grants) {
		warn(fmt.Sprintf("%s asks for %s, which it was not granted", name, missing),
			"it fails where it uses it; if you want that: "+grant.Command(name, missing))
	}
	e, _ := v.Offers(name)
	if odd := e.Undeclared(); len(odd) > 0 {
		warn(fmt.Sprintf("the module %s imports %s, which none of its node types declares", e.Name, strings.Join(odd, " and ")),
			"what is not declared cannot be granted, so that it fails where it is used; its author adds it to the Grants of the node type")
	}
	return out
}
