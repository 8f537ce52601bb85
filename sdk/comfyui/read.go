package comfyui

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// Read reads a workflow in either form, and what people wrap it in. defs may be nil.
func Read(data []byte, defs Definitions) (*Graph, error) {
	v, err := ordered.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	return read(v, defs, 0)
}

// read finds out what a value is. Programs encode a workflow up to three times: text within text.
func read(v any, defs Definitions, depth int) (*Graph, error) {
	if text, ok := v.(string); ok && depth < 4 {
		inner, err := ordered.Parse([]byte(text))
		if err != nil {
			return nil, errors.New("it is JSON, but a text and not a workflow")
		}
		return read(inner, defs, depth+1)
	}
	o, ok := v.(*ordered.Object)
	if !ok {
		return nil, errors.New("it is JSON, but not a workflow: want an object with nodes")
	}
	if isUI(o) {
		return readUI(o, defs)
	}
	if isAPI(o) {
		return readAPI(o)
	}
	for _, wrap := range []string{"prompt", "output", "workflow"} { // API format first
		inner := o.Get(wrap)
		if inner == nil || depth >= 4 {
			continue
		}
		return read(inner, defs, depth+1)
	}
	return nil, notWorkflow(o)
}

func notWorkflow(o *ordered.Object) error {
	switch {
	case len(o.Keys) == 0:
		return errors.New("it is an empty JSON object, not a workflow")
	case o.Has("input") && o.Has("output_name"), definesNodes(o):
		return errors.New("it holds node definitions (/object_info), not a workflow; give it with --object-info, and the workflow as the file")
	}
	return fmt.Errorf("it is JSON, but not a ComfyUI workflow: there are neither \"nodes\" (as in a file that ComfyUI saves) nor nodes with a \"class_type\" (as in one that it exports for its API); it has %s",
		quote(strings.Join(o.Keys[:min(len(o.Keys), 8)], ", ")))
}

func definesNodes(o *ordered.Object) bool {
	first, _ := o.Values[o.Keys[0]].(*ordered.Object)
	return first.Has("input") && first.Has("output")
}

func isUI(o *ordered.Object) bool {
	_, ok := o.Get("nodes").([]any)
	return ok
}

func isAPI(o *ordered.Object) bool {
	for _, k := range o.Keys {
		if n, ok := o.Values[k].(*ordered.Object); ok && n.Has("class_type") {
			return true
		}
	}
	return false
}

func readAPI(o *ordered.Object) (*Graph, error) {
	g := &Graph{Form: API}
	if len(o.Keys) > maxNodes {
		return nil, fmt.Errorf("it has %d nodes; at most %d are taken", len(o.Keys), maxNodes)
	}
	for _, id := range o.Keys {
		entry, ok := o.Values[id].(*ordered.Object)
		if !ok {
			g.warn("%s is not a node and was left out", quote(id))
			continue
		}
		n, err := apiNode(id, entry)
		if err != nil {
			return nil, err
		}
		g.Nodes = append(g.Nodes, n)
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if in.Link != nil && o.Object(in.Link.Node) == nil {
				return nil, fmt.Errorf("node %s (%s): input %s comes from node %s, which the file does not have; export the workflow again",
					quote(n.ID), quote(n.Class), quote(in.Name), quote(in.Link.Node))
			}
		}
	}
	return g, g.finish()
}

func apiNode(id string, entry *ordered.Object) (*Node, error) {
	n := &Node{ID: id, Class: entry.Text("class_type"), Title: entry.Object("_meta").Text("title")}
	if n.Class == "" {
		return nil, fmt.Errorf("node %s has no \"class_type\"; export the workflow again", quote(id))
	}
	inputs := entry.Object("inputs")
	if inputs == nil {
		return n, nil
	}
	if len(inputs.Keys) > maxInputs {
		return nil, fmt.Errorf("node %s (%s) has %d inputs; at most %d are taken", quote(id), quote(n.Class), len(inputs.Keys), maxInputs)
	}
	for _, name := range inputs.Keys {
		v := inputs.Values[name]
		n.Inputs = append(n.Inputs, Input{Name: name, Value: v, Link: linkOf(v)})
	}
	return n, nil
}

// linkOf tells ["4", 0] from other lists, as the server does.
func linkOf(v any) *Link {
	l, ok := v.([]any)
	if !ok || len(l) != 2 {
		return nil
	}
	id, ok1 := l[0].(string)
	slot, ok2 := l[1].(json.Number)
	if !ok1 || !ok2 {
		return nil
	}
	return &Link{id, number(slot)}
}

// number gives a small whole number; -1 when it is none.
func number(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := n.Int64()
	if err != nil || i < -1<<30 || i > 1<<30 {
		return -1
	}
	return int(i)
}

func quote(s string) string { return fmt.Sprintf("%q", shorten(s)) }
