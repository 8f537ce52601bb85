package convert

import (
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui"
)

// maxTrace bounds how far links are followed, maxTraced how many in all.
const (
	maxTrace  = 64
	maxTraced = 1 << 20
)

// tracer follows links from samplers back to the texts that steer them.
type tracer struct {
	graph *comfyui.Graph
	role  *role
	seen  map[comfyui.Link]bool
	left  *int // links that may still be followed, by all tracers together
	found func(n *comfyui.Node, input string, r *role)
}

// enter says whether a link is to be followed.
func (t *tracer) enter(l comfyui.Link, hops int) *comfyui.Node {
	n := t.graph.Node(l.Node)
	if *t.left--; n == nil || t.seen[l] || hops > maxTrace || *t.left < 0 {
		return nil
	}
	t.seen[l] = true
	return n
}

// prompts finds the texts behind each sampler's "positive" and "negative".
func (x *exposer) prompts() {
	left := maxTraced
	for _, n := range x.graph.Nodes {
		if !samples(n) {
			continue
		}
		for _, s := range steered {
			if in := n.Input(s.input); in != nil && in.Link != nil && (s.input != "conditioning" || strings.Contains(n.Class, "Guider")) {
				t := tracer{x.graph, s.role, map[comfyui.Link]bool{}, &left, x.add}
				t.conditioning(*in.Link, 0)
			}
		}
	}
}

// steered are the inputs of samplers and guiders that texts lead to.
var steered = []struct {
	input string
	role  *role
}{{"positive", rolePrompt}, {"conditioning", rolePrompt}, {"negative", roleNegative}}

// writes are inputs that hold the text of a prompt, on nodes that make conditioning of it.
var writes = []string{
	"text", "prompt", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "llama", "bert", "mt5xl", "user_prompt", "positive_prompt",
}

// conditioning looks at the node that makes some conditioning, and at what that is made of.
func (t *tracer) conditioning(l comfyui.Link, hops int) {
	n := t.enter(l, hops)
	if n == nil || n.Class == "ConditioningZeroOut" || t.text(n, writes, hops) {
		return
	}
	if in := n.Input(across(l.Slot, t.role)); in != nil && in.Link != nil { // it changes both, such as a ControlNet
		t.conditioning(*in.Link, hops+1)
		return
	}
	for i := range n.Inputs {
		if in := &n.Inputs[i]; in.Link != nil && !aside(in.Name) {
			t.conditioning(*in.Link, hops+1)
		}
	}
}

func across(slot int, r *role) string {
	switch {
	case slot == 0:
		return "positive"
	case slot == 1 || r == roleNegative:
		return "negative"
	}
	return "positive"
}

// aside are inputs that lead away from the texts.
func aside(name string) bool {
	for _, word := range []string{"clip", "vae", "model", "image", "pixels", "latent", "samples", "mask", "control_net", "audio", "video", "noise"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// text takes the node's texts, or follows the links that feed them.
func (t *tracer) text(n *comfyui.Node, names []string, hops int) (any bool) {
	for _, name := range names {
		in := n.Input(name)
		switch {
		case in == nil:
		case in.Link == nil:
			if s, ok := in.Value.(string); ok && (s != "" || name == "text" || name == "prompt" || name == "value") {
				t.found(n, name, t.role)
				any = true
			}
		default:
			t.source(*in.Link, hops+1)
			any = true
		}
	}
	return any
}

// holds are inputs that hold a text, on nodes that pass it on.
var holds = []string{"value", "text", "string", "prompt", "string_a", "string_b", "text_a", "text_b", "wildcard_text", "populated_text"}

// source follows a text to where it is written.
func (t *tracer) source(l comfyui.Link, hops int) {
	n := t.enter(l, hops)
	if n == nil || t.text(n, holds, hops) {
		return
	}
	for i := range n.Inputs {
		if in := &n.Inputs[i]; in.Link != nil && !aside(in.Name) {
			t.source(*in.Link, hops+1)
		}
	}
}

// primitive finds the value behind a link, when there is nothing but it: a node that only holds a number.
func (x *exposer) primitive(l comfyui.Link) (*comfyui.Node, string) {
	n := x.graph.Node(l.Node)
	if n == nil || len(n.Inputs) != 1 || n.Inputs[0].Link != nil {
		return nil, ""
	}
	return n, n.Inputs[0].Name
}
