package comfyui

import (
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// Bounds of unfolding: subgraphs within subgraphs, links behind one another, and all links followed together.
const (
	maxNesting = 32
	maxHops    = 2000
	maxSteps   = 4 << 20
)

// place is one use of a level: the top, or the inside of one subgraph node. The same subgraph may be used many times.
type place struct {
	*level
	prefix string // of the ids inside: "12:7:"
	up     *place
	at     *drawn // the subgraph node that it is the inside of
	inside map[string]*place
	values map[string]any // of the subgraph's inputs that no link feeds
	setter map[string]*drawn
	off    bool // muted or bypassed as a whole
	depth  int
}

// source is what feeds an input: another node's output, a value, or nothing.
type source struct {
	node  string
	slot  int
	value any
	kind  sourceKind
}

type sourceKind int

const (
	fromNothing sourceKind = iota
	fromNode
	fromValue
	fromMuted // a node that does not run: the input goes without
)

type flattener struct {
	drawing *drawing
	defs    Definitions
	graph   *Graph
	count   int
	steps   int
}

// readUI turns a drawing into the graph that ComfyUI would run.
func readUI(o *ordered.Object, defs Definitions) (*Graph, error) {
	d, err := readDrawing(o)
	if err != nil {
		return nil, err
	}
	f := &flattener{drawing: d, defs: defs, graph: &Graph{Form: UI}}
	top := &place{level: d.top}
	if err := f.unfold(top); err != nil {
		return nil, err
	}
	if err := f.emit(top); err != nil {
		return nil, err
	}
	return f.graph, f.graph.finish()
}

// unfold makes the places of all subgraph nodes.
func (f *flattener) unfold(p *place) error {
	p.inside, p.setter = map[string]*place{}, map[string]*drawn{}
	if f.count += len(p.nodes); f.count > maxNodes {
		return fmt.Errorf("it has more than %d nodes, its subgraphs unfolded", maxNodes)
	}
	for _, n := range p.nodes {
		if n.class == "SetNode" && len(n.values) > 0 {
			p.setter[ordered.ID(n.values[0])] = n
		}
		inside := f.drawing.subgraphs[n.class]
		if inside == nil {
			continue
		}
		if p.depth >= maxNesting {
			return fmt.Errorf("subgraph %s contains itself, or lies more than %d subgraphs deep", quote(inside.name), maxNesting)
		}
		child := &place{
			level: inside, prefix: p.prefix + n.id + ":", up: p, at: n, depth: p.depth + 1,
			off: p.off || n.mode == modeMuted || n.mode == modeBypassed,
		}
		child.values = instanceValues(n, inside)
		if p.inside[n.id] = child; child.off {
			child.inside = map[string]*place{} // nothing in it runs, so nothing asks what is in it
			continue
		}
		if err := f.unfold(child); err != nil {
			return err
		}
	}
	return nil
}

// emit adds the nodes that run.
func (f *flattener) emit(p *place) error {
	for _, n := range p.nodes {
		if n.mode == modeMuted || n.mode == modeBypassed || drawnOnly(n.class) {
			continue
		}
		if child := p.inside[n.id]; child != nil {
			if err := f.emit(child); err != nil {
				return err
			}
			continue
		}
		if err := f.node(p, n); err != nil {
			return err
		}
	}
	return nil
}

func (f *flattener) node(p *place, n *drawn) error {
	out := &Node{ID: p.prefix + n.id, Class: n.class, Title: n.title, Pack: n.pack(), Models: n.models()}
	if out.Title == "" {
		out.Title = f.defs.display(n.class)
	}
	named, why := f.defs.name(n)
	if why != "" {
		f.graph.Gaps = append(f.graph.Gaps, Gap{out.ID, out.Class, out.Title, why})
	}
	for _, w := range named {
		out.Inputs = append(out.Inputs, Input{Name: w.name, Value: wrapped(w.value)})
	}
	for i := range n.inputs {
		s, err := f.input(p, n, i, n.inputs[i].kind, 0)
		if err != nil {
			return fmt.Errorf("node %s (%s), input %s: %w", quote(out.ID), quote(n.class), quote(n.inputs[i].name), err)
		}
		out.set(n.inputs[i].name, s)
	}
	f.graph.Nodes = append(f.graph.Nodes, out)
	return nil
}

// set gives an input what feeds it; a link wins over a widget's value.
func (n *Node) set(name string, s source) {
	if name == "" || s.kind == fromNothing {
		return
	}
	in := n.Input(name)
	if in == nil {
		if s.kind == fromMuted {
			return
		}
		n.Inputs = append(n.Inputs, Input{Name: name})
		in = &n.Inputs[len(n.Inputs)-1]
	}
	switch s.kind {
	case fromNode:
		*in = Input{Name: name, Link: &Link{s.node, s.slot}}
	case fromValue:
		*in = Input{Name: name, Value: wrapped(s.value)}
	default: // a link to a node that is not there, which finish takes out
		*in = Input{Name: name, Link: &Link{}}
	}
}

// wrapped keeps a list of values from being taken for a link.
func wrapped(v any) any {
	if _, ok := v.([]any); !ok {
		return v
	}
	o := ordered.New()
	o.Set("__value__", v)
	return o
}

var (
	errCircle = errors.New("its links run in a circle; take one of them out in ComfyUI")
	errLong   = errors.New("its links lead through more nodes than can be followed; take out nodes that only pass things on")
)

// input finds what feeds a node's input.
func (f *flattener) input(p *place, n *drawn, slot int, kind string, hops int) (source, error) {
	if slot < 0 || slot >= len(n.inputs) || n.inputs[slot].link == "" {
		return source{}, nil
	}
	link, ok := p.links[n.inputs[slot].link]
	if !ok {
		return source{}, nil
	}
	return f.origin(p, link, kind, hops+1)
}

// origin follows a link to where it begins.
func (f *flattener) origin(p *place, link uiLink, kind string, hops int) (source, error) {
	switch f.steps++; {
	case hops > maxHops:
		return source{}, errCircle
	case f.steps > maxSteps:
		return source{}, errLong
	}
	if p.up != nil && link.from == p.from {
		return f.outside(p, link.fromSlot, kind, hops)
	}
	n := p.byID[link.from]
	if n == nil {
		return source{}, nil
	}
	return f.output(p, n, link.fromSlot, kind, hops)
}

// outside follows a link that comes into a subgraph through one of its inputs.
func (f *flattener) outside(p *place, slot int, kind string, hops int) (source, error) {
	if slot < 0 || slot >= len(p.inputs) {
		return source{}, nil
	}
	name := p.inputs[slot].name
	for i, in := range p.at.inputs {
		if in.name == name && in.link != "" {
			return f.input(p.up, p.at, i, kind, hops)
		}
	}
	if v, ok := p.values[name]; ok {
		return source{kind: fromValue, value: v}, nil
	}
	return source{}, nil
}

// output finds what a node's output really is: nodes that are bypassed, that stand for a subgraph or that only guide
// links pass on what goes into them.
func (f *flattener) output(p *place, n *drawn, slot int, kind string, hops int) (source, error) {
	switch {
	case n.mode == modeMuted:
		return source{kind: fromMuted}, nil
	case n.mode == modeBypassed:
		return f.input(p, n, bypass(n, slot, kind), kind, hops)
	case p.inside[n.id] != nil:
		child := p.inside[n.id]
		link, ok := child.leaving[slot]
		if !ok {
			return source{}, nil
		}
		return f.origin(child, link, kind, hops+1)
	case n.class == "PrimitiveNode":
		if len(n.values) == 0 {
			return source{}, nil
		}
		return source{kind: fromValue, value: n.values[0]}, nil
	case n.class == "GetNode":
		return f.setTo(p, n, kind, hops)
	case drawnOnly(n.class):
		return f.input(p, n, min(slot, len(n.inputs)-1), kind, hops)
	}
	return source{kind: fromNode, node: p.prefix + n.id, slot: slot}, nil
}

// setTo finds what a SetNode of the same name was given, here or further out.
func (f *flattener) setTo(p *place, n *drawn, kind string, hops int) (source, error) {
	if len(n.values) == 0 {
		return source{}, nil
	}
	for ; p != nil; p = p.up {
		if setter := p.setter[ordered.ID(n.values[0])]; setter != nil {
			return f.input(p, setter, 0, kind, hops+1)
		}
	}
	return source{}, nil
}

// bypass finds the input that stands in for an output of a bypassed node: the one across, else the first that fits.
func bypass(n *drawn, slot int, kind string) int {
	made := kind
	if slot >= 0 && slot < len(n.outputs) {
		made = n.outputs[slot].kind
	}
	across := slot >= 0 && slot < len(n.inputs)
	if kind == "*" || kind == "" {
		if across {
			return slot
		}
		return 0
	}
	fits := func(in socket) bool { return connects(in.kind, made) && connects(in.kind, kind) }
	if across && fits(n.inputs[slot]) {
		return slot
	}
	for i, in := range n.inputs {
		if in.kind == kind {
			return i
		}
	}
	for i, in := range n.inputs {
		if fits(in) {
			return i
		}
	}
	return -1
}

// drawnOnly are the node types that exist in the browser only.
func drawnOnly(class string) bool {
	switch class {
	case "Reroute", "PrimitiveNode", "Note", "MarkdownNote", "SetNode", "GetNode", "Reroute (rgthree)", "Label (rgthree)",
		"Bookmark (rgthree)", "Fast Groups Muter (rgthree)", "Fast Groups Bypasser (rgthree)", "Fast Muter (rgthree)",
		"Fast Bypasser (rgthree)", "Fast Actions Button (rgthree)", "Mute / Bypass Repeater (rgthree)",
		"Mute / Bypass Relay (rgthree)", "Node Collector (rgthree)", "Random Unmuter (rgthree)":
		return true
	}
	return false
}
