package agents

import (
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
)

// serves says whether an agent's plugin is of the version which pipelines are checked against.
func serves(v *catalog.View, p protocol.Offered) bool {
	e, ok := v.Entry(p.Name)
	return ok && e.Kind == catalog.Plugin && e.State == catalog.Ready && e.Version == p.Version
}

// offersOf gives the node types of those plugins of an agent that may be given tasks.
func offersOf(v *catalog.View, m fleet.Member) []string {
	out := []string{}
	for _, p := range m.Plugins {
		if serves(v, p) {
			for _, t := range p.Manifest.NodeTypes {
				out = append(out, t.Offers(p.Settings)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// enginesOf gives the devices on which engines of an agent's plugins compute.
func enginesOf(m fleet.Member) map[string][]string {
	out := map[string][]string{}
	for _, p := range m.Plugins {
		if len(p.Engines) > 0 {
			out[p.Name] = p.Engines
		}
	}
	return out
}

// offer notes what agents offer, so that the catalog knows when that changes.
func (f *Fleet) offer() {
	_, stamp := f.Elsewhere()
	f.mu.Lock()
	changed := f.offered != stamp
	f.offered = stamp
	f.mu.Unlock()
	if changed {
		f.cfg.Offered()
	}
}

// Elsewhere gives the plugins that other machines have: of each the newest version.
func (f *Fleet) Elsewhere() ([]catalog.Entry, string) {
	found := map[string]*catalog.Entry{}
	var names, stamp []string
	for _, m := range f.Link.Members() {
		for _, p := range m.Plugins {
			stamp = append(stamp, m.Agent+"/"+p.Name+"@"+p.Version+"#"+p.Checksum)
			e := found[p.Name]
			switch {
			case e == nil || newer(p.Version, e.Version):
				if e == nil {
					names = append(names, p.Name)
				}
				found[p.Name] = &catalog.Entry{Name: p.Name, Version: p.Version, Kind: catalog.Plugin, State: catalog.Ready, SHA256: p.Checksum, Manifest: p.Manifest, Agents: []string{m.Name}}
			case e.Version == p.Version:
				e.Agents = append(e.Agents, m.Name)
			}
		}
	}
	slices.Sort(names)
	var out []catalog.Entry
	for _, name := range names {
		e := found[name]
		e.Path = "on " + strings.Join(e.Agents, ", ")
		out = append(out, *e)
	}
	slices.Sort(stamp)
	return out, strings.Join(stamp, "\n")
}

// newer says whether a version is above another: number by number, and else by their letters.
func newer(a, b string) bool {
	x, errA := version.NewVersion(a)
	y, errB := version.NewVersion(b)
	if errA != nil || errB != nil {
		return a > b
	}
	return x.GreaterThan(y)
}
