package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// prompt is a workflow in ComfyUI's API format: what is run, by node id.
type prompt map[string]*step

// step is one node of a prompt.
type step struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"` // a value, or a link: [id, output]
	Meta   struct {
		Title string `json:"title,omitempty"`
	} `json:"_meta"`
}

// maxWorkflow is the largest workflow in bytes; ones with embedded pictures reach a few MB.
const maxWorkflow = 32 << 20

// parse reads a workflow. Numbers stay exact: seeds reach 2^64-1.
func parse(raw []byte) (prompt, error) {
	if len(raw) > maxWorkflow {
		return nil, sdk.Refuse(fmt.Sprintf("the workflow has %d bytes; at most %d are read", len(raw), maxWorkflow), "")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var top map[string]json.RawMessage
	if err := d.Decode(&top); err != nil {
		return nil, sdk.Refuse("the workflow is no JSON object: "+err.Error(), "save it in ComfyUI with Workflow > Export (API)")
	}
	if _, ui := top["nodes"]; ui {
		return nil, sdk.Refuse("the workflow is in the format of ComfyUI's editor, not of its API",
			"save it with Workflow > Export (API), or make a pipeline of it: spinbot import comfyui FILE")
	}
	if wrapped, ok := top["prompt"]; ok && len(top) < 6 { // what is posted to /prompt
		return parse(wrapped)
	}
	p := prompt{}
	for id, text := range top {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var s step
		if err := d.Decode(&s); err != nil || s.Class == "" {
			return nil, sdk.Refuse(fmt.Sprintf("node %q of the workflow has no class_type", id), "save it in ComfyUI with Workflow > Export (API)")
		}
		if s.Inputs == nil {
			s.Inputs = map[string]any{}
		}
		p[id] = &s
	}
	if len(p) == 0 {
		return nil, sdk.Refuse("the workflow has no nodes", "")
	}
	return p, nil
}

// order gives the ids, numbers by their size.
func (p prompt) order() []string {
	return slices.SortedFunc(maps.Keys(p), func(a, b string) int {
		x, xerr := strconv.Atoi(a)
		y, yerr := strconv.Atoi(b)
		if xerr == nil && yerr == nil {
			return x - y
		}
		return strings.Compare(a, b)
	})
}

// title is what a person calls a node.
func (p prompt) title(id string) string {
	s := p[id]
	if s == nil {
		return "node " + id
	}
	if s.Meta.Title != "" && s.Meta.Title != s.Class {
		return fmt.Sprintf("%s (node %s, %s)", s.Meta.Title, id, s.Class)
	}
	return fmt.Sprintf("%s (node %s)", s.Class, id)
}

// set puts values where they belong: by "<node>.<input>", where the node is an id, a title or a class.
func (p prompt) set(values map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		id, input, err := p.find(key)
		if err != nil {
			return err
		}
		p[id].Inputs[input] = values[key]
	}
	return nil
}

// find gives the node and the input that a key means. A title may have dots.
func (p prompt) find(key string) (id, input string, err error) {
	at := strings.LastIndexByte(key, '.')
	if at <= 0 || at == len(key)-1 {
		return "", "", sdk.Refuse(fmt.Sprintf("inputs: %q names no input", key), `write "<node>.<input>", such as "6.text" or "KSampler.seed"`)
	}
	node, input := key[:at], key[at+1:]
	if p[node] != nil {
		return node, input, nil
	}
	var found []string
	for _, by := range []func(*step) string{func(s *step) string { return s.Meta.Title }, func(s *step) string { return s.Class }} {
		for _, id := range p.order() {
			if by(p[id]) == node {
				found = append(found, id)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 1:
		return found[0], input, nil
	case 0:
		return "", "", sdk.Refuse(fmt.Sprintf("inputs: the workflow has no node %q", node), "it has "+p.list(p.order()))
	}
	return "", "", sdk.Refuse(fmt.Sprintf("inputs: %d nodes of the workflow are called %q", len(found), node), "say which by its id: "+p.list(found))
}

// list names nodes for people.
func (p prompt) list(ids []string) string {
	const most = 20
	var names []string
	for _, id := range ids[:min(most, len(ids))] {
		names = append(names, p.title(id))
	}
	if n := len(ids) - most; n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// link reads an input that comes from another node.
func link(v any) (id string, ok bool) {
	l, ok := v.([]any)
	if !ok || len(l) != 2 {
		return "", false
	}
	id, isText := l[0].(string)
	_, isNumber := l[1].(json.Number)
	return id, isText && isNumber
}

// modelInputs are the inputs of ComfyUI's loaders that name a file of a model.
var modelInputs = []string{"ckpt_name", "unet_name", "vae_name", "clip_name", "clip_name1", "clip_name2", "clip_name3", "lora_name", "control_net_name", "model_name", "style_model_name", "gligen_name"}

// models are the files that the prompt loads.
func (p prompt) models() (names []string) {
	for _, id := range p.order() {
		for _, input := range modelInputs {
			if name, ok := p[id].Inputs[input].(string); ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
