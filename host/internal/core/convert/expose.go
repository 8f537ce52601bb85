package convert

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/comfyui"
)

// maxVariables bounds a pipeline's variables: more than this no one fills in.
const maxVariables = 120

// exposer chooses the inputs of a workflow that become variables.
type exposer struct {
	graph *comfyui.Graph
	defs  comfyui.Definitions
	keys  map[*comfyui.Node]string
	// titled are the nodes that are keyed by a title that a person gave them.
	titled map[*comfyui.Node]bool
	picks  []pick
	taken  map[string]bool // node id and input
}

// pick is one input that becomes a variable, or a part of one.
type pick struct {
	node  *comfyui.Node
	input string
	role  *role
}

func newExposer(g *comfyui.Graph, defs comfyui.Definitions) *exposer {
	x := &exposer{graph: g, defs: defs, taken: map[string]bool{}, keys: map[*comfyui.Node]string{}, titled: map[*comfyui.Node]bool{}}
	x.name()
	x.prompts()
	for _, n := range g.Nodes {
		for i := range n.Inputs {
			in := &n.Inputs[i]
			r := roleOf(n, in.Name)
			switch {
			case r == nil:
			case in.Link == nil:
				x.add(n, in.Name, r)
			case !isText(r) && r.accept == nil:
				if from, input := x.primitive(*in.Link); from != nil {
					x.add(from, input, r)
				}
			}
		}
	}
	for _, n := range g.Nodes {
		if strings.HasPrefix(n.Class, "Primitive") && x.titled[n] && len(n.Inputs) == 1 {
			x.add(n, n.Inputs[0].Name, roleValue)
		}
	}
	return x
}

// add takes an input once, for the first of its roles.
func (x *exposer) add(n *comfyui.Node, input string, r *role) {
	id := n.ID + "\x00" + input
	in := n.Input(input)
	if x.taken[id] || strings.Contains(input, ".") || !usable(r, in.Value) || r == roleLora && in.Value == "None" {
		return
	}
	x.taken[id] = true
	x.picks = append(x.picks, pick{n, input, r})
}

// variables makes variables of the picks: those that share a value become one where their role says so.
func (x *exposer) variables() []Variable {
	var out []Variable
	names := map[string]bool{}
	for _, r := range allRoles {
		groups := x.groups(r)
		for i, g := range groups {
			if len(out) == maxVariables {
				return out
			}
			first := g[0].node
			v := Variable{Name: x.variableName(r, first, i, len(groups), names), Type: "number"}
			in := first.Input(g[0].input)
			if v.Default = in.Value; r.accept != nil {
				v.Type, v.Accept, v.Default = "artifact", r.accept, nil
			} else if _, ok := in.Value.(string); ok {
				v.Type = "string"
			} else if _, ok := in.Value.(bool); ok {
				v.Type = "bool"
			}
			var places []string
			for _, p := range g {
				v.Inputs = append(v.Inputs, x.keys[p.node]+"."+p.input)
				places = append(places, x.place(p))
			}
			v.Description = fmt.Sprintf("%s (%s)", r.about, clean(strings.Join(places, ", "), 120))
			out = append(out, v)
		}
	}
	return out
}

// place names an input for people, who know a node's type better than its id.
func (x *exposer) place(p pick) string {
	if x.keys[p.node] == p.node.ID {
		return p.node.Class + " " + p.node.ID + "." + p.input
	}
	return x.keys[p.node] + "." + p.input
}

// groups gathers the picks of a role.
func (x *exposer) groups(r *role) (out [][]pick) {
	at := map[string]int{}
	for _, p := range x.picks {
		if p.role != r {
			continue
		}
		value := fmt.Sprint(p.node.Input(p.input).Value)
		i, known := at[value]
		if r.shared && known {
			out[i] = append(out[i], p)
			continue
		}
		at[value] = len(out)
		out = append(out, []pick{p})
	}
	return out
}

