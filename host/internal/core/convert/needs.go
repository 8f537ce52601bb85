package convert

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui"
	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// Pack is a package of custom nodes that the workflow needs.
type Pack struct {
	// Name is its folder under custom_nodes, its name in the registry or its repository; empty when not known.
	Name string `json:"name"`
	// Classes are the node types of it that the workflow uses.
	Classes []string `json:"classes"`
}

// Model is a file that the workflow loads.
type Model struct {
	// Kind is the folder under ComfyUI's models; empty when not known.
	Kind string `json:"kind"`
	// Name is the path in that folder, with slashes.
	Name string `json:"name"`
	// URL is where the workflow's author had it from; mostly empty.
	URL string `json:"url,omitempty"`
}

// packsOf lists the node types that are not ComfyUI's own, by the package they come from. Where nothing says what a
// type is, it is listed under no name.
func packsOf(g *comfyui.Graph, defs comfyui.Definitions) []Pack {
	classes := map[string]map[string]bool{}
	for _, n := range g.Nodes {
		core, known := defs.Core(n.Class)
		if known && core || !known && n.Pack == "comfy-core" {
			continue
		}
		name := defs.Pack(n.Class)
		if name == "" && n.Pack != "comfy-core" {
			name = clean(n.Pack, 100)
		}
		if classes[name] == nil {
			classes[name] = map[string]bool{}
		}
		classes[name][clean(n.Class, 100)] = true
	}
	var out []Pack
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		out = append(out, Pack{name, slices.Sorted(maps.Keys(classes[name]))})
	}
	return out
}

// folders are where files of an input lie, under ComfyUI's models; some by the class too.
var folders = map[string]string{
	"ckpt_name": "checkpoints", "lora_name": "loras", "vae_name": "vae", "control_net_name": "controlnet", "unet_name": "diffusion_models",
	"clip_name": "text_encoders", "clip_name1": "text_encoders", "clip_name2": "text_encoders", "clip_name3": "text_encoders", "clip_name4": "text_encoders",
	"text_encoder": "text_encoders", "CLIPVisionLoader.clip_name": "clip_vision", "style_model_name": "style_models", "gligen_name": "gligen",
	"hypernetwork_name": "hypernetworks", "UpscaleModelLoader.model_name": "upscale_models", "LatentUpscaleModelLoader.model_name": "latent_upscale_models",
	"audio_encoder_name": "audio_encoders", "ModelPatchLoader.name": "model_patches", "ipadapter_file": "ipadapter", "photomaker_model_name": "photomaker",
	"lora": "loras", "base_ckpt_name": "checkpoints", "refiner_ckpt_name": "checkpoints", "vae": "vae", "unet_name_high": "diffusion_models",
}

// weights are the endings of model files.
var weights = []string{".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx"}

// modelsOf lists the files that nodes load: by the inputs that are known for it, and by their endings.
func modelsOf(g *comfyui.Graph) []Model {
	found := map[string]Model{}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			modelsIn(n, in.Name, in.Value, 0, func(m Model) {
				if old, twice := found[m.Name]; twice && old.Kind == "" || !twice && len(found) < maxModels {
					found[m.Name] = m
				}
			})
		}
	}
	for _, n := range g.Nodes {
		for _, m := range n.Models[:min(len(n.Models), 20)] {
			origin(found, m)
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Model) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}

// maxModels bounds the list.
const maxModels = 500

// origin adds to a model that was found where the workflow's author had it from.
func origin(found map[string]Model, m comfyui.Model) {
	name := clean(strings.ReplaceAll(m.Name, `\`, "/"), 200)
	for key, known := range found {
		if key != name && !strings.HasSuffix(key, "/"+name) {
			continue
		}
		if strings.HasPrefix(m.URL, "https://") && clean(m.URL, 500) == m.URL {
			known.URL = m.URL
		}
		if known.Kind == "" {
			known.Kind = clean(m.Directory, 50)
		}
		found[key] = known
	}
}

// modelsIn looks at a value, and into the objects in which some custom nodes keep theirs.
func modelsIn(n *comfyui.Node, input string, v any, depth int, add func(Model)) {
	switch v := v.(type) {
	case string:
		kind := folders[n.Class+"."+input]
		if kind == "" {
			kind = folders[input]
		}
		name := strings.ReplaceAll(strings.TrimSpace(v), `\`, "/")
		lower := strings.ToLower(name)
		if !slices.ContainsFunc(weights, func(w string) bool { return strings.HasSuffix(lower, w) }) || strings.ContainsAny(name, "\n") {
			return
		}
		add(Model{Kind: kind, Name: clean(name, 200)})
	case *ordered.Object:
		if on, switched := v.Get("on").(bool); depth > 2 || switched && !on {
			return
		}
		for _, k := range v.Keys {
			modelsIn(n, k, v.Values[k], depth+1, add)
		}
	}
}
