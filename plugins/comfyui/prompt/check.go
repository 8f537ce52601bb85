package prompt

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"path"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// Class is what a server says of a node class.
type Class struct {
	Input struct {
		Required map[string]json.RawMessage `json:"required"`
		Optional map[string]json.RawMessage `json:"optional"`
	} `json:"input"`
	OutputNode   bool   `json:"output_node"`
	PythonModule string `json:"python_module"`
}

// Choices are the values that a required input takes; nil: it is no list.
func (c *Class) Choices(input string) []string { return ruleOf(c.Input.Required[input]).choices }

// rule is what an input takes.
type rule struct {
	kind     string   // INT, FLOAT, STRING, BOOLEAN, or what links carry
	choices  []string // nil: any
	min, max *big.Float
	upload   bool // the server lists what was uploaded: a name that it does not list may have come since
}

// grows is the kind of inputs that are groups: a prompt has "images.image0" and so on, how many the server knows.
const grows = "COMFY_AUTOGROW_V3"

// ruleOf reads the description of an input: ["INT", {"min": 0}], [["a", "b"]] or ["COMBO", {"options": ["a"]}].
func ruleOf(raw json.RawMessage) (r rule) {
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || len(parts) == 0 {
		return r
	}
	var choices []any
	if json.Unmarshal(parts[0], &r.kind) != nil && json.Unmarshal(parts[0], &choices) == nil {
		r.kind = "COMBO"
	}
	var options struct {
		Min, Max    json.Number
		Options     []any
		ImageUpload bool `json:"image_upload"`
		AudioUpload bool `json:"audio_upload"`
		VideoUpload bool `json:"video_upload"`
	}
	if len(parts) > 1 {
		_ = json.Unmarshal(parts[1], &options) // what is not understood is not checked
	}
	if r.kind == "COMBO" {
		r.choices = []string{}
		for _, c := range append(choices, options.Options...) {
			r.choices = append(r.choices, fmt.Sprint(c))
		}
	}
	r.min, r.max = number(options.Min), number(options.Max)
	r.upload = options.ImageUpload || options.AudioUpload || options.VideoUpload
	return r
}

func number(v any) *big.Float {
	text := fmt.Sprint(v)
	if n, _, err := big.ParseFloat(text, 10, 100, big.ToNearestEven); err == nil && text != "" {
		return n
	}
	return nil
}

