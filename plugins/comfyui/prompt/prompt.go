// Package prompt has workflows as a ComfyUI runs them: nodes by id, what is set in them, and what a server would refuse of them.
package prompt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/comfyui"
)

// Prompt is a workflow in ComfyUI's API format: what is run, by node id.
type Prompt map[string]*Step

// Step is one node of a prompt.
type Step struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"` // a value, or a link: [id, output]
	Meta   struct {
		Title string `json:"title,omitempty"`
	} `json:"_meta"`
	// Uploaded are the inputs that name files which were uploaded for this run: a server need not list them.
	Uploaded []string `json:"-"`
}

// Read reads a workflow: JSON in the API's or the editor's format, or a PNG, WebP, MP4 or MOV that carries one. The editor's does not always
// say what its values are called: about asks a server for the classes that it has of these. Numbers stay exact: seeds reach 2^64-1.
func Read(raw []byte, about func(names []string) (map[string]json.RawMessage, error)) (Prompt, error) {
	g, _, err := comfyui.ReadFile(raw, nil)
	if err != nil {
		return nil, unreadable(err)
	}
	if g.Form == comfyui.UI {
		if g, err = named(raw, g, about); err != nil {
			return nil, err
		}
	}
	p := Prompt{}
	d := json.NewDecoder(bytes.NewReader(g.JSON()))
	d.UseNumber()
	if err := d.Decode(&p); err != nil {
		return nil, unreadable(err)
	}
	return p, nil
}

func unreadable(err error) error {
	return sdk.Refuse("the workflow cannot be read: "+err.Error(), "save it in ComfyUI with Workflow > Export (API)")
}

// named reads a drawing again, with what a server says of its classes. Those that the server lacks are left to Check.
func named(raw []byte, g *comfyui.Graph, about func([]string) (map[string]json.RawMessage, error)) (*comfyui.Graph, error) {
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Class)
	}
	slices.Sort(names)
	has, err := about(slices.Compact(names))
	if err != nil {
		return nil, err
	}
	if len(has) == 0 {
		return g, nil
	}
	text, err := json.Marshal(has)
	if err != nil {
		return nil, err
	}
	defs, err := comfyui.ReadDefinitions(text)
	if err != nil {
		return nil, sdk.Fail("what ComfyUI says of its classes cannot be read: "+err.Error(), "is that a ComfyUI, and not what stands before it?")
	}
	if g, _, err = comfyui.ReadFile(raw, defs); err != nil {
		return nil, unreadable(err)
	}
	var gaps []string
	for _, gap := range g.Gaps {
		if has[gap.Class] != nil {
			gaps = append(gaps, fmt.Sprintf("%s (node %s): %s", gap.Class, gap.ID, gap.Why))
		}
	}
	if len(gaps) > 0 {
		return nil, sdk.Refuse("the workflow is drawn, and does not say what its values are: "+strings.Join(gaps, "; "), "open it in this ComfyUI, and save it with Workflow > Export (API)")
	}
	return g, nil
}

// Digest tells one prompt from another.
func (p Prompt) Digest() string {
	raw, err := json.Marshal(p)
	if err != nil {
		return "" // of values that cannot be sent either
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// Order gives the ids, numbers by their size.
func (p Prompt) Order() []string {
	return slices.SortedFunc(maps.Keys(p), func(a, b string) int {
		x, xerr := strconv.Atoi(a)
		y, yerr := strconv.Atoi(b)
		if xerr == nil && yerr == nil {
			return x - y
		}
		return strings.Compare(a, b)
	})
}

// Classes gives the names of the classes that it uses, sorted.
func (p Prompt) Classes() (names []string) {
	for _, s := range p {
		names = append(names, s.Class)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Title is what a person calls a node.
func (p Prompt) Title(id string) string {
	s := p[id]
	if s == nil {
		return "node " + id
	}
	if s.Meta.Title != "" && s.Meta.Title != s.Class {
		return fmt.Sprintf("%s (node %s, %s)", s.Meta.Title, id, s.Class)
	}
	return fmt.Sprintf("%s (node %s)", s.Class, id)
}

// Set puts values where they belong: by "<node>.<input>", where the node is an id, a title or a class.
func (p Prompt) Set(values map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		id, input, err := p.Find(key)
		if err != nil {
			return err
		}
		p[id].Inputs[input] = values[key]
	}
	return nil
}

// Find gives the node and the input that a key means. A title may have dots, and so may an input: "images.image0", one of those that grow.
func (p Prompt) Find(key string) (id, input string, err error) {
	at := strings.LastIndexByte(key, '.')
	if at <= 0 || at == len(key)-1 {
		return "", "", sdk.Refuse(fmt.Sprintf("inputs: %q names no input", key), `write "<node>.<input>", such as "6.text" or "KSampler.seed"`)
	}
	var found []string
	for dot := at; dot > 0 && found == nil; dot = strings.LastIndexByte(key[:dot], '.') {
		found, at = p.called(key[:dot]), dot
	}
	switch len(found) {
	case 1:
		return found[0], key[at+1:], nil
	case 0:
		return "", "", sdk.Refuse(fmt.Sprintf("inputs: the workflow has no node %q", key[:strings.LastIndexByte(key, '.')]), "it has "+p.list(p.Order()))
	}
	return "", "", sdk.Refuse(fmt.Sprintf("inputs: %d nodes of the workflow are called %q", len(found), key[:at]), "say which by its id: "+p.list(found))
}

// called gives the nodes that have an id, else a title, else a class.
func (p Prompt) called(node string) (found []string) {
	if p[node] != nil {
		return []string{node}
	}
	for _, by := range []func(*Step) string{func(s *Step) string { return s.Meta.Title }, func(s *Step) string { return s.Class }} {
		for _, id := range p.Order() {
			if by(p[id]) == node {
				found = append(found, id)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	return found
}

// list names nodes for people.
func (p Prompt) list(ids []string) string {
	const most = 20
	var names []string
	for _, id := range ids[:min(most, len(ids))] {
		names = append(names, p.Title(id))
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

// kinds are the inputs of ComfyUI's loaders that name a file of a model, and the folder that it is in.
var kinds = map[string]string{"ckpt_name": "checkpoints", "unet_name": "diffusion_models", "vae_name": "vae", "clip_name": "text_encoders", "clip_name1": "text_encoders",
	"clip_name2": "text_encoders", "clip_name3": "text_encoders", "lora_name": "loras", "control_net_name": "controlnet", "model_name": "upscale_models",
	"style_model_name": "style_models", "gligen_name": "gligen"}

// Kind says of which kind the model is that an input names: "loras". Empty: it names none.
func (p Prompt) Kind(id, input string) string {
	if s := p[id]; s != nil && s.Class == "CLIPVisionLoader" && input == "clip_name" {
		return "clip_vision"
	}
	return kinds[input]
}

// Models are the files that the prompt loads.
func (p Prompt) Models() (names []string) {
	for _, id := range p.Order() {
		for _, input := range slices.Sorted(maps.Keys(kinds)) {
			if name, ok := p[id].Inputs[input].(string); ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
