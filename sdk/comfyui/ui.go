package comfyui

import (
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// The modes of a node that matter; all others run.
const (
	modeMuted    = 2
	modeBypassed = 4
)

// maxLinks bounds the links of one level.
const maxLinks = 10 * maxNodes

// drawing is a workflow in UI format: the top level and the subgraphs that its nodes may stand for.
type drawing struct {
	top       *level
	subgraphs map[string]*level
}

// level is the top of a drawing, or the inside of a subgraph.
type level struct {
	name  string
	nodes []*drawn
	byID  map[string]*drawn
	links map[string]uiLink
	// inputs and outputs are the subgraph's own; from and to are the ids of the two nodes that stand for them inside.
	inputs, outputs []socket
	from, to        string
	// leaving finds the link that leads to an output, entering those that come from an input.
	leaving  map[int]uiLink
	entering map[int][]uiLink
}

// drawn is one node of a drawing.
type drawn struct {
	id, class, title string
	mode             int
	inputs, outputs  []socket
	// values are the widgets' values in order; named is by name, where the file has that.
	values     []any
	named      *ordered.Object
	properties *ordered.Object
}

// socket is where a link goes in or out. link is empty where none is; widget names the widget that it stands for.
type socket struct{ name, kind, link, widget string }

type uiLink struct {
	from, to         string
	fromSlot, toSlot int
}

func readDrawing(o *ordered.Object) (*drawing, error) {
	top, err := readLevel(o, "")
	if err != nil {
		return nil, err
	}
	d := &drawing{top: top, subgraphs: map[string]*level{}}
	for _, x := range o.Object("definitions").List("subgraphs") {
		s, ok := x.(*ordered.Object)
		if !ok {
			continue
		}
		inside, err := readLevel(s, s.Text("name"))
		if err != nil {
			return nil, err
		}
		d.subgraphs[s.ID("id")] = inside
	}
	return d, nil
}

func readLevel(o *ordered.Object, name string) (*level, error) {
	l := &level{
		name: name, byID: map[string]*drawn{}, links: map[string]uiLink{}, leaving: map[int]uiLink{}, entering: map[int][]uiLink{},
		from: o.Object("inputNode").ID("id"), to: o.Object("outputNode").ID("id"),
		inputs: readSockets(o.List("inputs")), outputs: readSockets(o.List("outputs")),
	}
	nodes, links := o.List("nodes"), o.List("links")
	if len(nodes) > maxNodes || len(links) > maxLinks {
		return nil, fmt.Errorf("it has %d nodes and %d links in one place; at most %d and %d are taken", len(nodes), len(links), maxNodes, maxLinks)
	}
	for i, x := range nodes {
		n, ok := x.(*ordered.Object)
		if !ok || n.ID("id") == "" || n.Text("type") == "" {
			return nil, fmt.Errorf("nodes[%d] has no id or no type; save the workflow again in ComfyUI", i)
		}
		node := readNode(n)
		if most := max(len(node.inputs), len(node.outputs), len(node.values), node.named.Len()); most > maxInputs {
			return nil, fmt.Errorf("node %s (%s) has %d inputs, outputs or values; at most %d are taken", quote(node.id), quote(node.class), most, maxInputs)
		}
		if l.byID[node.id] != nil {
			return nil, fmt.Errorf("two nodes have the id %s; save the workflow again in ComfyUI", quote(node.id))
		}
		l.nodes, l.byID[node.id] = append(l.nodes, node), node
	}
	for _, x := range links {
		id, link := readLink(x)
		l.links[id] = link
		if l.to != "" && link.to == l.to {
			l.leaving[link.toSlot] = link
		}
		if l.from != "" && link.from == l.from {
			l.entering[link.fromSlot] = append(l.entering[link.fromSlot], link)
		}
	}
	return l, nil
}

func readNode(o *ordered.Object) *drawn {
	n := &drawn{
		id: o.ID("id"), class: o.Text("type"), title: strings.TrimSpace(o.Text("title")), mode: number(o.Get("mode")),
		inputs: readSockets(o.List("inputs")), outputs: readSockets(o.List("outputs")),
		values: o.List("widgets_values"), named: o.Object("widgets_values"), properties: o.Object("properties"),
	}
	if named := o.Object("widgets_values_named"); named != nil {
		n.named = named
	}
	return n
}

func readSockets(list []any) []socket {
	out := make([]socket, 0, len(list))
	for _, x := range list {
		o, _ := x.(*ordered.Object)
		s := socket{name: o.Text("name"), kind: o.Text("type"), link: o.ID("link")}
		if w := o.Object("widget"); w != nil {
			if s.widget = w.Text("name"); s.widget == "" {
				s.widget = s.name
			}
		}
		out = append(out, s)
	}
	return out
}

// readLink reads [id, from, slot, to, slot, type], or the same as an object.
func readLink(x any) (string, uiLink) {
	if o, ok := x.(*ordered.Object); ok {
		return o.ID("id"), uiLink{o.ID("origin_id"), o.ID("target_id"), number(o.Get("origin_slot")), number(o.Get("target_slot"))}
	}
	l, _ := x.([]any)
	if len(l) < 5 {
		return "", uiLink{}
	}
	return ordered.ID(l[0]), uiLink{ordered.ID(l[1]), ordered.ID(l[3]), number(l[2]), number(l[4])}
}

// pack names the package of custom nodes that the node says it is of.
func (n *drawn) pack() string {
	if id := n.properties.Text("cnr_id"); id != "" {
		return id
	}
	return n.properties.Text("aux_id")
}

func (n *drawn) models() (out []Model) {
	for _, x := range n.properties.List("models") {
		if o, ok := x.(*ordered.Object); ok && o.Text("name") != "" {
			out = append(out, Model{o.Text("name"), o.Text("url"), o.Text("directory")})
		}
	}
	return out
}

// connects says whether a link may go between sockets of two types: "*" takes all, "IMAGE,MASK" either.
func connects(a, b string) bool {
	if a == "*" || b == "*" || a == "" || b == "" {
		return true
	}
	for _, x := range strings.Split(a, ",") {
		for _, y := range strings.Split(b, ",") {
			if strings.EqualFold(strings.TrimSpace(x), strings.TrimSpace(y)) {
				return true
			}
		}
	}
	return false
}
