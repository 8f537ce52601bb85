// Package comfyui reads ComfyUI's workflows. It owns their two forms: the API format, which a server runs, and the UI
// format, which a person draws; and it turns the second into the first, with the definitions of node types that a
// server gives under /object_info, or as far as a file goes without. It knows nothing of pipelines.
//
// Words are ComfyUI's here: node, input, link, widget, subgraph.
package comfyui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// maxNodes bounds a workflow, its subgraphs unfolded.
const maxNodes = 10000

// maxInputs bounds the inputs of one node.
const maxInputs = 500

// Form is one of the two that a workflow has.
type Form string

// The forms.
const (
	API Form = "API format" // as a server runs it
	UI  Form = "UI format"  // as a person draws it
)

// Graph is a workflow in API format.
type Graph struct {
	// Nodes are in the order of their ids.
	Nodes []*Node
	// Form is what the graph was read from.
	Form Form
	// Gaps are nodes of which some inputs are missing, since their names are not known.
	Gaps []Gap
	// Warnings are sentences for the person who imports.
	Warnings []string

	byID map[string]*Node
}

// Node is one node of a workflow.
type Node struct {
	// ID is unique; one inside a subgraph has the ids of what it is in before it, as 12:7.
	ID, Class string
	// Title is what the person reads; the node type's own when none was given.
	Title string
	// Inputs are in the order of the file.
	Inputs []Input
	// Pack is the package of custom nodes that the UI format names; "comfy-core" is ComfyUI itself, "" not known.
	Pack string
	// Models are files that the UI format names together with where they can be had.
	Models []Model
}

// Input is one input of a node: a link to another node's output, or a value.
type Input struct {
	Name  string
	Value any
	Link  *Link
}

// Link is the output of a node.
type Link struct {
	Node string
	Slot int
}

// Model is a file that a node loads.
type Model struct{ Name, URL, Directory string }

// Gap is a node of the UI format whose values have no names in the file.
type Gap struct{ ID, Class, Title, Why string }

// Node finds a node by its id; nil when there is none.
func (g *Graph) Node(id string) *Node { return g.byID[id] }

// Input finds an input by name; nil when there is none.
func (n *Node) Input(name string) *Input {
	for i := range n.Inputs {
		if n.Inputs[i].Name == name {
			return &n.Inputs[i]
		}
	}
	return nil
}

// JSON writes the graph in API format: nodes by id, two spaces of indentation.
func (g *Graph) JSON() []byte {
	all := ordered.New()
	for _, n := range g.Nodes {
		inputs := ordered.New()
		for _, in := range n.Inputs {
			inputs.Set(in.Name, in.json())
		}
		o := ordered.New()
		o.Set("class_type", n.Class)
		o.Set("inputs", inputs)
		if n.Title != "" {
			meta := ordered.New()
			meta.Set("title", n.Title)
			o.Set("_meta", meta)
		}
		all.Set(n.ID, o)
	}
	var b strings.Builder
	ordered.Write(&b, all, "")
	b.WriteByte('\n')
	return []byte(b.String())
}

func (in *Input) json() any {
	if in.Link != nil {
		return []any{in.Link.Node, json.Number(strconv.Itoa(in.Link.Slot))}
	}
	return in.Value
}

// finish sorts the nodes, drops links to nodes that are not there, as ComfyUI does, and refuses circles.
func (g *Graph) finish() error {
	if len(g.Nodes) == 0 {
		return fmt.Errorf("the workflow has no node that runs: it is empty, or all its nodes are muted, bypassed or notes")
	}
	slices.SortStableFunc(g.Nodes, func(a, b *Node) int { return compareIDs(a.ID, b.ID) })
	g.byID = make(map[string]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		g.byID[n.ID] = n
	}
	for _, n := range g.Nodes {
		n.Inputs = slices.DeleteFunc(n.Inputs, func(in Input) bool { return in.Link != nil && g.byID[in.Link.Node] == nil })
	}
	return g.circle()
}

// compareIDs orders 3, 12, 12:7, 12:10.
func compareIDs(a, b string) int {
	x, y := strings.Split(a, ":"), strings.Split(b, ":")
	for i := range min(len(x), len(y)) {
		if c := compareParts(x[i], y[i]); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func compareParts(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

// circle takes away nodes that wait for none until no more go; what is left runs in circles.
func (g *Graph) circle() error {
	waits := make(map[string]int, len(g.Nodes))
	next := make(map[string][]string, len(g.Nodes))
	var ready []string
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if in.Link != nil {
				waits[n.ID]++
				next[in.Link.Node] = append(next[in.Link.Node], n.ID)
			}
		}
		if waits[n.ID] == 0 {
			ready = append(ready, n.ID)
		}
	}
	done := 0
	for ; done < len(ready); done++ {
		for _, id := range next[ready[done]] {
			if waits[id]--; waits[id] == 0 {
				ready = append(ready, id)
			}
		}
	}
	if done == len(g.Nodes) {
		return nil
	}
	return fmt.Errorf("its links run in a circle, %s; ComfyUI refuses such a workflow too, so take one of the links out there", quote(g.path(waits)))
}

// path follows one circle among the nodes that still wait.
func (g *Graph) path(waits map[string]int) string {
	var at *Node
	for _, n := range g.Nodes {
		if waits[n.ID] > 0 {
			at = n
			break
		}
	}
	seen := map[string]int{}
	var ids []string
	for at != nil {
		if first, again := seen[at.ID]; again {
			return strings.Join(append(ids[first:], at.ID), " <- ")
		}
		seen[at.ID] = len(ids)
		ids = append(ids, at.ID)
		var next *Node
		for _, in := range at.Inputs {
			if in.Link != nil && waits[in.Link.Node] > 0 {
				next = g.byID[in.Link.Node]
				break
			}
		}
		at = next
	}
	return strings.Join(ids, " <- ")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

func (g *Graph) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); len(g.Warnings) < 50 && !slices.Contains(g.Warnings, w) {
		g.Warnings = append(g.Warnings, w)
	}
}