// variableName is the role's name; where there are several of a role, the titles that people gave their nodes tell
// them apart.
func (x *exposer) variableName(r *role, n *comfyui.Node, i, of int, names map[string]bool) string {
	name := r.name
	if title := slug(n.Title); (of > 1 || r == roleValue) && title != "" && x.titled[n] {
		if name = title; r != roleValue && !strings.Contains(title, r.name) {
			first, _, _ := strings.Cut(r.name, "_") // style_lora and lora_strength are style_lora_strength
			name = strings.TrimSuffix(title, "_"+first) + "_" + r.name
		}
	} else if of > 1 && i > 0 {
		name = fmt.Sprintf("%s_%d", r.name, i+1)
	}
	if slices.Contains(sdk.ReservedInputs(), name) {
		name += "_value"
	}
	unique := name
	for n := 2; names[unique]; n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	names[unique] = true
	return unique
}

// name says how each node is called in "inputs": by a title that a person gave it, else by its class, else by its id;
// always by what names no other node.
func (x *exposer) name() {
	uses := map[string]int{}
	for _, n := range x.graph.Nodes {
		for _, name := range []string{n.ID, n.Class, n.Title} {
			uses[name]++
		}
		if n.Class == n.Title {
			uses[n.Title]--
		}
	}
	for _, n := range x.graph.Nodes {
		x.keys[n] = n.ID
		switch {
		case n.Title != n.Class && n.Title != x.defs.DefaultTitle(n.Class) && uses[n.Title] == 1 && speakable(n.Title):
			x.keys[n], x.titled[n] = n.Title, true
		case uses[n.Class] == 1 && speakable(n.Class):
			x.keys[n] = n.Class
		}
	}
}

// speakable says whether a name can stand before the dot of "name.input", and reads the same in HCL.
func speakable(name string) bool {
	return name != "" && len(name) <= 100 && name == strings.TrimSpace(name) && clean(name, 100) == name && norm.NFC.IsNormalString(name) &&
		!strings.ContainsAny(name, ".$%\"\\") && strings.IndexFunc(name, unicode.IsLetter) >= 0
}

// clean makes one harmless line of a text that someone else wrote.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strings.Join(strings.Fields(s), " ")
}

// outputs makes outputs of what the workflow saves; of previews only where nothing is saved.
func (r *Result) outputs(g *comfyui.Graph, x *exposer) {
	saves, previews := map[string]int{}, map[string]int{}
	for _, n := range g.Nodes {
		if kind, preview := saved(n.Class); kind != "" && preview {
			previews[kind]++
		} else if kind != "" {
			saves[kind]++
		}
	}
	if len(saves) == 0 {
		saves = previews
	}
	for _, kind := range []string{"images", "videos", "audio"} {
		switch n := saves[kind]; {
		case n == 1 && (kind != "images" || x.single()):
			r.Outputs = append(r.Outputs, Output{one[kind], fmt.Sprintf("node.%s.%s[0]", r.Name, kind)})
		case n > 0:
			r.Outputs = append(r.Outputs, Output{kind, fmt.Sprintf("node.%s.%s", r.Name, kind)})
		}
	}
	if len(r.Outputs) == 0 {
		r.Warnings = append(r.Warnings, "the workflow saves no image, video or audio that is known, so the pipeline has no outputs; add a node such as Save Image in ComfyUI")
	}
}

// one is the name of an output that is a single artifact.
var one = map[string]string{"images": "image", "videos": "video", "audio": "audio"}

// single says whether a picture comes alone: no batch, no frames.
func (x *exposer) single() bool {
	for _, n := range x.graph.Nodes {
		for i := range n.Inputs {
			in := &n.Inputs[i]
			if r := canvas[in.Name]; (r == roleBatch || r == roleFrames) && isCanvas(n) && fmt.Sprint(in.Value) != "1" {
				return false
			}
		}
	}
	return true
}

// saved says what kind of thing a class saves, and whether only to look at.
func saved(class string) (kind string, preview bool) {
	c := strings.ToLower(strings.NewReplacer(" ", "", "_", "").Replace(class))
	save := strings.Contains(c, "save")
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(c, w) })
	}
	switch {
	case has("videocombine"), save && has("video", "webm", "mp4"):
		return "videos", false
	case save && has("audio"):
		return "audio", false
	case save && has("image", "webp", "png"):
		return "images", false
	case has("previewimage", "maskpreview", "imagecompare"):
		return "images", true
	case has("previewaudio"):
		return "audio", true
	}
	return "", false
}