// Check says everything that the server would refuse, or fail at after minutes: node packs and models that it does not have, inputs that
// are missing or that its nodes do not take.
func (p Prompt) Check(classes map[string]*Class) error {
	var wrong, missing, models []string
	outputs := false
	for _, id := range p.Order() {
		st := p[id]
		c := classes[st.Class]
		if c == nil {
			if !slices.Contains(missing, st.Class) {
				missing = append(missing, st.Class)
			}
			continue
		}
		outputs = outputs || c.OutputNode
		for _, name := range slices.Sorted(maps.Keys(c.Input.Required)) {
			if _, ok := st.Inputs[name]; !ok && ruleOf(c.Input.Required[name]).kind != grows {
				wrong = append(wrong, fmt.Sprintf("%s: %s is missing", p.Title(id), name))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(st.Inputs)) {
			raw, ok := c.Input.Required[name]
			if !ok {
				raw, ok = c.Input.Optional[name]
			}
			if !ok {
				continue // nodes with inputs that grow take more than they say
			}
			if from, ok := link(st.Inputs[name]); ok {
				if p[from] == nil {
					wrong = append(wrong, fmt.Sprintf("%s: %s comes from node %s, which is not there", p.Title(id), name, from))
				}
				continue
			}
			r := ruleOf(raw)
			r.upload = r.upload || slices.Contains(st.Uploaded, name)
			text, isModel := r.wrong(name, st.Inputs[name])
			if isModel {
				models = append(models, fmt.Sprintf("%s: %s", p.Title(id), text))
			} else if text != "" {
				wrong = append(wrong, fmt.Sprintf("%s: %s", p.Title(id), text))
			}
		}
	}
	var said, fix []string
	if len(missing) > 0 {
		said = append(said, "the server lacks the node classes "+strings.Join(missing, ", "))
		fix = append(fix, "install the node packs that have them, with ComfyUI-Manager for instance, and start ComfyUI again; one that is installed was not loaded: ComfyUI's log says why")
	}
	if len(models) > 0 {
		said = append(said, models...)
		fix = append(fix, "put the file into ComfyUI's models folder, or name one that is there")
	}
	if len(wrong) > 0 {
		said = append(said, wrong...)
		fix = append(fix, `set what is wrong in inputs = { "<node>.<input>" = … }, or mend it in ComfyUI and save the workflow again`)
	}
	if len(said) == 0 && !outputs {
		said, fix = []string{"no node of the workflow gives anything out"}, []string{"add a SaveImage or another node that saves"}
	}
	if len(said) == 0 {
		return nil
	}
	return sdk.Refuse("the workflow cannot run on this server: "+strings.Join(said, "; "), strings.Join(fix, "; "))
}

const refusedHint = "run the workflow in ComfyUI's own page, which marks the node; mend it there, and export it again"

// Refused says in words what the server did not take of a prompt.
func (p Prompt) Refused(body []byte) error {
	var got struct {
		Error struct {
			Message, Details string
		}
		Nodes map[string]struct {
			Errors []struct {
				Message, Details string
			}
		} `json:"node_errors"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return sdk.Refuse("ComfyUI refused the workflow: "+strings.Join(strings.Fields(string(body[:min(len(body), 500)])), " "), refusedHint)
	}
	var said []string
	for _, id := range p.Order() {
		for _, e := range got.Nodes[id].Errors {
			said = append(said, fmt.Sprintf("%s: %s: %s", p.Title(id), e.Message, e.Details))
		}
	}
	if len(said) == 0 {
		said = []string{strings.TrimSuffix(got.Error.Message+": "+got.Error.Details, ": ")}
	}
	return sdk.Refuse("ComfyUI refused the workflow: "+strings.Join(said, "; "), refusedHint)
}

// wrong says what is wrong with a value, and whether it is a model that is missing.
func (r rule) wrong(name string, v any) (text string, isModel bool) {
	switch {
	case r.choices != nil && !r.upload && !slices.Contains(r.choices, fmt.Sprint(v)):
		text = fmt.Sprintf("%s is %q, which is none of %s", name, fmt.Sprint(v), few(r.choices))
		return text, kinds[name] != "" || namesModel(fmt.Sprint(v))
	case r.kind == "INT" || r.kind == "FLOAT":
		n := number(v)
		if _, isText := v.(string); n == nil || isText {
			return fmt.Sprintf("%s has to be a number, not %.40q", name, fmt.Sprint(v)), false
		}
		if r.min != nil && n.Cmp(r.min) < 0 || r.max != nil && n.Cmp(r.max) > 0 {
			return fmt.Sprintf("%s is %v; it takes %v to %v", name, v, bound(r.min), bound(r.max)), false
		}
	case r.kind == "STRING":
		if _, ok := v.(string); !ok {
			return fmt.Sprintf("%s has to be a text", name), false
		}
	}
	return "", false
}

// namesModel says whether a value looks like the file of a model: loaders of node packs have names of their own for what they load.
func namesModel(value string) bool {
	return slices.Contains([]string{".safetensors", ".gguf", ".pth", ".pt", ".ckpt", ".bin", ".onnx", ".sft"}, strings.ToLower(path.Ext(value)))
}

func bound(n *big.Float) string {
	if n == nil {
		return "any"
	}
	return n.Text('g', 20)
}

// few lists the first choices.
func few(choices []string) string {
	const most = 12
	switch {
	case len(choices) == 0:
		return "what the server has: it has none"
	case len(choices) > most:
		return strings.Join(choices[:most], ", ") + fmt.Sprintf(" and %d more", len(choices)-most)
	}
	return strings.Join(choices, ", ")
}
